//! A network of the test's own, in which a packet could leave and would be seen: the test's thread, and every
//! program that it starts from then on, has loopback and one interface, over which the default routes and the
//! name server lie. What leaves there ends in another network, whose one machine is the test's too.

use std::fmt::{self, Display, Formatter};
use std::fs::{self, File};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, socket};
use tempfile::TempDir;

/// The interface over which things would leave.
const OUT: &str = "out";
/// The machine at its end: the router, the name server, and whom the test lets the device call.
pub(crate) const THERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// The device's own address.
pub(super) const HERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
/// What the kernel says of a packet that leaves (`PACKET_OUTGOING` of packet(7)).
const LEAVES: u8 = 4;
/// The name servers and how patient programs are with them.
const RESOLVER: &str = "nameserver 203.0.113.1\noptions timeout:1 attempts:1\n";
/// No address but those that are given, no router asked for, nobody's address probed: nothing that the kernel
/// would send by itself.
const QUIET: [(&str, &str); 4] = [
    ("accept_ra", "0"),
    ("autoconf", "0"),
    ("addr_gen_mode", "1"),
    ("dad_transmits", "0"),
];
/// The device's side, and the other side: each with both kinds of address, and neighbours that are known for
/// good, so that nobody has to be asked where they are.
const INSIDE: [&str; 10] = [
    "link set lo up",
    "link add out address 02:00:00:00:00:02 type veth peer name far address 02:00:00:00:00:01",
    "link set far netns",
    "address add 203.0.113.2/24 dev out",
    "link set out up",
    "-6 address add 2001:db8:113::2/64 dev out nodad",
    "neighbour add 203.0.113.1 lladdr 02:00:00:00:00:01 dev out nud permanent",
    "-6 neighbour add 2001:db8:113::1 lladdr 02:00:00:00:00:01 dev out nud permanent",
    "route add default via 203.0.113.1",
    "-6 route add default via 2001:db8:113::1",
];
const OUTSIDE: [&str; 6] = [
    "link set lo up",
    "address add 203.0.113.1/24 dev far",
    "link set far up",
    "-6 address add 2001:db8:113::1/64 dev far nodad",
    "neighbour add 203.0.113.2 lladdr 02:00:00:00:00:02 dev far nud permanent",
    "-6 neighbour add 2001:db8:113::2 lladdr 02:00:00:00:00:02 dev far nud permanent",
];

/// No line takes longer than this to come up.
const HANGS: Duration = Duration::from_secs(60);

/// The network, with what has been seen on it.
pub(crate) struct Network {
    far: File,
    capture: OwnedFd,
    /// Which interface is watched.
    index: usize,
    /// What was counted when the watch began.
    before: u64,
    /// Packets that left since then, as they were seen.
    left: u64,
    seen: Vec<Packet>,
    _resolver: TempDir,
}

impl Network {
    /// Takes this thread into a new network; `None` for who may not.
    pub(crate) fn enter() -> Option<Self> {
        let far = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).ok()?;
            quiet();
            Some(File::open("/proc/thread-self/ns/net").unwrap())
        });
        let far = far.join().unwrap()?;
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).ok()?;
        quiet();
        let resolver = use_name_server();
        let namespace = format!("/proc/{}/fd/{}", std::process::id(), far.as_raw_fd());
        for line in INSIDE {
            match line.ends_with("netns") {
                true => ip(&format!("{line} {namespace}")),
                false => ip(line),
            }
        }
        within(&far, || OUTSIDE.map(ip));
        let (capture, index) = capture();
        let mut network = Self {
            far,
            capture,
            index,
            before: sent(),
            left: 0,
            seen: Vec::new(),
            _resolver: resolver,
        };
        network.sees();
        Some(network)
    }

    /// Does something on the machine at the other end.
    pub(crate) fn there<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        within(&self.far, what)
    }

    /// The packets that were seen since this was asked last. Not one was missed: the kernel's own count of what
    /// left says as much, and that nothing left by another interface.
    pub(super) fn packets(&mut self) -> Vec<Packet> {
        let counted = sent() - self.before;
        self.drain();
        let left = self.seen.iter().filter(|packet| packet.leaves).count();
        self.left += u64::try_from(left).unwrap();
        // A packet is captured before it is counted.
        assert!(self.left >= counted, "the capture has missed something");
        let mut seen = std::mem::take(&mut self.seen);
        seen.retain(|packet| !packet.is_of_the_kernel());
        seen
    }

    fn drain(&mut self) {
        let mut bytes = vec![0; 0x1_0000];
        loop {
            match recvfrom::<LinkAddr>(self.capture.as_raw_fd(), &mut bytes) {
                Ok((length, from)) => {
                    let from = from.expect("a packet comes from an interface");
                    if from.ifindex() == self.index {
                        self.seen
                            .push(Packet::read(&bytes[..length], from.pkttype() == LEAVES));
                    }
                }
                Err(Errno::EAGAIN) => return,
                Err(error) => panic!("the capture has ended: {error}"),
            }
        }
    }

    /// Proves that what leaves is seen: a packet to anywhere, in both kinds of addresses, a connection, and the
    /// question to a name server that a program asks by a mere name.
    fn sees(&mut self) {
        assert_eq!(self.packets(), []);
        let begun = Instant::now();
        // The kernel drops what is sent before it has seen that the line is up.
        let mut first: Vec<String> = Vec::new();
        while first.len() < 2 {
            assert!(begun.elapsed() < HANGS, "the line does not come up: {first:#?}");
            for (own, to) in [
                ("0.0.0.0:0", "198.51.100.7:9"),
                ("[::]:0", "[2001:db8:ffff::7]:9"),
            ] {
                UdpSocket::bind(own).unwrap().send_to(b"out", to).unwrap();
            }
            first = self.packets().iter().map(Packet::to_string).collect();
        }
        let refused = std::net::TcpStream::connect(SocketAddr::from((THERE, 9)));
        assert!(refused.is_err());
        let found = Command::new("getent").args(["hosts", "far.example"]).status();
        assert!(!found.unwrap().success());
        let seen: Vec<String> = first
            .into_iter()
            .chain(self.packets().iter().map(Packet::to_string))
            .collect();
        for expected in [
            "> 198.51.100.7:9 udp",
            "> [2001:db8:ffff::7]:9 udp",
            "> 203.0.113.1:9 tcp",
            "> 203.0.113.1:53 udp far.example.",
        ] {
            assert!(
                seen.iter().any(|packet| packet.contains(expected)),
                "{expected} is not seen: {seen:#?}"
            );
        }
    }
}

/// A packet on the wire.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Packet {
    /// Whether it leaves the device.
    pub(super) leaves: bool,
    pub(super) kind: Kind,
}

/// What a packet is, as far as it matters here.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A connection's: from, to, and whether it opens one.
    Tcp(SocketAddr, SocketAddr, bool),
    /// A datagram's: from, to, and the name that is asked for if it is a question to a name server.
    Udp(SocketAddr, SocketAddr, String),
    /// The kernel tells routers which groups of addresses are listened to (MLDv2, RFC 3810); programs can't
    /// make it carry anything.
    Membership,
    /// Something else: its type on the wire, and its protocol.
    Other(u16, u8),
}

impl Packet {
    fn read(frame: &[u8], leaves: bool) -> Self {
        Self {
            leaves,
            kind: kind(frame).unwrap_or(Kind::Other(0, 0)),
        }
    }

    fn is_of_the_kernel(&self) -> bool {
        self.kind == Kind::Membership
    }
}

impl Display for Packet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Tcp(from, to, _) => write!(f, "{from} > {to} tcp"),
            Kind::Udp(from, to, name) => write!(f, "{from} > {to} udp {name}"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// Reads an Ethernet frame (RFC 894, RFC 2464) with IPv4 (RFC 791) or IPv6 (RFC 8200) in it.
fn kind(frame: &[u8]) -> Option<Kind> {
    let number = |bytes: &[u8], at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let ethertype = number(frame, 12)?;
    let packet = frame.get(14..)?;
    let (protocol, from, to, inner) = match ethertype {
        0x0800 => {
            let from: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
            let to: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
            let length = usize::from(packet[0] & 15) * 4;
            (
                packet[9],
                Ipv4Addr::from(from).into(),
                Ipv4Addr::from(to).into(),
                packet.get(length..)?,
            )
        }
        0x86dd => {
            let from: [u8; 16] = packet.get(8..24)?.try_into().ok()?;
            let to: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
            let inner = packet.get(40..)?;
            // Hop-by-hop options, as a report of membership has, and ICMPv6 behind.
            if packet[6] == 0 && inner.first() == Some(&58) && inner.get(8) == Some(&143) {
                return Some(Kind::Membership);
            }
            (
                packet[6],
                Ipv6Addr::from(from).into(),
                Ipv6Addr::from(to).into(),
                inner,
            )
        }
        _ => return Some(Kind::Other(ethertype, 0)),
    };
    let ends = || {
        let from = SocketAddr::new(from, number(inner, 0)?);
        Some((from, SocketAddr::new(to, number(inner, 2)?)))
    };
    Some(match protocol {
        6 => {
            let ((from, to), flags) = (ends()?, inner.get(13)?);
            // SYN without ACK.
            Kind::Tcp(from, to, flags & 0x12 == 0x02)
        }
        17 => {
            let (from, to) = ends()?;
            Kind::Udp(from, to, asked_name(inner.get(8..)?).unwrap_or_default())
        }
        _ => Kind::Other(ethertype, protocol),
    })
}

/// The name in a question to a name server (RFC 1035, section 4.1.2).
fn asked_name(message: &[u8]) -> Option<String> {
    let mut rest = message.get(12..)?;
    let mut name = String::new();
    while let Some((length, after)) = rest.split_first().filter(|(length, _)| **length > 0) {
        let (label, after) = after.split_at_checked(usize::from(*length))?;
        name.push_str(str::from_utf8(label).ok()?);
        name.push('.');
        rest = after;
    }
    Some(name)
}

/// Watches all that passes the one interface that leads out, to or fro.
fn capture() -> (OwnedFd, usize) {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let capture = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll).unwrap();
    let mut interfaces = getifaddrs().unwrap();
    let out = interfaces.find_map(|interface| {
        let address = interface.address?;
        let link = address.as_link_addr()?;
        (interface.interface_name == OUT).then_some(*link)
    });
    let out = out.expect("the interface was made");
    bind(capture.as_raw_fd(), &out).unwrap();
    (capture, out.ifindex())
}

/// How many packets have left, by the kernel's count; by the one interface that leads out, or the test ends.
fn sent() -> u64 {
    let counters = fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let mut sent = None;
    for line in counters.lines().skip(2) {
        let (name, numbers) = line.split_once(':').unwrap();
        let packets: u64 = numbers.split_whitespace().nth(9).unwrap().parse().unwrap();
        match name.trim() {
            "lo" => {}
            OUT => sent = Some(packets),
            other => assert_eq!(packets, 0, "{other}"),
        }
    }
    sent.expect("the interface was made")
}

/// Makes the kernel send nothing by itself, on interfaces that are made from now on.
fn quiet() {
    for (setting, value) in QUIET {
        fs::write(format!("/proc/sys/net/ipv6/conf/default/{setting}"), value).unwrap();
    }
}

/// Names are looked up at the other end, by this thread's programs alone.
fn use_name_server() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("resolv.conf");
    fs::write(&file, RESOLVER).unwrap();
    let file = file.to_str().unwrap();
    let target = fs::canonicalize("/etc/resolv.conf").unwrap();
    run("mount", &["--make-rprivate", "/"]);
    run("mount", &["--bind", file, target.to_str().unwrap()]);
    folder
}

fn within<T: Send>(network: &File, what: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let there = scope.spawn(|| {
            setns(network, CloneFlags::CLONE_NEWNET).unwrap();
            what()
        });
        there.join().unwrap()
    })
}

fn ip(line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    run("ip", &words);
}

pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {words}");
}
