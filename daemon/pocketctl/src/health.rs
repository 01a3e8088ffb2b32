//! Whether the device really works: what it finds out itself, and what only someone outside it can see.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use nix::unistd::User;
use pocket_core::{Answer, Doors, Finding, Operation, Profile};
use serde_json::json;

use crate::care::tell;
use crate::exit::Problem;
use crate::session::Session;

/// A door that takes longer than this does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The program that sends, as the kernel knows it.
const GATEWAY: &str = "pocket-gateway";
/// The user that it runs as on an installed device.
const GATEWAY_USER: &str = "pocketai-gw";
/// From here on (JEDEC eMMC 5.1, PRE_EOL_INFO and DEVICE_LIFE_TIME_EST) a card should be replaced.
const WORN: u32 = 0x02;
const NINETY_PERCENT: u32 = 0x0a;

pub(crate) fn health(session: &mut Session, strict: bool) -> Result<(), Problem> {
    let mut report = match session.ask(Operation::Health { strict })? {
        Answer::Check(report) => report,
        Answer::Done => return session.output.print(&json!({"healthy": true}), "healthy"),
        _ => return Err(Problem::unexpected()),
    };
    if strict {
        let Answer::Status(status) = session.ask(Operation::Status)? else {
            return Err(Problem::unexpected());
        };
        report.findings.extend(try_doors(status.doors));
        if status.profile == Profile::OfflineOnly {
            let daemon = session.daemon();
            report.findings.extend(try_gateway(Path::new("/proc"), daemon));
        }
        report
            .findings
            .extend(try_cards(Path::new("/sys/class/mmc_host")));
    }
    tell(session.output, &report, "healthy")
}

/// Asks at each door as a browser and an agent would.
fn try_doors(doors: Option<Doors>) -> Vec<Finding> {
    let Some(doors) = doors else {
        return vec![found(
            "doors",
            "the device does not say where it listens",
            "start pocketd again",
        )];
    };
    let page = format!("GET /unlock HTTP/1.1\r\nHost: {}\r\n", doors.ui);
    let agents = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 0\r\n",
        doors.mcp
    );
    // A page or the way to one; an agent without a token is sent away.
    let tried = [
        ("page", doors.ui, page, &["200", "303"][..]),
        ("agents' door", doors.mcp, agents, &["401"]),
    ];
    let asked = tried.into_iter().filter_map(|(what, at, request, wanted)| {
        let problem = match status_of(at, &request) {
            Ok(status) if wanted.contains(&status.as_str()) => return None,
            Ok(status) => format!("it answers at {at} with {status:?}, which pocketd does not"),
            Err(error) => format!("it does not answer at {at}: {error}"),
        };
        Some(found(
            what,
            problem,
            "start pocketd again; see what else listens there",
        ))
    });
    asked.collect()
}

/// The status code of the answer to `request`, which lacks its last line.
fn status_of(at: SocketAddr, request: &str) -> std::io::Result<String> {
    // What the daemon says of itself leads nowhere else.
    if !at.ip().is_loopback() {
        return Err(std::io::ErrorKind::AddrNotAvailable.into());
    }
    let mut stream = TcpStream::connect_timeout(&at, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{request}Connection: close\r\n\r\n").as_bytes())?;
    let mut line = [0; 12];
    stream.read_exact(&mut line)?;
    let code = line.strip_prefix(b"HTTP/1.1 ").unwrap_or_default();
    Ok(String::from_utf8_lossy(code).into_owned())
}

/// While nothing may leave, the program that sends must not run.
fn try_gateway(processes: &Path, daemon: Option<i32>) -> Option<Finding> {
    let user = User::from_name(GATEWAY_USER).ok().flatten();
    let user = user.map(|user| user.uid.to_string());
    let runs = fs::read_dir(processes).ok()?.flatten().any(|process| {
        let status = fs::read_to_string(process.path().join("status")).unwrap_or_default();
        let first = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            line.and_then(|line| line.split_whitespace().next())
        };
        let its_own =
            first("PPid:").is_some_and(|parent| daemon.is_some_and(|pid| parent == pid.to_string()));
        first("Name:") == Some(GATEWAY) && (its_own || (user.is_some() && first("Uid:") == user.as_deref()))
    });
    runs.then(|| {
        found(
            "gateway",
            "it runs, although the profile lets nothing out",
            "stop it, and start pocketd again; tell us how it came about",
        )
    })
}

/// How worn a card is, where it tells.
fn try_cards(hosts: &Path) -> Vec<Finding> {
    let Ok(hosts) = fs::read_dir(hosts) else {
        return Vec::new();
    };
    let cards = hosts
        .flatten()
        .filter_map(|host| fs::read_dir(host.path()).ok())
        .flat_map(Iterator::flatten);
    let worn = cards.filter(|card| {
        let most = |name: &str| {
            let told = fs::read_to_string(card.path().join(name)).unwrap_or_default();
            let numbers = told.split_whitespace().filter_map(|word| {
                let digits = word.strip_prefix("0x")?;
                u32::from_str_radix(digits, 16).ok()
            });
            numbers.max().unwrap_or(0)
        };
        most("pre_eol_info") >= WORN || most("life_time") >= NINETY_PERCENT
    });
    worn.map(|card| {
        found(
            "card",
            format!(
                "{} says that its life is nearly over",
                card.file_name().to_string_lossy()
            ),
            "save your data, and move to a new card",
        )
    })
    .collect()
}

fn found(what: &str, problem: impl Into<String>, remedy: &str) -> Finding {
    Finding {
        what: what.to_owned(),
        problem: problem.into(),
        remedy: remedy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A server that answers `line` to everyone, for as long as the process runs.
    fn answering(line: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0; 512];
                stream.read(&mut request).map(drop).unwrap_or_default();
                stream.write_all(line.as_bytes()).unwrap_or_default();
            }
        });
        at
    }

    fn named(ui: SocketAddr, mcp: SocketAddr) -> Vec<String> {
        let findings = try_doors(Some(Doors { ui, mcp }));
        findings.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_door_that_is_shut_or_somebody_elses_is_named() {
        let page = answering("HTTP/1.1 200 OK\r\n\r\n");
        let agents = answering("HTTP/1.1 401 Unauthorized\r\n\r\n");
        let shut = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(named(page, agents).is_empty());
        assert_eq!(named(shut, agents), ["page"]);
        assert_eq!(named(page, shut), ["agents' door"]);
        assert_eq!(named(page, page), ["agents' door"], "who lets anyone in");
        assert_eq!(named(answering("SSH-2.0-other\r\n"), agents), ["page"]);
        assert_eq!(try_doors(None).len(), 1);
    }

    #[test]
    fn a_gateway_that_runs_while_nothing_may_leave_is_named() {
        let processes = tempfile::tempdir().unwrap();
        let process = |pid: &str, name: &str, parent: u32| {
            let folder = processes.path().join(pid);
            fs::create_dir(&folder).unwrap();
            let status = format!("Name:\t{name}\nPPid:\t{parent}\nUid:\t4000000000\t0\t0\t0\n");
            fs::write(folder.join("status"), status).unwrap();
        };
        process("7", "pocketd", 1);
        process("8", GATEWAY, 6);
        assert!(
            try_gateway(processes.path(), Some(7)).is_none(),
            "another daemon's"
        );
        process("9", GATEWAY, 7);
        assert!(try_gateway(processes.path(), Some(7)).is_some());
        assert!(try_gateway(processes.path(), None).is_none());
    }

    #[test]
    fn a_worn_card_is_named() {
        let hosts = tempfile::tempdir().unwrap();
        let card = |host: &str, life: &str, end: &str| {
            let folder = hosts.path().join(host).join(format!("{host}:0001"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("life_time"), life).unwrap();
            fs::write(folder.join("pre_eol_info"), end).unwrap();
        };
        card("mmc0", "0x01 0x02\n", "0x01\n");
        assert!(try_cards(hosts.path()).is_empty());
        card("mmc1", "0x01 0x0b\n", "0x01\n");
        card("mmc2", "0x01 0x01\n", "0x02\n");
        assert_eq!(try_cards(hosts.path()).len(), 2);
        assert!(try_cards(Path::new("/nonexistent")).is_empty());
    }
}
