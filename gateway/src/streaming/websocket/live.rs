//! Live signals and their answers over a WebSocket, and waiting without keeping other frames waiting.

mod choice;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::policies::{CommandContext, SubjectId};
use ::things::{ThingAction, ThingCommand, TwinHeaders};
use authentication::ScopeWord;
use bytes::Bytes;
use devops::logging::carried;
use protocol::{
    Channel, CommandAction, Criterion, Envelope, LiveFrame, LiveKind, StreamKind, Subscription,
    TopicPath,
};
use serde_json::{Map, Value};

pub(super) use choice::{Undecided, choice, choose};

use super::Connection;
use super::control::instead_of;
use super::incoming::send_error_with;
use crate::app::Gateway;
use crate::edge::{Timeout, unsupported_header};
use crate::error::DittoError;
use crate::live::{
    Acknowledgement, Acknowledgements, Answer, Error, Label, LiveCommand, LiveEvent, LiveRenderer,
    LiveSignal, Message, Outcome, Requested, Ticket, Wishes, check_labels, emitted,
};
use crate::streaming::lifeline::{End, EndKind};
use crate::streaming::session::Session;
use crate::streaming::{self, Wish};

/// A session waits at most this long, whatever it asks for; Ditto's `acknowledgement.forwarder-fallback-timeout`.
const WAIT_MAX: Duration = Duration::from_secs(65);

/// How many signals of a session are being waited for.
#[derive(Default)]
pub(super) struct InFlight(Rc<Cell<usize>>);

/// One signal of a session that is being waited for.
struct Permit(Rc<Cell<usize>>);

impl InFlight {
    /// One session waits for at most this many at a time.
    const MAX: usize = 256;

    fn begin(&self) -> Result<Permit, Error> {
        if self.0.get() >= Self::MAX {
            return Err(Error::TooManyPending { limit: Self::MAX });
        }
        self.0.set(self.0.get() + 1);
        Ok(Permit(Rc::clone(&self.0)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// Whether live signals of this kind can be subscribed to.
pub(super) fn is_live(kind: StreamKind) -> bool {
    match kind {
        StreamKind::Messages | StreamKind::LiveCommands | StreamKind::LiveEvents => true,
        StreamKind::Events | StreamKind::PolicyAnnouncements | StreamKind::SessionAnnouncements => {
            false
        }
    }
}

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

    pub(super) fn start_live(
        &self,
        kind: StreamKind,
        subscription: Subscription,
    ) -> Result<(), (DittoError, Option<String>)> {
        let wish = Wish {
            namespaces: subscription.namespaces,
            scopes: self.context.scopes.clone(),
            filter: subscription.filter.as_deref(),
            extra_fields: subscription.extra_fields.as_deref(),
        };
        let parsed = wish
            .scopes
            .check(ScopeWord::ThingsRead, None)
            .and_then(|()| streaming::Subscription::parse(&wish, &self.context.gateway.things));
        let renderer = LiveEnvelopes(parsed.map_err(|error| (error, subscription.correlation_id))?);
        self.session.subscribe_live(kind, Rc::new(renderer));
        self.session.reindex();
        Ok(())
    }
}

/// Sends live signals as envelopes.
struct LiveEnvelopes(streaming::Subscription);

impl LiveRenderer for LiveEnvelopes {
    fn render(
        &self,
        signal: &LiveSignal,
        subjects: &[SubjectId],
        declared: &[Label],
    ) -> Option<Bytes> {
        match self.0.admit_live(signal, subjects) {
            Ok(None) => None,
            Ok(Some(extra)) => Some(signal.frame(extra.as_ref(), declared)),
            Err(error) => {
                let correlation_id = signal.header("correlation-id").unwrap_or_default();
                Some(instead_of(
                    (&signal.thing_id, Channel::Live),
                    correlation_id,
                    &error,
                ))
            }
        }
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
            let permit = connection.in_flight.begin()?;
            let message = Message {
                thing_id,
                path,
                headers,
                value: envelope.value,
                twin,
            };
            let requested = requested(Channel::Live, frame.headers)?;
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
    let permit = connection.in_flight.begin()?;
    let mut requested = requested(Channel::Live, frame.headers)?;
    if !is_write {
        requested = requested.for_query();
    }
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

/// Waits for the answer to a live signal and sends it, unless the session ends before.
fn wait(
    connection: &Rc<Connection>,
    (ticket, permit): (Option<Ticket>, Permit),
    (context, frame, asked): (CommandContext, &Frame<'_>, Option<ThingCommand>),
) {
    let Some(ticket) = ticket else {
        return;
    };
    let connection = Rc::clone(connection);
    let (topic, headers) = (frame.topic.clone(), frame.headers.clone());
    actix_web::rt::spawn(carried(async move {
        let _permit = permit;
        let gateway = &connection.context.gateway;
        let answering = async {
            let outcome = ticket.answer().await?;
            let frame = match outcome {
                Outcome::Response(envelope) => {
                    let now = gateway.clock.now();
                    match &asked {
                        Some(asked) => gateway.live.readable(&context, (asked, now), *envelope)?,
                        None => *envelope,
                    }
                    .to_bytes()
                }
                Outcome::Acknowledged(all) => acknowledgements(&topic, &headers, &all),
            };
            Ok::<_, Error>(frame)
        };
        tokio::select! {
            outcome = answering => match outcome {
                Ok(frame) => connection.send_late(frame),
                Err(error) => send_error_with(&connection, (Some(&topic), &headers), &error.into()),
            },
            _ = connection.session.lifeline().ended(&*gateway.clock) => {}
        }
    }));
}

/// A write of a twin, and what it waits for.
pub(super) struct Written {
    pub(super) command: ThingCommand,
    pub(super) headers: Option<Arc<TwinHeaders>>,
    pub(super) requested: Requested,
}

/// Carries out a write of a twin that others are asked to acknowledge; they are waited for later.
pub(super) async fn write_acknowledged(
    connection: &Rc<Connection>,
    (mut context, written): (CommandContext, Written),
    frame: &Frame<'_>,
) -> Result<(), DittoError> {
    let Written {
        command,
        headers,
        requested,
    } = written;
    let permit = connection.in_flight.begin()?;
    let gateway = &connection.context.gateway;
    context.headers.requested_acks = requested.custom.iter().map(ToString::to_string).collect();
    let ticket = gateway.live.expect_acknowledgements(
        &context,
        (&command.thing_id, command.resource.pointer()),
        &requested,
    )?;
    let response = gateway
        .things
        .execute_with(&context, command, headers)
        .await?;
    let own = Acknowledgement::persisted(&response, (&context.headers.correlation_id, None));
    let connection = Rc::clone(connection);
    let (topic, headers) = (frame.topic.clone(), frame.headers.clone());
    actix_web::rt::spawn(carried(async move {
        let _permit = permit;
        tokio::select! {
            all = ticket.acknowledgements(own) => {
                connection.send_late(acknowledgements(&topic, &headers, &all));
            }
            _ = connection.session.lifeline().ended(&*connection.context.gateway.clock) => {}
        }
    }));
    Ok(())
}

/// Whether a command changes something, so that there is something to acknowledge.
pub(super) fn is_write(command: &ThingCommand) -> bool {
    !matches!(command.action, ThingAction::Retrieve { .. })
}

/// The envelope of several acknowledgements.
fn acknowledgements(
    topic: &TopicPath,
    headers: &Map<String, Value>,
    all: &Acknowledgements,
) -> Bytes {
    let topic = TopicPath::new(&topic.entity_id(), topic.group(), Criterion::Acks(None));
    let mut seen = emitted(headers.clone());
    seen.insert("content-type".to_owned(), "application/json".into());
    Envelope {
        topic: topic.to_string(),
        headers: Some(seen),
        path: "/".to_owned(),
        value: Some(all.to_json()),
        status: Some(all.status()),
        ..Envelope::default()
    }
    .to_bytes()
}
