//! The keys in the owner's hands: passphrase and recovery key.

use std::time::Instant;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{Answer, Failure, FailureKind, Operation};
use pocket_crypto::SecretBytes;

use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::{Owner, append_cookie};
use crate::look::Look;
use crate::pages::first_run::check_new;
use crate::pages::strength;
use crate::present::{Shell, go, page, page_after};
use crate::trouble::Trouble;
use crate::words::{Words, fill};

/// The page that shows a recovery key, once.
#[derive(Template)]
#[template(path = "new_key.html")]
pub(crate) struct NewKey {
    look: Look,
    title: &'static str,
    key: SecretBytes,
    next_step: String,
}

impl NewKey {
    /// Shows this key, of which these groups are to be typed back.
    pub(crate) fn new(look: Look, key: Option<SecretBytes>, groups: (u8, u8)) -> Result<Self, Failure> {
        let key = key
            .filter(|key| key.expose_str().is_ok())
            .ok_or_else(unexpected)?;
        let t = look.words();
        Ok(Self {
            look,
            title: t.your_recovery_key,
            key,
            next_step: fill(t.key_next, &[&groups.0.to_string(), &groups.1.to_string()]),
        })
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        self.key.expose_str().unwrap_or_default().split('-')
    }
}

#[derive(Template)]
#[template(path = "confirm_key.html")]
struct ConfirmPage {
    shell: Shell,
    groups: Option<(u8, u8)>,
}

fn confirm_page(owner: &Owner) -> ConfirmPage {
    let shell = Shell::new(owner, owner.look.words().confirm_title, "/device");
    ConfirmPage {
        shell,
        groups: owner.status.recovery_groups,
    }
}

/// Asks for two groups of the recovery key.
pub(crate) async fn confirm(owner: Owner) -> Result<Response, Trouble> {
    page(&confirm_page(&owner))
}

/// Compares them.
pub(crate) async fn submit_confirm(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let typed = format!("{} {}", fields.line("first"), fields.line("second"));
    let payload = SecretBytes::new(typed.into_bytes());
    let request = door.request(Operation::RecoveryConfirm).with_payload(payload);
    match door.send(request).await {
        Ok(_) => Ok(go("/?done=confirmed")),
        Err(failure) => {
            let mut form = confirm_page(&owner);
            form.shell = form.shell.failed(&failure);
            page_after(&failure, &form)
        }
    }
}

#[derive(Template)]
#[template(path = "renew_key.html")]
struct RenewPage {
    shell: Shell,
}

/// Asks whether to make a new recovery key.
pub(crate) async fn renew(owner: Owner) -> Result<Response, Trouble> {
    page(&RenewPage {
        shell: Shell::new(&owner, owner.look.words().new_recovery_key, "/device"),
    })
}

/// Makes it, and shows it.
pub(crate) async fn submit_renew(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let request = door
        .request(Operation::RecoveryNew)
        .with_passphrase(fields.secret("passphrase"));
    let made = match door.send(request).await {
        Ok(reply) => match reply.answer {
            Answer::SetUp { groups } => NewKey::new(owner.look, reply.payload, groups),
            _ => Err(unexpected()),
        },
        Err(failure) => Err(failure),
    };
    match made {
        Ok(key) => page(&key),
        Err(failure) => {
            let shell = Shell::new(&owner, owner.look.words().new_recovery_key, "/device").failed(&failure);
            page_after(&failure, &RenewPage { shell })
        }
    }
}

#[derive(Template)]
#[template(path = "passphrase.html")]
struct PassphrasePage {
    shell: Shell,
    weak: bool,
}

/// Asks for the old and the new passphrase.
pub(crate) async fn passphrase(owner: Owner) -> Result<Response, Trouble> {
    page(&PassphrasePage {
        weak: false,
        shell: Shell::new(&owner, owner.look.words().change_passphrase, "/device"),
    })
}

/// Changes it. Every session ends, and this browser gets a new one: whoever knew the old
/// passphrase is out.
pub(crate) async fn submit_passphrase(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let weak = strength::is_weak(&door, fields.secret("new")).await;
    match change_passphrase(&door, owner.look.words(), &fields, weak).await {
        Ok(()) => {
            door.sessions().end_all();
            let mut response = go("/?done=passphrase");
            append_cookie(
                &mut response,
                &door.begin_session(Some(owner.session), Instant::now()).await?,
            );
            Ok(response)
        }
        Err(failure) => {
            let shell = Shell::new(&owner, owner.look.words().change_passphrase, "/device").failed(&failure);
            page_after(&failure, &PassphrasePage { shell, weak })
        }
    }
}

async fn change_passphrase(door: &Door, t: &Words, fields: &Fields, weak: bool) -> Result<(), Failure> {
    check_new(t, fields, "new", "new_again", weak)?;
    if fields.text("passphrase").is_empty() {
        return Err(Failure::new(
            FailureKind::Invalid,
            t.old_missing,
            t.old_missing_do,
        ));
    }
    let request = door.request(Operation::PassphraseChange);
    let request = request
        .with_passphrase(fields.secret("passphrase"))
        .with_payload(fields.secret("new"));
    door.send(request).await.map(drop)
}
