//! From a host's name to a connection: of a call to the public internet, of a link to the owner's own network.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use pocket_core::{CallFailure, LinkFault, is_own_network};
use thiserror::Error;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::host::HostName;
use crate::public::is_public;

/// How long the name servers may take.
const RESOLVE: Duration = Duration::from_secs(10);
/// How long one address may take to answer.
const CONNECT: Duration = Duration::from_secs(5);
/// How many addresses of a host are tried.
const MOST_TRIED: usize = 3;

/// One host that is not looked up but is at a given address, whatever that is: `HOST:PORT=ADDRESS:PORT`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exception {
    host: HostName,
    port: u16,
    address: SocketAddr,
}

/// The text is no [`Exception`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("write the name and the address with their ports: model.example.org:443=192.168.1.5:8443")]
pub struct InvalidException;

impl FromStr for Exception {
    type Err = InvalidException;

    fn from_str(text: &str) -> Result<Self, InvalidException> {
        let (name, address) = text.split_once('=').ok_or(InvalidException)?;
        let (host, port) = name.split_once(':').ok_or(InvalidException)?;
        Ok(Self {
            host: HostName::new(host).map_err(|_| InvalidException)?,
            port: port.parse().map_err(|_| InvalidException)?,
            address: address.parse().map_err(|_| InvalidException)?,
        })
    }
}

/// The hosts that are not looked up.
#[derive(Default)]
pub struct Exceptions(HashMap<(HostName, u16), SocketAddr>);

impl FromIterator<Exception> for Exceptions {
    fn from_iter<I: IntoIterator<Item = Exception>>(all: I) -> Self {
        let pair = |one: Exception| ((one.host, one.port), one.address);
        Self(all.into_iter().map(pair).collect())
    }
}

/// Addresses that may be connected to. Only [`Exceptions::resolve`] and [`resolve_own`] make one.
#[must_use]
pub(crate) struct Route(Vec<SocketAddr>);

impl Exceptions {
    /// Asks for the addresses of `host`, once.
    ///
    /// # Errors
    /// [`CallFailure::HostUnknown`] when there are none, [`CallFailure::AddressNotPublic`] when any of them
    /// is not on the public internet.
    pub(crate) async fn resolve(&self, host: &HostName, port: u16) -> Result<Route, CallFailure> {
        if let Some(address) = self.address(host, port) {
            return Ok(Route(vec![address]));
        }
        // With its dot, a name is whole: no domain of the network that we are in is added to it.
        let whole = format!("{}.", host.as_str());
        let found = timeout(RESOLVE, lookup_host((whole, port))).await;
        let found = found.map_err(|_| CallFailure::HostUnknown)?;
        all_public(found.map_err(|_| CallFailure::HostUnknown)?)
    }

    fn address(&self, host: &HostName, port: u16) -> Option<SocketAddr> {
        self.0.get(&(host.clone(), port)).copied()
    }
}

/// One private address among public ones is how a name is turned against the network that asks.
fn all_public(found: impl Iterator<Item = SocketAddr>) -> Result<Route, CallFailure> {
    let found: Vec<SocketAddr> = found.collect();
    if found.is_empty() {
        Err(CallFailure::HostUnknown)
    } else if found.iter().all(|address| is_public(address.ip())) {
        Ok(Route(found))
    } else {
        Err(CallFailure::AddressNotPublic)
    }
}

/// Asks for the addresses of a host in the owner's own network, once. Its name server may know of public
/// addresses too; those are left out, and nothing is ever connected to but what is left.
///
/// # Errors
/// [`LinkFault::HostUnknown`] when there are none, [`LinkFault::AddressPublic`] when none is left.
pub(crate) async fn resolve_own(host: &str, port: u16) -> Result<Route, LinkFault> {
    let found = timeout(RESOLVE, lookup_host((host, port))).await;
    let found = found.map_err(|_| LinkFault::HostUnknown)?;
    own(found.map_err(|_| LinkFault::HostUnknown)?)
}

fn own(found: impl Iterator<Item = SocketAddr>) -> Result<Route, LinkFault> {
    let found: Vec<SocketAddr> = found.collect();
    if found.is_empty() {
        return Err(LinkFault::HostUnknown);
    }
    let own = found.into_iter().filter(|address| is_own_network(address.ip()));
    let own: Vec<SocketAddr> = own.collect();
    if own.is_empty() {
        Err(LinkFault::AddressPublic)
    } else {
        Ok(Route(own))
    }
}

impl Route {
    /// Connects to the first of them that answers.
    ///
    /// # Errors
    /// [`CallFailure::Unreachable`] when none does, [`CallFailure::ConnectionSlow`] when the last took too
    /// long.
    pub(crate) async fn connect(&self) -> Result<(TcpStream, SocketAddr), CallFailure> {
        let mut failure = CallFailure::Unreachable;
        for address in self.0.iter().copied().take(MOST_TRIED) {
            failure = match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok((stream, address)),
                Ok(Err(_)) => CallFailure::Unreachable,
                Err(_) => CallFailure::ConnectionSlow,
            };
        }
        Err(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn every_address_has_to_be_public() {
        let public = ["8.8.8.8:443", "[2606:4700::1111]:443"];
        let route = all_public(addresses(&public).into_iter());
        assert_eq!(route.map(|route| route.0).ok(), Some(addresses(&public)));
        for mixed in [
            &["8.8.8.8:443", "10.0.0.1:443"][..],
            &["[::1]:443", "8.8.8.8:443"],
            &["127.0.0.1:443"],
        ] {
            let route = all_public(addresses(mixed).into_iter());
            assert_eq!(route.err(), Some(CallFailure::AddressNotPublic), "{mixed:?}");
        }
        assert_eq!(all_public([].into_iter()).err(), Some(CallFailure::HostUnknown));
    }

    #[test]
    fn only_addresses_of_the_owners_network_are_left() {
        let mixed = [
            "8.8.8.8:1883",
            "192.168.1.5:1883",
            "[2606:4700::1111]:1883",
            "[fd00::5]:1883",
        ];
        let route = own(addresses(&mixed).into_iter());
        assert_eq!(
            route.map(|route| route.0).ok(),
            Some(addresses(&[mixed[1], mixed[3]]))
        );
        for foreign in [
            "8.8.8.8:1",
            "224.0.0.1:1",
            "0.0.0.0:1",
            "255.255.255.255:1",
            "100.64.0.1:1",
            "[::]:1",
            "[ff02::1]:1",
            "[::ffff:10.0.0.1]:1",
            "[2606:4700::1111]:1",
        ] {
            let route = own(addresses(&[foreign]).into_iter());
            assert_eq!(route.err(), Some(LinkFault::AddressPublic), "{foreign}");
        }
        assert_eq!(own([].into_iter()).err(), Some(LinkFault::HostUnknown));
    }

    #[test]
    fn an_exception_is_for_one_host_and_one_port() {
        let exception: Exception = "model.test:443=127.0.0.1:9".parse().unwrap();
        let exceptions: Exceptions = [exception].into_iter().collect();
        let of = |host, port| exceptions.address(&HostName::new(host).unwrap(), port);
        assert_eq!(of("model.test", 443), "127.0.0.1:9".parse().ok());
        assert_eq!(of("model.test", 444), None);
        assert_eq!(of("a.model.test", 443), None);
    }

    #[test]
    fn an_exception_names_host_and_address_with_their_ports() {
        for text in [
            "",
            "model.test=127.0.0.1:9",
            "model.test:443",
            "model.test:443=127.0.0.1",
            "model.test:x=127.0.0.1:9",
            "127.0.0.1:443=127.0.0.1:9",
            "localhost:443=127.0.0.1:9",
            "model.test:443=other.test:9",
        ] {
            assert_eq!(text.parse::<Exception>(), Err(InvalidException), "{text}");
        }
    }
}
