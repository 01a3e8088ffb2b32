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
/// Most bytes of a file that is put into a question: more than any provider is given.
const MOST_ATTACHED: u64 = 1024 * 1024;

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

/// The question and the texts of the files that go along, each after its name.
fn words(question: &Question) -> Result<SecretBytes, Problem> {
    let mut words = Zeroizing::new(question.text.join(" "));
    if *words == "-" {
        let input = terminal::read_input()?;
        let text =
            str::from_utf8(&input).map_err(|_| Problem::local("the question is no text", "send UTF-8"))?;
        words = Zeroizing::new(text.trim_end().to_owned());
    }
    let mut whole = Zeroizing::new(String::new());
    for path in &question.attach {
        let text = attached(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        whole.push_str(&format!("{name}:\n{}\n\n", text.trim_end()));
    }
    whole.push_str(&words);
    Ok(SecretBytes::new(whole.as_bytes().to_vec()))
}

/// The text of a file. What is no text is for `import`, which reads documents in a program of its own.
fn attached(path: &PathBuf) -> Result<Zeroizing<String>, Problem> {
    let file = fs::File::open(path).map_err(|error| Problem::file("read", path, &error))?;
    let mut bytes = Zeroizing::new(Vec::new());
    let read = file.take(MOST_ATTACHED + 1).read_to_end(&mut bytes);
    read.map_err(|error| Problem::file("read", path, &error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MOST_ATTACHED) {
        return Err(Problem::local(
            format!("{} is larger than 1 MiB", path.display()),
            "attach the part that matters",
        ));
    }
    match str::from_utf8(&bytes) {
        Ok(text) if !text.contains('\0') => Ok(Zeroizing::new(text.to_owned())),
        _ => Err(Problem::local(
            format!("{} is no text in UTF-8", path.display()),
            "attach text only: nothing else can be searched for what must not leave",
        )),
    }
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

    fn question(text: &str, attach: Vec<PathBuf>) -> Question {
        Question {
            provider: None,
            about: String::new(),
            with: Vec::new(),
            attach,
            no_wait: false,
            text: vec![text.to_owned()],
        }
    }

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::Builder::new().suffix(".txt").tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn files_go_ahead_of_the_question_with_their_names() {
        let file = file("Grüße\n\n".as_bytes());
        let Ok(words) = words(&question("what?", vec![file.path().to_path_buf()])) else {
            panic!()
        };
        let name = file.path().file_name().unwrap().to_str().unwrap();
        assert_eq!(words.expose_str().unwrap(), format!("{name}:\nGrüße\n\nwhat?"));
    }

    #[test]
    fn what_is_no_text_or_too_much_is_refused() {
        for bytes in [&b"\xff\xd8\xff"[..], b"a\0b", &vec![b'a'; 1024 * 1024 + 1]] {
            let file = file(bytes);
            assert!(attached(&file.path().to_path_buf()).is_err(), "{}", bytes.len());
        }
        assert!(attached(&file(&vec![b'a'; 1024 * 1024]).path().to_path_buf()).is_ok());
        assert!(attached(&PathBuf::from("/no/such")).is_err());
    }
}
