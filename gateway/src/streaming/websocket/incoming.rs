//! Text frames from clients: control messages and envelopes.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use ::policies::{
    Acknowledgement, CommandContext, DittoHeaders, Policies, PolicyAction, PolicyCommand,
    PolicyResponse,
};
use ::things::{ThingCommand, ThingId, TwinHeaders};
use authentication::NamespacedKind;
use protocol::{
    Channel, ControlMessage, Criterion, Envelope, Group, Incoming, Reaction, TopicPath, headers,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::live::{self, Frame, requested};
use super::{Connection, control};
use crate::edge;
use crate::error::{DittoError, ErrorChain};
use crate::limits::TooManyRequests;
use crate::live::check_declared;
use crate::routes::{Examiner, check_count};
use crate::telemetry::audit::frames::FrameTrail;

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
                "The control message is malformed.",
            )
            .describe(format!("Mind that {error}."));
            send_error(connection, None, (&error, None));
        }
    }
}

/// Takes one unit of the source's and the caller's budget, which HTTP requests share.
pub(super) fn within_budget(connection: &Connection) -> Result<(), TooManyRequests> {
    let context = &connection.context;
    let gateway = context.gateway.current();
    let source = (context.source, context.source_key);
    let check = gateway.limits.check_source(context.source_key);
    check.inspect_err(|exceeded| edge::note_source(&gateway, exceeded, source))?;
    let caller = connection.caller.borrow();
    let check = gateway.limits.check_subject(caller.limit_key());
    check.inspect_err(|exceeded| edge::note_subject(&gateway, exceeded, &caller))
}

/// Answers a frame that is beyond the budget, with its own headers if it has some.
pub(super) fn refuse(
    connection: &Connection,
    (topic, mut headers): (Option<&TopicPath>, Map<String, Value>),
    exceeded: TooManyRequests,
) {
    let seconds = exceeded.retry_after_seconds();
    headers.insert("retry-after".to_owned(), seconds.into());
    send_error_with(connection, (topic, &headers), &exceeded.into());
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
            let frame = Frame {
                topic: &topic,
                headers: &accepted,
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

fn is_policy_acknowledgement(topic: &TopicPath) -> bool {
    topic.group() == Group::Policies && matches!(topic.criterion(), Criterion::Acks(Some(_)))
}

/// Takes an acknowledgement of an announcement; only what is wrong with it is answered.
async fn policy_acknowledgement(connection: &Connection, frame: &Frame<'_>, status: Option<u16>) {
    let outcome = acknowledge(connection, frame, status).await;
    if let Err(error) = outcome
        && !is_waived(frame.headers)
    {
        send_error_with(connection, (Some(frame.topic), frame.headers), &error);
    }
}

/// Keeps an acknowledgement before the next frame is looked at.
///
/// One that nobody awaits means nothing, nor does one of somebody else than was told: its sender learns nothing about it.
async fn acknowledge(
    connection: &Connection,
    frame: &Frame<'_>,
    status: Option<u16>,
) -> Result<(), DittoError> {
    let Frame { topic, headers, .. } = *frame;
    let named = headers.get("correlation-id").and_then(Value::as_str);
    let (true, Some(correlation_id)) = (frame.is_named, named) else {
        return Err(crate::live::Error::CorrelationIdMissing.into());
    };
    let Criterion::Acks(Some(label)) = topic.criterion() else {
        return Ok(());
    };
    check_declared(connection.session.declared(), label)?;
    let status = status.ok_or(protocol::Error::MissingField { field: "status" })?;
    let invalid = |source| ::policies::Error::InvalidId {
        text: topic.entity_id(),
        source,
    };
    let policy_id = topic.policy_id().map_err(invalid)?;
    let context = &connection.context;
    context.check_namespace(NamespacedKind::Policy, policy_id.namespace())?;
    let principal = connection.caller.borrow().principal().clone();
    let acknowledgement = Acknowledgement {
        givers: principal.subjects(),
        correlation_id,
        label,
        status,
    };
    let gateway = &context.gateway;
    let now = gateway.clock.now();
    let kept = gateway
        .subjects
        .acknowledge(&policy_id, &acknowledgement, now);
    if let Err(error) = kept.await {
        tracing::error!(error = %ErrorChain(&error), policy.id = %policy_id, "An acknowledgement could not be kept yet");
    }
    Ok(())
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

async fn execute(
    connection: &Rc<Connection>,
    incoming: Incoming,
    (frame, path, fields): (&Frame<'_>, &str, Option<String>),
) -> Result<Option<bytes::Bytes>, DittoError> {
    let Frame { topic, headers, .. } = *frame;
    let gateway = &connection.context.gateway;
    let scopes = &connection.context.scopes;
    check_namespace(connection, &incoming)?;
    let context = context(connection, headers)?;
    Ok(match incoming {
        Incoming::Thing(command) => {
            scopes.check_thing(&command)?;
            return twin_command(connection, (context, command), (frame, path, fields)).await;
        }
        Incoming::Live(signal) => {
            scopes.check_live(&signal)?;
            let twin = twin_headers(headers)?;
            live::take(connection, (*signal, twin), (context, frame)).await?;
            None
        }
        Incoming::Things { thing_ids, fields } => {
            refuse_twin_headers(headers)?;
            check_count(&thing_ids)?;
            scopes.check_things(&thing_ids)?;
            let things = gateway
                .things
                .retrieve_many(&context, &thing_ids, fields.as_ref())
                .await?;
            Some(Envelope::things_response(topic, path, headers, &things))
        }
        Incoming::Policy(command) => {
            scopes.check_policy(&command)?;
            let response = policy_command(&gateway.policies, (context, command), headers).await?;
            Some(Envelope::policy_response(topic, path, headers, &response))
        }
        Incoming::CheckPermissions(body) => {
            let answers = Examiner {
                policies: &gateway.policies,
                things: &gateway.things,
                principal: &context.principal,
                now: context.now,
                is_in_reach: &|kind, namespace| {
                    connection.context.check_namespace(kind, namespace).is_ok()
                },
            }
            .answer(&body)?;
            Some(Envelope::answer(topic, path, headers, &answers))
        }
        Incoming::Other { kind, .. } => match kind.reaction() {
            Reaction::Refuse => {
                return Err(unsupported(&format!("A signal of this kind ({kind:?})")));
            }
            Reaction::Ignore => {
                tracing::debug!(?kind, "A frame that is not for clients to send was ignored");
                None
            }
        },
    })
}

/// Carries out a command to a twin; `None` if its answer comes later, because somebody else is asked first.
async fn twin_command(
    connection: &Rc<Connection>,
    (context, command): (CommandContext, ThingCommand),
    (frame, path, fields): (&Frame<'_>, &str, Option<String>),
) -> Result<Option<bytes::Bytes>, DittoError> {
    let Frame { topic, headers, .. } = *frame;
    let gateway = &connection.context.gateway;
    let twin = twin_headers(headers)?;
    if !live::is_write(&command)
        && let Some(choice) = live::choice(Channel::Twin, headers)?
    {
        let undecided = live::Undecided {
            command,
            fields,
            twin,
            choice,
        };
        live::choose(connection, (context, undecided), frame).await?;
        return Ok(None);
    }
    live::refuse_choice(headers)?;
    let requested = requested(Channel::Twin, headers)?;
    if live::is_write(&command) && !requested.is_plain() {
        let written = live::Written {
            command,
            headers: twin,
            requested,
        };
        live::write_acknowledged(connection, (context, written), frame).await?;
        return Ok(None);
    }
    let response = gateway.things.execute_with(&context, command, twin).await?;
    Ok(Some(Envelope::thing_response(
        topic, path, headers, &response,
    )))
}

/// Carries out a command to a policy; a state of the past is read elsewhere, so that nobody waits for it.
async fn policy_command(
    policies: &Arc<Policies>,
    (context, command): (CommandContext, PolicyCommand),
    headers: &Map<String, Value>,
) -> Result<PolicyResponse, DittoError> {
    let Some(twin) = twin_headers(headers)? else {
        return Ok(policies.execute(&context, command).await?);
    };
    let (PolicyAction::Retrieve { fields }, Some(past)) = (command.action, twin.past_only()?)
    else {
        return Err(edge::unsupported_header(twin.name()));
    };
    let (policies, policy_id, resource) =
        (Arc::clone(policies), command.policy_id, command.resource);
    let reading = actix_web::web::block(move || {
        policies.retrieve_past(&context, (&policy_id, &resource), fields.as_ref(), past)
    });
    let response = reading
        .await
        .map_err(|error| DittoError::internal(&error))?;
    Ok(response?)
}

/// As for the paths of requests: what a frame is about must be within the caller's reach.
fn check_namespace(connection: &Connection, incoming: &Incoming) -> Result<(), DittoError> {
    let check_thing = |id: &ThingId| {
        let context = &connection.context;
        context.check_namespace(NamespacedKind::Thing, id.namespace())
    };
    match incoming {
        Incoming::Thing(command) => check_thing(&command.thing_id),
        Incoming::Live(frame) => check_thing(&frame.thing_id),
        Incoming::Things { thing_ids, .. } => thing_ids.iter().try_for_each(check_thing),
        Incoming::Policy(command) => connection
            .context
            .check_namespace(NamespacedKind::Policy, command.policy_id.namespace()),
        Incoming::CheckPermissions(_) | Incoming::Other { .. } => Ok(()),
    }
}

fn context(
    connection: &Connection,
    headers: &Map<String, Value>,
) -> Result<CommandContext, DittoError> {
    let fresh = || Arc::from(Uuid::new_v4().to_string());
    let mut ditto: DittoHeaders = headers::ditto_headers(headers, fresh)?;
    connection
        .context
        .headers
        .claimed
        .overwrite(&mut ditto.custom);
    Ok(CommandContext {
        principal: connection.caller.borrow().principal().clone(),
        headers: DittoHeaders {
            requested_acks: Vec::new(),
            ..ditto
        },
        now: connection.context.gateway.clock.now(),
        origin: Some(connection.session.id),
        reach: connection.context.reach(),
    })
}

/// What few commands carry, from the JSON values of accepted headers.
fn twin_headers(headers: &Map<String, Value>) -> Result<Option<Arc<TwinHeaders>>, DittoError> {
    let lookup = |name: &'static str| {
        headers.get(name).map(|value| match value {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => Cow::Owned(value.to_string()),
        })
    };
    Ok(TwinHeaders::parse(&lookup)?.map(Arc::new))
}

/// Refuses what only commands to one twin can honour.
fn refuse_twin_headers(headers: &Map<String, Value>) -> Result<(), DittoError> {
    match twin_headers(headers)? {
        Some(headers) => Err(edge::unsupported_header(headers.name())),
        None => Ok(()),
    }
}

fn unsupported(what: &str) -> DittoError {
    DittoError::bad_request(
        "signal.unsupported",
        format!("{what} is not supported by this version."),
    )
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
