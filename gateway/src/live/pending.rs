//! Signals whose senders wait: what may still arrive for each, and what has.
//!
//! Answers are collected where they arrive, so that each slot is filled once and nothing queues up for a slow waiter.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ::policies::{Pointer, PolicyId, ResourceType};
use ::things::ThingId;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use parking_lot::Mutex;
use protocol::{Channel, CommandAction, Envelope, LiveKind, MessagePath};
use tokio::sync::Notify;

use super::acknowledgement::{Acknowledgement, Label};
use super::error::Error;
use super::requested::Requested;

/// At most so many signals are waited for at a time, in the whole process.
pub(crate) const PENDING_MAX: usize = 20_000;

/// Whoever waits is woken by an answer or an acknowledgement, and by each packet that comes on its connection.
///
/// A connection whose buffer is full of further requests is looked at without pause until the one before is answered, and
/// nobody would notice its end: this ends that.
const WAKES_MAX: usize = 1000;

/// Which signal an answer is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PendingKey {
    pub(crate) is_live: bool,
    pub(crate) thing_id: ThingId,
    pub(crate) correlation_id: Arc<str>,
}

impl PendingKey {
    pub(crate) fn new(channel: Channel, thing_id: &ThingId, correlation_id: &str) -> Self {
        Self {
            is_live: channel == Channel::Live,
            thing_id: thing_id.clone(),
            correlation_id: correlation_id.into(),
        }
    }
}

/// What was asked, which decides what counts as the answer.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    /// A message.
    Message(MessagePath),
    /// A command to the device.
    Command {
        action: CommandAction,
        path: Pointer,
    },
    /// A command to the twin, which the gateway itself answers; others acknowledge its event.
    Twin { path: Pointer },
}

/// What somebody must be able to read in order to answer.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) resource_type: ResourceType,
    pub(crate) path: Pointer,
    /// How much of it.
    pub(crate) extent: Extent,
    /// The policy that decides if the thing is gone.
    pub(crate) policy_id: Option<PolicyId>,
}

/// How much of what stands at a path somebody must be able to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Some part, which is all that it is shown.
    Part,
    /// What is at the path itself: what lies below is something else.
    Itself,
    /// Everything, because it is shown as a whole.
    Whole,
}

impl Asked {
    /// What an answerer must be able to read: what was sent, or a part of what an event shows.
    pub(crate) fn scope(&self, policy_id: Option<PolicyId>) -> Scope {
        let (resource_type, path, extent) = match self {
            Self::Message(path) => (ResourceType::Message, path.pointer(), Extent::Itself),
            Self::Command { path, .. } => (ResourceType::Thing, path.clone(), Extent::Whole),
            Self::Twin { path } => (ResourceType::Thing, path.clone(), Extent::Part),
        };
        Scope {
            resource_type,
            path,
            extent,
            policy_id,
        }
    }

    /// Whether an answer fits, or why it does not.
    fn check(&self, kind: &LiveKind, envelope: &Envelope) -> Result<(), &'static str> {
        match (self, kind) {
            (Self::Message(_) | Self::Command { .. }, LiveKind::ErrorResponse) => Ok(()),
            (Self::Message(asked), LiveKind::MessageResponse(answered)) if asked == answered => {
                Ok(())
            }
            (Self::Message(_), LiveKind::MessageResponse(_)) => {
                Err("it answers a message with another path")
            }
            (Self::Command { action, .. }, LiveKind::CommandResponse(answered))
                if action != answered =>
            {
                Err("it answers a command that does something else")
            }
            (Self::Command { path, .. }, LiveKind::CommandResponse(_)) => {
                if envelope.path.parse().as_ref() == Ok(path) {
                    Ok(())
                } else {
                    Err("it answers a command with another path")
                }
            }
            (_, _) => Err("it is of another kind"),
        }
    }
}

/// One signal whose sender waits.
#[derive(Debug)]
pub(crate) struct Awaited {
    pub(crate) scope: Scope,
    asked: Asked,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    wants_response: bool,
    response: Option<Envelope>,
    mismatch: Option<&'static str>,
    acknowledgements: Vec<(Label, Option<Acknowledgement>)>,
}

impl State {
    fn is_settled(&self) -> bool {
        (!self.wants_response || self.response.is_some())
            && self.acknowledgements.iter().all(|(_, ack)| ack.is_some())
    }
}

/// What had arrived when the waiting ended.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) response: Option<Envelope>,
    pub(crate) mismatch: Option<&'static str>,
    pub(crate) acknowledgements: Vec<(Label, Option<Acknowledgement>)>,
}

impl Awaited {
    fn new(asked: Asked, scope: Scope, requested: &Requested) -> Self {
        let wants_response = !matches!(asked, Asked::Twin { .. })
            && (requested.built_in.is_some()
                || requested.response_required && requested.custom.is_empty());
        let acknowledgements = requested.custom.iter().map(|label| (label.clone(), None));
        let state = State {
            wants_response,
            acknowledgements: acknowledgements.collect(),
            ..State::default()
        };
        Self {
            scope,
            asked,
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    /// Takes the first answer that fits; others are dropped, and why is kept for whoever waits in vain.
    pub(crate) fn respond(&self, kind: &LiveKind, envelope: Envelope) {
        let mut state = self.state.lock();
        if !state.wants_response || state.response.is_some() {
            return;
        }
        match self.asked.check(kind, &envelope) {
            Ok(()) => state.response = Some(envelope),
            Err(why) => state.mismatch = Some(why),
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Takes the first acknowledgement of each label that was asked for.
    pub(crate) fn acknowledge(&self, acknowledgement: Acknowledgement) {
        let mut state = self.state.lock();
        let slot = state
            .acknowledgements
            .iter_mut()
            .find(|(label, _)| *label == acknowledgement.label);
        if let Some((_, slot @ None)) = slot {
            *slot = Some(acknowledgement);
            drop(state);
            self.changed.notify_one();
        }
    }

    async fn settled(&self) {
        while !self.state.lock().is_settled() {
            self.changed.notified().await;
        }
    }

    fn collect(&self) -> Collected {
        let mut state = self.state.lock();
        Collected {
            response: state.response.take(),
            mismatch: state.mismatch,
            acknowledgements: std::mem::take(&mut state.acknowledgements),
        }
    }
}

/// Every signal that is being waited for.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    table: Mutex<HashMap<PendingKey, Arc<Awaited>>>,
}

impl Pending {
    /// Begins to collect answers, until the returned value is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateCorrelationId`] or [`Error::TooManyPending`].
    pub(crate) fn open(
        self: &Arc<Self>,
        key: PendingKey,
        (asked, scope): (Asked, Scope),
        requested: &Requested,
    ) -> Result<Waiting, Error> {
        let mut table = self.table.lock();
        if table.len() >= PENDING_MAX {
            return Err(Error::TooManyPending { limit: PENDING_MAX });
        }
        match table.entry(key.clone()) {
            Entry::Occupied(_) => Err(Error::DuplicateCorrelationId {
                correlation_id: key.correlation_id.to_string(),
            }),
            Entry::Vacant(place) => {
                let awaited = Arc::new(Awaited::new(asked, scope, requested));
                place.insert(Arc::clone(&awaited));
                Ok(Waiting {
                    pending: Arc::clone(self),
                    key,
                    awaited,
                })
            }
        }
    }

    /// The signal that an answer is for, if somebody still waits for it.
    pub(crate) fn find(&self, key: &PendingKey) -> Option<Arc<Awaited>> {
        self.table.lock().get(key).cloned()
    }
}

/// A place in the table of pending signals.
#[derive(Debug)]
pub(crate) struct Waiting {
    pending: Arc<Pending>,
    key: PendingKey,
    awaited: Arc<Awaited>,
}

impl Waiting {
    pub(crate) fn awaited(&self) -> &Arc<Awaited> {
        &self.awaited
    }

    /// Waits until everything has arrived, or for `wait`; not so long for somebody who goes on sending meanwhile.
    pub(crate) async fn collect(self, wait: Duration) -> Collected {
        let mut settled = pin!(tokio::time::timeout(wait, self.awaited.settled()));
        let mut wakes = 0;
        // Late or not: what has arrived counts.
        poll_fn(|task| {
            wakes += 1;
            if wakes > WAKES_MAX {
                return Poll::Ready(());
            }
            settled.as_mut().poll(task).map(|_| ())
        })
        .await;
        self.awaited.collect()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pending.table.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests;
