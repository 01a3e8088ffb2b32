//! The bridge itself: one client on standard input and output, one device on the other side, which may
//! stop and start again while the client stays.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use pocket_core::FailureKind;

use super::traffic::{Line, Traffic, refusal};
use crate::exit::Problem;

/// How long a question waits for a device that is not there: a restart takes a second, clients wait for
/// a minute at most.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked for.
const PAUSE: Duration = Duration::from_millis(100);

/// What happens.
enum Event {
    /// A line from the client.
    Asked(Vec<u8>),
    /// The client has no more to say.
    InputEnded,
    /// A line from the device, over the connection of this number.
    Answered(u64, Vec<u8>),
    /// That connection has ended.
    Cut(u64),
}

/// Where the device is.
enum Link {
    Up(UnixStream),
    Down { next_try: Instant },
}

/// A client's way to the device.
pub(super) struct Bridge<Connect, Output> {
    connect: Connect,
    output: Output,
    link: Link,
    /// Which connection it is: what an earlier one says late is not heard.
    number: u64,
    traffic: Traffic,
    /// Lines that wait for a device, and since when.
    held: VecDeque<(Instant, Vec<u8>)>,
    input_ended: bool,
    events: Sender<Event>,
    arrivals: Receiver<Event>,
}

impl<Connect, Output> Bridge<Connect, Output>
where
    Connect: FnMut() -> Result<UnixStream, Problem>,
    Output: Write,
{
    /// A bridge to the device that `connect` leads to, which is there.
    ///
    /// # Errors
    /// What `connect` says otherwise.
    pub(super) fn new(mut connect: Connect, output: Output) -> Result<Self, Problem> {
        let stream = connect()?;
        let (events, arrivals) = channel();
        let mut bridge = Self {
            connect,
            output,
            link: Link::Down {
                next_try: Instant::now(),
            },
            number: 0,
            traffic: Traffic::default(),
            held: VecDeque::new(),
            input_ended: false,
            events,
            arrivals,
        };
        bridge.join(stream)?;
        Ok(bridge)
    }

    /// Passes lines on until the client has had its last answer.
    ///
    /// # Errors
    /// When the client does not listen any more, or the device will not have it back.
    pub(super) fn run(mut self, input: impl BufRead + Send + 'static) -> Result<(), Problem> {
        let events = self.events.clone();
        // Not joined: it may sit in a read that nothing ends but our exit.
        let _asking = thread::spawn(move || {
            lines(input, |line| events.send(Event::Asked(line)).is_ok());
            events.send(Event::InputEnded).unwrap_or_default();
        });
        loop {
            match self.next() {
                Some(Event::Asked(line)) => self.ask(line)?,
                Some(Event::Answered(number, line)) if number == self.number => self.answer(&line)?,
                Some(Event::Cut(number)) if number == self.number => {
                    if self.input_ended && !self.traffic.is_waiting() {
                        return Ok(());
                    }
                    self.lose()?;
                }
                Some(Event::InputEnded) => self.input_ended = true,
                Some(Event::Answered(..) | Event::Cut(_)) | None => {}
            }
            self.look_for_device()?;
            if self.input_ended && self.held.is_empty() && self.is_finished() {
                return Ok(());
            }
        }
    }

    /// The next event; none when it is time to look for the device.
    fn next(&self) -> Option<Event> {
        match self.link {
            Link::Up(_) => self.arrivals.recv().ok(),
            Link::Down { .. } => self.arrivals.recv_timeout(PAUSE).ok(),
        }
    }

    /// Whether nothing more will come. A device that is up answers what it was asked and hangs up.
    fn is_finished(&self) -> bool {
        match &self.link {
            Link::Up(stream) => {
                stream.shutdown(Shutdown::Write).unwrap_or_default();
                false
            }
            Link::Down { .. } => !self.traffic.is_waiting(),
        }
    }

    fn ask(&mut self, line: Vec<u8>) -> Result<(), Problem> {
        let Link::Up(stream) = &mut self.link else {
            self.held.push_back((Instant::now(), line));
            return Ok(());
        };
        // A connection that fails ends, and the end is an event of its own.
        for again in self.traffic.watch_again() {
            stream.write_all(&again).unwrap_or_default();
        }
        self.traffic.asked(&line);
        stream.write_all(&line).unwrap_or_default();
        Ok(())
    }

    fn answer(&mut self, line: &[u8]) -> Result<(), Problem> {
        match self.traffic.answered(line) {
            Line::Swallow => Ok(()),
            Line::Pass => self.tell(line),
        }
    }

    /// The device is gone: what it was asked gets an answer in words.
    fn lose(&mut self) -> Result<(), Problem> {
        self.link = Link::Down {
            next_try: Instant::now(),
        };
        for line in self.traffic.lost() {
            self.tell(&line)?;
        }
        Ok(())
    }

    /// Looks whether it is back, and tells who has waited too long that it is not.
    fn look_for_device(&mut self) -> Result<(), Problem> {
        let Link::Down { next_try } = self.link else {
            return Ok(());
        };
        if Instant::now() < next_try {
            return Ok(());
        }
        match (self.connect)() {
            Ok(stream) => self.join(stream),
            Err(problem) if may_pass(&problem) => {
                self.link = Link::Down {
                    next_try: Instant::now() + PAUSE,
                };
                self.expire()
            }
            Err(problem) => Err(problem),
        }
    }

    /// A new connection: the device is told what it must know, then what has waited.
    fn join(&mut self, stream: UnixStream) -> Result<(), Problem> {
        let reading = stream.try_clone().map_err(|error| {
            Problem::local(
                format!("the connection can't be used: {error}"),
                "start the agent again",
            )
        })?;
        self.number += 1;
        let (number, events) = (self.number, self.events.clone());
        let _answering = thread::spawn(move || {
            let tell = |line| events.send(Event::Answered(number, line)).is_ok();
            lines(BufReader::new(reading), tell);
            events.send(Event::Cut(number)).unwrap_or_default();
        });
        self.link = Link::Up(stream);
        for line in self.traffic.again() {
            if let Link::Up(stream) = &mut self.link {
                stream.write_all(&line).unwrap_or_default();
            }
        }
        for (_, line) in std::mem::take(&mut self.held) {
            self.ask(line)?;
        }
        Ok(())
    }

    fn expire(&mut self) -> Result<(), Problem> {
        let words = "pocketd is not running \u{2014} start it, then call again";
        while let Some((since, line)) = self.held.front() {
            if since.elapsed() < PATIENCE {
                return Ok(());
            }
            let refused = refusal(line, words);
            self.held.pop_front();
            if let Some(line) = refused {
                self.tell(&line)?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, line: &[u8]) -> Result<(), Problem> {
        let written = self.output.write_all(line).and_then(|()| self.output.flush());
        written.map_err(|error| Problem::output(&error))
    }
}

/// Whether the device may be there a little later: it is starting, or has too much to do.
fn may_pass(problem: &Problem) -> bool {
    match problem {
        Problem::Failure(failure) => {
            matches!(failure.kind, FailureKind::Unavailable | FailureKind::Throttled)
        }
        _ => false,
    }
}

/// Calls `tell` with each line, its end included, until the input or the listener is gone.
fn lines(mut input: impl BufRead, mut tell: impl FnMut(Vec<u8>) -> bool) {
    loop {
        let mut line = Vec::new();
        match input.read_until(b'\n', &mut line) {
            Ok(0) => return,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
            Ok(_) => {
                if line.last() != Some(&b'\n') {
                    line.push(b'\n');
                }
                if !tell(line) {
                    return;
                }
            }
        }
    }
}
