//! What a press means: short, the device locks; about three seconds, a yes to what waits for the button; ten
//! seconds and then once more, it is to be reset; everything else, nothing.

use std::time::{Duration, Instant};

/// The longest press that locks.
const SHORT: Duration = Duration::from_secs(2);
/// The longest press that is a yes. The shortest is longer than one that locks: to lock must never say yes.
const YES: Duration = Duration::from_secs(6);
/// The shortest press that arms a reset.
const LONG: Duration = Duration::from_secs(10);
/// How soon after it the second press has to begin.
const AGAIN: Duration = Duration::from_secs(5);
/// A press that begins sooner after the one before is a contact that bounces.
const BOUNCE: Duration = Duration::from_millis(200);
/// Who holds it longer than this is no finger: something lies on it.
const JAMMED: Duration = Duration::from_secs(30);

/// What is to be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Act {
    /// It is held: show that it is felt.
    Feel,
    /// Lock the device.
    Lock,
    /// A second press resets the device: show that.
    Arm,
    /// Reset the device.
    Reset,
    /// Nothing is to be done after all.
    Cancel,
    /// Say yes to what waits for it.
    Yes,
}

/// How far a press has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    #[default]
    Idle,
    Held(Instant),
    /// Held for long enough, and still held.
    Armed(Instant),
    /// Let go of; the second press may begin.
    Waiting(Instant),
    /// The second press.
    Again(Instant),
    /// Held for no good reason: only letting go ends it.
    Jammed,
}

/// A button, and what has been done with it.
#[derive(Debug, Default)]
pub(crate) struct Button(State);

impl Button {
    /// It went down.
    pub(crate) fn down(&mut self, now: Instant) -> Option<Act> {
        match self.0 {
            State::Idle => {
                self.0 = State::Held(now);
                Some(Act::Feel)
            }
            State::Waiting(since) if now.duration_since(since) < BOUNCE => None,
            State::Waiting(since) if now.duration_since(since) < AGAIN => {
                self.0 = State::Again(now);
                None
            }
            // Too late: it is a press like any other, which nobody meant as the second.
            State::Waiting(_) => {
                self.0 = State::Held(now);
                Some(Act::Cancel)
            }
            State::Held(_) | State::Armed(_) | State::Again(_) | State::Jammed => None,
        }
    }

    /// It was let go of.
    pub(crate) fn up(&mut self, now: Instant) -> Option<Act> {
        let (next, act) = match self.0 {
            State::Held(since) => match now.duration_since(since) {
                held if held <= SHORT => (State::Idle, Some(Act::Lock)),
                held if held <= YES => (State::Idle, Some(Act::Yes)),
                held if held < LONG => (State::Idle, Some(Act::Cancel)),
                held if held < JAMMED => (State::Waiting(now), Some(Act::Arm)),
                _ => (State::Idle, Some(Act::Cancel)),
            },
            State::Armed(since) if now.duration_since(since) < JAMMED => (State::Waiting(now), None),
            State::Again(since) if now.duration_since(since) <= SHORT => (State::Idle, Some(Act::Reset)),
            State::Armed(_) | State::Again(_) => (State::Idle, Some(Act::Cancel)),
            State::Idle | State::Jammed => (State::Idle, None),
            State::Waiting(since) => (State::Waiting(since), None),
        };
        self.0 = next;
        act
    }

    /// When to look again although nothing happens.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self.0 {
            State::Idle | State::Jammed => None,
            State::Held(since) => Some(since + LONG),
            State::Armed(since) => Some(since + JAMMED),
            State::Waiting(since) => Some(since + AGAIN),
            State::Again(since) => Some(since + SHORT),
        }
    }

    /// Time has passed.
    pub(crate) fn wait(&mut self, now: Instant) -> Option<Act> {
        if self.due().is_none_or(|due| now < due) {
            return None;
        }
        let (next, act) = match self.0 {
            State::Held(since) => (State::Armed(since), Act::Arm),
            State::Waiting(_) => (State::Idle, Act::Cancel),
            State::Armed(_) | State::Again(_) => (State::Jammed, Act::Cancel),
            State::Idle | State::Jammed => return None,
        };
        self.0 = next;
        Some(act)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What comes of going down and up at these seconds, in turns, with time passing between.
    fn acts(seconds: &[f64]) -> Vec<Act> {
        let begun = Instant::now();
        let mut button = Button::default();
        let mut acts = Vec::new();
        for (number, second) in seconds.iter().enumerate() {
            let now = begun + Duration::from_secs_f64(*second);
            while let Some(due) = button.due().filter(|due| *due <= now) {
                acts.extend(button.wait(due));
            }
            let act = if number % 2 == 0 {
                button.down(now)
            } else {
                button.up(now)
            };
            acts.extend(act);
        }
        let end = begun + Duration::from_secs(100_000);
        while let Some(due) = button.due().filter(|due| *due <= end) {
            acts.extend(button.wait(due));
        }
        acts.retain(|act| *act != Act::Feel);
        acts
    }

    #[test]
    fn a_short_press_locks_one_of_three_seconds_is_a_yes_and_a_longer_one_does_nothing() {
        assert_eq!(acts(&[0.0, 0.1]), [Act::Lock]);
        assert_eq!(acts(&[0.0, 2.0]), [Act::Lock]);
        assert_eq!(acts(&[0.0, 2.1]), [Act::Yes]);
        assert_eq!(acts(&[0.0, 6.0]), [Act::Yes]);
        assert_eq!(acts(&[0.0, 6.1]), [Act::Cancel]);
        assert_eq!(acts(&[0.0, 9.9]), [Act::Cancel]);
        assert_eq!(acts(&[0.0, 0.1, 1.0, 1.1]), [Act::Lock, Act::Lock]);
    }

    #[test]
    fn ten_seconds_arm_and_a_press_within_five_resets() {
        assert_eq!(acts(&[0.0, 10.0, 12.0, 12.1]), [Act::Arm, Act::Reset]);
        assert_eq!(acts(&[0.0, 20.0, 24.9, 25.0]), [Act::Arm, Act::Reset]);
    }

    #[test]
    fn anything_else_cancels() {
        assert_eq!(acts(&[0.0, 10.0]), [Act::Arm, Act::Cancel]);
        assert_eq!(acts(&[0.0, 10.0, 15.1, 15.2]), [Act::Arm, Act::Cancel, Act::Lock]);
        assert_eq!(acts(&[0.0, 10.0, 12.0, 14.1]), [Act::Arm, Act::Cancel]);
        assert_eq!(acts(&[0.0, 10.0, 12.0]), [Act::Arm, Act::Cancel]);
        // The contact bounces as the finger leaves it.
        assert_eq!(acts(&[0.0, 10.0, 10.05, 10.06]), [Act::Arm, Act::Cancel]);
        // Something lies on it.
        assert_eq!(acts(&[0.0, 31.0, 32.0, 32.1]), [Act::Arm, Act::Cancel, Act::Lock]);
        assert_eq!(acts(&[0.0]), [Act::Arm, Act::Cancel]);
    }

    #[test]
    fn a_loop_that_is_late_judges_by_the_time_all_the_same() {
        let begun = Instant::now();
        let at = |second| begun + Duration::from_secs(second);
        let mut button = Button::default();
        button.down(at(0));
        assert_eq!(button.up(at(10)), Some(Act::Arm));
        assert_eq!(
            button.down(at(16)),
            Some(Act::Cancel),
            "too late, though nobody looked"
        );
        let mut button = Button::default();
        button.down(at(0));
        assert_eq!(button.up(at(40)), Some(Act::Cancel));
        let mut button = Button::default();
        button.down(at(0));
        assert_eq!(button.wait(at(10)), Some(Act::Arm));
        assert_eq!(button.up(at(40)), Some(Act::Cancel), "something lay on it");
        let mut button = Button::default();
        button.down(at(0));
        button.up(at(11));
        button.down(at(13));
        assert_eq!(
            button.up(at(16)),
            Some(Act::Cancel),
            "the second press is a short one"
        );
    }

    proptest! {
        /// Whatever is done with it: a reset has a long press and, within five seconds, a short one before it.
        #[test]
        fn nothing_else_ever_resets(gaps in prop::collection::vec(0.0..40.0f64, 0..20)) {
            let times: Vec<f64> = gaps
                .iter()
                .scan(0.0, |now, gap| { *now += gap; Some(*now) })
                .collect();
            let resets = acts(&times).iter().filter(|act| **act == Act::Reset).count();
            let presses: Vec<(f64, f64)> = times.chunks_exact(2).map(|press| (press[0], press[1])).collect();
            let meant = presses.windows(2).filter(|two| {
                let ((down, up), (again, end)) = (two[0], two[1]);
                (10.0..30.0).contains(&(up - down)) && (0.2..=5.0).contains(&(again - up)) && end - again <= 2.0
            });
            prop_assert!(resets <= meant.count());
        }
    }
}
