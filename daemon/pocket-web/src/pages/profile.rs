//! What may leave the device.

use std::borrow::Borrow;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{Failure, FailureKind, Operation, PressFor, Profile};

use crate::again::Again;
use crate::door::Door;
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::Done;
use crate::present::{Shell, go, meaning_of, page_after};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::Words;

#[derive(Template)]
#[template(path = "profile.html")]
struct ProfilePage {
    shell: Shell,
    now: Profile,
    chosen: Profile,
    minutes: String,
}

impl ProfilePage {
    fn meaning(&self, profile: impl Borrow<Profile>) -> &'static str {
        meaning_of(self.shell.look.words(), *profile.borrow())
    }

    /// Whether there is a button, or was one when it was chosen.
    fn has_button(&self) -> bool {
        let press = self.shell.press;
        press.is_some_and(|press| press.button || press.need != PressFor::Off)
    }

    /// What can need a press, in words, and which of that is chosen.
    fn presses(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        let t = self.shell.look.words();
        let chosen = self.shell.press.map(|press| press.need);
        PressFor::ALL.into_iter().map(move |choice| {
            let words = match choice {
                PressFor::Every => t.press_every,
                PressFor::Off => t.press_off,
                PressFor::Sensitive => t.press_sensitive,
            };
            (choice.name(), words, chosen == Some(choice))
        })
    }

    /// Puts what was typed into it.
    fn fill(&mut self, fields: &Fields) {
        self.chosen = fields.line("profile").parse().unwrap_or(self.now);
        fields.line("minutes").clone_into(&mut self.minutes);
    }

    /// What each allows and what not, a line each.
    fn allows(&self, profile: impl Borrow<Profile>) -> impl Iterator<Item = &'static str> {
        let t = self.shell.look.words();
        let lines = match *profile.borrow() {
            Profile::CloudWithConsent => t.allows_consent,
            Profile::Custom => t.allows_custom,
            Profile::LocalNetwork => t.allows_local,
            Profile::OfflineOnly => t.allows_offline,
        };
        lines.split('|')
    }
}

fn profile_page(owner: &Owner) -> ProfilePage {
    let now = owner.status.profile;
    let shell = Shell::new(owner, owner.look.words().profile_title, "/profile");
    ProfilePage {
        shell,
        now,
        chosen: now,
        minutes: "60".to_owned(),
    }
}

/// Shows the profiles and what each means.
pub(crate) async fn show(owner: Owner, Query(done): Query<Done>, again: Again) -> Result<Response, Trouble> {
    let mut form = profile_page(&owner);
    form.shell = again.tell(form.shell.done(done.code()));
    if let Some(fields) = again.fields() {
        form.fill(fields);
    }
    again.page(&form)
}

/// Sets one for a time.
pub(crate) async fn submit(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    match set(&door, &owner, &fields).await {
        Ok(()) => Ok(go("/profile?done=profile")),
        Err(failure) => {
            let mut form = profile_page(&owner);
            form.fill(&fields);
            form.shell = form.shell.failed(&failure);
            page_after(&failure, &form)
        }
    }
}

/// Sets what needs a press of the button; the press itself is still to come.
pub(crate) async fn submit_press(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    match set_press(&door, &owner, &fields).await {
        Ok(()) => Ok(go("/profile")),
        Err(failure) => {
            let mut form = profile_page(&owner);
            form.shell = form.shell.failed(&failure);
            page_after(&failure, &form)
        }
    }
}

async fn set_press(door: &Door, owner: &Owner, fields: &Fields) -> Result<(), Failure> {
    let t = owner.look.words();
    let need: PressFor = fields
        .line("need")
        .parse()
        .map_err(|_| Failure::new(FailureKind::Invalid, t.press_title, t.press_about))?;
    let request = door.request(Operation::PressSet { need });
    door.send(request.with_passphrase(fields.secret("passphrase")))
        .await
        .map(drop)
}

async fn set(door: &Door, owner: &Owner, fields: &Fields) -> Result<(), Failure> {
    let t = owner.look.words();
    let profile: Profile = fields
        .line("profile")
        .parse()
        .map_err(|_: pocket_core::UnknownProfile| {
            Failure::new(FailureKind::Invalid, t.no_profile, t.choose_of_four)
        })?;
    let minutes = match fields.line("minutes") {
        "" => None,
        text => Some(
            text.parse()
                .ok()
                .filter(|minutes| (1..=1440).contains(minutes))
                .ok_or_else(|| bad_minutes(t))?,
        ),
    };
    // Closing must be one step; opening is what a stolen session would do.
    if profile != Profile::OfflineOnly {
        door.ask_again(owner.session, fields.secret("passphrase")).await?;
    }
    door.ask(Operation::ProfileSet { profile, minutes })
        .await
        .map(drop)
}

fn bad_minutes(t: &Words) -> Failure {
    Failure::new(FailureKind::Invalid, t.bad_minutes, t.bad_minutes_do)
}
