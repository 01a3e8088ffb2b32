//! The models that can be asked.

use pocket_core::{Answer, InvalidPrice, InvalidProvider, Operation, Place, Preset, Price, Provider};
use serde_json::{Value, json};

use crate::arguments::{NewProvider, ProviderCommand};
use crate::exit::Problem;
use crate::output::{columns, escape};
use crate::session::Session;

pub(crate) fn run(session: &mut Session, command: ProviderCommand) -> Result<(), Problem> {
    match command {
        ProviderCommand::Add(wanted) => add(session, &wanted),
        ProviderCommand::List => list(session),
        ProviderCommand::Remove { name } => {
            session.ask(Operation::ProviderRemove { name: name.clone() })?;
            session
                .output
                .print(&json!({"removed": name}), &format!("removed {name}"))
        }
    }
}

fn add(session: &mut Session, wanted: &NewProvider) -> Result<(), Problem> {
    let provider = provider(wanted)?;
    session.ask(Operation::ProviderAdd(Box::new(provider.clone())))?;
    let text = format!("{}\n{}", summary(&provider), advice(&provider));
    session.output.print(&to_json(&provider), &text)
}

/// What was asked for, with what is known of a provider of that name where nothing was said.
fn provider(wanted: &NewProvider) -> Result<Provider, Problem> {
    let preset = match &wanted.url {
        None => Preset::named(wanted.name.as_str()),
        Some(_) => None,
    };
    let place = wanted.url.clone().or_else(|| preset.map(Preset::place));
    let protocol = wanted.protocol.or_else(|| preset.map(|preset| preset.protocol));
    let model = wanted
        .model
        .clone()
        .or_else(|| preset.map(|preset| preset.model.to_owned()));
    let (Some(place), Some(protocol), Some(model)) = (place, protocol, model) else {
        return Err(Problem::usage(
            format!(
                "where {} is, what it speaks, and which model: not all of it is said",
                wanted.name
            ),
            "give --url, --protocol and --model; of anthropic, mistral and openai they are known",
        ));
    };
    // The published price is that of one model.
    let published = preset
        .filter(|preset| preset.model == model)
        .and_then(Preset::price);
    let provider = Provider {
        name: wanted.name.clone(),
        protocol,
        place,
        model,
        secret: wanted.secret.clone(),
        pin: wanted
            .pin
            .as_deref()
            .map(Provider::pin_from)
            .transpose()
            .map_err(wrong)?,
        most_prompt: wanted.most_prompt.unwrap_or(Provider::USUAL_PROMPT),
        most_tokens: wanted.most_tokens.unwrap_or(Provider::USUAL_TOKENS),
        price: price(wanted)?.or(published),
    };
    provider.checked().map_err(wrong)
}

fn price(wanted: &NewProvider) -> Result<Option<Price>, Problem> {
    let (Some(input), Some(output)) = (&wanted.price_in, &wanted.price_out) else {
        return Ok(None);
    };
    let wrong = |error: InvalidPrice| Problem::usage(error.to_string(), "see pocketctl provider add --help");
    Price::parse(input, output, &wanted.currency)
        .map(Some)
        .map_err(wrong)
}

fn wrong(error: InvalidProvider) -> Problem {
    Problem::usage(error.to_string(), "see pocketctl provider add --help")
}

fn list(session: &mut Session) -> Result<(), Problem> {
    let Answer::Providers(providers) = session.ask(Operation::ProviderList)? else {
        return Err(Problem::unexpected());
    };
    if session.output.is_json() {
        return providers
            .iter()
            .try_for_each(|provider| session.output.print(&to_json(provider), ""));
    }
    if providers.is_empty() {
        return session
            .output
            .remark("no model can be asked: see pocketctl provider add --help");
    }
    let row = |provider: &Provider| {
        vec![
            provider.name.to_string(),
            provider.place.to_string(),
            escape(&provider.model),
            key_name(provider),
            price_text(provider),
        ]
    };
    let rows: Vec<Vec<String>> = providers.iter().map(row).collect();
    session.output.print(&json!(null), &columns(&rows))
}

fn summary(provider: &Provider) -> String {
    let mut lines = vec![
        vec![provider.name.to_string(), provider.place.to_string()],
        vec![
            "model".to_owned(),
            format!("{} ({})", escape(&provider.model), provider.protocol.name()),
        ],
        vec!["key".to_owned(), key_name(provider)],
        vec!["price".to_owned(), price_text(provider)],
    ];
    let preset = Preset::named(provider.name.as_str()).filter(|preset| preset.price() == provider.price);
    if let (Some(preset), Some(_)) = (preset, &provider.price) {
        let source = format!("as of {}, {}", preset.read, preset.source);
        lines.push(vec![String::new(), source]);
    }
    columns(&lines)
}

/// What the owner has to know or do next.
fn advice(provider: &Provider) -> String {
    match (&provider.place, &provider.secret) {
        (Place::Local { .. }, _) => "It is on this device: asking it needs no consent.".to_owned(),
        (Place::Cloud { .. }, Some(secret)) => format!(
            "Its key is the secret {}: pocketctl secret set NAME. Nothing is sent before you approved it.",
            escape(secret)
        ),
        (Place::Cloud { .. }, None) => {
            "It has no key: --secret NAME says which secret holds it. Nothing is sent before you approved it."
                .to_owned()
        }
    }
}

fn key_name(provider: &Provider) -> String {
    provider.secret.as_deref().map_or_else(
        || "no key".to_owned(),
        |secret| format!("secret {}", escape(secret)),
    )
}

fn price_text(provider: &Provider) -> String {
    provider.price.as_ref().map_or_else(
        || "price unknown".to_owned(),
        |price| format!("{price} for a million tokens in / out"),
    )
}

/// A provider with its pin as it is typed, and its price in units.
fn to_json(provider: &Provider) -> Value {
    let mut json = json!(provider);
    let pin = |pin: &[u8; 32]| pin.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    json["pin"] = json!(provider.pin.as_ref().map(pin));
    json["local"] = json!(provider.is_local());
    json["price"] = provider.price.as_ref().map_or(Value::Null, |price| {
        json!({
            "input_millionths": price.input,
            "output_millionths": price.output,
            "currency": price.currency,
        })
    });
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(name: &str) -> NewProvider {
        NewProvider {
            name: name.parse().unwrap(),
            url: None,
            protocol: None,
            model: None,
            secret: None,
            pin: None,
            most_prompt: None,
            most_tokens: None,
            price_in: None,
            price_out: None,
            currency: "USD".to_owned(),
        }
    }

    fn usage(outcome: Result<Provider, Problem>) -> bool {
        matches!(outcome, Err(Problem::Usage { .. }))
    }

    #[test]
    fn of_a_provider_that_is_known_only_the_name_is_needed() {
        let Ok(known) = provider(&wanted("anthropic")) else {
            panic!()
        };
        assert_eq!(known.place.to_string(), "https://api.anthropic.com/v1");
        assert!(known.price.is_some());
        let other = NewProvider {
            model: Some("other".to_owned()),
            ..wanted("anthropic")
        };
        let Ok(other) = provider(&other) else { panic!() };
        assert_eq!(other.price, None, "the price is the known model's");
        let elsewhere = NewProvider {
            url: "https://a.example.com".parse().ok(),
            ..wanted("anthropic")
        };
        assert!(
            usage(provider(&elsewhere)),
            "nothing is known of an address that was named"
        );
        assert!(usage(provider(&wanted("mine"))));
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        let spoilt = |spoil: fn(&mut NewProvider)| {
            let mut wanted = wanted("anthropic");
            spoil(&mut wanted);
            usage(provider(&wanted))
        };
        assert!(spoilt(|wanted| wanted.pin = Some("00".to_owned())));
        assert!(spoilt(|wanted| wanted.most_tokens = Some(0)));
        assert!(spoilt(|wanted| wanted.secret = Some(String::new())));
        assert!(spoilt(|wanted| {
            wanted.price_in = Some("1,5".to_owned());
            wanted.price_out = Some("1".to_owned());
        }));
        assert!(!spoilt(|_| {}));
    }
}
