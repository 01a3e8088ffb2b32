//! Asking a model. What would leave waits for the owner; what a model says is a suggestion.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use pocket_core::{Answer, Ask, Asked, Consent, ConsentState, Failure, FailureKind, Operation, RecordId};
use pocket_crypto::SecretBytes;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::arguments::Question;
use crate::consent;
use crate::exit::Problem;
use crate::output::{escape, write_piece};
use crate::session::Session;
use crate::terminal;

/// How long to wait before looking again whether there is news. A person answers in seconds, a model
/// writes some words in this time.
const PAUSE: Duration = Duration::from_millis(250);
/// Most bytes of a file that goes along: what the device takes.
const MOST_ATTACHED: u64 = 8 * 1024 * 1024;

pub(crate) fn run(session: &mut Session, question: Question) -> Result<(), Problem> {
    let text = words(&question)?;
    let ask = Ask {
        provider: question.provider,
        purpose: question.about,
        with: question
            .with
            .iter()
            .map(|with| (with.category, with.id))
            .collect(),
    };
    for path in &question.attach {
        let (name, bytes) = attached(path)?;
        session.attach(name, bytes)?;
    }
    let reply = session.call(Operation::Ask(Box::new(ask)), None, Some(text))?;
    let Answer::Asked(asked) = reply.answer else {
        return Err(Problem::unexpected());
    };
    let waits = asked.question.state == ConsentState::Waiting;
    if waits && (question.no_wait || !terminal::is_present()) {
        session.output.print(
            &consent::to_json(&asked.question),
            &consent::line(&asked.question, &consent::Names::default()),
        )?;
        return Err(needed(&asked.question));
    }
    if waits {
        terminal::say(&invitation(&asked.question));
    }
    let told = follow(session, &asked.question)?;
    conclude(session, &told)
}

/// The question.
fn words(question: &Question) -> Result<SecretBytes, Problem> {
    let words = Zeroizing::new(question.text.join(" "));
    if *words != "-" {
        return Ok(SecretBytes::new(words.as_bytes().to_vec()));
    }
    let input = terminal::read_input()?;
    let text = str::from_utf8(&input).map_err(|_| Problem::local("the question is no text", "send UTF-8"))?;
    Ok(SecretBytes::new(text.trim_end().as_bytes().to_vec()))
}

/// A file as it is. The device has it read by a program without power, and takes what it may hold.
fn attached(path: &PathBuf) -> Result<(String, SecretBytes), Problem> {
    let file = fs::File::open(path).map_err(|error| Problem::file("read", path, &error))?;
    let mut bytes = Zeroizing::new(Vec::new());
    let read = file.take(MOST_ATTACHED + 1).read_to_end(&mut bytes);
    read.map_err(|error| Problem::file("read", path, &error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MOST_ATTACHED) {
        return Err(Problem::local(
            format!("{} is larger than 8 MiB", path.display()),
            "attach the part that matters, or a smaller picture",
        ));
    }
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok((name, SecretBytes::new(std::mem::take(&mut *bytes))))
}

fn needed(question: &Consent) -> Problem {
    Failure::new(
        FailureKind::ConsentNeeded,
        format!("question {} waits for your consent", question.id),
        format!(
            "see it with pocketctl consent show {0}, then pocketctl consent approve {0}; or on the page",
            question.id
        ),
    )
    .into()
}

fn invitation(question: &Consent) -> String {
    format!(
        "{}\nIt waits for your consent: on the page, or with\n    pocketctl consent show {id}\n    pocketctl consent approve {id}\nCtrl-C leaves it waiting.",
        consent::line(question, &consent::Names::default()),
        id = question.id
    )
}

/// Shows what the model says as it comes, until nothing more will.
pub(crate) fn follow(session: &mut Session, question: &Consent) -> Result<Asked, Problem> {
    let mut whole = String::new();
    loop {
        let asked = status(session, question.id, whole.len())?;
        if !asked.text.is_empty() {
            if whole.is_empty() {
                session.output.remark(&label(&asked.question))?;
            }
            write_piece(session.output, &asked.text)?;
            whole.push_str(&asked.text);
        }
        let all = usize::try_from(asked.length).is_ok_and(|length| length <= whole.len());
        if asked.question.state.is_over() && all {
            if !whole.is_empty() {
                session.output.remark("")?;
            }
            return Ok(Asked { text: whole, ..asked });
        }
        thread::sleep(PAUSE);
    }
}

/// What has become of a question, with the answer's text from a byte on.
pub(crate) fn status(session: &mut Session, id: RecordId, from: usize) -> Result<Asked, Problem> {
    let from = u64::try_from(from).unwrap_or(u64::MAX);
    match session.ask(Operation::ConsentStatus { id, from })? {
        Answer::Asked(asked) => Ok(*asked),
        _ => Err(Problem::unexpected()),
    }
}

/// Ahead of every answer: whose words these are.
pub(crate) fn label(question: &Consent) -> String {
    format!(
        "Suggestion of the model {} at {} (a model's words: check them before you rely on them):",
        escape(&question.model),
        question.provider
    )
}

/// The answer in JSON, marked as what it is.
pub(crate) fn to_json(asked: &Asked) -> Value {
    let mut json = consent::to_json(&asked.question);
    json["suggestion"] = json!(asked.text);
    json
}

fn conclude(session: &Session, asked: &Asked) -> Result<(), Problem> {
    let failed = |kind, message: String, remedy: &str| Err(Failure::new(kind, message, remedy).into());
    match &asked.question.state {
        ConsentState::Answered { .. } => session.output.print(&to_json(asked), ""),
        ConsentState::Denied => failed(
            FailureKind::Refused,
            "you said no: nothing was sent".to_owned(),
            "ask differently",
        ),
        ConsentState::Expired => failed(
            FailureKind::Refused,
            "nobody answered in time, which is a no: nothing was sent".to_owned(),
            "ask again",
        ),
        ConsentState::Failed { reason, sent, .. } => failed(
            FailureKind::Unavailable,
            format!("no whole answer came: {reason} ({sent} bytes were sent)"),
            "ask again; in the cloud that needs a new approval",
        ),
        ConsentState::Sending | ConsentState::Waiting => Err(Problem::unexpected()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_goes_as_it_is_under_its_own_name_and_one_that_is_too_large_does_not() {
        let mut file = tempfile::Builder::new().suffix(".txt").tempfile().unwrap();
        file.write_all(&vec![0xff; 8 * 1024 * 1024]).unwrap();
        let path = file.path().to_path_buf();
        let Ok((name, bytes)) = attached(&path) else {
            panic!()
        };
        assert_eq!(name, path.file_name().unwrap().to_str().unwrap());
        assert_eq!(bytes.len(), 8 * 1024 * 1024);
        file.write_all(b"x").unwrap();
        assert!(attached(&path).is_err());
        assert!(attached(&PathBuf::from("/no/such")).is_err());
    }
}
