//! `/api/2/things`: parse, call the service, answer.

use std::sync::Arc;

use ::policies::FieldSelector;
use ::things::{
    Read, RetrievedBody, ThingAction, ThingCommand, ThingId, ThingResource, ThingResponse, Things,
};
use actix_web::http::Method;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use authentication::NamespacedKind;
use protocol::Channel;
use serde_json::Value;

use super::Answer;
use super::body::{self, BodyType};
use super::messages::{Migration, Written, migrate_acknowledged, write_acknowledged};
use super::respond::{self, Outcome};
use crate::edge::RequestContext;
use crate::error::{DittoError, sentence, shown};

pub(crate) fn parse_id(text: &str) -> Result<ThingId, DittoError> {
    text.parse().map_err(|error| {
        DittoError::bad_request(
            "things:id.invalid",
            format!("`{}` is no thing id.", shown(text)),
        )
        .describe(sentence(error))
    })
}

/// `GET` with `ids`: 200 with those that the caller may read. `POST`: 201 with a generated id.
pub(super) async fn collection(
    context: RequestContext,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, DittoError> {
    if *request.method() == Method::POST {
        return create(context, request, payload).await;
    }
    let ids = asked_ids(&context)?;
    context.is_response_waived(true)?;
    let command = context.command()?;
    let fields = context.fields()?;
    let headers = context.headers.twin.as_deref();
    let things = context
        .gateway
        .things
        .retrieve_many(&command, &ids, (fields.as_ref(), headers))
        .await?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(Value::Array(things).to_string()))
}

/// The things that the query names, as far as the caller may ask for them.
///
/// # Errors
///
/// 400 if it names none, too many or something else; 403 for what is out of the caller's reach.
pub(crate) fn asked_ids(context: &RequestContext) -> Result<Vec<ThingId>, DittoError> {
    if let Some(headers) = &context.headers.twin {
        headers.check_use_on_many()?;
    }
    let ids = context.query.all("ids").collect::<Vec<_>>().join(",");
    if !context.query.names().any(|name| name == "ids") {
        return Err(DittoError::bad_request(
            "things:things.ids.missing",
            "The query parameter `ids` is missing.",
        )
        .describe("Name the things to read, as in `?ids=org.acme:a,org.acme:b`."));
    }
    let ids = ids
        .split(',')
        .map(parse_id)
        .collect::<Result<Vec<_>, _>>()?;
    check_count(&ids)?;
    for id in &ids {
        context.check_namespace(NamespacedKind::Thing, id.namespace())?;
    }
    Ok(ids)
}

/// Things that one request may read: an answer is made in one piece, and nobody else is served meanwhile.
const RETRIEVED_MAX: usize = 200;

/// # Errors
///
/// 400 for more ids than one request may name.
pub(crate) fn check_count(ids: &[ThingId]) -> Result<(), DittoError> {
    if ids.len() <= RETRIEVED_MAX {
        return Ok(());
    }
    let message = format!(
        "There are {} thing ids, at most {RETRIEVED_MAX} are read at once.",
        ids.len()
    );
    Err(
        DittoError::bad_request("things:things.ids.toomany", message)
            .describe("Ask for them in several requests."),
    )
}

async fn create(
    context: RequestContext,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, DittoError> {
    let thing_id = context
        .gateway
        .things
        .generate_id(context.query.get("namespace"))?;
    context.check_namespace(NamespacedKind::Thing, thing_id.namespace())?;
    let body = body::json(
        request,
        payload,
        (BodyType::Json, context.gateway.settings.body_bytes_max),
    )
    .await?;
    if body.get("thingId").is_some() {
        return Err(DittoError::bad_request(
            "things:id.notsettable",
            "The body of a POST must not name a `thingId`.",
        )
        .describe("Leave it out, the id is generated; or PUT the thing to an id of your choice."));
    }
    let suffix = format!("/{thing_id}");
    execute(
        &context,
        request,
        (thing_id, ThingResource::Thing, ThingAction::Create(body)),
        &suffix,
    )
    .await
}

/// Reads one thing or a part of it.
pub(super) fn retrieve(
    context: RequestContext,
    request: &HttpRequest,
    (thing_id, resource): (ThingId, ThingResource),
) -> Answer<'_> {
    let twin = context.headers.twin.as_ref();
    if twin.is_some_and(|headers| headers.is_historical()) {
        return Answer::Pending(Box::pin(retrieve_past(
            context,
            request,
            (thing_id, resource),
        )));
    }
    match retrieve_at_once(&context, &thing_id, &resource) {
        Ok((Some(response), _)) => Answer::Ready(Ok(answer(&context, request, response, ""))),
        Ok((None, fields)) => Answer::Pending(Box::pin(async move {
            execute(
                &context,
                request,
                (thing_id, resource, ThingAction::Retrieve { fields }),
                "",
            )
            .await
        })),
        Err(error) => Answer::Ready(Err(error)),
    }
}

fn retrieve_at_once(
    context: &RequestContext,
    thing_id: &ThingId,
    resource: &ThingResource,
) -> Result<(Option<ThingResponse>, Option<FieldSelector>), DittoError> {
    let fields = context.fields()?;
    context.is_response_waived(true)?;
    let read = Read {
        thing_id,
        resource,
        fields: fields.as_ref(),
        headers: context.headers.twin.as_deref(),
    };
    let response = context
        .gateway
        .things
        .read_at_once(&context.command()?, read)?;
    Ok((response, fields))
}

/// Reads a state of the past, which is made from many events: elsewhere, so that nobody else waits for it.
async fn retrieve_past(
    context: RequestContext,
    request: &HttpRequest,
    (thing_id, resource): (ThingId, ThingResource),
) -> Result<HttpResponse, DittoError> {
    let fields = context.fields()?;
    context.is_response_waived(true)?;
    let command = context.command()?;
    let things = Arc::clone(&context.gateway.things);
    let headers = context.headers.twin.clone();
    let (id, part, selected) = (thing_id.clone(), resource.clone(), fields.clone());
    let work = web::block(move || {
        let read = Read {
            thing_id: &id,
            resource: &part,
            fields: selected.as_ref(),
            headers: headers.as_deref(),
        };
        things.read_at_once(&command, read)
    });
    let work = async { work.await.map_err(|error| DittoError::internal(&error)) };
    match context.within_timeout(work).await?? {
        Some(response) => Ok(answer(&context, request, response, "")),
        None => {
            let action = ThingAction::Retrieve { fields };
            execute(&context, request, (thing_id, resource, action), "").await
        }
    }
}

/// Moves a thing to another definition, or shows what that would change.
pub(super) async fn migrate(
    context: RequestContext,
    request: &HttpRequest,
    payload: Payload,
    thing_id: ThingId,
) -> Result<HttpResponse, DittoError> {
    let bytes_max = context.gateway.settings.body_bytes_max;
    let body = body::json(request, payload, (BodyType::Json, bytes_max)).await?;
    let waived = context.is_response_waived(false)?;
    let command = context.command()?;
    let headers = context.headers.twin.clone();
    let requested = context.requested(Channel::Twin)?;
    if !requested.is_plain() {
        let migration = Migration {
            thing_id,
            body,
            requested,
        };
        return migrate_acknowledged(&context, migration).await;
    }
    let things: &Things = &context.gateway.things;
    let work = async { Ok(things.migrate(&command, thing_id, (body, headers)).await?) };
    let migrated = context.within_timeout(work).await?;
    if waived {
        return Ok(respond::accepted());
    }
    let outcome = Outcome {
        etag: Some(&migrated.etag),
        revision: migrated.revision,
    };
    Ok(if migrated.is_applied {
        outcome.ok(migrated.to_json().to_string())
    } else {
        outcome.rehearsed(&migrated.to_json())
    })
}

/// Changes one thing or a part of it.
pub(super) async fn write(
    context: RequestContext,
    request: &HttpRequest,
    payload: Payload,
    (thing_id, resource): (ThingId, ThingResource),
) -> Result<HttpResponse, DittoError> {
    let bytes_max = context.gateway.settings.body_bytes_max;
    let action = match *request.method() {
        Method::PUT => {
            ThingAction::Modify(body::json(request, payload, (BodyType::Json, bytes_max)).await?)
        }
        Method::PATCH => ThingAction::Merge(
            body::json(request, payload, (BodyType::MergePatch, bytes_max)).await?,
        ),
        _ => ThingAction::Delete,
    };
    execute(&context, request, (thing_id, resource, action), "").await
}

pub(super) async fn execute(
    context: &RequestContext,
    request: &HttpRequest,
    (thing_id, resource, action): (ThingId, ThingResource, ThingAction),
    location_suffix: &str,
) -> Result<HttpResponse, DittoError> {
    let is_query = matches!(action, ThingAction::Retrieve { .. });
    let waived = context.is_response_waived(is_query)?;
    let command = context.command()?;
    if !is_query {
        let requested = context.requested(Channel::Twin)?;
        if !requested.is_plain() {
            let written = Written {
                command: ThingCommand {
                    thing_id,
                    resource,
                    action,
                },
                requested,
                location_suffix,
            };
            return write_acknowledged(context, request, written).await;
        }
    }
    let things: &Things = &context.gateway.things;
    let work = async {
        Ok(things
            .execute_with(
                &command,
                ThingCommand {
                    thing_id,
                    resource,
                    action,
                },
                context.headers.twin.clone(),
            )
            .await?)
    };
    let response = context.within_timeout(work).await?;
    if waived {
        return Ok(respond::accepted());
    }
    Ok(answer(context, request, response, location_suffix))
}

fn answer(
    context: &RequestContext,
    request: &HttpRequest,
    response: ThingResponse,
    location_suffix: &str,
) -> HttpResponse {
    match response {
        ThingResponse::Retrieved {
            body,
            etag,
            revision,
            metadata,
        } => {
            let outcome = Outcome {
                etag: etag.as_ref(),
                revision,
            };
            let response = match body {
                RetrievedBody::Json(bytes) => outcome.ok(bytes),
                RetrievedBody::Value(value) => outcome.ok(value.to_string()),
            };
            match metadata {
                Some(metadata) => respond::with_metadata(response, &metadata),
                None => response,
            }
        }
        ThingResponse::Created {
            value,
            etag,
            revision,
            ..
        } => {
            let location = respond::location(context, request, location_suffix);
            Outcome {
                etag: etag.as_ref(),
                revision,
            }
            .created(&location, &value)
        }
        ThingResponse::Modified { etag, revision } => Outcome {
            etag: etag.as_ref(),
            revision,
        }
        .no_content(),
        ThingResponse::Deleted { revision } => Outcome {
            etag: None,
            revision,
        }
        .no_content(),
    }
}
