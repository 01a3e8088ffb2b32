//! The button on the device as a second factor: what the owner wants confirmed by it waits here for a short
//! time, one thing at a time, and is decided anew when the press comes.

use pocket_core::audit::Outcome;
use pocket_core::{
    Actor, ActorRef, Answer, Category, Failure, FailureKind, Operation, OperationKind, Press, PressBusy,
    PressFor, PressStatus, RecordId,
};
use pocket_store::Changes;

use super::update::installable;
use super::{Act, Beside, Vault, event};
use crate::engine::{Next, Now};
use crate::failure;
use crate::keys::Device;

/// The name under which the owner's choice is kept.
pub(super) const ROW: &str = "press";

/// What the owner chose to confirm at the device, and what waits for that.
#[derive(Default)]
pub(super) struct Presses {
    need: PressFor,
    press: Press,
}

impl Presses {
    /// The choice as it was kept. One that is not understood is the strictest.
    pub(super) fn load(row: Option<&[u8]>) -> Self {
        let need = row.map(|row| str::from_utf8(row).unwrap_or_default().parse());
        Self {
            need: need.map_or(PressFor::Off, |need| need.unwrap_or(PressFor::Every)),
            press: Press::default(),
        }
    }

    pub(super) fn status(&self, device: &Device, now: Now) -> PressStatus {
        PressStatus {
            need: self.need,
            button: device.buttons > 0,
            waiting: self.press.status(now.steady),
        }
    }
}

impl Vault {
    /// Whether it is done only once the button was pressed.
    pub(super) fn needs_press(&self, operation: &Operation) -> bool {
        let need = self.presses.need;
        match operation {
            Operation::ConsentApprove { id, .. } => self
                .consents
                .known(*id)
                .is_some_and(|consent| need.covers(consent)),
            // Also to set it up: so nobody chooses it whose button does not work.
            Operation::PressSet { .. } => true,
            Operation::StandingAdd(terms) => need.covers_standing(terms),
            Operation::UpdateInstall { .. } => need != PressFor::Off,
            // A consent like the others: something leaves.
            Operation::BackupSend { .. } | Operation::UpdateFetch { .. } => need == PressFor::Every,
            _ => false,
        }
    }

    /// Begins to wait for the button.
    pub(super) fn await_press(
        &mut self,
        device: &Device,
        actor: &Actor,
        operation: Operation,
        act: Act,
    ) -> Result<Next, Failure> {
        if device.buttons == 0 {
            return Err(no_button());
        }
        let now = act.now;
        let records: Vec<(Category, RecordId)> = match &operation {
            Operation::ConsentApprove { id, sha256 } => {
                self.consents.may_approve(*id, sha256, now)?;
                vec![(Category::Outbox, *id)]
            }
            Operation::UpdateInstall { sha256, older } => {
                installable(device, sha256, *older)?;
                Vec::new()
            }
            _ => Vec::new(),
        };
        let begun = self.presses.press.begin(actor.clone(), operation, now.steady);
        begun.map_err(|error| busy(&error))?;
        let asked = self.commit_as(act.permit, &records, Changes::new(), Outcome::Asked, now);
        if let Err(failure) = asked {
            self.presses.press.forget();
            return Err(failure);
        }
        let seconds = Press::PATIENCE.as_secs();
        Ok(Next::Stay(Answer::PressNeeded { seconds }.into()))
    }

    /// The button was pressed: what waited for it is decided anew, and done.
    pub(crate) fn pressed(&mut self, device: &mut Device, now: Now) -> Result<Next, Failure> {
        let confirmed = self.presses.press.pressed(now.steady);
        let (actor, operation) = confirmed
            .ok_or_else(|| failure::not_found("consent that waits for the button", "press it then"))?;
        let press = OperationKind::Press;
        self.note(vec![event(ActorRef::Device, press, None, Outcome::Done, now)])?;
        self.carry_out(device, &actor, operation, Beside::pressed(now))
    }

    /// What the owner does not want any more is not waited for either.
    pub(super) fn forget_press(&mut self, denied: RecordId, now: Now) {
        let waits = self.presses.press.waits_for(now.steady);
        if matches!(waits, Some(Operation::ConsentApprove { id, .. }) if *id == denied) {
            self.presses.press.forget();
        }
    }

    /// Once a second: nobody pressed it in time, which is a no.
    pub(super) fn tick_press(&mut self, now: Now) -> Result<bool, Failure> {
        let Some((actor, operation)) = self.presses.press.expired(now.steady) else {
            return Ok(false);
        };
        let outcome = Outcome::Failed(FailureKind::ConsentNeeded);
        self.note(vec![event(
            actor.reference(),
            operation.kind(),
            None,
            outcome,
            now,
        )])?;
        Ok(true)
    }

    pub(super) fn press_set(&mut self, act: Act, need: PressFor) -> Result<Answer, Failure> {
        let changes = Changes::new().put_system(ROW, need.name().as_bytes().to_vec());
        self.commit(act.permit, &[], changes, act.now)?;
        self.presses.need = need;
        Ok(Answer::Done)
    }

    /// Reads the owner's choice back. Where rows are missing, this one may be among them.
    pub(super) fn recall_press(&mut self) -> Result<(), Failure> {
        let row = match self.store.system_whole() {
            Ok(()) => self.store.system(ROW).map_err(|error| failure::store(&error))?,
            Err(_) => Some(Vec::new().into()),
        };
        self.presses = Presses::load(row.as_ref().map(|row| row.as_slice()));
        Ok(())
    }
}

fn no_button() -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        "this needs a press of the button on the device, and no button of it answers",
        "look at the button's wiring (docs/hardware.md); a device without one can't be set up so",
    )
}

fn busy(error: &PressBusy) -> Failure {
    let message = error.to_string();
    let remedy = "press the button for that, lock the device, or wait half a minute; then do this again";
    Failure::new(FailureKind::Conflict, message, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_that_is_not_understood_is_the_strictest() {
        let need = |row: Option<&[u8]>| Presses::load(row).need;
        assert_eq!(need(None), PressFor::Off);
        for choice in PressFor::ALL {
            assert_eq!(need(Some(choice.name().as_bytes())), choice);
        }
        assert_eq!(need(Some(b"twice")), PressFor::Every);
        assert_eq!(need(Some(b"\xff")), PressFor::Every);
        assert_eq!(need(Some(b"")), PressFor::Every);
    }
}
