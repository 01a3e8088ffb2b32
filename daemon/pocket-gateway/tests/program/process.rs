//! The gateway as a process: who may call, when it ends, what is left to it.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

use crate::gateway::{BODY, Running, terms};
use crate::server::{Authority, Flaw, Server, ok};

fn started(more: &[String]) -> Running {
    Running::with(&Authority::new(), more)
}

#[test]
fn it_ends_with_its_standard_input() {
    let mut gateway = started(&[]);
    drop(gateway.input.take());
    assert!(gateway.wait());
}

#[test]
fn its_socket_is_for_its_own_user_and_one_that_was_left_behind_is_replaced() {
    let authority = Authority::new();
    let gateway = Running::with(&authority, &[]);
    let mode = fs::metadata(gateway.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = |path: &std::path::Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_pocket-gateway"))
            .arg("--socket")
            .arg(path)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = again(&gateway.socket());
    assert_eq!(code, Some(1));
    assert!(said.contains("another pocket-gateway listens"), "{said}");
    let file = gateway.folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    let (code, said) = again(&file);
    assert_eq!(code, Some(1));
    assert!(said.contains("is no socket"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn without_a_socket_or_with_a_wrong_argument_it_says_what_to_do() {
    let file = std::env::current_exe().unwrap();
    for (arguments, code, word) in [
        (vec![], 1, "--socket"),
        (vec!["--resolve", "model.test"], 2, "192.168.1.5:8443"),
        (vec!["--caller", "nobody-has-this-name"], 1, "--caller"),
        (vec!["--trust-ca", "/nowhere/ca.pem"], 1, "/nowhere/ca.pem"),
        (vec!["--trust-ca", file.to_str().unwrap()], 1, "no certificate"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_pocket-gateway"))
            .args(&arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
}

#[test]
fn another_user_than_the_daemons_is_turned_away() {
    let authority = Authority::new();
    let server = Server::start(&authority.issue(Flaw::None), ok("{}"));
    let other = geteuid().as_raw() + 1;
    let resolve = format!("--resolve=model.test:443={}", server.address);
    let gateway = Running::with(&authority, &[resolve, format!("--caller={other}")]);
    let mut line = gateway.connect();
    line.ask(&terms(), BODY);
    assert!(line.next().is_none());
    let mut rest = Vec::new();
    assert_eq!(line.0.read_to_end(&mut rest).unwrap_or_default(), 0);
    assert!(server.is_untouched());
    assert!(gateway.log().contains("turned away"));
}

#[test]
fn it_says_that_its_arguments_lead_elsewhere() {
    assert!(started(&[]).log().contains("beside what the internet says"));
}

#[test]
fn it_has_given_up_what_it_does_not_need() {
    let gateway = started(&[]);
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(of("NoNewPrivs:"), "1");
    assert_eq!(of("Seccomp:"), "2");
    let limits = fs::read_to_string(format!("/proc/{}/limits", gateway.pid())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
}
