//! What an envelope asks for.

use policies::{FieldSelector, PolicyAction, PolicyCommand, PolicyResource};
use serde_json::Value;
use things::{ThingAction, ThingCommand, ThingId, ThingResource};

use crate::{Channel, CommandAction, Criterion, Envelope, Error, Group, TopicPath};

mod live;
mod signal_kind;

pub use live::{LiveFrame, LiveKind};
pub use signal_kind::{Reaction, SignalKind};

/// What a client's envelope asks for.
#[derive(Debug, Clone)]
pub enum Incoming {
    /// Something of one thing's twin.
    Thing(ThingCommand),
    /// Several things at once.
    Things {
        /// Which, in the order asked for.
        thing_ids: Vec<ThingId>,
        /// Which fields of each.
        fields: Option<FieldSelector>,
    },
    /// Something of one policy.
    Policy(PolicyCommand),
    /// Which of these permissions the sender has; the body as sent.
    CheckPermissions(Value),
    /// Something that is handed on to devices, or an answer of one.
    Live(Box<LiveFrame>),
    /// Something else that is well-formed.
    Other {
        /// What it is.
        kind: SignalKind,
        /// Its members as sent, without headers.
        envelope: Box<Envelope>,
    },
}

impl Envelope {
    /// The topic, parsed.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownTopicPath`].
    pub fn topic_path(&self) -> Result<TopicPath, Error> {
        self.topic
            .parse()
            .map_err(|source| Error::UnknownTopicPath {
                topic: self.topic.clone(),
                source,
            })
    }
}

impl Incoming {
    /// What `envelope` asks for; its headers are left to the caller.
    ///
    /// # Errors
    ///
    /// Whatever of topic, path, value or fields does not fit the others.
    pub fn from_envelope(envelope: Envelope) -> Result<Self, Error> {
        let topic = envelope.topic_path()?;
        Self::about(&topic, envelope)
    }

    /// As [`Incoming::from_envelope`], for an envelope whose topic was parsed before.
    ///
    /// # Errors
    ///
    /// Whatever of topic, path, value or fields does not fit the others.
    pub fn about(topic: &TopicPath, envelope: Envelope) -> Result<Self, Error> {
        if let Some(kind) = LiveFrame::of(topic, &envelope) {
            return LiveFrame::new(topic, kind?, envelope)
                .map(|signal| Self::Live(Box::new(signal)));
        }
        let kind = SignalKind::of(topic, envelope.status.is_some());
        match (topic.group(), topic.criterion(), kind) {
            (_, _, Some(kind)) => Ok(Self::Other {
                kind,
                envelope: Box::new(envelope),
            }),
            (Group::Things(Channel::Twin), Criterion::Commands(action), None) => {
                twin_command(topic, *action, envelope)
            }
            (Group::Policies, Criterion::Commands(action), None) => {
                policy_command(topic, *action, envelope)
            }
            (_, _, None) => Err(Error::GroupNotAccessible {
                topic: envelope.topic,
            }),
        }
    }
}

fn twin_command(
    topic: &TopicPath,
    action: CommandAction,
    envelope: Envelope,
) -> Result<Incoming, Error> {
    let resource = thing_resource(&envelope.path)?;
    if action == CommandAction::Retrieve && topic.is_wildcard() {
        return retrieve_things(&resource, envelope);
    }
    let action = thing_action(action, &resource, envelope)?;
    Ok(Incoming::Thing(ThingCommand {
        thing_id: thing_id(topic.entity_id())?,
        resource,
        action,
    }))
}

/// What a command to one thing does, on either channel.
fn thing_action(
    action: CommandAction,
    resource: &ThingResource,
    envelope: Envelope,
) -> Result<ThingAction, Error> {
    Ok(match action {
        CommandAction::Create if *resource != ThingResource::Thing => {
            return Err(Error::UnknownPath {
                path: envelope.path,
            });
        }
        CommandAction::Create => ThingAction::Create(value(envelope)?),
        CommandAction::Retrieve => ThingAction::Retrieve {
            fields: fields(&envelope)?,
        },
        CommandAction::Modify => ThingAction::Modify(value(envelope)?),
        CommandAction::Merge => ThingAction::Merge(value(envelope)?),
        CommandAction::Delete => ThingAction::Delete,
        CommandAction::Migrate | CommandAction::CheckPermissions => {
            return Err(Error::UnknownCommand {
                topic: envelope.topic,
            });
        }
    })
}

fn retrieve_things(resource: &ThingResource, envelope: Envelope) -> Result<Incoming, Error> {
    if *resource != ThingResource::Thing {
        return Err(Error::UnknownPath {
            path: envelope.path,
        });
    }
    let fields = fields(&envelope)?;
    let mut value = value(envelope)?;
    let Some(Value::Array(ids)) = value.get_mut("thingIds").map(Value::take) else {
        return Err(Error::IllegalValue {
            reason: "`thingIds` must be an array of strings",
        });
    };
    let thing_ids = ids
        .into_iter()
        .map(|id| {
            thing_id(id.as_str().map(str::to_owned).ok_or(Error::IllegalValue {
                reason: "`thingIds` must be an array of strings",
            })?)
        })
        .collect::<Result<_, _>>()?;
    Ok(Incoming::Things { thing_ids, fields })
}

fn policy_command(
    topic: &TopicPath,
    action: CommandAction,
    envelope: Envelope,
) -> Result<Incoming, Error> {
    if action == CommandAction::CheckPermissions {
        return Ok(Incoming::CheckPermissions(value(envelope)?));
    }
    let resource = policy_resource(&envelope.path)?;
    let action = match action {
        CommandAction::Create if resource != PolicyResource::Policy => {
            return Err(Error::UnknownPath {
                path: envelope.path,
            });
        }
        CommandAction::Create => PolicyAction::Create(value(envelope)?),
        CommandAction::Retrieve => PolicyAction::Retrieve {
            fields: fields(&envelope)?,
        },
        CommandAction::Modify => PolicyAction::Modify(value(envelope)?),
        CommandAction::Delete => PolicyAction::Delete,
        CommandAction::Merge | CommandAction::Migrate | CommandAction::CheckPermissions => {
            return Err(Error::UnknownCommand {
                topic: envelope.topic,
            });
        }
    };
    Ok(Incoming::Policy(PolicyCommand {
        policy_id: policy_id(topic)?,
        resource,
        action,
    }))
}

fn thing_resource(path: &str) -> Result<ThingResource, Error> {
    let pointer = path.parse().map_err(|source| Error::InvalidPath {
        path: path.to_owned(),
        source,
    })?;
    ThingResource::parse(&pointer).ok_or_else(|| Error::UnknownPath {
        path: path.to_owned(),
    })
}

/// Splits at every slash, because subject ids and resource keys may hold several in a row.
fn policy_resource(path: &str) -> Result<PolicyResource, Error> {
    let tail = path.strip_prefix('/').unwrap_or(path);
    let segments: Vec<&str> = match tail.strip_suffix('/') {
        // The slash of the resource key `thing:/` belongs to the key.
        Some(rest) if !rest.ends_with(':') => rest.split('/').collect(),
        Some(_) | None if tail.is_empty() => Vec::new(),
        Some(_) | None => tail.split('/').collect(),
    };
    PolicyResource::parse(&segments)?.ok_or_else(|| Error::UnknownPath {
        path: path.to_owned(),
    })
}

fn thing_id(text: String) -> Result<ThingId, Error> {
    text.parse()
        .map_err(|source| things::Error::IdInvalid { text, source }.into())
}

fn policy_id(topic: &TopicPath) -> Result<policies::PolicyId, Error> {
    topic.policy_id().map_err(|source| {
        policies::Error::InvalidId {
            text: topic.entity_id(),
            source,
        }
        .into()
    })
}

fn fields(envelope: &Envelope) -> Result<Option<FieldSelector>, Error> {
    envelope
        .fields
        .as_deref()
        .map(|fields| fields.parse().map_err(Error::Policies))
        .transpose()
}

fn value(envelope: Envelope) -> Result<Value, Error> {
    envelope.value.ok_or(Error::MissingField { field: "value" })
}

#[cfg(test)]
mod tests;
