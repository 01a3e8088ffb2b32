//! Looking after the device, and destroying what shall be gone.

use pocket_core::{Answer, CheckReport, Failure, FailureKind, Operation, ResetProof};
use serde_json::json;

use crate::arguments::CategoryCommand;
use crate::exit::Problem;
use crate::output::Output;
use crate::session::Session;
use crate::status::findings;
use crate::terminal;

const WORD: &str = "ERASE";

pub(crate) fn check(session: &mut Session, accept_loss: bool) -> Result<(), Problem> {
    match session.ask(Operation::Check { accept_loss })? {
        Answer::Check(report) => tell(session.output, &report, "nothing is damaged"),
        _ => Err(Problem::unexpected()),
    }
}

pub(crate) fn category(session: &mut Session, command: CategoryCommand) -> Result<(), Problem> {
    match command {
        CategoryCommand::Erase { name } => {
            let passphrase = session
                .passphrases
                .ask(&format!("Passphrase, to destroy everything in {name}: "))?;
            session.call(
                Operation::CategoryErase { category: name },
                Some(passphrase),
                None,
            )?;
            session.output.print(
                &json!({"erased": name}),
                &format!("{name} is erased: its key is destroyed"),
            )
        }
        CategoryCommand::Rekey { name } => {
            session.ask(Operation::CategoryRekey { category: name })?;
            session.output.print(
                &json!({"rekeyed": name}),
                &format!("{name} has a new key; the old one is destroyed, and with it what was deleted"),
            )
        }
    }
}

pub(crate) fn factory_reset(session: &mut Session, confirm: Option<String>) -> Result<(), Problem> {
    let confirm = match confirm {
        Some(confirm) => confirm,
        None if terminal::is_present() => {
            terminal::say("This destroys all keys and all data on the device. There is no way back.");
            terminal::ask(&format!("Type {WORD} to go on: "))?.to_string()
        }
        None => String::new(),
    };
    if confirm != WORD {
        return Err(Problem::usage(
            "a factory reset needs the typed word",
            format!("repeat it with --confirm {WORD}"),
        ));
    }
    let passphrase = session.passphrases.ask("Passphrase: ")?;
    match session
        .call(Operation::FactoryReset { confirm }, Some(passphrase), None)?
        .answer
    {
        Answer::Reset(proof) => prove(session.output, &proof),
        _ => Err(Problem::unexpected()),
    }
}

pub(crate) fn tell(output: Output, report: &CheckReport, good: &str) -> Result<(), Problem> {
    let counts = format!(
        "{} records, {} files, {} audit entries read",
        report.records, report.blobs, report.audit
    );
    let mut json = json!(report);
    json["healthy"] = json!(report.findings.is_empty());
    if report.findings.is_empty() {
        return output.print(&json, &format!("{good}: {counts}"));
    }
    output.print(&json, &format!("{counts}\n{}", findings(&report.findings)))?;
    let number = report.findings.len();
    let message = if number == 1 {
        "1 thing is damaged".to_owned()
    } else {
        format!("{number} things are damaged")
    };
    Err(Failure::new(FailureKind::Damaged, message, "do as it says beside each").into())
}

fn prove(output: Output, proof: &ResetProof) -> Result<(), Problem> {
    let text = format!(
        "The device is new. {} pieces of the old data were tried {} times with every key that is left: {} opened.\n\
         {} files of the former owner are left.",
        proof.samples, proof.tried, proof.opened, proof.files_left
    );
    output.print(&json!(proof), &text)?;
    if proof.opened == 0 && proof.files_left == 0 {
        return Ok(());
    }
    let message = "the reset left something of the former owner";
    Err(Failure::new(
        FailureKind::Damaged,
        message,
        "repeat it, and destroy the card if it stays so",
    )
    .into())
}
