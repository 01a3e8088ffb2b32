//! The owner's own broker: where it is, and how the link to it is.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{
    Answer, Broker, BrokerStatus, Failure, FailureKind, InvalidBroker, LinkFault, LinkState, Operation,
    Refused, Transport,
};

use crate::again::Again;
use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::Done;
use crate::present::{Moment, Shell, go, page_after};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::Words;

#[derive(Template)]
#[template(path = "broker.html")]
struct BrokerPage {
    shell: Shell,
    status: Option<Box<BrokerStatus>>,
    link: &'static str,
    since: Option<Moment>,
    fault: Option<(&'static str, Moment)>,
    refused: Option<(&'static str, Moment)>,
    typed: Typed,
    asks: bool,
}

/// What stands in the form.
#[derive(Default)]
struct Typed {
    host: String,
    port: String,
    tls: String,
    readable: bool,
    ca: String,
    user: String,
    secret: String,
    prefix: String,
}

impl Typed {
    fn of(fields: &Fields) -> Self {
        let line = |name| fields.line(name).to_owned();
        Self {
            host: line("host"),
            port: line("port"),
            tls: line("tls"),
            readable: !fields.line("readable").is_empty(),
            ca: fields.text("ca").to_owned(),
            user: line("user"),
            secret: line("secret"),
            prefix: line("prefix"),
        }
    }

    /// What is set already.
    fn known(status: Option<&BrokerStatus>) -> Self {
        let Some(BrokerStatus { broker, .. }) = status else {
            return Self {
                prefix: Broker::USUAL_PREFIX.to_owned(),
                ..Self::default()
            };
        };
        let ca = match &broker.transport {
            Transport::Tls { ca } => ca.clone().unwrap_or_default(),
            Transport::Plain | Transport::PlainWithPassword => String::new(),
        };
        Self {
            host: broker.host.clone(),
            port: broker.port.to_string(),
            tls: if broker.transport.is_encrypted() {
                "on"
            } else {
                "off"
            }
            .to_owned(),
            readable: broker.transport == Transport::PlainWithPassword,
            ca,
            user: broker.user.clone().unwrap_or_default(),
            secret: broker.secret.clone().unwrap_or_default(),
            prefix: broker.prefix.clone(),
        }
    }

    fn into_broker(self) -> Result<Broker, InvalidBroker> {
        let ca = Some(self.ca).filter(|ca| !ca.trim().is_empty());
        let transport = match (self.tls.as_str(), self.readable) {
            ("off", true) => Transport::PlainWithPassword,
            ("off", false) => Transport::Plain,
            _ => Transport::Tls { ca },
        };
        let port = match self.port.as_str() {
            "" => Broker::usual_port(transport.is_encrypted()),
            text => text.parse().map_err(|_| InvalidBroker::Port)?,
        };
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let prefix = some(self.prefix).unwrap_or_else(|| Broker::USUAL_PREFIX.to_owned());
        Broker {
            host: self.host,
            port,
            transport,
            user: some(self.user),
            secret: some(self.secret),
            prefix,
        }
        .checked()
    }
}

impl BrokerPage {
    fn new(shell: Shell, status: Option<Box<BrokerStatus>>, typed: Option<Typed>, asks: bool) -> Self {
        let t = shell.look.words();
        let known = status.as_deref();
        let state = known.map(|status| status.link);
        Self {
            link: match state {
                Some(LinkState::Connected(_)) => t.link_connected,
                Some(LinkState::Connecting) => t.link_connecting,
                Some(LinkState::Shut) | None => t.link_shut,
            },
            since: match state {
                Some(LinkState::Connected(since)) => Some(Moment(since)),
                _ => None,
            },
            fault: known
                .and_then(|status| status.fault)
                .map(|(fault, at)| (fault_in_words(t, fault), Moment(at))),
            refused: known
                .and_then(|status| status.refused)
                .map(|(refused, at)| (refused_in_words(t, refused), Moment(at))),
            typed: typed.unwrap_or_else(|| Typed::known(known)),
            shell,
            status,
            asks,
        }
    }

    fn is_shut(&self) -> bool {
        let state = self.status.as_ref().map(|status| status.link);
        state == Some(LinkState::Shut)
    }

    fn is_readable(&self) -> bool {
        let broker = self.status.as_ref().map(|status| &status.broker.transport);
        broker == Some(&Transport::PlainWithPassword)
    }
}

const fn fault_in_words(t: &Words, fault: LinkFault) -> &'static str {
    match fault {
        LinkFault::AddressPublic => t.fault_address_public,
        LinkFault::AuthorityInvalid => t.fault_authority,
        LinkFault::CertificateExpired => t.fault_certificate_expired,
        LinkFault::CertificateInvalid => t.fault_certificate_invalid,
        LinkFault::CertificateIssuer => t.fault_certificate_issuer,
        LinkFault::CertificateName => t.fault_certificate_name,
        LinkFault::Expired => t.fault_expired,
        LinkFault::Forged | LinkFault::GatewayAbsent => t.fault_gateway,
        LinkFault::Garbled => t.fault_garbled,
        LinkFault::HostUnknown => t.fault_host_unknown,
        LinkFault::LoginRefused => t.fault_login,
        LinkFault::Lost => t.fault_lost,
        LinkFault::NotAllowed => t.fault_not_allowed,
        LinkFault::SecretMissing => t.fault_secret,
        LinkFault::Silent => t.fault_silent,
        LinkFault::TlsFailed => t.fault_tls,
        LinkFault::Unreachable => t.fault_unreachable,
    }
}

const fn refused_in_words(t: &Words, refused: Refused) -> &'static str {
    match refused {
        Refused::Empty => t.refused_empty,
        Refused::NotText => t.refused_not_text,
        Refused::Retained => t.refused_retained,
        Refused::TooLong => t.refused_too_long,
    }
}

const fn invalid_in_words(t: &Words, error: InvalidBroker) -> &'static str {
    match error {
        InvalidBroker::Authority => t.bad_authority,
        InvalidBroker::Host => t.bad_host,
        InvalidBroker::HostPublic => t.fault_address_public,
        InvalidBroker::Port => t.bad_port,
        InvalidBroker::Prefix => t.bad_prefix,
        InvalidBroker::ReadablePassword => t.bad_readable,
        InvalidBroker::Secret | InvalidBroker::User => t.bad_user,
    }
}

/// The broker and how the link to it is.
pub(crate) async fn show(
    State(door): State<Door>,
    owner: Owner,
    Query(done): Query<Done>,
    again: Again,
) -> Result<Response, Trouble> {
    let shell = Shell::new(&owner, owner.look.words().network_title, "/profile").done(done.code());
    let typed = again.fields().map(Typed::of);
    let shell = again.tell(shell);
    let status = status(&door).await?;
    again.page(&BrokerPage::new(shell, status, typed, door.asks(&owner)))
}

async fn status(door: &Door) -> Result<Option<Box<BrokerStatus>>, Failure> {
    match door.ask(Operation::BrokerShow).await?.answer {
        Answer::Broker(status) => Ok(status),
        _ => Err(unexpected()),
    }
}

/// Sets it.
pub(crate) async fn submit(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    match set(&door, &owner, &fields).await {
        Ok(()) => Ok(go("/broker?done=saved")),
        Err(failure) => failed(&door, &owner, &failure, Some(Typed::of(&fields))).await,
    }
}

async fn set(door: &Door, owner: &Owner, fields: &Fields) -> Result<(), Failure> {
    // A stolen session could have the password sent to a machine of its own.
    door.confirm(owner, fields).await?;
    let t = owner.look.words();
    let broker = Typed::of(fields)
        .into_broker()
        .map_err(|error| Failure::new(FailureKind::Invalid, invalid_in_words(t, error), t.correct_field))?;
    door.ask(Operation::BrokerSet(Box::new(broker))).await.map(drop)
}

async fn failed(
    door: &Door,
    owner: &Owner,
    failure: &Failure,
    typed: Option<Typed>,
) -> Result<Response, Trouble> {
    let shell = Shell::new(owner, owner.look.words().network_title, "/profile").failed(failure);
    let status = status(door).await?;
    page_after(failure, &BrokerPage::new(shell, status, typed, door.asks(owner)))
}

/// Connects to it now.
pub(crate) async fn test(State(door): State<Door>, owner: Owner) -> Result<Response, Trouble> {
    match door.ask(Operation::BrokerTest).await {
        Ok(_) => Ok(go("/broker")),
        Err(failure) => failed(&door, &owner, &failure, None).await,
    }
}

/// Forgets it.
pub(crate) async fn remove(State(door): State<Door>) -> Result<Response, Trouble> {
    door.ask(Operation::BrokerRemove).await?;
    Ok(go("/broker?done=deleted"))
}
