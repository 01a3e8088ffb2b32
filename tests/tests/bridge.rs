//! The bridge from stdio to the agents' door, as the clients that start programs meet it: many at once,
//! and over a daemon that dies and comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::device::{Device, Place, program, text};

const SCOPES: &str = "memory:read+search+write+delete,notes:read+search+write";

/// A client that started `pocketctl mcp`.
pub(crate) struct Agent {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    asked: u64,
}

impl Agent {
    fn start(place: &Place, token: &str) -> Self {
        let mut child = Command::new(program("pocketctl"))
            .arg("--data-dir")
            .arg(place.data())
            .arg("mcp")
            .env("POCKETAI_TOKEN", token)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().expect("it was piped");
        let output = BufReader::new(child.stdout.take().expect("it was piped"));
        Self {
            child,
            input,
            output,
            asked: 0,
        }
    }

    /// The same, greeted as in the era with sessions.
    pub(crate) fn greeted(place: &Place, token: &str) -> Self {
        let mut agent = Self::start(place, token);
        let client = json!({"name": "test", "version": "1"});
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
        assert_eq!(
            agent.ask("initialize", hello)["result"]["serverInfo"]["name"],
            "pocketai"
        );
        agent.tell(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        agent
    }

    fn tell(&mut self, message: &Value) {
        writeln!(self.input, "{message}").unwrap();
    }

    /// Sends a question; its id.
    fn send(&mut self, method: &str, params: Value) -> u64 {
        self.asked += 1;
        let id = self.asked;
        self.tell(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// The next line.
    fn line(&mut self) -> Value {
        let mut line = String::new();
        assert!(
            self.output.read_line(&mut line).unwrap() > 0,
            "the bridge has ended"
        );
        serde_json::from_str(&line).unwrap()
    }

    /// Asks, and passes over what is no answer.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        loop {
            let line = self.line();
            if line["id"] == id {
                return line;
            }
        }
    }

    /// Calls a tool: its result, or the words of its refusal.
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Result<Value, String> {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        if answer["result"]["isError"] == false {
            return Ok(answer["result"]["structuredContent"].clone());
        }
        let error = &answer["error"]["message"];
        let words = if error.is_string() {
            error
        } else {
            &answer["result"]["content"][0]["text"]
        };
        Err(text(words))
    }

    /// Ends it as clients do, by closing its input.
    pub(crate) fn end(self) {
        let Self { mut child, input, .. } = self;
        drop(input);
        assert!(child.wait().unwrap().success());
    }
}

fn agent(device: &Device, name: &str) -> String {
    let made = device.ctl(&["agent", "add", name, "--scope", SCOPES]).one();
    // What is tested is not the limit.
    device.ctl(&["agent", "limit", name, "--calls", "1000000"]).one();
    text(&made["token"])
}

#[test]
fn a_client_stays_while_the_daemon_is_killed_and_comes_back() {
    let device = Device::owned();
    let token = agent(&device, "desk");
    let mut client = Agent::greeted(&device.place, &token);
    client
        .call("remember", json!({"facts": [{"text": "Anna likes tea"}]}))
        .unwrap();
    let note = json!({"category": "notes", "records": [{"title": "Watched", "body": "1"}]});
    let id = text(&client.call("add", note).unwrap()["results"][0]["id"]);
    client.ask(
        "resources/subscribe",
        json!({"uri": format!("pocket://notes/{id}")}),
    );

    // Stopped, it takes the question in and does not answer; killed, it never will.
    kill(Pid::from_raw(device.pid()), Signal::SIGSTOP).unwrap();
    let open = client.send("tools/call", json!({"name": "status", "arguments": {}}));
    let place = device.kill();
    let lost = client.line();
    assert_eq!(lost["id"], open);
    assert!(text(&lost["error"]["message"]).contains("call again"), "{lost}");

    // Asked while nobody is there, it waits for the daemon that comes.
    let waiting = client.send(
        "tools/call",
        json!({"name": "recall", "arguments": {"query": "tea"}}),
    );
    let device = Device::start(place);
    let locked = client.line();
    assert_eq!(locked["id"], waiting);
    let words = text(&locked["result"]["content"][0]["text"]);
    assert!(
        words.contains("locked") && words.contains("pocketctl unlock"),
        "{words}"
    );

    device.unlock();
    let found = client.call("recall", json!({"query": "tea"})).unwrap();
    assert_eq!(found["records"][0]["fields"]["text"], "Anna likes tea");

    // What it watched before, it watches still.
    let mut other = Agent::greeted(&device.place, &agent(&device, "other"));
    // A call of the first client's is answered after its watches were begun anew.
    let edit = json!({"category": "notes", "id": id, "fields": {"body": "2"}});
    other.call("edit", edit).unwrap();
    assert_eq!(client.line()["method"], "notifications/resources/updated");

    // A token that is taken away while the daemon is gone does not come back.
    device.ctl(&["agent", "revoke", "desk"]).one();
    let words = client.call("recall", json!({"query": "tea"})).unwrap_err();
    assert!(words.contains("revoked"), "{words}");
    other.end();
    client.end();
}

#[test]
fn a_locked_device_and_a_wrong_token_are_said_in_words() {
    let device = Device::owned();
    let token = agent(&device, "desk");
    device.ctl(&["lock"]).one();
    let mut client = Agent::greeted(&device.place, &token);
    let words = client.call("recall", json!({"query": "tea"})).unwrap_err();
    assert!(
        words.contains("locked") && words.contains("pocketctl unlock"),
        "{words}"
    );
    assert_eq!(client.call("status", json!({})).unwrap()["state"], "locked");
    device.unlock();
    assert_eq!(client.call("status", json!({})).unwrap()["state"], "unlocked");
    client.end();

    let mut wrong = Agent::start(&device.place, "pai_nobodys");
    assert!(!wrong.child.wait().unwrap().success());
}

/// What the agents and the one who kills have in common: how often the daemon has come back.
#[derive(Default)]
struct Lives {
    count: Mutex<u64>,
    risen: Condvar,
}

impl Lives {
    fn now(&self) -> u64 {
        *self.count.lock().unwrap()
    }

    fn rise(&self) {
        *self.count.lock().unwrap() += 1;
        self.risen.notify_all();
    }

    /// Waits until the daemon has come back since `life`.
    fn after(&self, life: u64) {
        let count = self.count.lock().unwrap();
        drop(self.risen.wait_while(count, |count| *count <= life).unwrap());
    }
}

/// Remembers fact after fact, each until it is acknowledged, and tells of each that was.
fn remember_all(mut client: Agent, number: usize, facts: usize, lives: &Lives, told: &Sender<String>) {
    for fact in 0..facts {
        let text = format!("agent {number} fact {fact}");
        loop {
            let life = lives.now();
            let arguments = json!({"facts": [{"text": text, "subject": "test"}]});
            match client.call("remember", arguments) {
                Ok(result) => {
                    let outcome = &result["results"][0]["outcome"];
                    assert!(outcome == "added" || outcome == "already-here", "{result}");
                    told.send(text).unwrap();
                    break;
                }
                // Killed, or not unlocked yet.
                Err(words) => {
                    assert!(words.contains('\u{2014}'), "{words}");
                    if lives.now() == life {
                        lives.after(life);
                    }
                }
            }
        }
    }
    client.end();
}

#[test]
fn eight_agents_lose_and_double_nothing_over_kills_of_the_daemon() {
    const AGENTS: usize = 8;
    const FACTS: usize = 40;
    // After so many acknowledged facts the daemon is killed: unevenly, so that it is met at every point.
    const KILLS: [usize; 5] = [17, 60, 101, 173, 259];
    let mut device = Device::owned();
    let lives = Arc::new(Lives::default());
    let (told, heard) = channel();
    let threads: Vec<_> = (0..AGENTS)
        .map(|number| {
            let client = Agent::greeted(&device.place, &agent(&device, &format!("agent{number}")));
            let (lives, told) = (Arc::clone(&lives), told.clone());
            thread::spawn(move || remember_all(client, number, FACTS, &lives, &told))
        })
        .collect();
    drop(told);
    let mut kept = BTreeSet::new();
    for text in heard {
        assert!(kept.insert(text), "a fact was acknowledged twice");
        if KILLS.contains(&kept.len()) {
            device = Device::start(device.kill());
            device.unlock();
            lives.rise();
        }
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(kept.len(), AGENTS * FACTS);
    assert_eq!(lives.now(), 5);
    let mut stored: BTreeMap<String, usize> = BTreeMap::new();
    for record in device.list("memory") {
        *stored.entry(text(&record["fields"]["text"])).or_default() += 1;
    }
    for fact in &kept {
        assert_eq!(stored.remove(fact), Some(1), "{fact}");
    }
    assert!(stored.is_empty(), "{stored:?}");
    device.ctl(&["audit", "verify"]).one();
}
