//! What concerns the device itself, and acknowledgements of either channel.

use things::{ThingCommand, ThingId, ThingResource};

use super::{thing_action, thing_id, thing_resource};
use crate::{
    Channel, CommandAction, Criterion, Envelope, Error, EventAction, Group, MessagePath, TopicPath,
};

/// A signal that is handed on rather than carried out; its envelope is kept as it came, without headers.
#[derive(Debug, Clone)]
pub struct LiveFrame {
    /// Which thing it is about.
    pub thing_id: ThingId,
    /// What it is.
    pub kind: LiveKind,
    /// Its members as sent.
    pub envelope: Envelope,
}

/// What a [`LiveFrame`] is.
#[derive(Debug, Clone)]
pub enum LiveKind {
    /// A command to the device.
    Command {
        /// What it does.
        action: CommandAction,
        /// The same, as far as it must be understood to be permitted.
        command: Box<ThingCommand>,
    },
    /// An event that a device reports.
    Event {
        /// What happened.
        action: EventAction,
        /// To what.
        resource: ThingResource,
    },
    /// A message to or from a thing.
    Message(MessagePath),
    /// What a device answers to a command.
    CommandResponse(CommandAction),
    /// What a device answers to a message.
    MessageResponse(MessagePath),
    /// A device could not do what a command or message asked for.
    ErrorResponse,
    /// An acknowledgement with this label.
    Acknowledgement {
        /// Of a signal of which channel.
        channel: Channel,
        /// Which of the requested ones.
        label: String,
    },
}

impl LiveFrame {
    /// The signal in `envelope`; `None` if topics like its one carry others.
    pub(super) fn of(topic: &TopicPath, envelope: &Envelope) -> Option<Result<LiveKind, Error>> {
        let Group::Things(channel) = topic.group() else {
            return None;
        };
        let has_status = envelope.status.is_some();
        match (channel, topic.criterion()) {
            (channel, Criterion::Acks(Some(label))) => {
                Some(acknowledgement(channel, label, envelope))
            }
            (Channel::Live, Criterion::Commands(action)) if has_status => {
                Some(Ok(LiveKind::CommandResponse(*action)))
            }
            (Channel::Live, Criterion::Commands(action)) => Some(command(topic, *action, envelope)),
            (Channel::Live, Criterion::Events(action)) => Some(event(*action, envelope)),
            (Channel::Live, Criterion::Messages(subject)) => Some(
                MessagePath::of_envelope(&envelope.path, subject.as_deref()).map(|path| {
                    if has_status {
                        LiveKind::MessageResponse(path)
                    } else {
                        LiveKind::Message(path)
                    }
                }),
            ),
            (Channel::Live, Criterion::Errors) => Some(Ok(LiveKind::ErrorResponse)),
            (_, _) => None,
        }
    }

    pub(super) fn new(
        topic: &TopicPath,
        kind: LiveKind,
        envelope: Envelope,
    ) -> Result<Self, Error> {
        Ok(Self {
            thing_id: thing_id(topic.entity_id())?,
            kind,
            envelope,
        })
    }
}

fn acknowledgement(channel: Channel, label: &str, envelope: &Envelope) -> Result<LiveKind, Error> {
    if envelope.status.is_none() {
        return Err(Error::MissingField { field: "status" });
    }
    Ok(LiveKind::Acknowledgement {
        channel,
        label: label.to_owned(),
    })
}

fn command(
    topic: &TopicPath,
    action: CommandAction,
    envelope: &Envelope,
) -> Result<LiveKind, Error> {
    let resource = thing_resource(&envelope.path)?;
    let command = ThingCommand {
        thing_id: thing_id(topic.entity_id())?,
        action: thing_action(action, &resource, envelope.clone())?,
        resource,
    };
    Ok(LiveKind::Command {
        action,
        command: Box::new(command),
    })
}

fn event(action: EventAction, envelope: &Envelope) -> Result<LiveKind, Error> {
    Ok(LiveKind::Event {
        action,
        resource: thing_resource(&envelope.path)?,
    })
}
