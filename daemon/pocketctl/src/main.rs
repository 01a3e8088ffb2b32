//! The owner's hands: everything that the page can do, from the command line, and the bridge from
//! stdio to MCP.
//!
//! This program parses, asks the device over its control socket and prints. It must never open the
//! store, decide anything, or take a passphrase from an argument or the environment. What it prints
//! and how it exits is a contract that others script against: `docs/cli.md`.

mod agents;
mod arguments;
mod ask;
mod audit;
mod backup;
mod broker;
mod button;
mod care;
mod connect;
mod consent;
mod editor;
mod entry;
mod exit;
mod export;
mod fields;
mod health;
mod import;
mod keep;
mod lock;
mod mcp;
mod output;
mod passphrase;
mod person;
mod profile;
mod providers;
mod records;
mod recovery;
mod secrets;
mod session;
mod setup;
mod status;
mod terminal;
mod update;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::exit::Problem;
use crate::session::Session;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::not_understood(&error),
    };
    let json = arguments.global.json;
    let outcome = Session::new(arguments.global).and_then(|mut session| run(&mut session, arguments.command));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => problem.report(json),
    }
}

fn run(session: &mut Session, command: Command) -> Result<(), Problem> {
    match command {
        Command::Add { category, fields } => records::add(session, category, &fields),
        Command::Agent { command } => agents::run(session, command),
        Command::Ask(question) => ask::run(session, question),
        Command::Audit { command } => audit::run(session, command),
        Command::Backup { command } => backup::run(session, command),
        Command::Broker { command } => broker::run(session, command),
        Command::Button { command } => button::run(session, command),
        Command::Category { command } => care::category(session, command),
        Command::Check { accept_loss } => care::check(session, accept_loss),
        Command::Connect(way) => connect::run(session, &way),
        Command::Consent { command } => consent::run(session, command),
        Command::ReadAgain { id } => records::read_again(session, id),
        Command::Delete { category, id } => records::delete(session, category, id),
        Command::Edit { category, id, fields } => records::edit(session, category, id, &fields),
        Command::Export { folder } => export::run(session, &folder),
        Command::FactoryReset { confirm } => care::factory_reset(session, confirm),
        Command::Get { category, id, out } => records::get(session, category, id, out.as_deref()),
        Command::Health { strict } => health::health(session, strict),
        Command::Import { paths } => import::run(session, &paths),
        Command::Keep(keep) => keep::run(session, &keep),
        Command::List {
            category,
            limit,
            after,
        } => records::list(session, category, limit, after),
        Command::Lock { all } => lock::lock(session, all),
        Command::Mcp { token_file } => mcp::run(session, token_file.as_deref()),
        Command::Passphrase { command } => lock::passphrase(session, command),
        Command::Person { command } => person::run(session, command),
        Command::Profile { command } => profile::run(session, command),
        Command::Provider { command } => providers::run(session, command),
        Command::Recovery { command } => recovery::run(session, command),
        Command::Search {
            category,
            limit,
            query,
        } => records::search(session, category, limit, &query),
        Command::Secret { command } => secrets::run(session, command),
        Command::Setup { code, recovery_out } => setup::run(session, code, recovery_out),
        Command::SetupCode => setup::code(session),
        Command::Status => status::run(session),
        Command::Unlock { recovery } => lock::unlock(session, recovery),
        Command::Update { command } => update::run(session, command),
    }
}
