//! The owner's own MQTT broker.

use std::fs;

use pocket_core::{Answer, Broker, BrokerStatus, InvalidBroker, LinkState, Operation, Timestamp, Transport};
use serde_json::{Value, json};

use crate::arguments::{BrokerCommand, NewBroker};
use crate::exit::Problem;
use crate::output::{columns, escape};
use crate::session::Session;

pub(crate) fn run(session: &mut Session, command: BrokerCommand) -> Result<(), Problem> {
    match command {
        BrokerCommand::Set(wanted) => {
            let broker = broker(&wanted)?;
            show(session, Operation::BrokerSet(Box::new(broker)))
        }
        BrokerCommand::Show => show(session, Operation::BrokerShow),
        BrokerCommand::Test => show(session, Operation::BrokerTest),
        BrokerCommand::Remove => {
            session.ask(Operation::BrokerRemove)?;
            session.output.print(&json!({"removed": true}), "removed")
        }
    }
}

fn broker(wanted: &NewBroker) -> Result<Broker, Problem> {
    let ca = wanted.ca.as_ref().map(|path| {
        fs::read_to_string(path).map_err(|error| {
            let file = escape(&path.display().to_string());
            Problem::usage(
                format!("{file} can't be read: {error}"),
                "name a certificate in PEM form",
            )
        })
    });
    let transport = match (wanted.no_tls, wanted.readable_password) {
        (false, _) => Transport::Tls { ca: ca.transpose()? },
        (true, false) => Transport::Plain,
        (true, true) => Transport::PlainWithPassword,
    };
    let usual = Broker::usual_port(transport.is_encrypted());
    let broker = Broker {
        host: wanted.host.clone(),
        port: wanted.port.unwrap_or(usual),
        transport,
        user: wanted.user.clone(),
        secret: wanted.secret.clone(),
        prefix: wanted.prefix.clone(),
    };
    broker.checked().map_err(wrong)
}

fn wrong(error: InvalidBroker) -> Problem {
    let remedy = match error {
        InvalidBroker::ReadablePassword => "leave --no-tls out, or add --readable-password",
        _ => "see pocketctl broker set --help",
    };
    Problem::usage(error.to_string(), remedy)
}

/// Prints the broker as it is after `operation`.
fn show(session: &mut Session, operation: Operation) -> Result<(), Problem> {
    let Answer::Broker(status) = session.ask(operation)? else {
        return Err(Problem::unexpected());
    };
    let Some(status) = status else {
        return session
            .output
            .print(&json!(null), "no broker is set: see pocketctl broker set --help");
    };
    session.output.print(&to_json(&status), &summary(&status))
}

fn summary(status: &BrokerStatus) -> String {
    let broker = &status.broker;
    let mut lines = vec![
        vec!["broker".to_owned(), format!("{}:{}", broker.host, broker.port)],
        vec!["TLS".to_owned(), transport(&broker.transport).to_owned()],
        vec!["user".to_owned(), or_none(broker.user.as_deref())],
        vec!["password".to_owned(), or_none(broker.secret.as_deref())],
        vec!["topics".to_owned(), format!("pocketai/{}/…", status.device)],
        vec!["link".to_owned(), link(status.link)],
    ];
    if let Some((fault, at)) = status.fault {
        lines.push(vec!["last failed".to_owned(), format!("{at}: {fault}")]);
        lines.push(vec![String::new(), fault.remedy().to_owned()]);
    }
    if let Some((refused, at)) = status.refused {
        lines.push(vec!["not kept".to_owned(), format!("{at}: {refused}")]);
    }
    if status.holding {
        let why = "too many came in a minute, or there is no room for them";
        lines.push(vec!["messages wait".to_owned(), why.to_owned()]);
    }
    columns(&lines)
}

fn or_none(text: Option<&str>) -> String {
    text.map_or_else(|| "none".to_owned(), escape)
}

const fn transport(transport: &Transport) -> &'static str {
    match transport {
        Transport::Plain => "off",
        Transport::PlainWithPassword => "off: WARNING: the password is readable on your network",
        Transport::Tls { ca: None } => "on",
        Transport::Tls { ca: Some(_) } => "on, with your own authority",
    }
}

fn link(state: LinkState) -> String {
    match state {
        LinkState::Connected(since) => format!("connected since {since}"),
        LinkState::Connecting => "connecting".to_owned(),
        LinkState::Shut => "shut: the profile opens LOCAL_NETWORK for a time".to_owned(),
    }
}

fn to_json(status: &BrokerStatus) -> Value {
    let broker = &status.broker;
    let (state, since) = match status.link {
        LinkState::Connected(since) => ("connected", Some(since)),
        LinkState::Connecting => ("connecting", None),
        LinkState::Shut => ("shut", None),
    };
    let at = |at: Timestamp| at.to_string();
    json!({
        "host": broker.host,
        "port": broker.port,
        "tls": broker.transport.is_encrypted(),
        "own_authority": matches!(broker.transport, Transport::Tls { ca: Some(_) }),
        "readable_password": broker.transport == Transport::PlainWithPassword,
        "user": broker.user,
        "secret": broker.secret,
        "prefix": broker.prefix,
        "device": status.device,
        "link": state,
        "since": since.map(at),
        "fault": status.fault.map(|(fault, when)| json!({
            "kind": fault, "message": fault.to_string(), "remedy": fault.remedy(), "at": at(when),
        })),
        "not_kept": status.refused.map(|(refused, when)| json!({
            "kind": refused, "message": refused.to_string(), "at": at(when),
        })),
        "holding": status.holding,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> NewBroker {
        NewBroker {
            host: "broker.lan".to_owned(),
            port: None,
            no_tls: false,
            readable_password: false,
            ca: None,
            user: Some("pocketai".to_owned()),
            secret: Some("mqtt".to_owned()),
            prefix: "homeassistant".to_owned(),
        }
    }

    #[test]
    fn tls_is_on_unless_it_is_switched_off_and_the_password_is_readable_only_if_that_is_said() {
        let told = |change: fn(&mut NewBroker)| {
            let mut wanted = wanted();
            change(&mut wanted);
            broker(&wanted).map(|broker| (broker.port, broker.transport)).ok()
        };
        assert_eq!(told(|_| {}), Some((8883, Transport::Tls { ca: None })));
        assert_eq!(told(|wanted| wanted.no_tls = true), None);
        let readable = told(|wanted| {
            wanted.no_tls = true;
            wanted.readable_password = true;
        });
        assert_eq!(readable, Some((1883, Transport::PlainWithPassword)));
        let open = told(|wanted| {
            wanted.no_tls = true;
            wanted.secret = None;
            wanted.port = Some(1884);
        });
        assert_eq!(open, Some((1884, Transport::Plain)));
        assert_eq!(told(|wanted| wanted.host = "8.8.8.8".to_owned()), None);
        assert_eq!(told(|wanted| wanted.ca = Some("/nothing".into())), None);
    }
}
