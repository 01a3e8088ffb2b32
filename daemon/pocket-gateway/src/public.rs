//! Which addresses are on the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Blocks of IPv4 that are not: IANA's registry of special-purpose addresses (RFC 6890), each as its
/// first address and the length of its prefix.
const SPECIAL_V4: [([u8; 4], u8); 16] = [
    ([0, 0, 0, 0], 8),       // this network
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // shared by the customers of a carrier
    ([127, 0, 0, 0], 8),     // loopback
    ([169, 254, 0, 0], 16),  // link-local; where clouds keep their metadata
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocol assignments
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 31, 196, 0], 24), // AS112
    ([192, 52, 193, 0], 24), // AMT
    ([192, 88, 99, 0], 24),  // 6to4 relays
    ([192, 168, 0, 0], 16),  // private
    ([192, 175, 48, 0], 24), // AS112
    ([198, 18, 0, 0], 15),   // benchmarks
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
];
/// From here on: multicast, reserved, broadcast.
const LAST_UNICAST_V4: u8 = 223;

/// Blocks within the global unicast space of IPv6 that are special (RFC 6890), as first two groups and the
/// length of the prefix. What embeds an address of IPv4 is among them: it could be any.
const SPECIAL_V6: [([u16; 3], u8); 5] = [
    ([0x2001, 0, 0], 23),         // protocol assignments; Teredo
    ([0x2001, 0xdb8, 0], 32),     // documentation
    ([0x2002, 0, 0], 16),         // 6to4
    ([0x2620, 0x4f, 0x8000], 48), // AS112
    ([0x3fff, 0, 0], 20),         // documentation
];

/// Whether `address` is a public one: of exactly one host somewhere on the internet.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let number = u32::from(address);
    let within = |(first, length): ([u8; 4], u8)| {
        let differing = number ^ u32::from_be_bytes(first);
        differing.leading_zeros() >= u32::from(length)
    };
    address.octets()[0] <= LAST_UNICAST_V4 && !SPECIAL_V4.into_iter().any(within)
}

/// Only 2000::/3 is given out as global unicast: that alone leaves out what is unspecified, loopback,
/// IPv4-mapped and -compatible, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), unique local, link-local, site-local
/// and multicast.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let number = u128::from(address);
    let within = |([a, b, c], length): ([u16; 3], u8)| {
        let first = u128::from(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0));
        (number ^ first).leading_zeros() >= u32::from(length)
    };
    number >> 125 == 0b001 && !SPECIAL_V6.into_iter().any(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first and the last address of each block, and its neighbours, which belong to nobody special.
    #[test]
    fn every_special_block_is_refused_to_its_edges_and_no_further() {
        let table = [
            ("0.0.0.0", "0.255.255.255", "", "1.0.0.0"),
            ("10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"),
            ("100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"),
            ("127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"),
            ("169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"),
            ("172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"),
            ("192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"),
            ("192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"),
            ("192.31.196.0", "192.31.196.255", "192.31.195.255", "192.31.197.0"),
            ("192.52.193.0", "192.52.193.255", "192.52.192.255", "192.52.194.0"),
            ("192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"),
            ("192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"),
            ("192.175.48.0", "192.175.48.255", "192.175.47.255", "192.175.49.0"),
            ("198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"),
            ("198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"),
            ("203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"),
            ("224.0.0.0", "255.255.255.255", "223.255.255.255", ""),
            ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "", ""),
            (
                "2001::",
                "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
                "2000:ffff::1",
                "2001:200::1",
            ),
            (
                "2001:db8::",
                "2001:db8:ffff:ffff::1",
                "2001:db7:ffff::1",
                "2001:db9::1",
            ),
            ("2002::", "2002:ffff:ffff:ffff::1", "2001:ffff::1", "2003::1"),
            (
                "2620:4f:8000::",
                "2620:4f:8000:ffff::1",
                "2620:4f:7fff::1",
                "2620:4f:8001::1",
            ),
            ("3fff::", "3fff:fff:ffff::1", "3ffe:ffff::1", "3fff:1000::1"),
            (
                "4000::",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                "3fff:ffff::1",
                "",
            ),
        ];
        for (first, last, before, behind) in table {
            for special in [first, last] {
                assert!(!is_public(special.parse().unwrap()), "{special}");
            }
            for other in [before, behind].into_iter().filter(|text| !text.is_empty()) {
                assert!(is_public(other.parse().unwrap()), "{other}");
            }
        }
    }

    /// By name, as they are met.
    #[test]
    fn what_reaches_into_a_network_is_refused_under_every_name() {
        for special in [
            "::1",
            "::ffff:8.8.8.8",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "::8.8.8.8",
            "64:ff9b::8.8.8.8",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001:0:53aa:64c:0:0:f5ff:fffe",
            "2002:a00:1::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
            "224.0.0.251",
            "169.254.169.254",
            "255.255.255.255",
            "240.0.0.1",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
        for public in [
            "8.8.8.8",
            "1.1.1.1",
            "2606:4700::1111",
            "2a00:1450:4001:80b::200e",
            "193.99.144.80",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
