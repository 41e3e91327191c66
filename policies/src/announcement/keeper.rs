//! Follows every policy that has subjects which want to be told that they go, and tells them when their time comes.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use super::machine::{Machine, Telling};
use super::memory::Remembered;
use super::{Acknowledgement, Announcement, AnnouncementSettings};
use crate::{Error, Policies, PolicyId, Subject, SubjectId};

/// The subjects of all policies that want to be told that they go.
///
/// How telling them ended is kept in the journal, and whoever leaves a policy is noted there together with the change: after
/// a crash what was heard is not repeated, and what was not heard is told again.
pub struct SubjectKeeper {
    policies: Arc<Policies>,
    settings: AnnouncementSettings,
    /// Those that are to be followed from the beginning.
    first: Vec<PolicyId>,
    machines: Mutex<HashMap<PolicyId, Vec<Machine>>>,
}

impl SubjectKeeper {
    /// Follows nothing yet; `announcing` are the policies that [`Policies::watch_subjects`] found.
    pub fn new(
        policies: Arc<Policies>,
        settings: AnnouncementSettings,
        announcing: Vec<PolicyId>,
    ) -> Self {
        Self {
            policies,
            settings,
            first: announcing,
            machines: Mutex::default(),
        }
    }

    /// Follows every policy that there is, and goes on with those who left one before.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`], or the last error of a policy that could not be read; the others are followed all the same.
    pub async fn follow_all(&self, now: Timestamp) -> Result<(), Error> {
        let mut outcome = Ok(());
        for policy_id in self.first.iter().chain(&self.policies.with_memory()?) {
            if let Err(error) = self.follow(policy_id, now).await {
                outcome = Err(error);
            }
        }
        outcome
    }

    /// Takes notice of a policy's current state.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Damaged`].
    pub async fn follow(&self, policy_id: &PolicyId, now: Timestamp) -> Result<(), Error> {
        // Nothing is written meanwhile: a machine is dropped only after its end is kept, so that none is made twice.
        let _unchanged = self.policies.unchanged(policy_id).await;
        let subjects = self.policies.stored_subjects(policy_id)?;
        let memory = self.policies.remembered(policy_id)?;
        let mut all = self.lock();
        let machines = all.entry(policy_id.clone()).or_default();
        for machine in machines.iter_mut().filter(|machine| !machine.is_gone()) {
            if !subjects
                .iter()
                .any(|(id, subject)| is_of(machine, id, subject))
            {
                let gone = memory.subjects().find_map(|each| {
                    is_of(machine, &each.subject_id, &each.subject)
                        .then_some(each.gone_at)
                        .flatten()
                });
                machine.leave(&self.settings, gone.unwrap_or(now));
            }
        }
        for gone in memory.subjects().filter(|each| each.gone_at.is_some()) {
            let is_known = machines.iter().any(|machine| machine.is_about(gone));
            if !is_known {
                machines.push(self.recalled(gone.clone(), now));
            }
        }
        // Whoever is still there in another form did not leave.
        for machine in machines.iter_mut().filter(|machine| machine.is_gone()) {
            if subjects.iter().any(|(id, _)| *id == machine.subject_id) {
                machine.end();
            }
        }
        for (id, subject) in subjects {
            let is_followed = machines
                .iter()
                .any(|machine| !machine.is_gone() && is_of(machine, &id, &subject));
            if subject.announcement.is_some() && !is_followed {
                let mut kept = memory.subjects().filter(|each| each.gone_at.is_none());
                let told = kept.find(|each| each.is_of(&id, &subject));
                let remembered = Remembered {
                    subject_id: id,
                    subject,
                    gone_at: None,
                    told: told.and_then(|told| told.told),
                };
                machines.push(self.recalled(remembered, now));
            }
        }
        forget_what_is_over(&mut all);
        Ok(())
    }

    fn recalled(&self, remembered: Remembered, now: Timestamp) -> Machine {
        Machine::recalled(remembered, (&self.settings, chance()), now)
    }

    /// When [`SubjectKeeper::announcements_due`] has something to do next.
    pub fn next_due(&self) -> Option<Timestamp> {
        let machines = self.lock();
        machines.values().flatten().filter_map(Machine::due).min()
    }

    /// What is to be announced at `now`; to be followed by [`SubjectKeeper::save`].
    ///
    /// Subjects whose time has come are removed by the policies themselves.
    pub fn announcements_due(&self, now: Timestamp) -> Vec<Announcement> {
        let mut announcements = Vec::new();
        let mut all = self.lock();
        for (policy_id, machines) in all.iter_mut() {
            for machine in machines {
                if let Some(Telling {
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
        }
        announcements
    }

    /// Keeps what has ended since the last time.
    ///
    /// # Errors
    ///
    /// The last [`Error`] met; what could not be kept is tried again the next time.
    pub async fn save(&self, now: Timestamp) -> Result<(), Error> {
        let unsaved = |(policy_id, machines): (&PolicyId, &Vec<Machine>)| {
            let ends = machines.iter().filter_map(Machine::unsaved);
            ends.map(|end| (policy_id.clone(), end)).collect::<Vec<_>>()
        };
        let ends: Vec<_> = self.lock().iter().flat_map(unsaved).collect();
        let mut outcome = Ok(());
        for (policy_id, end) in &ends {
            if let Err(error) = self.keep(policy_id, end, now).await {
                outcome = Err(error);
            }
        }
        outcome
    }

    async fn keep(
        &self,
        policy_id: &PolicyId,
        end: &Remembered,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.policies.settle(policy_id, end, now).await?;
        let mut all = self.lock();
        let machines = all.get_mut(policy_id).into_iter().flatten();
        machines.for_each(|machine| machine.saved(end));
        forget_what_is_over(&mut all);
        Ok(())
    }

    /// Takes an acknowledgement of an announcement; returns whether one of this label was awaited from one of its givers.
    ///
    /// What it ended is kept when this returns: nothing that is acknowledged is told again.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if it could not be kept yet.
    pub async fn acknowledge(
        &self,
        policy_id: &PolicyId,
        acknowledgement: &Acknowledgement<'_>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let Some(end) = self.take(policy_id, acknowledgement, now) else {
            return Ok(false);
        };
        if let Some(end) = end {
            self.keep(policy_id, &end, now).await?;
        }
        Ok(true)
    }

    /// What the acknowledgement ended, if it was awaited.
    fn take(
        &self,
        policy_id: &PolicyId,
        acknowledgement: &Acknowledgement<'_>,
        now: Timestamp,
    ) -> Option<Option<Remembered>> {
        let mut all = self.lock();
        let settings = (&self.settings, chance());
        let Acknowledgement {
            givers,
            correlation_id,
            label,
            status,
        } = *acknowledgement;
        let machine = all.get_mut(policy_id)?.iter_mut().find_map(|machine| {
            // Whoever is not told cannot say that it was heard.
            let is_taken = givers.contains(&machine.subject_id)
                && machine.acknowledge((correlation_id, label, status), settings, now);
            is_taken.then_some(machine)
        })?;
        Some(machine.unsaved())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PolicyId, Vec<Machine>>> {
        self.machines.lock()
    }
}

fn forget_what_is_over(all: &mut HashMap<PolicyId, Vec<Machine>>) {
    all.retain(|_, machines| {
        machines.retain(|machine| !machine.is_over());
        !machines.is_empty()
    });
}

fn is_of(machine: &Machine, id: &SubjectId, subject: &Subject) -> bool {
    machine.subject_id == *id && machine.subject == *subject
}

/// Between 0 and 1.
fn chance() -> f64 {
    // The lower half of a random UUID is random but for its first two bits.
    let random = uuid::Uuid::new_v4().as_u64_pair().1 as u32;
    f64::from(random) / f64::from(u32::MAX)
}
