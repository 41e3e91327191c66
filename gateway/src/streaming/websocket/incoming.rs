//! Text frames from clients: control messages and envelopes.

mod execution;
mod policy_acknowledgement;

use std::rc::Rc;

use protocol::{ControlMessage, Criterion, Envelope, Group, Incoming, TopicPath, headers};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::live::{Frame, requested};
use super::rejection::{refuse, within_budget};
use super::{Connection, control};
use crate::error::DittoError;
use crate::limits::TooManyRequests;
use crate::telemetry::audit::frames::FrameTrail;
use execution::execute;
use policy_acknowledgement::{is_policy_acknowledgement, policy_acknowledgement};

/// Handles one text frame; whatever is wrong with it is answered, the connection stays.
pub(super) async fn handle(connection: &Rc<Connection>, text: &str) {
    let message = ControlMessage::parse(text);
    // A refresh is exempt: it must get through when the budget is used up, and has a limit of its own.
    if let Some(Ok(refresh @ ControlMessage::JwtToken(_))) = message {
        return control::obey(connection, refresh).await;
    }
    match (message, within_budget(connection)) {
        (None, budget) => envelope(connection, text, budget).await,
        (Some(_), Err(exceeded)) => refuse(connection, (None, Map::new()), exceeded),
        (Some(Ok(message)), Ok(())) => control::obey(connection, message).await,
        (Some(Err(error)), Ok(())) => {
            let error = DittoError::bad_request(
                "protocoladapter:invalid.controlmessage",
                format!("The control message is malformed: {error}."),
            )
            .describe("Write parameters as in `START-SEND-EVENTS?namespaces=org.acme&extraFields=attributes`.");
            send_error(connection, None, (&error, None));
        }
    }
}

async fn envelope(connection: &Rc<Connection>, text: &str, budget: Result<(), TooManyRequests>) {
    let parsed = Envelope::parse(text.as_bytes());
    let (mut envelope, exceeded) = match (parsed, budget) {
        (Ok(envelope), budget) => (envelope, budget.err()),
        (Err(_), Err(exceeded)) => return refuse(connection, (None, Map::new()), exceeded),
        (Err(error), Ok(())) => return send_error(connection, None, (&error.into(), None)),
    };
    let sent = envelope.headers.take().unwrap_or_default();
    let is_named = sent
        .keys()
        .any(|name| name.eq_ignore_ascii_case("correlation-id"));
    let topic = envelope.topic_path();
    let accepted = accept(connection, sent);
    if let Some(exceeded) = exceeded {
        let headers = accepted.unwrap_or_default();
        return refuse(connection, (topic.ok().as_ref(), headers), exceeded);
    }
    let accepted = match accepted {
        Ok(accepted) => accepted,
        Err(error) => {
            let topic = topic.ok();
            return send_error_with(connection, (topic.as_ref(), &Map::new()), &error);
        }
    };
    match topic {
        Err(error) => send_error_with(connection, (None, &accepted), &error.into()),
        Ok(topic) if matches!(topic.criterion(), Criterion::Streaming(_)) => {
            let outcome = connection.read_history(&topic, &accepted, envelope.value);
            if let Err(error) = outcome {
                send_error_with(connection, (Some(&topic), &accepted), &error);
            }
        }
        Ok(topic) => {
            let headers = told_by_topic(accepted, &topic);
            let frame = Frame {
                topic: &topic,
                headers: &headers,
                is_named,
            };
            if is_policy_acknowledgement(&topic) {
                policy_acknowledgement(connection, &frame, envelope.status).await;
            } else {
                command(connection, &frame, envelope).await;
            }
        }
    }
}

/// The headers of a frame, as far as clients may set them, with those of the handshake and a correlation id.
fn accept(
    connection: &Connection,
    sent: Map<String, Value>,
) -> Result<Map<String, Value>, DittoError> {
    let mut headers = headers::accept(sent)?;
    connection.context.headers.claimed.strip(&mut headers);
    let mut headers = headers::with_defaults(headers, &connection.defaults);
    let fresh = || Value::String(Uuid::new_v4().to_string());
    headers.entry("correlation-id").or_insert_with(fresh);
    Ok(headers)
}

/// The topic alone says which channel is meant; a header that says otherwise does not come back with the answer.
fn told_by_topic(mut headers: Map<String, Value>, topic: &TopicPath) -> Map<String, Value> {
    if let Some(channel) = headers.get_mut("channel") {
        match topic.group() {
            Group::Things(told) => *channel = told.as_str().into(),
            Group::Policies | Group::Connections | Group::Sessions => {
                headers.remove("channel");
            }
        }
    }
    headers
}

fn is_waived(headers: &Map<String, Value>) -> bool {
    headers.get("response-required") == Some(&Value::Bool(false))
}

async fn command(connection: &Rc<Connection>, frame: &Frame<'_>, envelope: Envelope) {
    let Frame { topic, headers, .. } = *frame;
    let is_waived = is_waived(headers);
    // What is wrong with the request for answers itself is told to those who want none, too.
    if let Err(error) = check_requested(frame) {
        return send_error_with(connection, (Some(topic), headers), &error);
    }
    let (path, fields) = (envelope.path.clone(), envelope.fields.clone());
    let principal = connection.caller.borrow().principal().clone();
    let outcome = async {
        let incoming = Incoming::about(topic, envelope)?;
        let trail = FrameTrail::begin(&connection.context.gateway.auditor, topic).await?;
        let outcome = execute(connection, incoming, (frame, &path, fields)).await;
        let correlation_id = headers.get("correlation-id").and_then(Value::as_str);
        trail.end(
            (&connection.context, &principal),
            (topic, &path, correlation_id.unwrap_or_default()),
            outcome.as_ref().err(),
        );
        outcome
    };
    match outcome.await {
        Ok(Some(answer)) if !is_waived => connection.send(answer),
        // Ditto has no return address for an error of such a command either.
        Ok(_) => {}
        Err(_) if is_waived => {}
        Err(error) => send_error_with(connection, (Some(topic), headers), &error),
    }
}

/// Only what changes something, or goes to devices, can be acknowledged.
fn check_requested(frame: &Frame<'_>) -> Result<(), DittoError> {
    match frame.topic.group() {
        Group::Things(channel) => requested(channel, frame.headers).map(|_| ()),
        Group::Policies | Group::Connections | Group::Sessions => Ok(()),
    }
}

/// Answers with an error that belongs to no command.
pub(super) fn send_error(
    connection: &Connection,
    topic: Option<&TopicPath>,
    (error, correlation_id): (&DittoError, Option<&str>),
) {
    let headers = correlation_id
        .map(|id| ("correlation-id".to_owned(), Value::String(id.to_owned())))
        .into_iter()
        .collect();
    send_error_with(connection, (topic, &headers), error);
}

pub(super) fn send_error_with(
    connection: &Connection,
    (topic, headers): (Option<&TopicPath>, &Map<String, Value>),
    error: &DittoError,
) {
    connection.send(Envelope::error(
        topic,
        headers,
        error.status().as_u16(),
        &error.to_json(),
    ));
}
