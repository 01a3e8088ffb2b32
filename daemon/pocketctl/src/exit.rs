//! What went wrong, in words or JSON, and the exit code that says it to a script.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use pocket_core::{Failure, FailureKind};
use pocket_wire::ConnectError;
use serde_json::json;

use crate::output::{escape, json_line};

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const LOCKED: u8 = 3;
const CONSENT: u8 = 4;
const NO: u8 = 5;

/// Why a command did not do what it was asked.
pub(crate) enum Problem {
    /// Whoever reads our output has stopped reading.
    ClosedOutput,
    /// The device said no, or does not answer.
    Failure(Failure),
    /// What was printed is a no: a file is not as it was written, nothing is due.
    No,
    /// Something on this side: a file, the terminal, the editor.
    Local { message: String, remedy: String },
    /// The command was not understood.
    Usage { message: String, remedy: String },
}

impl Problem {
    pub(crate) fn local(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Local {
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    pub(crate) fn usage(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// `path` could not be read or written ("read", "write").
    pub(crate) fn file(verb: &str, path: &Path, error: &io::Error) -> Self {
        let remedy = match error.kind() {
            ErrorKind::AlreadyExists => "choose a name that is not taken: nothing is overwritten",
            ErrorKind::NotFound => "check the path",
            ErrorKind::PermissionDenied => "check who owns it",
            ErrorKind::StorageFull => "make room on the disk",
            _ => "check the path and the disk",
        };
        Self::local(format!("can't {verb} {}: {error}", path.display()), remedy)
    }

    /// Standard output failed. A reader that went away, as `head` does, is not worth a word.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::ClosedOutput,
            _ => Self::local(
                format!("can't write standard output: {error}"),
                "check where it goes",
            ),
        }
    }

    /// The device answered something that does not belong to the question.
    pub(crate) fn unexpected() -> Self {
        let message = "pocketd gave an answer that does not belong to the question";
        Failure::new(
            FailureKind::Internal,
            message,
            "use pocketctl and pocketd of the same release",
        )
        .into()
    }

    fn code(&self) -> u8 {
        match self {
            Self::Failure(failure) => match failure.kind {
                FailureKind::Locked => LOCKED,
                FailureKind::ConsentNeeded => CONSENT,
                _ => FAILED,
            },
            Self::Usage { .. } => USAGE,
            Self::No => NO,
            Self::ClosedOutput | Self::Local { .. } => FAILED,
        }
    }

    /// Kind, message, remedy; `None` when there is nobody to tell.
    fn parts(&self) -> Option<(&'static str, &str, &str)> {
        match self {
            Self::ClosedOutput | Self::No => None,
            Self::Failure(failure) => Some((failure.kind.name(), &failure.message, &failure.remedy)),
            Self::Local { message, remedy } => Some(("local", message, remedy)),
            Self::Usage { message, remedy } => Some(("usage", message, remedy)),
        }
    }

    /// Says it on standard error; the exit code to leave with.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if let Some((kind, message, remedy)) = self.parts() {
            let text = if json {
                json_line(&json!({"error": {"kind": kind, "message": message, "remedy": remedy}}))
            } else {
                format!("pocketctl: {}\n  {}", escape(message), escape(remedy))
            };
            // With standard error closed too, the exit code still tells.
            writeln!(io::stderr(), "{text}").unwrap_or_default();
        }
        ExitCode::from(self.code())
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<ConnectError> for Problem {
    fn from(error: ConnectError) -> Self {
        Self::Failure(error.failure())
    }
}

/// Answers a command line that does not parse, and requests for help.
pub(crate) fn not_understood(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Help and version; a closed standard output is no failure here.
        error.print().unwrap_or_default();
        return ExitCode::SUCCESS;
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        return Problem::usage(summary(error), "see pocketctl --help, or docs/cli.md").report(true);
    }
    error.print().unwrap_or_default();
    ExitCode::from(USAGE)
}

/// The first lines of clap's message, without the usage text.
fn summary(error: &clap::Error) -> String {
    let whole = error.to_string();
    let first = whole.split("\n\n").next().unwrap_or_default();
    let cause = error
        .source()
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    let first = first.trim_start_matches("error: ").replace('\n', " ");
    if first.contains(cause.trim_start_matches(": ")) {
        first
    } else {
        format!("{first}{cause}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_tell_locked_and_consent_from_the_rest() {
        let code = |kind| Problem::from(Failure::new(kind, "m", "r")).code();
        assert_eq!(code(FailureKind::Locked), 3);
        assert_eq!(code(FailureKind::ConsentNeeded), 4);
        assert_eq!(code(FailureKind::Refused), 1);
        assert_eq!(code(FailureKind::Unavailable), 1);
        assert_eq!(Problem::usage("m", "r").code(), 2);
        assert_eq!(Problem::local("m", "r").code(), 1);
        assert_eq!(Problem::No.code(), 5);
    }
}
