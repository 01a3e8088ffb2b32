//! A call whose client wants no answer any more: what the engine does for it ends with it.

use std::sync::mpsc::{Receiver, Sender, channel};

use pocket_core::{Content, NewEntry, Note, Operation, Record};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tracing_subscriber::filter::LevelFilter;

use super::device::Device;
use super::*;

/// So many notes, of so many words, that a search that has to index them is not done in many pieces.
const BATCHES: usize = 10;
const WORDS: usize = 500;
const ANSWERS: usize = 5_000;
const SEARCH: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":{"query":"hay"}}}"#;
const SEARCH_MODERN: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":{"query":"hay"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"raw","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;
const CANCEL: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"reason":"enough"}}"#;

/// The engine's journal, line by line. It has a thread of its own, so that the lines of this whole
/// process come here: no other test in this process may ask for them.
struct Journal(Receiver<String>);

struct Line(Sender<String>);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nobody reads on once the test is over.
        drop(self.0.send(String::from_utf8_lossy(bytes).into_owned()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Journal {
    fn keep() -> Self {
        let (line, lines) = channel();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(LevelFilter::DEBUG)
            .with_writer(move || Line(line.clone()));
        tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
        Self(lines)
    }

    /// Waits for a line that says `what` of the search. The engine does a piece of work after each
    /// answer, so that it is long done when none of so many brought the line.
    async fn until(&self, what: &str, device: &Device) {
        for _ in 0..ANSWERS {
            while let Ok(line) = self.0.try_recv() {
                if line.contains("work=\"search\"") && line.contains(what) {
                    return;
                }
            }
            device.as_owner(Operation::Status).await;
        }
        panic!("the search was never `{what}`");
    }
}

/// Notes that are not indexed yet.
async fn fill(device: &Device) {
    for batch in 0..BATCHES {
        let item = |number: usize| {
            let note = Note {
                title: format!("Note {batch} {number}"),
                body: "hay ".repeat(WORDS),
                ..Note::default()
            };
            NewEntry {
                id: None,
                created: None,
                updated: None,
                upload: None,
                content: Content::check(Record::Note(note)).unwrap(),
            }
        };
        let items = (0..Operation::MOST_ITEMS).map(item).collect();
        device.as_owner(Operation::Add { items, import: true }).await;
    }
}

/// A device where a search takes long, with the token of an agent.
async fn slow() -> (Journal, Device, String) {
    let journal = Journal::keep();
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    fill(&device).await;
    (journal, device, token)
}

/// The search ends before it was done, and with it all that the engine had to go on with.
async fn ended(journal: &Journal, device: Device) {
    journal.until("given up", &device).await;
    device.stop().await;
}

#[tokio::test]
async fn a_search_ends_when_the_session_says_so() {
    let (journal, device, token) = slow().await;
    let session = device.begin(&token).await;
    let _open = device.post(SEARCH).token(&token).session(&session).open().await;
    journal.until("takes longer", &device).await;
    let cancelled = device.post(CANCEL).token(&token).session(&session);
    assert_eq!(cancelled.status().await, 202);
    ended(&journal, device).await;
}

#[tokio::test]
async fn a_search_ends_when_the_request_is_closed() {
    let (journal, device, token) = slow().await;
    let request = device.post(SEARCH_MODERN).token(&token);
    let request = request
        .header("MCP-Protocol-Version", "2026-07-28")
        .header("Mcp-Method", "tools/call")
        .header("Mcp-Name", "search");
    let open = request.open().await;
    journal.until("takes longer", &device).await;
    drop(open);
    ended(&journal, device).await;
}

#[tokio::test]
async fn a_search_ends_when_the_stream_says_so() {
    let (journal, device, token) = slow().await;
    let (here, there) = tokio::io::duplex(64 * 1024);
    let token = SecretBytes::new(token.into_bytes());
    let served = tokio::spawn(serve_stream(device.handle.clone(), token, there));
    let (read, mut write) = tokio::io::split(here);
    let mut lines = BufReader::new(read).lines();
    let say = |text: &str| format!("{text}\n").into_bytes();
    write.write_all(&say(INITIALIZE)).await.unwrap();
    lines.next_line().await.unwrap().unwrap();
    let begun = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    write.write_all(&say(begun)).await.unwrap();
    write.write_all(&say(SEARCH)).await.unwrap();
    journal.until("takes longer", &device).await;
    write.write_all(&say(CANCEL)).await.unwrap();
    ended(&journal, device).await;
    drop((lines, write));
    served.await.unwrap().unwrap();
}
