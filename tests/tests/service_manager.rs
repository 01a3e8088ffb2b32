//! The daemon under a service manager: sockets that are handed over, readiness, the watchdog, the
//! stop; and the addresses and places that it refuses with or without one.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getuid};
use serde_json::Value;

use crate::asking::{echo, ended, started_with, waiting};
use crate::consent::gateways;
use crate::device::{Device, Place, path_text, program, text};
use crate::model::{HOST, Model};

/// Binds two TCP sockets and a Unix one as a service manager does, writes down the ports, and turns
/// into the daemon. Arguments: the address of the page's door, of the agents' door, the path of the
/// control socket, the file for the ports, and the daemon's command line.
const MANAGER: &str = r#"
import os, socket, sys
ui, mcp, control, ports, *command = sys.argv[1:]
doors = []
for address in (ui, mcp):
    door = socket.socket()
    door.bind((address, 0))
    doors.append(door)
unix = socket.socket(socket.AF_UNIX)
unix.bind(control)
os.chmod(control, 0o600)
doors.append(unix)
for door in doors:
    door.listen()
with open(ports, "w") as file:
    print(*(door.getsockname()[1] for door in doors[:2]), file=file)
for number, door in enumerate([os.dup(door.fileno()) for door in doors]):
    os.dup2(door, 3 + number)
os.environ.update(LISTEN_FDS="3", LISTEN_PID=str(os.getpid()))
os.execv(command[0], command)
"#;
/// Holds the gateway's socket as a service manager does that starts it once it is called, and turns into it
/// then. Arguments: the user that holds the socket, its path, and the gateway's command line.
const GATEWAYS_MANAGER: &str = r#"
import os, select, socket, sys
user, path, *command = sys.argv[1:]
door = socket.socket(socket.AF_UNIX)
door.bind(path)
os.chmod(path, 0o666)
if int(user) != os.getuid():
    os.setresuid(int(user), int(user), os.getuid())
door.listen()
if int(user) != os.getuid():
    os.setuid(os.getresuid()[2])
print("listening", flush=True)
select.select([door], [], [])
os.dup2(os.dup(door.fileno()), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(command[0], command)
"#;
/// A daemon that has not told its manager anything for this long hangs.
const HANGS: Duration = Duration::from_secs(120);

#[test]
fn handed_sockets_are_served() {
    let place = Place::new();
    let command = handed(&place, "127.0.0.1", "127.0.0.2");
    let Ok(device) = Device::start_command(place, command) else {
        panic!("it does not take the sockets")
    };
    let ports = fs::read_to_string(device.place.path("ports")).unwrap();
    let (ui, mcp) = ports.trim().split_once(' ').expect("two ports were written");
    assert_eq!(device.ui, format!("http://127.0.0.1:{ui}"));
    let console = fs::read_to_string(device.place.console()).unwrap();
    assert!(
        console.contains(&format!("mcp: http://127.0.0.2:{mcp}/mcp\n")),
        "{console}"
    );
    assert!(ureq::get(&device.ui).call().is_ok(), "the page is not served");
    let refused = ureq::post(format!("http://127.0.0.2:{mcp}/mcp")).send("{}");
    assert!(
        matches!(refused, Err(ureq::Error::StatusCode(401))),
        "{refused:?}"
    );
    let control = device.place.path("handed.sock");
    assert!(!device.place.data().join("run/control.sock").exists());
    let status = Command::new(program("pocketctl"))
        .args(["--control", path_text(&control), "--json", "status"])
        .output()
        .unwrap();
    assert!(status.status.success(), "{status:?}");
    let (_place, status) = device.stop();
    assert!(
        status.success() && control.exists(),
        "it removed the manager's socket"
    );
}

#[test]
fn a_handed_socket_on_every_address_is_refused() {
    for (ui, mcp, door) in [("0.0.0.0", "127.0.0.1", "ui"), ("127.0.0.1", "0.0.0.0", "mcp")] {
        let place = Place::new();
        let command = handed(&place, ui, mcp);
        let Err((_, refused)) = Device::start_command(place, command) else {
            panic!("it serves {ui} and {mcp}");
        };
        let words = &refused.words;
        assert!(!refused.status.success());
        assert!(
            words.contains(&format!("{door} may listen on loopback only")),
            "{words}"
        );
    }
}

/// A device whose gateway a service manager starts, with the manager: it holds the socket as `user`, and the
/// gateway is called by `caller`.
fn with_managed_gateway(user: u32, caller: u32) -> (Device, Model, Child) {
    let socket = |place: &Place| format!("socket = {:?}\n", path_text(&place.path("gateway.sock")));
    let (device, model, address) = started_with(Model::in_the_cloud(echo), Place::command, socket);
    let mut manager = Command::new("python3")
        .args(["-c", GATEWAYS_MANAGER, &user.to_string()])
        .arg(device.place.path("gateway.sock"))
        .arg(program("pocket-gateway"))
        .arg(format!("--resolve={HOST}:443={address}"))
        .arg(format!(
            "--trust-ca={}",
            path_text(&device.place.path("authority.pem"))
        ))
        .arg(format!("--caller={caller}"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(manager.stdout.take().expect("it was piped"));
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "listening\n");
    // The gateway says that it is ready on the same pipe.
    manager.stdout = Some(said.into_inner());
    (device, model, manager)
}

/// What becomes of a question that the owner says yes to.
fn approved(device: &Device) -> Value {
    let question = waiting(device, &[]);
    let (id, sha256) = (text(&question["id"]), text(&question["sha256"]));
    device
        .ctl(&["consent", "approve", &id, "--sha256", &sha256])
        .one();
    ended(device, &id)
}

#[test]
fn a_gateway_is_started_by_its_manager_when_it_is_called_and_by_nobody_else() {
    let own = getuid().as_raw();
    let (device, model, mut gateway) = with_managed_gateway(own, own);
    for _ in 0..2 {
        let ended = approved(&device);
        assert_eq!(ended["state"], "answered", "{ended}");
        assert!(!model.request().body.is_empty());
    }
    let name = fs::read_to_string(format!("/proc/{}/comm", gateway.id())).unwrap();
    assert_eq!(name, "pocket-gateway\n");
    assert_eq!(gateways(&device).len(), 0);
    // It is its manager's to stop.
    let (_place, status) = device.stop();
    assert!(status.success());
    assert_eq!(gateway.try_wait().unwrap(), None);
    gateway.kill().unwrap();
    gateway.wait().unwrap();
}

#[test]
fn a_managed_gateway_and_the_daemon_take_each_other_for_nobody_else() {
    const SOMEBODY: u32 = 65_534;
    let own = getuid().as_raw();
    let (device, model, mut gateway) = with_managed_gateway(own, SOMEBODY);
    let ended = approved(&device);
    assert_eq!(
        ended["state"], "failed",
        "the gateway serves another user: {ended}"
    );
    assert!(model.is_unasked());
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    if own != 0 {
        return println!("skipped: a socket of another user's needs root");
    }
    let (device, model, mut gateway) = with_managed_gateway(SOMEBODY, own);
    let ended = approved(&device);
    assert_eq!(ended["state"], "failed", "the daemon calls another user: {ended}");
    assert_eq!(ended["sent"], 0);
    assert!(model.is_unasked());
    gateway.kill().unwrap();
    gateway.wait().unwrap();
}

#[test]
fn addresses_beyond_this_machine_are_refused_by_name() {
    for address in [
        "0.0.0.0:0",
        "192.168.1.1:0",
        "[::]:0",
        "[::ffff:0.0.0.0]:0",
        "[::ffff:192.168.1.1]:0",
    ] {
        for door in ["ui", "mcp"] {
            let place = Place::new();
            let mut command = Command::new(program("pocketd"));
            let config = place.path("config.toml");
            fs::write(&config, format!("{door} = \"{address}\"\n")).unwrap();
            command
                .arg("--config")
                .arg(config)
                .arg("--data-dir")
                .arg(place.data());
            command.env("XDG_CONFIG_HOME", place.path("config"));
            let Err((place, refused)) = Device::start_command(place, command) else {
                panic!("it listens on {address}");
            };
            let words = &refused.words;
            assert!(!refused.status.success());
            assert!(
                words.contains(&format!("{door} may listen on loopback only")),
                "{words}"
            );
            assert!(words.contains("reverse proxy"), "no remedy: {words}");
            assert!(!place.data().exists(), "it began before it refused");
        }
    }
}

#[test]
fn the_manager_is_told_of_readiness_of_life_and_of_the_stop() {
    let place = Place::new();
    let socket = UnixDatagram::bind(place.path("notify")).unwrap();
    socket.set_read_timeout(Some(HANGS)).unwrap();
    let mut command = place.command();
    command
        .env("NOTIFY_SOCKET", place.path("notify"))
        .env("WATCHDOG_USEC", "300000")
        .env_remove("WATCHDOG_PID");
    let Ok(device) = Device::start_command(place, command) else {
        panic!("it does not start under a manager")
    };
    assert_eq!(told(&socket), "READY=1");
    // The next comes after a third of the limit, the first at once.
    assert_eq!([told(&socket), told(&socket), told(&socket)], ["WATCHDOG=1"; 3]);
    kill(Pid::from_raw(device.pid()), Signal::SIGTERM).unwrap();
    let last = std::iter::repeat_with(|| told(&socket)).find(|word| word != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
    let (_, status) = device.stop();
    assert!(status.success(), "{status}");
}

#[test]
fn a_daemon_that_nothing_was_asked_of_stops_at_a_signal() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let device = Device::new();
        kill(Pid::from_raw(device.pid()), signal).unwrap();
        // The second signal finds a daemon that is stopping, or its end.
        let (place, status) = device.stop();
        assert!(status.success(), "{signal}: {status}");
        assert!(!place.data().join("run/control.sock").exists(), "{signal}");
        // Nothing that it left behind is in the next one's way.
        assert_eq!(Device::start(place).state(), "first-run");
    }
}

#[test]
fn a_door_that_is_taken_is_named_and_left_alone() {
    let device = Device::owned();
    let control = device.place.data().join("run/control.sock");
    let place = Place::new();
    let mut command = place.command();
    command.arg("--control").arg(&control);
    let Err((_, refused)) = Device::start_command(place, command) else {
        panic!("two daemons serve one control socket");
    };
    let words = refused.words;
    assert!(
        !refused.status.success() && words.contains(path_text(&control)),
        "{words}"
    );
    assert_eq!(device.state(), "unlocked");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new();
    let mut command = Command::new(program("pocketd"));
    command.arg("--data-dir").arg(place.data());
    command.args(["--ui", &address, "--mcp", "127.0.0.1:0"]);
    command.env("XDG_CONFIG_HOME", place.path("config"));
    let Err((_, refused)) = Device::start_command(place, command) else {
        panic!("two listen on {address}");
    };
    let words = refused.words;
    assert!(!refused.status.success() && words.contains(&address), "{words}");
}

/// The daemon's command under a manager that hands it sockets on these addresses.
fn handed(place: &Place, ui: &str, mcp: &str) -> Command {
    let daemon = place.command();
    let control = place.path("handed.sock");
    let mut command = Command::new("python3");
    command.args(["-c", MANAGER, ui, mcp]);
    command.arg(&control).arg(place.path("ports"));
    command.arg(daemon.get_program()).args(daemon.get_args());
    command.arg("--control").arg(&control);
    for (name, value) in daemon.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// The next thing that the daemon tells its manager.
fn told(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 256];
    let length = socket.recv(&mut bytes).expect("the daemon tells nothing");
    String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
}
