//! `…/inbox/messages/…`, `…/outbox/messages/…` and claims: parse, hand on, answer with what came back.

mod acknowledged;
pub(super) mod live_channel;
mod mail;
mod respond;
mod stream;

use std::time::Duration;

use ::things::ThingId;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use protocol::{Channel, MessagePath};
use serde_json::{Map, Value};

pub(super) use acknowledged::{Migration, Written, migrate_acknowledged, write_acknowledged};
pub(crate) use mail::Mail;

use super::{Answer, body};
use crate::edge::{RequestContext, Timeout};
use crate::error::DittoError;
use crate::live::{self, Message, Requested, payload};
use crate::streaming;

/// A claim may be waited for as long as a user takes to confirm it.
const CLAIM_WAIT_MAX: Duration = Duration::from_secs(600);

/// `POST`: the answer of whoever receives the message, or 202. `GET` with `text/event-stream`: the messages themselves.
pub(super) fn answer(
    context: RequestContext,
    request: &HttpRequest,
    payload: Payload,
    (thing_id, mail): (ThingId, Mail),
) -> Answer<'_> {
    if *request.method() == Method::GET {
        return Answer::Ready(subscribe(context, request, (thing_id, mail)));
    }
    let (path, is_claim) = match mail {
        Mail::Claim => (MessagePath::claim(), true),
        Mail::Message(path) => (path, false),
        Mail::Box { .. } => {
            return Answer::Ready(Err(protocol::MessagePathError::Subject.into()));
        }
    };
    let permitted = requested(&context, is_claim)
        .and_then(|requested| Ok((context.begin_waiting(&requested, Channel::Live)?, requested)));
    match permitted {
        Ok((permit, requested)) => {
            let wait = requested.wait;
            let work = async move {
                let _permit = permit;
                let posted = Posted {
                    thing_id,
                    path,
                    is_claim,
                    requested,
                };
                send(context, request, payload, posted).await
            };
            Answer::after(wait, Box::pin(work))
        }
        Err(error) => Answer::Ready(Err(error)),
    }
}

fn subscribe(
    context: RequestContext,
    request: &HttpRequest,
    (thing_id, mail): (ThingId, Mail),
) -> Result<HttpResponse, DittoError> {
    if streaming::sse::is_asked_for(request) {
        return stream::open(context, (thing_id, mail));
    }
    Err(DittoError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "gateway:method.notallowed",
        "Messages are sent with POST and not kept, so there is nothing to get.",
    )
    .describe(
        "Subscribe with `Accept: text/event-stream`, or with `START-SEND-MESSAGES` on a WebSocket.",
    )
    .with_header(ALLOW, HeaderValue::from_static("POST")))
}

/// What is sent where, and what its sender waits for.
struct Posted {
    thing_id: ThingId,
    path: MessagePath,
    is_claim: bool,
    requested: Requested,
}

fn requested(context: &RequestContext, is_claim: bool) -> Result<Requested, DittoError> {
    let max = if is_claim {
        CLAIM_WAIT_MAX
    } else {
        Timeout::COMMAND_MAX
    };
    let requested = context.requested(Channel::Live)?;
    if requested.wait > max {
        return Err(live::Error::TimeoutTooLong { max }.into());
    }
    Ok(requested)
}

async fn send(
    context: RequestContext,
    request: &HttpRequest,
    payload: Payload,
    posted: Posted,
) -> Result<HttpResponse, DittoError> {
    let requested = posted.requested;
    let body = read((&context, request), payload).await?;
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or(payload::OCTET_STREAM);
    let message = Message {
        thing_id: posted.thing_id,
        path: posted.path,
        is_claim: posted.is_claim,
        headers: described(request, content_type),
        value: payload::to_value(content_type, &body)?,
        twin: context.headers.twin.clone(),
    };
    drop(body);
    let command = context.command_without_timeout()?;
    let ticket = context
        .gateway
        .live
        .send_message(&command, message, &requested)
        .await?;
    match ticket {
        None => Ok(super::respond::accepted()),
        Some(ticket) => {
            let is_required = requested.response_required;
            Ok(respond::outcome(&ticket.answer().await?, is_required))
        }
    }
}

/// What the sender says about the payload, and where answers are wanted.
fn described(request: &HttpRequest, content_type: &str) -> Map<String, Value> {
    let reply_to = request.headers().get("reply-to");
    let reply_to = reply_to.and_then(|value| value.to_str().ok());
    let reply_to = reply_to.map(|value| ("reply-to".to_owned(), value.into()));
    let content_type = ("content-type".to_owned(), content_type.into());
    Map::from_iter([content_type].into_iter().chain(reply_to))
}

/// Reads the payload within the time of an ordinary request.
async fn read(
    (context, request): (&RequestContext, &HttpRequest),
    payload: Payload,
) -> Result<Bytes, DittoError> {
    let settings = &context.gateway.settings;
    let reading = body::read(request, payload, settings.body_bytes_max);
    let body = tokio::time::timeout(settings.request_timeout, reading)
        .await
        .unwrap_or_else(|_| {
            Err(DittoError::new(
                StatusCode::REQUEST_TIMEOUT,
                "gateway:body.incomplete",
                "The body did not arrive in time.",
            ))
        })?;
    let bytes_max = context.gateway.live.message_bytes_max();
    if body.len() > bytes_max {
        return Err(live::Error::TooLarge { bytes_max }.into());
    }
    Ok(body)
}
