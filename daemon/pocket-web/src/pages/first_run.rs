//! First run: the device becomes someone's.

use std::time::Instant;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use pocket_core::{Answer, Failure, FailureKind, LockState, Operation, ResetProof, Status};

use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::{Visitor, append_cookie};
use crate::look::Look;
use crate::pages::keys::NewKey;
use crate::pages::strength;
use crate::present::{Moment, Notice, page, page_after};
use crate::trouble::Trouble;
use crate::words::Words;

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    look: Look,
    weak: bool,
    title: &'static str,
    form_token: String,
    notice: Option<Notice>,
    code: String,
    reset: Option<Proof>,
    damaged: Option<Notice>,
}

/// The evidence of a factory reset, in words.
struct Proof {
    at: Moment,
    clean: bool,
    numbers: ResetProof,
}

/// The first page of a new device.
pub(crate) async fn show(State(door): State<Door>, visitor: Visitor) -> Result<Response, Trouble> {
    let status = door.public_status().await?;
    if matches!(status.state, LockState::Locked | LockState::Unlocked) {
        return Ok(Redirect::to("/unlock").into_response());
    }
    page(&setup_page(&visitor, status))
}

fn setup_page(visitor: &Visitor, status: Status) -> SetupPage {
    let damaged = match status.state {
        LockState::Damaged { message, remedy } => Some(Notice::bad(message, remedy)),
        _ => None,
    };
    SetupPage {
        look: visitor.look,
        weak: false,
        title: visitor.look.words().setup_title,
        form_token: visitor.form_token.clone(),
        notice: None,
        code: String::new(),
        reset: status.reset.map(Proof::from),
        damaged,
    }
}

impl From<ResetProof> for Proof {
    fn from(numbers: ResetProof) -> Self {
        let clean = numbers.opened == 0 && numbers.files_left == 0;
        Self {
            at: Moment(numbers.at),
            clean,
            numbers,
        }
    }
}

/// Sets the device up, and shows the recovery key.
pub(crate) async fn submit(
    State(door): State<Door>,
    visitor: Visitor,
    fields: Fields,
) -> Result<Response, Trouble> {
    let weak = strength::is_weak(&door, fields.secret("passphrase")).await;
    match set_up(&door, visitor.look, &fields, weak).await {
        Ok(key) => {
            let mut response = page(&key)?;
            append_cookie(
                &mut response,
                &door.begin_session(visitor.session, Instant::now()).await?,
            );
            Ok(response)
        }
        Err(failure) => {
            let mut form = setup_page(&visitor, door.public_status().await?);
            form.notice = Some(Notice::of(visitor.look, &failure));
            form.weak = weak;
            form.code = fields.line("code").to_owned();
            page_after(&failure, &form)
        }
    }
}

async fn set_up(door: &Door, look: Look, fields: &Fields, weak: bool) -> Result<NewKey, Failure> {
    check_new(look.words(), fields, "passphrase", "passphrase_again", weak)?;
    let code = pocket_crypto::SecretBytes::new(fields.line("code").as_bytes().to_vec());
    let passphrase = fields.secret("passphrase");
    let reply = door
        .ask_as_visitor(Operation::Setup, Some(passphrase), Some(code))
        .await?;
    let Answer::SetUp { groups } = reply.answer else {
        return Err(unexpected());
    };
    NewKey::new(look, reply.payload, groups)
}

/// A new passphrase is typed twice, since it can't be read on the screen; a weak one is taken only
/// from an owner who says so.
pub(crate) fn check_new(
    t: &Words,
    fields: &Fields,
    first: &str,
    second: &str,
    weak: bool,
) -> Result<(), Failure> {
    let problem = if fields.text(first).is_empty() {
        (t.passphrase_empty, t.passphrase_hint)
    } else if fields.text(first) != fields.text(second) {
        (t.passphrases_differ, t.passphrases_differ_do)
    } else if weak && !fields.ticked("weak") {
        (t.passphrase_weak, t.passphrase_weak_do)
    } else {
        return Ok(());
    };
    Err(Failure::new(FailureKind::Invalid, problem.0, problem.1))
}
