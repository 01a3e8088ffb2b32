//! What a question may cost. Prices are what a provider publishes, written down by the owner; a cost made of
//! them is an estimate and is called one.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Amounts are whole millionths of the currency's unit.
const MILLION: u64 = 1_000_000;
/// That many decimals.
const PLACES: usize = 6;
/// A higher price for a million tokens is a slip of the pen.
const MOST: u64 = 100_000 * MILLION;

/// What a provider asks for its tokens, in millionths of the currency's unit for a million tokens.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Price {
    /// For a million tokens that it reads.
    pub input: u64,
    /// For a million tokens that it writes.
    pub output: u64,
    /// The currency, such as `USD`.
    pub currency: String,
}

/// An amount of money, estimated.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Cost {
    /// In millionths of the currency's unit, rounded up.
    pub millionths: u64,
    /// The currency, such as `USD`.
    pub currency: String,
}

/// What is no price.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum InvalidPrice {
    /// No amount.
    #[error(
        "a price for a million tokens is a number such as 2.50, from 0 to 100000, with six decimals at most"
    )]
    Amount,
    /// No currency.
    #[error("a currency is three capital letters, such as EUR or USD")]
    Currency,
}

impl Price {
    /// From what people type: `2.50`, `10`, `EUR`.
    ///
    /// # Errors
    /// [`InvalidPrice`] says what is wrong.
    pub fn parse(input: &str, output: &str, currency: &str) -> Result<Self, InvalidPrice> {
        let price = Self {
            input: amount(input)?,
            output: amount(output)?,
            currency: currency.to_ascii_uppercase(),
        };
        price.check()?;
        Ok(price)
    }

    /// Whether it makes sense.
    pub(crate) fn check(&self) -> Result<(), InvalidPrice> {
        if self.input > MOST || self.output > MOST {
            return Err(InvalidPrice::Amount);
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidPrice::Currency);
        }
        Ok(())
    }

    /// What so many tokens of question and answer cost, rounded up.
    pub fn cost(&self, input: u64, output: u64) -> Cost {
        let part = |tokens: u64, rate: u64| u128::from(tokens) * u128::from(rate);
        let sum = part(input, self.input).saturating_add(part(output, self.output));
        Cost {
            millionths: u64::try_from(sum.div_ceil(u128::from(MILLION))).unwrap_or(u64::MAX),
            currency: self.currency.clone(),
        }
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} / {} {}",
            Amount(self.input),
            Amount(self.output),
            self.currency
        )
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Amount(self.millionths), self.currency)
    }
}

/// Millionths as a decimal number of at least two places.
struct Amount(u64);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = format!("{:06}", self.0 % MILLION);
        let kept = part.trim_end_matches('0').len().max(2);
        write!(f, "{}.{}", self.0 / MILLION, &part[..kept])
    }
}

fn amount(text: &str) -> Result<u64, InvalidPrice> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > PLACES {
        return Err(InvalidPrice::Amount);
    }
    format!("{whole}{part:0<PLACES$}")
        .parse()
        .map_err(|_| InvalidPrice::Amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(input: &str, output: &str) -> Result<Price, InvalidPrice> {
        Price::parse(input, output, "eur")
    }

    #[test]
    fn prices_are_read_to_the_millionth_and_shown_as_typed() {
        assert_eq!(price("2.50", "10").unwrap().to_string(), "2.50 / 10.00 EUR");
        assert_eq!(
            price("0.000001", "0.075").unwrap().to_string(),
            "0.000001 / 0.075 EUR"
        );
        assert_eq!(price("100000", "0").unwrap().input, MOST);
        let huge = "9".repeat(22);
        for wrong in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "1,5",
            "1e3",
            "+1",
            "100000.1",
            "0.0000001",
            &huge,
        ] {
            assert_eq!(price(wrong, "1"), Err(InvalidPrice::Amount), "{wrong}");
            assert_eq!(price("1", wrong), Err(InvalidPrice::Amount), "{wrong}");
        }
        for wrong in ["", "EU", "EURO", "E1R", "\u{20ac}"] {
            assert_eq!(
                Price::parse("1", "1", wrong),
                Err(InvalidPrice::Currency),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_cost_is_rounded_up_and_never_overflows() {
        let usual = price("2", "10").unwrap();
        assert_eq!(usual.cost(1_000_000, 1_000_000).to_string(), "12.00 EUR");
        assert_eq!(usual.cost(1_000, 500).to_string(), "0.007 EUR");
        assert_eq!(usual.cost(0, 0).millionths, 0);
        let tiny = price("0.000001", "0").unwrap();
        assert_eq!(tiny.cost(1, 0).millionths, 1, "a begun millionth is a whole one");
        let dear = price("100000", "100000").unwrap();
        assert_eq!(dear.cost(u64::MAX, u64::MAX).millionths, u64::MAX);
    }
}
