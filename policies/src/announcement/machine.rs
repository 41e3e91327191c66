//! What becomes of one subject: announced, acknowledged, gone. Pure: time and chance are arguments.

use std::time::Duration;

use jiff::Timestamp;

use super::AnnouncementSettings;
use super::memory::{Remembered, Told};
use crate::{Subject, SubjectId};

/// One subject of a policy that wants to be told that it goes.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) subject_id: SubjectId,
    pub(super) subject: Subject,
    state: State,
    /// When it left the policy.
    gone_at: Option<Timestamp>,
    told: Option<Told>,
    backoff: Option<Duration>,
    /// Something has ended that is not kept yet.
    is_unsaved: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    ToAnnounce {
        at: Timestamp,
    },
    ToAcknowledge {
        correlation_id: String,
        missing: Vec<String>,
        until: Timestamp,
    },
    /// Nothing to do until it leaves the policy.
    ToLeave,
    Done,
}

/// What a subject is to be told now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Telling {
    pub(super) correlation_id: String,
    pub(super) delete_at: Timestamp,
    pub(super) timeout: Duration,
}

impl Machine {
    /// `chance` is between 0 and 1: how much of the randomization interval is taken.
    pub(super) fn new(
        (subject_id, subject): (SubjectId, Subject),
        (settings, chance): (&AnnouncementSettings, f64),
        now: Timestamp,
    ) -> Self {
        let announcement = subject.announcement.as_ref();
        let before = announcement.and_then(|it| it.before_expiry);
        let state = match (before, subject.expiry) {
            (Some(before), Some(expiry)) => {
                let interval = announcement
                    .and_then(|it| it.randomization_interval)
                    .map_or(settings.randomization_interval, |it| it.to_duration());
                let earlier = before.to_duration() + interval.mul_f64(chance);
                State::ToAnnounce {
                    at: minus(expiry, earlier),
                }
            }
            (Some(_), None) => State::ToAnnounce { at: now },
            (None, _) => State::ToLeave,
        };
        Self {
            subject_id,
            subject,
            state,
            gone_at: None,
            told: None,
            backoff: None,
            is_unsaved: false,
        }
    }

    /// Goes on where the one ended that `remembered` tells of.
    pub(super) fn recalled(
        remembered: Remembered,
        (settings, chance): (&AnnouncementSettings, f64),
        now: Timestamp,
    ) -> Self {
        let Remembered {
            subject_id,
            subject,
            gone_at,
            told,
        } = remembered;
        let mut machine = Self::new((subject_id, subject), (settings, chance), now);
        if told.is_some() {
            machine.told = told;
            machine.state = State::ToLeave;
        }
        if let Some(gone_at) = gone_at {
            machine.leave(settings, gone_at);
        }
        machine
    }

    /// What is still to be kept of it.
    pub(super) fn unsaved(&self) -> Option<Remembered> {
        self.is_unsaved.then(|| Remembered {
            subject_id: self.subject_id.clone(),
            subject: self.subject.clone(),
            gone_at: self.gone_at,
            told: self.told,
        })
    }

    /// Takes notice that `kept` is kept.
    pub(super) fn saved(&mut self, kept: &Remembered) {
        if self.unsaved().as_ref() == Some(kept) {
            self.is_unsaved = false;
        }
    }

    /// Whether nothing is left to do, and nothing to keep.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Done && !self.is_unsaved
    }

    /// Whether it is of the subject that left as `remembered` tells.
    pub(super) fn is_about(&self, remembered: &Remembered) -> bool {
        self.gone_at == remembered.gone_at && remembered.is_of(&self.subject_id, &self.subject)
    }

    /// Whether it left the policy.
    pub(super) fn is_gone(&self) -> bool {
        self.gone_at.is_some()
    }

    /// When [`Machine::fire`] has something to do.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match &self.state {
            State::ToAnnounce { at } => Some(*at),
            State::ToAcknowledge { until, .. } => Some(*until),
            State::ToLeave | State::Done => None,
        }
    }

    /// Does the next step if its time has come.
    pub(super) fn fire(
        &mut self,
        (settings, chance): (&AnnouncementSettings, f64),
        now: Timestamp,
    ) -> Option<Telling> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        match self.state {
            State::ToAnnounce { .. } if self.is_too_late(settings, now) => {
                self.settle(Told::GivenUp);
                None
            }
            State::ToAnnounce { .. } => Some(self.publish(settings, now)),
            State::ToAcknowledge { .. } => {
                self.repeat((settings, chance), now);
                None
            }
            State::ToLeave | State::Done => None,
        }
    }

    /// The subject is not in the policy any more.
    ///
    /// Whoever expired while it was being told is told on, until it is heard or the grace period is over.
    pub(super) fn leave(&mut self, settings: &AnnouncementSettings, at: Timestamp) {
        if self.gone_at.is_some() {
            return;
        }
        self.gone_at = Some(at);
        let announcement = self.subject.announcement.as_ref();
        let wants = announcement.is_some_and(|it| it.when_deleted) && settings.when_deleted;
        let is_being_told = match self.state {
            State::ToAnnounce { .. } | State::ToAcknowledge { .. } => self.subject.is_expired(at),
            State::ToLeave | State::Done => false,
        };
        if self.told == Some(Told::Acknowledged) || !(is_being_told || wants) {
            self.end();
        } else if !is_being_told {
            self.told = None;
            self.state = State::ToAnnounce { at };
        }
    }

    /// Nothing more is to be said, e.g. because the subject is back.
    pub(super) fn end(&mut self) {
        if self.state != State::Done {
            self.state = State::Done;
            self.is_unsaved = true;
        }
    }

    /// Takes an acknowledgement of the announcement `correlation_id`; returns whether it awaited one.
    pub(super) fn acknowledge(
        &mut self,
        (correlation_id, label, status): (&str, &str, u16),
        (settings, chance): (&AnnouncementSettings, f64),
        now: Timestamp,
    ) -> bool {
        let State::ToAcknowledge {
            correlation_id: awaited,
            missing,
            ..
        } = &mut self.state
        else {
            return false;
        };
        if awaited != correlation_id || !missing.iter().any(|each| each == label) {
            return false;
        }
        match status {
            200..=299 => {
                missing.retain(|each| each != label);
                if missing.is_empty() {
                    self.settle(Told::Acknowledged);
                }
            }
            408 | 424 | 500..=599 => self.repeat((settings, chance), now),
            _ => self.settle(Told::GivenUp),
        }
        true
    }

    /// What it was asked to say it has heard.
    pub(super) fn requested_acks(&self) -> Vec<String> {
        let announcement = self.subject.announcement.as_ref();
        let acks = announcement.and_then(|it| it.requested_acks.as_ref());
        acks.map(|acks| acks.labels.clone()).unwrap_or_default()
    }

    fn publish(&mut self, settings: &AnnouncementSettings, now: Timestamp) -> Telling {
        let correlation_id = uuid::Uuid::new_v4().to_string();
        let timeout = self.timeout(settings);
        let missing = self.requested_acks();
        let delete_at = self.gone_at.or(self.subject.expiry).unwrap_or(now);
        if missing.is_empty() {
            self.settle(Told::Acknowledged);
        } else {
            self.state = State::ToAcknowledge {
                correlation_id: correlation_id.clone(),
                missing,
                until: plus(now, timeout),
            };
        }
        Telling {
            correlation_id,
            delete_at,
            timeout,
        }
    }

    fn timeout(&self, settings: &AnnouncementSettings) -> Duration {
        let announcement = self.subject.announcement.as_ref();
        let acks = announcement.and_then(|it| it.requested_acks.as_ref());
        let timeout = acks.and_then(|acks| acks.timeout);
        timeout.map_or(settings.timeout_max, |it| {
            it.to_duration().min(settings.timeout_max)
        })
    }

    /// Announces again later, each time after a longer pause, until the grace period after the deletion is over.
    fn repeat(&mut self, (settings, chance): (&AnnouncementSettings, f64), now: Timestamp) {
        let pause = settings.backoff.next(self.backoff, chance);
        self.backoff = Some(pause);
        let at = plus(now, pause);
        if self.is_too_late(settings, at) {
            self.settle(Told::GivenUp);
        } else {
            self.state = State::ToAnnounce { at };
        }
    }

    fn is_too_late(&self, settings: &AnnouncementSettings, at: Timestamp) -> bool {
        let end = self.gone_at.or(self.subject.expiry);
        end.is_some_and(|end| at >= plus(end, settings.grace_period))
    }

    /// Telling it has ended.
    fn settle(&mut self, told: Told) {
        self.told = Some(told);
        self.is_unsaved = true;
        self.state = match self.gone_at {
            Some(_) => State::Done,
            None => State::ToLeave,
        };
    }
}

fn plus(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn minus(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
