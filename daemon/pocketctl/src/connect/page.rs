//! Whether the page answers at this computer's end of the tunnel. The one connection that this program makes
//! goes to its own computer's loopback.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::exit::Problem;

/// How long one answer may take; a board that is busy gets another chance.
const LONGEST: Duration = Duration::from_secs(5);

/// What came of knocking.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Knock {
    /// HTTP came back.
    Answers,
    /// Nobody listens here yet.
    Shut,
    /// There is a tunnel, and nothing behind it.
    Silent,
}

/// Asks the page for its head.
pub(super) fn knock(port: u16) -> Knock {
    let Ok(mut stream) = TcpStream::connect_timeout(&here(port), LONGEST) else {
        return Knock::Shut;
    };
    let request = format!("HEAD / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    let mut head = [0; 5];
    let asked = stream
        .set_read_timeout(Some(LONGEST))
        .and_then(|()| stream.write_all(request.as_bytes()))
        .and_then(|()| stream.read_exact(&mut head));
    match asked {
        Ok(()) if &head == b"HTTP/" => Knock::Answers,
        _ => Knock::Silent,
    }
}

/// Refuses when something listens at one of the ports already: ssh would say so too, but only after it has
/// asked for everything, and not what to do.
pub(super) fn are_free(ports: &[u16]) -> Result<(), Problem> {
    for port in ports {
        if let Err(error) = TcpListener::bind(here(*port)) {
            let (message, remedy) = match error.kind() {
                ErrorKind::AddrInUse => (
                    format!("port {port} of this computer is taken"),
                    "is another tunnel open already, or does pocketd run here? End that first",
                ),
                _ => (
                    format!("can't listen at port {port} of this computer: {error}"),
                    "check who may listen at loopback",
                ),
            };
            return Err(Problem::local(message, remedy));
        }
    }
    Ok(())
}

fn here(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn an_answer_is_told_from_silence_and_from_nobody() {
        let answering = |answer: &'static [u8]| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.read_exact(&mut [0; 60]).unwrap_or_default();
                stream.write_all(answer).unwrap_or_default();
            });
            port
        };
        assert_eq!(
            knock(answering(b"HTTP/1.1 303 See Other\r\n\r\n")),
            Knock::Answers
        );
        assert_eq!(knock(answering(b"SSH-2.0-OpenSSH\r\n")), Knock::Silent);
        assert_eq!(knock(answering(b"")), Knock::Silent);
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(knock(free.port()), Knock::Shut);
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let Err(Problem::Local { message, .. }) = are_free(&[port]) else {
            panic!("it is not seen")
        };
        assert_eq!(message, format!("port {port} of this computer is taken"));
        drop(taken);
        assert!(are_free(&[port]).is_ok());
    }
}
