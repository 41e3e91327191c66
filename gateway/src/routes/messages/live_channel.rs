//! `channel=live` and `live-channel-condition`: the device answers instead of its twin.

use ::things::{ThingAction, ThingCommand, ThingId, ThingResource};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use protocol::{Channel, CommandAction, Envelope};
use serde_json::{Map, Value};

use super::respond;
use crate::edge::{LiveHeaders, OnTimeout, RequestContext, unsupported_header};
use crate::error::DittoError;
use crate::live::{LiveCommand, Outcome, Requested};
use crate::routes::body::{self, BodyType};
use crate::routes::{Answer, Route, things};
use crate::streaming;

const CHANNEL: HeaderName = HeaderName::from_static("channel");
const MATCHED: HeaderName = HeaderName::from_static("live-channel-condition-matched");

/// A request to the device itself.
pub(in crate::routes) fn answer(
    context: RequestContext,
    request: &HttpRequest,
    payload: Payload,
    (thing_id, resource): (ThingId, ThingResource),
) -> Answer<'_> {
    if streaming::sse::is_asked_for(request) {
        return Answer::Ready(Err(unsupported_header(context.headers.live.name())));
    }
    let permitted = requested(&context, request.method())
        .and_then(|requested| Ok((context.begin_waiting(&requested, Channel::Live)?, requested)));
    match permitted {
        Ok((permit, requested)) => {
            let wait = requested.wait;
            let work = async move {
                let _permit = permit;
                command(context, request, payload, (thing_id, resource, requested)).await
            };
            Answer::after(wait, Box::pin(work))
        }
        Err(error) => Answer::Ready(Err(error)),
    }
}

/// Why there is no device to ask here.
pub(in crate::routes) fn refusal(
    (route, method): (&Route, &Method),
    headers: &LiveHeaders,
) -> DittoError {
    if headers.is_live && *route == Route::Things && *method == Method::POST {
        return DittoError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "things:thing.notcreatable",
            "A thing cannot be created on the live channel.",
        )
        .describe("Leave out `channel=live`, or PUT to an id of your choice.");
    }
    unsupported_header(headers.name())
}

fn requested(context: &RequestContext, method: &Method) -> Result<Requested, DittoError> {
    if let Some(timeout) = context.headers.timeout {
        timeout.for_command()?;
    }
    let is_query = *method == Method::GET;
    context.is_response_waived(is_query)?;
    let requested = context.requested(Channel::Live)?;
    Ok(if is_query {
        requested.for_query()
    } else {
        requested
    })
}

async fn command(
    context: RequestContext,
    request: &HttpRequest,
    payload: Payload,
    (thing_id, resource, requested): (ThingId, ThingResource, Requested),
) -> Result<HttpResponse, DittoError> {
    let bytes_max = context.gateway.settings.body_bytes_max;
    let json = async |body_type| body::json(request, payload, (body_type, bytes_max)).await;
    let (action, thing_action, value) = match *request.method() {
        Method::GET => {
            let fields = context.fields()?;
            (
                CommandAction::Retrieve,
                ThingAction::Retrieve { fields },
                None,
            )
        }
        Method::PUT => {
            let value = json(BodyType::Json).await?;
            let action = ThingAction::Modify(value.clone());
            (CommandAction::Modify, action, Some(value))
        }
        Method::PATCH => {
            let value = json(BodyType::MergePatch).await?;
            let action = ThingAction::Merge(value.clone());
            (CommandAction::Merge, action, Some(value))
        }
        _ => (CommandAction::Delete, ThingAction::Delete, None),
    };
    let command = LiveCommand {
        headers: content_type(action),
        command: ThingCommand {
            thing_id,
            resource,
            action: thing_action,
        },
        action,
        value,
        fields: fields_text(&context),
        twin: context.headers.twin.clone(),
    };
    if !chooses_channel(&context) {
        return ask(&context, command, &requested)
            .await
            .map(|response| marked(response, "live", None));
    }
    choose(&context, request, (command, requested)).await
}

/// Whether the twin may answer instead of the device.
fn chooses_channel(context: &RequestContext) -> bool {
    let headers = &context.headers.live;
    headers.condition.is_some() || headers.on_timeout == Some(OnTimeout::UseTwin)
}

/// Asks the device if the condition holds, and the twin if it does not, or if the device is silent and that was asked for.
async fn choose(
    context: &RequestContext,
    request: &HttpRequest,
    (command, requested): (LiveCommand, Requested),
) -> Result<HttpResponse, DittoError> {
    let gateway = &context.gateway;
    let headers = &context.headers.live;
    let asked = command.command.clone();
    let condition = headers.condition.as_deref();
    let is_matched = gateway
        .live
        .asks_device(&context.command()?, &asked, condition)?;
    if is_matched {
        match ask(context, command, &requested).await {
            Ok(response) => return Ok(marked(response, "live", Some(true))),
            Err(error) if !is_silence(&error) => return Err(error),
            Err(_) if headers.on_timeout == Some(OnTimeout::UseTwin) => {}
            Err(error) => {
                return Err(error
                    .with_header(CHANNEL, HeaderValue::from_static("live"))
                    .with_header(MATCHED, HeaderValue::from_static("true")));
            }
        }
    }
    let response = things::execute(
        context,
        request,
        (asked.thing_id, asked.resource, asked.action),
        "",
    )
    .await;
    let matched = HeaderValue::from_static(if is_matched { "true" } else { "false" });
    response
        .map(|response| marked(response, "twin", Some(is_matched)))
        .map_err(|error| {
            error
                .with_header(CHANNEL, HeaderValue::from_static("twin"))
                .with_header(MATCHED, matched)
        })
}

/// Whether nobody answered, rather than that somebody refused.
fn is_silence(error: &DittoError) -> bool {
    error.code() == "command.timeout"
}

async fn ask(
    context: &RequestContext,
    command: LiveCommand,
    requested: &Requested,
) -> Result<HttpResponse, DittoError> {
    let live = &context.gateway.live;
    let around = context.command()?;
    let asked = command.command.clone();
    let Some(ticket) = live.send_command(&around, command, requested).await? else {
        return Ok(crate::routes::respond::accepted());
    };
    let outcome = match ticket.answer().await? {
        Outcome::Response(envelope) => {
            let now = context.gateway.clock.now();
            Outcome::Response(Box::new(live.readable(
                &around,
                (&asked, now),
                *envelope,
            )?))
        }
        acknowledged @ Outcome::Acknowledged(_) => acknowledged,
    };
    Ok(match &outcome {
        Outcome::Response(envelope) => json_by_default(envelope),
        Outcome::Acknowledged(_) => respond::outcome(&outcome, requested.response_required),
    })
}

/// The values of things are JSON, whether or not a device says so.
fn json_by_default(envelope: &Envelope) -> HttpResponse {
    let mut headers = envelope.headers.clone().unwrap_or_default();
    headers.insert("content-type".to_owned(), "application/json".into());
    respond::device(envelope.status, &headers, envelope.value.as_ref())
}

/// Says which channel has answered, and whether the condition held.
fn marked(
    mut response: HttpResponse,
    channel: &'static str,
    is_matched: Option<bool>,
) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(CHANNEL, HeaderValue::from_static(channel));
    if let Some(is_matched) = is_matched {
        let text = if is_matched { "true" } else { "false" };
        headers.insert(MATCHED, HeaderValue::from_static(text));
    }
    response
}

fn content_type(action: CommandAction) -> Map<String, Value> {
    let media_type = match action {
        CommandAction::Merge => "application/merge-patch+json",
        CommandAction::Create
        | CommandAction::Modify
        | CommandAction::Retrieve
        | CommandAction::Delete
        | CommandAction::Migrate
        | CommandAction::CheckPermissions => "application/json",
    };
    Map::from_iter([
        ("content-type".to_owned(), media_type.into()),
        ("channel".to_owned(), "live".into()),
    ])
}

fn fields_text(context: &RequestContext) -> Option<String> {
    let all: Vec<&str> = context.query.all("fields").collect();
    (!all.is_empty()).then(|| all.join(","))
}
