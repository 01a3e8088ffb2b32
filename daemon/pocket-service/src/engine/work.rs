//! Work that takes long, done piece by piece between requests: no one waits for it but who asked.

use std::collections::VecDeque;

use pocket_core::Failure;
use pocket_crypto::SecretBytes;
use tracing::{debug, warn};

use super::{Engine, Held, Now, Sender, State};
use crate::failure;
use crate::handle::{ButtonReport, Errand, Reply};
use crate::vault::{Linked, Slice, Work};

/// Most jobs at once. Each is a request whose door waits; a door that starts more is told so.
const MOST: usize = 32;

/// What is under way.
#[derive(Default)]
pub(super) struct Jobs(VecDeque<Job>);

struct Job {
    work: Work,
    /// Who waits for it; nobody, for what the device does by itself.
    reply: Option<Sender>,
    /// Whether who waits is told of a change, or of something that was read.
    changes: bool,
}

impl Jobs {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is_indexing(&self) -> bool {
        self.0.iter().any(|job| matches!(job.work, Work::Index))
    }

    /// Adds what the device does by itself.
    pub(super) fn add_own(&mut self, work: Work) {
        self.0.push_back(Job {
            work,
            reply: None,
            changes: true,
        });
    }
}

impl Engine {
    /// Begins with the first piece: most work needs no second one.
    pub(super) fn begin_work(
        &mut self,
        mut work: Work,
        changes: bool,
        reply: Sender,
        now: Now,
        held: &mut Vec<Held>,
    ) {
        if self.jobs.0.len() >= MOST {
            self.give_up(work, now);
            held.push(Held::new(reply, Err(failure::busy()), changes));
        } else if let Some(answer) = self.piece(&mut work, now) {
            held.push(Held::new(reply, answer, changes));
        } else {
            debug!(work = work.name(), "takes longer: goes on between requests");
            let reply = Some(reply);
            self.jobs.0.push_back(Job { work, reply, changes });
        }
    }

    /// What was changed is taken into the search index, when nobody asks for anything else.
    pub(super) fn index_when_idle(&mut self, now: Now) {
        if let State::Unlocked(vault) = &self.state
            && !self.jobs.is_indexing()
            && vault.has_to_index(now)
        {
            self.jobs.add_own(Work::Index);
        }
    }

    /// Does what the device wants by itself, outside the engine's thread.
    pub(super) fn errand(&mut self, errand: Errand, reply: Sender, now: Now, held: &mut Vec<Held>) {
        let errand = match errand {
            Errand::RestoreEnd { whole } => {
                return held.push(Held::new(reply, self.restore_end(whole, now), true));
            }
            Errand::RestoreItems(items) => {
                return held.push(Held::new(reply, self.restore_items(&items, now), true));
            }
            Errand::Button(report) => return held.push(Held::new(reply, self.button(report, now), true)),
            other => other,
        };
        let State::Unlocked(vault) = &mut self.state else {
            held.push(Held::new(reply, Err(failure::locked()), true));
            return;
        };
        match errand {
            Errand::BackupDrilled(found) => {
                let taken = vault.backup_drilled(*found, now).map(Reply::from);
                held.push(Held::new(reply, taken, true));
                self.tell_change();
            }
            Errand::BackupPiece(id) => held.push(Held::new(
                reply,
                vault.backup_piece(id, &Slice::begin(), now),
                true,
            )),
            Errand::BackupSpool(piece) => {
                let taken = vault.backup_spool(piece).map(Reply::from);
                held.push(Held::new(reply, taken, true));
            }
            Errand::Button(_) | Errand::RestoreEnd { .. } | Errand::RestoreItems(_) => {}
            Errand::Linked(number, report) => {
                let kept = self.device.is_to_stay();
                let linked = kept.and_then(|()| vault.linked(number, *report, now));
                let answer = self.after_linked(linked);
                held.push(Held::new(reply, answer, true));
            }
            Errand::NextUnread => match vault.next_unread() {
                Ok(Ok(answer)) => held.push(Held::new(reply, Ok(answer.into()), true)),
                Ok(Err(work)) => self.begin_work(work, false, reply, now, held),
                Err(failure) => held.push(Held::new(reply, Err(failure), true)),
            },
            Errand::Reported(id, report) => {
                let taken = vault.reported(&self.device, id, *report, now);
                if matches!(taken, Ok(true)) {
                    self.tell_change();
                }
                held.push(Held::new(
                    reply,
                    taken.map(|_| pocket_core::Answer::Done.into()),
                    true,
                ));
            }
            Errand::TakeExtracted(extracted) => {
                let taken = vault.take_extracted(*extracted, now).map(Reply::from);
                if taken.is_ok() {
                    self.tell_change();
                }
                held.push(Held::new(reply, taken, true));
            }
        }
    }

    /// More of a backup for a device that is new.
    fn restore_items(&mut self, items: &SecretBytes, now: Now) -> Result<Reply, Failure> {
        match &mut self.state {
            State::FirstRun(first_run) => first_run.restore_items(items, now).map(Reply::from),
            _ => Err(failure::no_restore()),
        }
    }

    /// The end of it: the device is the owner's, or new as it was before.
    fn restore_end(&mut self, whole: bool, now: Now) -> Result<Reply, Failure> {
        let State::FirstRun(first_run) = &mut self.state else {
            return Err(failure::no_restore());
        };
        let vault = first_run.restore_end(&mut self.device, whole, now)?;
        self.state = State::Unlocked(Box::new(vault));
        self.tell_change();
        Ok(pocket_core::Answer::Done.into())
    }

    /// A button came, went, or was pressed.
    fn button(&mut self, report: ButtonReport, now: Now) -> Result<Reply, Failure> {
        match report {
            ButtonReport::Gone => self.device.buttons = self.device.buttons.saturating_sub(1),
            ButtonReport::Here => self.device.buttons = self.device.buttons.saturating_add(1),
            ButtonReport::Pressed => {
                let State::Unlocked(vault) = &mut self.state else {
                    return Err(failure::locked());
                };
                vault.pressed(&mut self.device, now)?;
            }
        }
        self.tell_change();
        Ok(pocket_core::Answer::Done.into())
    }

    /// What was told of a link may lock the device.
    fn after_linked(&mut self, linked: Result<Linked, Failure>) -> Result<Reply, Failure> {
        match linked? {
            Linked::Nothing => {}
            Linked::Changed => self.tell_change(),
            Linked::Lock => {
                self.state = self.lock();
                self.tell_change();
            }
        }
        Ok(pocket_core::Answer::Done.into())
    }

    /// Does one piece of the work that has waited longest.
    pub(crate) fn work(&mut self, now: Now) {
        let Some(mut job) = self.jobs.0.pop_front() else {
            return;
        };
        if job.reply.as_ref().is_some_and(Sender::is_closed) {
            debug!(work = job.work.name(), "given up: nobody waits for it any more");
            return self.give_up(job.work, now);
        }
        match (self.piece(&mut job.work, now), job.reply) {
            (None, reply) => self.jobs.0.push_back(Job { reply, ..job }),
            (Some(answer), Some(reply)) => {
                self.release(vec![Held::new(reply, answer, job.changes)]);
            }
            (Some(answer), None) => {
                if let Err(failure) = answer {
                    warn!(
                        kind = failure.kind.name(),
                        work = job.work.name(),
                        "what the device does by itself failed; it is tried again later"
                    );
                }
                self.release(Vec::new());
            }
        }
    }

    /// Whether there is work to go on with.
    #[cfg(test)]
    pub(crate) fn is_working(&self) -> bool {
        !self.jobs.is_empty()
    }

    fn piece(&mut self, work: &mut Work, now: Now) -> Option<Result<Reply, Failure>> {
        let State::Unlocked(vault) = &mut self.state else {
            return Some(Err(failure::locked()));
        };
        let done = vault.work(&self.device, work, &Slice::begin(), now).transpose();
        if done.as_ref().is_some_and(Result::is_ok) && work.changes() {
            self.tell_change();
        }
        self.lock_if_unsure();
        done
    }

    fn give_up(&mut self, work: Work, now: Now) {
        if let State::Unlocked(vault) = &mut self.state {
            vault.give_up(work, now);
        }
    }

    /// The vault is about to go: who waits for work in it is told why.
    pub(super) fn give_up_work(&mut self, failure: &Failure) {
        for job in std::mem::take(&mut self.jobs.0) {
            if let Some(reply) = job.reply {
                reply.send(Err(failure.clone())).unwrap_or_else(drop);
            }
        }
    }
}
