//! From a permitted signal to its receivers.

use std::sync::Arc;

use ::policies::{CommandContext, Permission, ResourceType};
use ::things::{ThingCommand, ThingId, ThingResource, TwinHeaders};
use protocol::{
    Channel, CommandAction, Criterion, Envelope, Group, MessagePath, StreamKind, TopicPath,
};
use serde_json::{Map, Value};

use super::error::Error;
use super::outcome::Ticket;
use super::pending::{Asked, PendingKey};
use super::requested::Requested;
use super::signal::{LiveSignal, Reach, Sent};
use super::{Live, headers, payload};

/// A message to send.
pub(crate) struct Message {
    pub(crate) thing_id: ThingId,
    pub(crate) path: MessagePath,
    /// Whether it is sent as a claim, for which nobody needs a permission, rather than as any message.
    pub(crate) is_claim: bool,
    /// What the sender says about it; `content-type` among it.
    pub(crate) headers: Map<String, Value>,
    pub(crate) value: Option<Value>,
    /// Conditions on the twin.
    pub(crate) twin: Option<Arc<TwinHeaders>>,
}

/// A command for the device itself.
pub(crate) struct LiveCommand {
    pub(crate) command: ThingCommand,
    pub(crate) action: CommandAction,
    pub(crate) headers: Map<String, Value>,
    pub(crate) value: Option<Value>,
    /// Which fields to retrieve, as sent.
    pub(crate) fields: Option<String>,
    /// Conditions on the twin.
    pub(crate) twin: Option<Arc<TwinHeaders>>,
}

/// An event that a device reports.
pub(crate) struct LiveEvent {
    pub(crate) thing_id: ThingId,
    pub(crate) resource: ThingResource,
    pub(crate) headers: Map<String, Value>,
    pub(crate) envelope: Envelope,
}

impl Live {
    /// Sends a message to whoever subscribed to messages and may read it; `None` if the sender waits for nothing.
    ///
    /// # Errors
    ///
    /// If the thing does not exist, the sender may not write messages there, or the message is too large.
    pub(crate) async fn send_message(
        &self,
        context: &CommandContext,
        message: Message,
        requested: &Requested,
    ) -> Result<Option<Ticket>, Error> {
        let Message {
            thing_id,
            path,
            is_claim,
            headers: sent,
            value,
            twin,
        } = message;
        self.check_length(&sent, value.as_ref())?;
        let reach = self.permit_message(context, (&thing_id, &path), is_claim)?;
        self.things
            .require_of_twin(context, &thing_id, twin.as_deref())?;
        let mut headers = headers::of_signal(sent, context, requested);
        headers::describe_message(&mut headers, thing_id.as_str(), &path);
        let topic = Criterion::Messages(Some(path.subject().to_owned()));
        let envelope = Envelope {
            topic: live_topic(&thing_id, topic),
            headers: Some(headers),
            path: path.to_string(),
            value,
            ..Envelope::default()
        };
        let sent = Sent {
            kind: StreamKind::Messages,
            thing_id,
            origin: context.origin,
            decided_at: context.now,
            reach,
        };
        let ticket = self
            .hand_on(
                context,
                (Asked::Message(path), LiveSignal::new(sent, envelope)),
                requested,
            )
            .await?;
        Ok(ticket.map(Ticket::for_message))
    }

    fn check_length(
        &self,
        headers: &Map<String, Value>,
        value: Option<&Value>,
    ) -> Result<(), Error> {
        let content_type = headers.get("content-type").and_then(Value::as_str);
        let length = value.map_or(0, |value| payload::length(content_type, value));
        if length > self.message_bytes_max {
            return Err(Error::TooLarge {
                bytes_max: self.message_bytes_max,
            });
        }
        Ok(())
    }

    /// A claim needs no permission: it is how one asks for some.
    fn permit_message(
        &self,
        context: &CommandContext,
        (thing_id, path): (&ThingId, &MessagePath),
        is_claim: bool,
    ) -> Result<Reach, Error> {
        let enforcer = self.things.permissions(thing_id, context.now)?;
        let reach = Reach {
            enforcer,
            resource_type: ResourceType::Message,
            path: path.pointer(),
        };
        if is_claim || reach.may(context, &Permission::WRITE) {
            Ok(reach)
        } else {
            Err(Error::SendNotAllowed {
                thing_id: thing_id.clone(),
                path: path.clone(),
            })
        }
    }

    /// Sends a command to whoever subscribed to live commands and may read its path.
    ///
    /// # Errors
    ///
    /// As the same command to the twin, as far as that comes from permissions and from the command itself.
    pub(crate) async fn send_command(
        &self,
        context: &CommandContext,
        command: LiveCommand,
        requested: &Requested,
    ) -> Result<Option<Ticket>, Error> {
        let LiveCommand {
            command,
            action,
            headers: sent,
            value,
            fields,
            twin,
        } = command;
        let (thing_id, path) = (command.thing_id.clone(), command.resource.pointer());
        let enforcer = self.things.permit_live(context, command, twin.as_deref())?;
        let envelope = Envelope {
            topic: live_topic(&thing_id, Criterion::Commands(action)),
            headers: Some(headers::of_signal(sent, context, requested)),
            path: path.to_string(),
            value,
            fields,
            ..Envelope::default()
        };
        let sent = Sent {
            kind: StreamKind::LiveCommands,
            thing_id,
            origin: context.origin,
            decided_at: context.now,
            reach: Reach {
                enforcer,
                resource_type: ResourceType::Thing,
                path: path.clone(),
            },
        };
        self.hand_on(
            context,
            (
                Asked::Command { action, path },
                LiveSignal::new(sent, envelope),
            ),
            requested,
        )
        .await
    }

    /// Reports an event of a device to whoever subscribed to live events and may read its path.
    ///
    /// # Errors
    ///
    /// If the thing does not exist, or the sender may not write what it says has changed.
    pub(crate) async fn report_event(
        &self,
        context: &CommandContext,
        event: LiveEvent,
    ) -> Result<(), Error> {
        let LiveEvent {
            thing_id,
            resource,
            headers: sent,
            envelope,
        } = event;
        let path = resource.pointer();
        let reach = Reach {
            enforcer: self.things.permissions(&thing_id, context.now)?,
            resource_type: ResourceType::Thing,
            path: path.clone(),
        };
        if !reach.may(context, &Permission::WRITE) {
            return Err(Error::EventNotAllowed {
                thing_id,
                path: path.to_string(),
            });
        }
        let envelope = Envelope {
            headers: Some(headers::of_signal(sent, context, &Requested::nothing())),
            // Subscribers take these for the thing's own, read with their permissions.
            extra: None,
            ..envelope
        };
        let sent = Sent {
            kind: StreamKind::LiveEvents,
            thing_id,
            origin: context.origin,
            decided_at: context.now,
            reach,
        };
        self.hub
            .publish_live(LiveSignal::new(sent, envelope).into())
            .await;
        Ok(())
    }

    /// Publishes a signal, after a place for its answers was made.
    async fn hand_on(
        &self,
        context: &CommandContext,
        (asked, signal): (Asked, LiveSignal),
        requested: &Requested,
    ) -> Result<Option<Ticket>, Error> {
        if !requested.waits_for_others(Channel::Live) {
            self.hub.publish_live(signal.into()).await;
            return Ok(None);
        }
        let correlation_id = &context.headers.correlation_id;
        let key = PendingKey::new(Channel::Live, &signal.thing_id, correlation_id);
        let scope = asked.scope(None);
        let waiting = self.pending.open(key, (asked, scope), requested)?;
        let ticket = Ticket::new(waiting, requested.clone(), correlation_id);
        let signal = signal.requesting(requested.custom.clone(), ticket.awaited().clone());
        self.hub.publish_live(signal.into()).await;
        Ok(Some(ticket))
    }
}

impl Reach {
    fn may(&self, context: &CommandContext, permission: &Permission) -> bool {
        let subjects = context.principal.subjects();
        self.enforcer
            .unrestricted(subjects, &self.resource_type, &self.path, permission)
    }
}

fn live_topic(thing_id: &ThingId, criterion: Criterion) -> String {
    TopicPath::new(thing_id.as_str(), Group::Things(Channel::Live), criterion).to_string()
}
