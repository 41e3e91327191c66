//! Live signals and their answers over a WebSocket.

mod choice;
mod subscription;
mod waiting;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::policies::CommandContext;
use ::things::{ThingAction, ThingCommand, TwinHeaders};
use protocol::{Channel, CommandAction, Envelope, LiveFrame, LiveKind, TopicPath};
use serde_json::{Map, Value};

pub(super) use choice::{Undecided, choice, choose};
pub(super) use subscription::is_live;
pub(super) use waiting::{InFlight, Written, write_acknowledged};

use super::Connection;
use super::incoming::send_error_with;
use crate::app::Gateway;
use crate::edge::{Timeout, unsupported_header};
use crate::error::DittoError;
use crate::live::{
    Answer, Error, Label, LiveCommand, LiveEvent, Message, Requested, Wishes, check_labels,
};
use crate::streaming::lifeline::{End, EndKind};
use crate::streaming::session::Session;
use waiting::{begin, wait};

/// A session waits at most this long, whatever it asks for; Ditto's `acknowledgement.forwarder-fallback-timeout`.
const WAIT_MAX: Duration = Duration::from_secs(65);

/// What a frame waits for.
///
/// # Errors
///
/// 400 for headers that contradict each other.
pub(super) fn requested(
    channel: Channel,
    headers: &Map<String, Value>,
) -> Result<Requested, DittoError> {
    let response_required = headers.get("response-required").and_then(Value::as_bool);
    let labels = headers.get("requested-acks").and_then(Value::as_array);
    let requested_acks = labels
        .map(|labels| {
            check_labels(
                labels
                    .iter()
                    .map(|label| label.as_str().unwrap_or_default()),
            )
        })
        .transpose()?;
    let timeout = headers
        .get("timeout")
        .and_then(Value::as_str)
        .map(Timeout::parse)
        .transpose()?
        .map(|timeout| timeout.duration().min(WAIT_MAX));
    let asks = requested_acks
        .as_ref()
        .is_some_and(|labels| !labels.is_empty());
    if timeout.is_some_and(|timeout| timeout.is_zero()) && (asks || response_required == Some(true))
    {
        return Err(Error::ZeroTimeout.into());
    }
    if asks && response_required == Some(false) {
        return Err(Error::AcknowledgementsWithoutResponse.into());
    }
    let wishes = Wishes {
        response_required,
        requested_acks,
        timeout,
    };
    Ok(Requested::new(channel, wishes, WAIT_MAX)?)
}

/// Gives a new session the labels that its handshake declares.
///
/// # Errors
///
/// [`DittoError`] if another session holds one of them.
pub(super) fn declare(
    gateway: &Gateway,
    session: &Session,
    labels: Vec<Label>,
) -> Result<(), DittoError> {
    if !labels.is_empty() {
        session.declare(gateway.live.declare(labels, session.id)?);
    }
    Ok(())
}

impl Connection {
    /// Says why the labels cannot be had, and closes.
    pub(super) fn refuse_labels(&self, error: &DittoError) {
        send_error_with(self, (None, &Map::new()), error);
        self.session.lifeline().cut(End::new(
            1000,
            EndKind::Protocol,
            "The labels in `declared-acks` cannot be had.",
        ));
    }
}

/// A frame of the client, besides what it asks for.
pub(super) struct Frame<'f> {
    pub(super) topic: &'f TopicPath,
    pub(super) headers: &'f Map<String, Value>,
    /// Whether the client chose the correlation id.
    pub(super) is_named: bool,
}

/// Hands a live signal on, or takes an answer; whoever waits is answered later.
pub(super) async fn take(
    connection: &Rc<Connection>,
    (signal, twin): (LiveFrame, Option<Arc<TwinHeaders>>),
    (context, frame): (CommandContext, &Frame<'_>),
) -> Result<(), DittoError> {
    let LiveFrame {
        thing_id,
        kind,
        envelope,
    } = signal;
    let live = &connection.context.gateway.live;
    let headers = frame.headers.clone();
    match kind {
        LiveKind::Message(path) => {
            let requested = requested(Channel::Live, frame.headers)?;
            let permit = begin(connection, (&requested, Channel::Live))?;
            let message = Message {
                thing_id,
                is_claim: path.is_claim(),
                path,
                headers,
                value: envelope.value,
                twin,
            };
            let ticket = live.send_message(&context, message, &requested).await?;
            wait(connection, (ticket, permit), (context, frame, None));
        }
        LiveKind::Command { action, command } => {
            let asked = Asked {
                action,
                command: *command,
                envelope,
                twin,
            };
            return command_device(connection, asked, (context, frame)).await;
        }
        LiveKind::Event { resource, .. } => {
            if let Some(headers) = twin {
                return Err(unsupported_header(headers.name()));
            }
            let event = LiveEvent {
                thing_id,
                resource,
                headers,
                envelope,
            };
            live.report_event(&context, event).await?;
        }
        LiveKind::CommandResponse(_) | LiveKind::MessageResponse(_) | LiveKind::ErrorResponse => {
            live.respond(&kind, answer(context, (thing_id, headers, envelope)));
        }
        LiveKind::Acknowledgement { channel, label } => {
            if !frame.is_named {
                return Err(Error::CorrelationIdMissing.into());
            }
            let answer = answer(context, (thing_id, headers, envelope));
            live.acknowledge(connection.session.declared(), (channel, &label), answer)?;
        }
    }
    Ok(())
}

/// A command for the device, and what its frame says besides.
struct Asked {
    action: CommandAction,
    command: ThingCommand,
    envelope: Envelope,
    twin: Option<Arc<TwinHeaders>>,
}

async fn command_device(
    connection: &Rc<Connection>,
    asked: Asked,
    (context, frame): (CommandContext, &Frame<'_>),
) -> Result<(), DittoError> {
    let Asked {
        action,
        command,
        envelope,
        twin,
    } = asked;
    let is_write = is_write(&command);
    if !is_write && let Some(choice) = choice(Channel::Live, frame.headers)? {
        let undecided = Undecided {
            command,
            fields: envelope.fields,
            twin,
            choice,
        };
        return choose(connection, (context, undecided), frame).await;
    }
    refuse_choice(frame.headers)?;
    let mut requested = requested(Channel::Live, frame.headers)?;
    if !is_write {
        requested = requested.for_query();
    }
    let permit = begin(connection, (&requested, Channel::Live))?;
    let asked = command.clone();
    let command = LiveCommand {
        command,
        action,
        headers: frame.headers.clone(),
        value: envelope.value,
        fields: envelope.fields,
        twin,
    };
    let live = &connection.context.gateway.live;
    let ticket = live.send_command(&context, command, &requested).await?;
    wait(connection, (ticket, permit), (context, frame, Some(asked)));
    Ok(())
}

/// Only a retrieval can choose its channel.
///
/// # Errors
///
/// 405 for a live channel condition.
pub(super) fn refuse_choice(headers: &Map<String, Value>) -> Result<(), DittoError> {
    if headers.contains_key("live-channel-condition") {
        return Err(Error::ConditionOnWrite.into());
    }
    Ok(())
}

fn answer(
    context: CommandContext,
    (thing_id, headers, envelope): (::things::ThingId, Map<String, Value>, Envelope),
) -> Answer {
    Answer {
        correlation_id: Arc::clone(&context.headers.correlation_id),
        now: context.now,
        principal: context.principal,
        thing_id,
        headers,
        envelope,
    }
}

/// Whether a command changes something, so that there is something to acknowledge.
pub(super) fn is_write(command: &ThingCommand) -> bool {
    !matches!(command.action, ThingAction::Retrieve { .. })
}
