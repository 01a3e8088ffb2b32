//! The button on the device as a second factor: who said yes needs a finger on it too.

use pocket_core::{PressFor, PressStatus};

use super::*;
use crate::ButtonReport;

impl Desk {
    fn button(&self, report: ButtonReport) -> Option<FailureKind> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        kind(runtime.block_on(self.device.handle().button(report)))
    }

    fn need(&self, need: PressFor) -> Result<Answer, Failure> {
        let reply = self.device.ask_with(Operation::PressSet { need }, PASSPHRASE);
        reply.map(|reply| reply.answer)
    }

    fn press(&self) -> PressStatus {
        self.device.status().press.unwrap()
    }

    /// One whose owner wants a press for this.
    fn pressing(profile: Profile, need: PressFor) -> Self {
        let desk = Self::new(profile);
        assert_eq!(desk.button(ButtonReport::Here), None);
        waits(desk.need(need));
        assert_eq!(desk.button(ButtonReport::Pressed), None);
        assert_eq!(desk.press().need, need);
        desk
    }

    fn waits_still(&self, consent: &Consent) -> bool {
        self.status(consent.id).question.state == ConsentState::Waiting
    }
}

#[track_caller]
fn waits(answer: Result<Answer, Failure>) {
    assert!(matches!(answer, Ok(Answer::PressNeeded { seconds: 30 })));
}

#[test]
fn a_yes_waits_for_the_button_and_a_press_counts_once() {
    let mut desk = Desk::pressing(Profile::CloudWithConsent, PressFor::Every);
    let (first, second) = (desk.ask(QUESTION).unwrap(), desk.ask("Another question").unwrap());
    assert_eq!(desk.button(ButtonReport::Pressed), Some(FailureKind::NotFound));
    waits(desk.approve(&first));
    assert!(desk.waits_still(&first) && desk.next_call().is_none());
    let waiting = desk.press().waiting.unwrap();
    assert_eq!(
        (waiting.operation, waiting.question),
        (OperationKind::ConsentApprove, Some(first.id))
    );
    // Of two, whose press would it be?
    assert_eq!(kind(desk.approve(&second)), Some(FailureKind::Conflict));
    waits(desk.approve(&first));
    assert_eq!(desk.button(ButtonReport::Pressed), None);
    assert_eq!(desk.status(first.id).question.state, ConsentState::Sending);
    assert!(desk.next_call().is_some() && desk.waits_still(&second));
    assert_eq!(desk.button(ButtonReport::Pressed), Some(FailureKind::NotFound));
    assert!(desk.next_call().is_none());
    let outcomes: Vec<_> = desk.logged(OperationKind::ConsentApprove);
    assert_eq!(outcomes[0].outcome, audit::Outcome::Done);
    assert!(
        outcomes
            .iter()
            .any(|event| event.outcome == audit::Outcome::Asked)
    );
    assert_eq!(desk.logged(OperationKind::Press).len(), 2);
}

#[test]
fn what_was_denied_closed_or_locked_meanwhile_is_not_pressed_for() {
    let mut desk = Desk::pressing(Profile::CloudWithConsent, PressFor::Every);
    let denied = desk.ask(QUESTION).unwrap();
    waits(desk.approve(&denied));
    desk.deny(&denied).map(drop).unwrap();
    assert_eq!(desk.button(ButtonReport::Pressed), Some(FailureKind::NotFound));

    let closed = desk.ask("Another question").unwrap();
    waits(desk.approve(&closed));
    desk.open(Profile::OfflineOnly);
    assert_eq!(desk.button(ButtonReport::Pressed), Some(FailureKind::Refused));
    desk.open(Profile::CloudWithConsent);

    let locked = desk.ask("A third question").unwrap();
    waits(desk.approve(&locked));
    desk.device.ask(Operation::Lock { all: false }).map(drop).unwrap();
    assert_eq!(desk.button(ButtonReport::Pressed), Some(FailureKind::Locked));
    desk.device.unlock();
    assert_eq!(desk.button(ButtonReport::Pressed), Some(FailureKind::NotFound));
    assert!(desk.next_call().is_none());
}

#[test]
fn the_choice_takes_passphrase_and_press_and_outlives_a_restart() {
    let mut desk = Desk::new(Profile::CloudWithConsent);
    let every = PressFor::Every;
    assert_eq!(
        kind(desk.need(every)),
        Some(FailureKind::Unavailable),
        "no button"
    );
    assert_eq!(desk.button(ButtonReport::Here), None);
    let set = Operation::PressSet { need: every };
    assert_eq!(
        kind(desk.device.ask(set)),
        Some(FailureKind::Refused),
        "no passphrase"
    );
    waits(desk.need(every));
    assert_eq!(desk.press().need, PressFor::Off, "nobody has pressed");
    assert_eq!(desk.button(ButtonReport::Pressed), None);
    desk.restart();
    assert_eq!(desk.press().need, every);
    let question = desk.ask(QUESTION).unwrap();
    let missing = Some(FailureKind::Unavailable);
    assert_eq!(
        kind(desk.approve(&question)),
        missing,
        "the button has not come back"
    );
    assert_eq!(kind(desk.need(PressFor::Off)), missing);
    assert_eq!(desk.button(ButtonReport::Here), None);
    let weaker = Operation::PressSet { need: PressFor::Off };
    assert_eq!(kind(desk.device.ask(weaker)), Some(FailureKind::Refused));
    waits(desk.need(PressFor::Off));
    assert_eq!(desk.press().need, every);
    assert_eq!(desk.button(ButtonReport::Pressed), None);
    assert_eq!(desk.press().need, PressFor::Off);
    desk.approve(&question).map(drop).unwrap();
    assert!(desk.next_call().is_some());
}

#[test]
fn consent_ahead_of_time_is_no_way_around_the_button() {
    let desk = Desk::pressing(Profile::Custom, PressFor::Sensitive);
    let name = || "desk".parse().unwrap();
    let add = Operation::AgentAdd {
        name: name(),
        scopes: "contacts:read,outbox:send".parse().unwrap(),
    };
    desk.device.ask(add).map(drop).unwrap();
    let lease = |category| {
        let terms = StandingTerms {
            agent: name(),
            provider: provider("https://api.example.com/v1").name,
            category,
            calls: 1,
            bytes: 1000,
            minutes: 5,
        };
        desk.call(owner(), Operation::StandingAdd(terms))
    };
    assert!(matches!(lease(None), Ok(Answer::Done)), "no records go along");
    waits(lease(Some(Category::Contacts)));
    assert_eq!(desk.button(ButtonReport::Pressed), None);
    let Ok(Answer::Consents { standing, .. }) = desk.call(owner(), Operation::ConsentList) else {
        panic!("no list");
    };
    assert_eq!(standing.len(), 2);
}
