//! From a parsed frame to the service that carries it out.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use ::policies::{
    CommandContext, DittoHeaders, Policies, PolicyAction, PolicyCommand, PolicyResponse,
};
use ::things::{ThingCommand, ThingId, TwinHeaders};
use authentication::NamespacedKind;
use protocol::{Channel, Envelope, Incoming, Reaction, headers};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::Connection;
use super::super::live::{self, Frame, requested};
use crate::edge;
use crate::error::DittoError;
use crate::routes::{Examiner, check_count};

/// What comes back at once; `None` if nothing does, or later.
pub(super) async fn execute(
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
            let twin = twin_headers(headers)?;
            check_count(&thing_ids)?;
            scopes.check_things(&thing_ids)?;
            let asked = (fields.as_ref(), twin.as_deref());
            let things = gateway
                .things
                .retrieve_many(&context, &thing_ids, asked)
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

fn unsupported(what: &str) -> DittoError {
    DittoError::bad_request(
        "signal.unsupported",
        format!("{what} is not supported by this version."),
    )
}
