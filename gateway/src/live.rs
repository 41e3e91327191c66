//! Messages, live commands and acknowledgements: a broker that hands signals to sessions and takes the answer back to
//! whoever waits for it, over HTTP or on a session.
//!
//! Nothing of a live signal is kept longer than somebody waits. It knows neither HTTP nor frames.

mod acknowledgement;
mod error;
mod filtered;
mod headers;
mod labels;
mod outcome;
pub(crate) mod payload;
mod pending;
mod persisted;
mod requested;
mod send;
mod signal;
mod smart;
mod subscriptions;

use std::sync::Arc;

use ::policies::{CommandContext, Permission, Principal, SessionId};
use ::things::{ThingAction, ThingCommand, ThingId, Things};
use jiff::Timestamp;
use protocol::{Channel, Criterion, Envelope, LiveKind};
use serde_json::{Map, Value};

pub(crate) use acknowledgement::{
    Acknowledgement, Acknowledgements, LABELS_MAX, Label, is_built_in,
};
pub(crate) use error::Error;
pub(crate) use headers::emitted;
pub(crate) use labels::{Declared, Labels, check_declared};
pub(crate) use outcome::{Outcome, Ticket};
pub(crate) use requested::{Requested, Wishes, check_labels, parse_labels};
pub(crate) use send::{LiveCommand, LiveEvent, Message};
pub(crate) use signal::LiveSignal;
pub(crate) use subscriptions::{LiveRenderer, LiveSubscriptions};

use crate::streaming::Hub;
use pending::{Asked, Awaited, Extent, Pending, PendingKey, Scope};

/// Hands signals on and collects what comes back; one per process.
pub(crate) struct Live {
    things: Arc<Things>,
    hub: Arc<Hub>,
    pending: Arc<Pending>,
    labels: Arc<Labels>,
    message_bytes_max: usize,
}

/// An answer on its way back: who gives it, to what, and what it says.
pub(crate) struct Answer {
    pub(crate) principal: Principal,
    pub(crate) thing_id: ThingId,
    pub(crate) correlation_id: Arc<str>,
    pub(crate) headers: Map<String, Value>,
    pub(crate) envelope: Envelope,
    pub(crate) now: Timestamp,
}

impl Live {
    pub(crate) fn new(things: Arc<Things>, hub: Arc<Hub>, message_bytes_max: usize) -> Self {
        let pending = Arc::new(Pending::default());
        Self {
            things,
            hub,
            labels: Arc::new(Labels::new(Arc::clone(&pending))),
            pending,
            message_bytes_max,
        }
    }

    /// The largest payload of a message, in bytes.
    pub(crate) fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }

    /// Gives labels to a session for as long as the returned value lives.
    ///
    /// # Errors
    ///
    /// [`Error::LabelBuiltIn`] or [`Error::LabelNotUnique`].
    pub(crate) fn declare(
        &self,
        labels: Vec<Label>,
        session: SessionId,
    ) -> Result<Declared, Error> {
        self.labels.declare(labels, session)
    }

    /// Takes a device's answer to a message or live command, if somebody waits for it and the device may give it.
    ///
    /// Whoever answers must be able to read what was asked, under the policy in force now. Everything else is dropped:
    /// its sender learns nothing about who waits for what.
    pub(crate) fn respond(&self, kind: &LiveKind, answer: Answer) {
        let Some(awaited) = self.awaited(Channel::Live, &answer) else {
            return;
        };
        let subject = answer.principal.default_subject();
        let envelope = Envelope {
            headers: Some(headers::of_answer(answer.headers, subject)),
            ..answer.envelope
        };
        awaited.respond(kind, envelope);
    }

    /// Takes an acknowledgement under a label that `declared` holds.
    ///
    /// # Errors
    ///
    /// [`Error::LabelBuiltIn`] or [`Error::LabelNotDeclared`]; that nobody waits for it is none.
    pub(crate) fn acknowledge(
        &self,
        declared: Option<&Declared>,
        (channel, label): (Channel, &str),
        answer: Answer,
    ) -> Result<(), Error> {
        check_declared(declared, label)?;
        if let Some(awaited) = self.awaited(channel, &answer) {
            awaited.acknowledge(Acknowledgement {
                label: label.into(),
                status: answer.envelope.status.unwrap_or(200),
                payload: answer.envelope.value,
                headers: headers::of_answer(answer.headers, answer.principal.default_subject()),
            });
        }
        Ok(())
    }

    /// The signal that `answer` is for, if somebody waits for it and the answerer may read what was asked.
    fn awaited(&self, channel: Channel, answer: &Answer) -> Option<Arc<Awaited>> {
        let key = PendingKey::new(channel, &answer.thing_id, &answer.correlation_id);
        let awaited = self.pending.find(&key)?;
        if self.may_answer(&awaited.scope, answer) {
            Some(awaited)
        } else {
            tracing::debug!(
                thing.id = answer.thing_id.as_str(),
                "An answer to a signal that its sender may not read was dropped"
            );
            None
        }
    }

    fn may_answer(&self, scope: &Scope, answer: &Answer) -> bool {
        let enforcer = match self.things.permissions(&answer.thing_id, answer.now) {
            Ok(enforcer) => Some(enforcer),
            Err(::things::Error::NotFound { .. }) => scope.policy_id.as_ref().and_then(|policy| {
                let found = self
                    .things
                    .permissions_by(&answer.thing_id, policy, answer.now);
                found.ok().flatten()
            }),
            Err(error) => {
                tracing::error!(error = %crate::error::ErrorChain(&error), "An answer could not be permitted");
                None
            }
        };
        let subjects = answer.principal.subjects();
        let (resource_type, path, read) = (&scope.resource_type, &scope.path, &Permission::READ);
        enforcer.is_some_and(|enforcer| match scope.extent {
            Extent::Part => enforcer.partial(subjects, resource_type, path, read),
            Extent::Itself => enforcer.holds(subjects, resource_type, path, read),
            Extent::Whole => enforcer.unrestricted(subjects, resource_type, path, read),
        })
    }

    /// A device's answer to `asked`, reduced to what the caller may read of the thing.
    ///
    /// # Errors
    ///
    /// As a retrieval of the twin, if nothing is left or the thing is gone.
    pub(crate) fn readable(
        &self,
        context: &CommandContext,
        (asked, now): (&ThingCommand, Timestamp),
        mut envelope: Envelope,
    ) -> Result<Envelope, Error> {
        let is_retrieval = matches!(asked.action, ThingAction::Retrieve { .. });
        if let (true, false, Some(value)) = (is_retrieval, is_error(&envelope), &envelope.value) {
            let enforcer = self.things.permissions(&asked.thing_id, now)?;
            let subjects = context.principal.subjects();
            let path = asked.resource.pointer();
            let part = ::things::readable_part(&enforcer, subjects, (&path, value));
            let not_found = || ::things::Error::NotFound {
                thing_id: asked.thing_id.clone(),
                resource: Box::new(asked.resource.clone()),
            };
            envelope.value = Some(part.ok_or_else(not_found)?);
        }
        Ok(envelope)
    }

    /// Waits for acknowledgements of a command to a twin; to be called before it is carried out.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateCorrelationId`], [`Error::TooManyPending`], or why the thing could not be read.
    pub(crate) fn expect_acknowledgements(
        &self,
        context: &CommandContext,
        (thing_id, path): (&ThingId, policies::Pointer),
        requested: &Requested,
    ) -> Result<Ticket, Error> {
        let asked = Asked::Twin { path };
        let scope = asked.scope(self.things.policy_of(thing_id)?);
        let correlation_id = &context.headers.correlation_id;
        let key = PendingKey::new(Channel::Twin, thing_id, correlation_id);
        let waiting = self.pending.open(key, (asked, scope), requested)?;
        Ok(Ticket::new(waiting, requested.clone(), correlation_id))
    }
}

/// Whether a device says why it could not do what was asked for; whatever else it says are values of the thing.
fn is_error(envelope: &Envelope) -> bool {
    let topic = envelope.topic_path();
    topic.is_ok_and(|topic| *topic.criterion() == Criterion::Errors)
        && envelope.status.is_some_and(|status| status >= 400)
}

#[cfg(test)]
mod tests;
