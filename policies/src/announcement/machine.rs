//! What becomes of one subject: announced, acknowledged, removed. Pure: time and chance are arguments.

use std::time::Duration;

use jiff::Timestamp;

use super::AnnouncementSettings;
use crate::{Subject, SubjectId};

/// One subject of a policy that expires or wants to be told.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) subject_id: SubjectId,
    pub(super) subject: Subject,
    state: State,
    /// When it was removed from the policy.
    gone_at: Option<Timestamp>,
    is_acknowledged: bool,
    backoff: Option<Duration>,
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
    ToDelete {
        at: Timestamp,
    },
    /// Nothing to do until it is removed.
    ToBeRemoved,
    Done,
}

/// What is to be done about a subject now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Announce {
        correlation_id: String,
        delete_at: Timestamp,
        timeout: Duration,
    },
    Delete,
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
            (None, Some(expiry)) => State::ToDelete { at: expiry },
            (None, None) => State::ToBeRemoved,
        };
        Self {
            subject_id,
            subject,
            state,
            gone_at: None,
            is_acknowledged: false,
            backoff: None,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether it was removed from the policy.
    pub(super) fn is_gone(&self) -> bool {
        self.gone_at.is_some()
    }

    /// When [`Machine::fire`] has something to do.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match &self.state {
            State::ToAnnounce { at } | State::ToDelete { at } => Some(*at),
            State::ToAcknowledge { until, .. } => Some(*until),
            State::ToBeRemoved | State::Done => None,
        }
    }

    /// Does the next step if its time has come.
    pub(super) fn fire(
        &mut self,
        (settings, chance): (&AnnouncementSettings, f64),
        now: Timestamp,
    ) -> Option<Effect> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        match self.state {
            State::ToAnnounce { .. } if self.is_too_late(settings, now) => {
                self.settle();
                None
            }
            State::ToAnnounce { .. } => Some(self.publish(settings, now)),
            State::ToAcknowledge { .. } => {
                self.repeat((settings, chance), now);
                None
            }
            State::ToDelete { .. } => {
                // Tried again unless the policy changes, which ends this machine.
                self.state = State::ToDelete {
                    at: plus(now, settings.timeout_max),
                };
                Some(Effect::Delete)
            }
            State::ToBeRemoved | State::Done => None,
        }
    }

    /// The subject is not in the policy any more.
    pub(super) fn remove(&mut self, settings: &AnnouncementSettings, now: Timestamp) {
        if self.gone_at.is_some() {
            return;
        }
        self.gone_at = Some(now);
        let announcement = self.subject.announcement.as_ref();
        let wants = announcement.is_some_and(|it| it.when_deleted) && settings.when_deleted;
        self.state = if wants && !self.is_acknowledged {
            State::ToAnnounce { at: now }
        } else {
            State::Done
        };
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
                    self.is_acknowledged = true;
                    self.settle();
                }
            }
            408 | 424 | 500..=599 => self.repeat((settings, chance), now),
            _ => self.settle(),
        }
        true
    }

    /// What it was asked to say it has heard.
    pub(super) fn requested_acks(&self) -> Vec<String> {
        let announcement = self.subject.announcement.as_ref();
        let acks = announcement.and_then(|it| it.requested_acks.as_ref());
        acks.map(|acks| acks.labels.clone()).unwrap_or_default()
    }

    fn publish(&mut self, settings: &AnnouncementSettings, now: Timestamp) -> Effect {
        let correlation_id = uuid::Uuid::new_v4().to_string();
        let timeout = self.timeout(settings);
        let missing = self.requested_acks();
        let delete_at = self.gone_at.or(self.subject.expiry).unwrap_or(now);
        if missing.is_empty() {
            self.is_acknowledged = true;
            self.settle();
        } else {
            self.state = State::ToAcknowledge {
                correlation_id: correlation_id.clone(),
                missing,
                until: plus(now, timeout),
            };
        }
        Effect::Announce {
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
        let (shortest, longest) = settings.backoff;
        let pause = match self.backoff {
            None => shortest,
            Some(last) => (last + last.mul_f64(0.5 + 0.5 * chance)).min(longest),
        };
        self.backoff = Some(pause);
        let at = plus(now, pause);
        if self.is_too_late(settings, at) {
            self.settle();
        } else {
            self.state = State::ToAnnounce { at };
        }
    }

    fn is_too_late(&self, settings: &AnnouncementSettings, at: Timestamp) -> bool {
        let end = self.gone_at.or(self.subject.expiry);
        end.is_some_and(|end| at >= plus(end, settings.grace_period))
    }

    /// Nothing more is announced.
    fn settle(&mut self) {
        self.state = match (self.gone_at, self.subject.expiry) {
            (Some(_), _) => State::Done,
            (None, Some(expiry)) => State::ToDelete { at: expiry },
            (None, None) => State::ToBeRemoved,
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
