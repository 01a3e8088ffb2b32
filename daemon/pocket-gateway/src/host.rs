//! Names of hosts on the public internet.

use pocket_core::CallFailure;

/// Longest name, in bytes (RFC 1035).
const MOST_NAME: usize = 253;
/// Longest part of a name.
const MOST_LABEL: usize = 63;
/// Names that are answered by this machine or by its neighbours (RFC 6761, 6762, 7686, 8375, 9476).
const NEARBY: [&str; 6] = ["alt", "home.arpa", "internal", "local", "localhost", "onion"];

/// The name of a host, checked: in lower case, of several parts, no address, without a dot at its end.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct HostName(String);

impl HostName {
    /// Checks `name`.
    ///
    /// # Errors
    /// [`CallFailure::HostInvalid`] for anything else than a name that many would look up alike.
    pub(crate) fn new(name: &str) -> Result<Self, CallFailure> {
        let labels: Vec<&str> = name.split('.').collect();
        let nearby = NEARBY.iter().any(|end| {
            let ahead = name.strip_suffix(end);
            ahead.is_some_and(|ahead| ahead.is_empty() || ahead.ends_with('.'))
        });
        let sound = name.len() <= MOST_NAME
            && labels.len() > 1
            && labels.iter().all(|label| is_label(label))
            && labels.last().is_some_and(|last| is_top(last))
            && !nearby;
        sound
            .then(|| Self(name.to_owned()))
            .ok_or(CallFailure::HostInvalid)
    }

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_label(label: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let edges = !label.starts_with('-') && !label.ends_with('-');
    // Two hyphens there announce an encoding, and only one is known (RFC 5891).
    let encoded = label.get(2..4) == Some("--");
    (1..=MOST_LABEL).contains(&label.len())
        && label.bytes().all(known)
        && edges
        && (!encoded || label.starts_with("xn--"))
}

/// The last part has letters only: one of digits could be read as an address, in any of its forms.
fn is_top(label: &str) -> bool {
    label.starts_with("xn--") || (label.len() > 1 && label.bytes().all(|byte| byte.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_one_that_everyone_would_look_up_alike() {
        let label = "a".repeat(MOST_LABEL);
        let longest = [label.as_str(), &label, &label, &"b".repeat(57), "org"].join(".");
        for name in [
            "api.example.org",
            "a.bc",
            "xn--bcher-kva.example",
            "a-b.c9.example",
            "9.example",
            "model.xn--p1ai",
            &longest,
        ] {
            assert_eq!(HostName::new(name), Ok(HostName(name.to_owned())), "{name}");
        }
        let over = format!("b{longest}");
        let long_label = format!("{label}a.org");
        for name in [
            "",
            ".",
            "org",
            "a.b",
            "localhost",
            "a.localhost",
            "printer.local",
            "a.internal",
            "x.onion",
            "a.home.arpa",
            "home.arpa",
            "api.example.org.",
            ".example.org",
            "a..example.org",
            "API.example.org",
            "b\u{fc}cher.example",
            "127.0.0.1",
            "1.2.3",
            "0x7f.1",
            "0x7f.0x1",
            "2130706433",
            "a.0x7f",
            "a.1",
            "[::1]",
            "::1",
            "fe80::1%eth0",
            "user@example.org",
            "example.org:443",
            "example.org/x",
            "example.org\\x",
            "example.org#",
            "example.org?",
            "a b.example",
            "a\t.example",
            "a\0.example",
            "a\r\n.example",
            "-a.example",
            "a-.example",
            "ab--c.example",
            "a_b.example",
            "*.example.org",
            "example.o-g",
            "%65xample.org",
            "a\u{3002}example.org",
            &over,
            &long_label,
        ] {
            assert_eq!(HostName::new(name), Err(CallFailure::HostInvalid), "{name:?}");
        }
    }

    #[test]
    fn a_name_that_only_ends_like_a_nearby_one_is_public() {
        assert!(HostName::new("mylocal.example").is_ok());
        assert!(HostName::new("local.example").is_ok());
        assert!(HostName::new("notlocal").is_err());
        assert!(HostName::new("a.notalt").is_ok());
    }

    proptest! {
        #[test]
        fn no_name_is_an_address_or_ends_a_line(name in ".{0,30}") {
            if HostName::new(&name).is_ok() {
                prop_assert!(name.parse::<std::net::IpAddr>().is_err());
                prop_assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@' && byte != b':'));
            }
        }
    }
}
