//! Follows every policy that has subjects which go, and acts when their time comes.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use super::machine::{Effect, Machine};
use super::{Announcement, AnnouncementSettings};
use crate::{Error, Policies, PolicyId, Subject, SubjectId};

/// The subjects of all policies that expire or want to be told that they go.
///
/// It holds nothing that is not in the policies: after a restart [`SubjectKeeper::follow_all`] begins anew, so that an
/// announcement may come twice.
pub struct SubjectKeeper {
    policies: Arc<Policies>,
    settings: AnnouncementSettings,
    machines: Mutex<HashMap<PolicyId, Vec<Machine>>>,
}

impl SubjectKeeper {
    /// Follows nothing yet.
    pub fn new(policies: Arc<Policies>, settings: AnnouncementSettings) -> Self {
        Self {
            policies,
            settings,
            machines: Mutex::default(),
        }
    }

    /// Follows every policy that there is.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub fn follow_all(&self, now: Timestamp) -> Result<(), Error> {
        self.policies.for_each_with_times(&mut |policy_id| {
            // One that cannot be read is reported by whoever asks for it, and must not hide the others.
            let _ = self.follow(policy_id, now);
        })
    }

    /// Takes notice of a policy's current state.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Damaged`].
    pub fn follow(&self, policy_id: &PolicyId, now: Timestamp) -> Result<(), Error> {
        let subjects = self.policies.stored_subjects(policy_id)?;
        let mut all = self.lock();
        let machines = all.entry(policy_id.clone()).or_default();
        for machine in machines.iter_mut().filter(|machine| !machine.is_gone()) {
            if !subjects
                .iter()
                .any(|(id, subject)| is_of(machine, id, subject))
            {
                machine.remove(&self.settings, now);
            }
        }
        // Whoever is still there in another form was not removed.
        let is_there = |id: &SubjectId| subjects.iter().any(|(each, _)| each == id);
        machines.retain(|machine| {
            !(machine.is_done() || machine.is_gone() && is_there(&machine.subject_id))
        });
        for (id, subject) in &subjects {
            let is_followed = machines.iter().any(|machine| is_of(machine, id, subject));
            if has_times(subject) && !is_followed {
                let begin = (&self.settings, chance());
                machines.push(Machine::new((id.clone(), subject.clone()), begin, now));
            }
        }
        if machines.is_empty() {
            all.remove(policy_id);
        }
        Ok(())
    }

    /// When [`SubjectKeeper::announcements_due`] has something to do next.
    pub fn next_due(&self) -> Option<Timestamp> {
        let machines = self.lock();
        machines.values().flatten().filter_map(Machine::due).min()
    }

    /// What is to be announced at `now`. Subjects whose time has come are removed by the policies themselves.
    pub fn announcements_due(&self, now: Timestamp) -> Vec<Announcement> {
        let mut announcements = Vec::new();
        let mut all = self.lock();
        for (policy_id, machines) in all.iter_mut() {
            for machine in machines.iter_mut() {
                if let Some(Effect::Announce {
                    correlation_id,
                    delete_at,
                    timeout,
                }) = machine.fire((&self.settings, chance()), now)
                {
                    announcements.push(Announcement {
                        correlation_id,
                        policy_id: policy_id.clone(),
                        subject_id: machine.subject_id.clone(),
                        delete_at,
                        requested_acks: machine.requested_acks(),
                        timeout,
                    });
                }
            }
            machines.retain(|machine| !machine.is_done());
        }
        all.retain(|_, machines| !machines.is_empty());
        announcements
    }

    /// Takes an acknowledgement of an announcement; returns whether one of this label was awaited.
    pub fn acknowledge(
        &self,
        policy_id: &PolicyId,
        acknowledgement: (&str, &str, u16),
        now: Timestamp,
    ) -> bool {
        let mut all = self.lock();
        let Some(machines) = all.get_mut(policy_id) else {
            return false;
        };
        let settings = (&self.settings, chance());
        let was_awaited = machines
            .iter_mut()
            .any(|machine| machine.acknowledge(acknowledgement, settings, now));
        machines.retain(|machine| !machine.is_done());
        was_awaited
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PolicyId, Vec<Machine>>> {
        self.machines.lock()
    }
}

fn is_of(machine: &Machine, id: &SubjectId, subject: &Subject) -> bool {
    machine.subject_id == *id && machine.subject == *subject
}

fn has_times(subject: &Subject) -> bool {
    subject.expiry.is_some() || subject.announcement.is_some()
}

/// Between 0 and 1.
fn chance() -> f64 {
    // The lower half of a random UUID is random but for its first two bits.
    let random = uuid::Uuid::new_v4().as_u64_pair().1 as u32;
    f64::from(random) / f64::from(u32::MAX)
}
