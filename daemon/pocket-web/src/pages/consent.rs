//! What waits for the owner's consent.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{Answer, Failure, Operation, RecordId};

use crate::door::{Door, unexpected};
use crate::guard::Owner;
use crate::present::{Phrase, Shell, counted, length, page};
use crate::trouble::Trouble;

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage {
    shell: Shell,
    count: Phrase,
    waiting: Vec<RecordId>,
}

/// The list.
pub(crate) async fn list(State(door): State<Door>, owner: Owner) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let waiting = waiting(&door).await?;
    page(&ConsentPage {
        shell: Shell::new(&owner, t.consent_title, "/consent"),
        count: counted(t, length(waiting.len()), t.n_waiting),
        waiting,
    })
}

/// What waits, as the engine has it.
pub(crate) async fn waiting(door: &Door) -> Result<Vec<RecordId>, Failure> {
    match door.ask(Operation::ConsentList).await?.answer {
        Answer::Consents(waiting) => Ok(waiting),
        _ => Err(unexpected()),
    }
}
