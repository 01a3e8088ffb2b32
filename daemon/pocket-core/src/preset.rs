//! Providers that many people use, so that their owner types a name and not an address.
//!
//! Names of models and prices go out of date: each line says what it is taken from and when that was read.
//! The owner sees them when a provider is added, and what is written down then is what counts.

use crate::{Place, Price, Protocol};

/// A well-known provider.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// What it is called.
    pub name: &'static str,
    /// What it speaks.
    pub protocol: Protocol,
    /// Where it is.
    pub address: &'static str,
    /// A model of its that suits most questions.
    pub model: &'static str,
    /// What it took for a million tokens of question and of answer, in US dollars; `None` where its price
    /// list was not to be had.
    pub dollars: Option<(&'static str, &'static str)>,
    /// The page that says so.
    pub source: &'static str,
    /// When that was read.
    pub read: &'static str,
}

/// Each that is known, in the order of their names.
pub const PRESETS: [Preset; 3] = [
    Preset {
        name: "anthropic",
        protocol: Protocol::Anthropic,
        address: "https://api.anthropic.com/v1",
        model: "claude-sonnet-5-5",
        dollars: Some(("2", "10")),
        source: "https://platform.claude.com/docs/en/models/sonnet-5-5/overview",
        read: "2026-11-22",
    },
    Preset {
        name: "mistral",
        protocol: Protocol::OpenAi,
        address: "https://api.mistral.ai/v1",
        model: "mistral-large-latest",
        dollars: None,
        source: "https://docs.mistral.ai",
        read: "2026-11-22",
    },
    Preset {
        name: "openai",
        protocol: Protocol::OpenAi,
        address: "https://api.openai.com/v1",
        model: "gpt-6.1-sol",
        dollars: Some(("2", "10")),
        source: "https://docs.litellm.ai/blog/gpt_6_1_sol, after OpenAI's price list",
        read: "2026-11-22",
    },
];

impl Preset {
    /// The one of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        self.address
            .parse()
            .expect("each address of the table is tried in a test")
    }

    /// What it took for a million tokens.
    pub fn price(&self) -> Option<Price> {
        let (input, output) = self.dollars?;
        Some(Price::parse(input, output, "USD").expect("each price of the table is tried in a test"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Provider;

    #[test]
    fn each_preset_is_a_provider() {
        for preset in PRESETS {
            let provider = Provider {
                name: preset.name.parse().unwrap(),
                protocol: preset.protocol,
                place: preset.place(),
                model: preset.model.to_owned(),
                secret: None,
                pin: None,
                most_prompt: Provider::USUAL_PROMPT,
                most_tokens: Provider::USUAL_TOKENS,
                price: preset.price(),
            };
            assert!(!provider.checked().unwrap().is_local(), "{}", preset.name);
            assert_eq!(preset.place().to_string(), preset.address);
            assert_eq!(preset.price().is_some(), preset.dollars.is_some());
            assert!(preset.source.starts_with("https://") && preset.read.len() == "2026-11-22".len());
            assert_eq!(Preset::named(preset.name).unwrap().address, preset.address);
        }
        assert!(PRESETS.is_sorted_by_key(|preset| preset.name));
        assert!(Preset::named("nobody").is_none());
    }
}
