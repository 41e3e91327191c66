//! `/api/2/policies`: parse, call the service, answer.

mod actions;

use std::sync::Arc;

use ::policies::{Policies, PolicyAction, PolicyCommand, PolicyId, PolicyResource, PolicyResponse};
use actix_web::http::Method;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use authentication::NamespacedKind;
use journal::Past;
use smallvec::SmallVec;

use super::body::{self, BodyType};
use super::respond::{self, Outcome};
use crate::edge::{RequestContext, decode};
use crate::error::{DittoError, sentence, shown};

pub(crate) fn parse_id(text: &str) -> Result<PolicyId, DittoError> {
    text.parse().map_err(|error| {
        DittoError::bad_request(
            "policies:id.invalid",
            format!("`{}` is no policy id.", shown(text)),
        )
        .describe(sentence(error))
    })
}

pub(crate) use actions::{PolicyActionName, run as run_action};

/// Reads what follows a policy id if it is an action.
pub(super) fn action(
    tail: &[&str],
) -> Result<Option<(Option<::policies::Label>, PolicyActionName)>, DittoError> {
    let Some((label, action)) = PolicyActionName::parse(tail) else {
        return Ok(None);
    };
    let label = label
        .map(|label| {
            let decoded = decode(label)?;
            let resource = PolicyResource::parse(&["entries", &decoded])?;
            Ok::<_, DittoError>(resource.and_then(|resource| resource.label().cloned()))
        })
        .transpose()?
        .flatten();
    Ok(Some((label, action)))
}

/// Reads what follows a policy id; `None` if no such resource exists.
///
/// Literals stand at even places; subjects and resource keys may contain slashes and take the rest of the path.
pub(super) fn resource(tail: &[&str]) -> Result<Option<PolicyResource>, DittoError> {
    let is_literal = |at: usize| at == 0 || at == 2;
    if tail
        .iter()
        .enumerate()
        .any(|(at, segment)| is_literal(at) && segment.contains(['%', ';']))
    {
        return Ok(None);
    }
    let decoded = tail
        .iter()
        .map(|segment| decode(segment))
        .collect::<Result<SmallVec<[String; 8]>, _>>()?;
    let segments: SmallVec<[&str; 8]> = decoded.iter().map(String::as_str).collect();
    Ok(PolicyResource::parse(&segments)?)
}

/// `POST /api/2/policies`: 201 with a generated id.
pub(super) async fn create(
    context: RequestContext,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, DittoError> {
    let body = body::json(
        request,
        payload,
        (BodyType::Json, context.gateway.settings.body_bytes_max),
    )
    .await?;
    if body.get("policyId").is_some() {
        return Err(DittoError::bad_request(
            "policies:id.notsettable",
            "The body of a POST must not name a `policyId`.",
        )
        .describe(
            "Leave it out, the id is generated; or PUT the policy to an id of your choice.",
        ));
    }
    let policy_id = context.gateway.policies.generate_id()?;
    context.check_namespace(NamespacedKind::Policy, policy_id.namespace())?;
    let suffix = format!("/{policy_id}");
    execute(
        &context,
        request,
        (
            policy_id,
            PolicyResource::Policy,
            PolicyAction::Create(body),
        ),
        &suffix,
    )
    .await
}

/// Everything on one policy or a part of it.
pub(super) async fn one(
    context: RequestContext,
    request: &HttpRequest,
    payload: Payload,
    (policy_id, resource): (PolicyId, PolicyResource),
) -> Result<HttpResponse, DittoError> {
    if let Some(headers) = &context.headers.twin
        && let Some(past) = headers.past_only()?
    {
        return retrieve_past(&context, (policy_id, resource), past).await;
    }
    let bytes_max = context.gateway.settings.body_bytes_max;
    let action = match *request.method() {
        Method::PUT => {
            PolicyAction::Modify(body::json(request, payload, (BodyType::Json, bytes_max)).await?)
        }
        Method::DELETE => PolicyAction::Delete,
        _ => PolicyAction::Retrieve {
            fields: context.fields()?,
        },
    };
    execute(&context, request, (policy_id, resource, action), "").await
}

/// Reads a state of the past, which is made from many events: elsewhere, so that nobody else waits for it.
async fn retrieve_past(
    context: &RequestContext,
    (policy_id, resource): (PolicyId, PolicyResource),
    past: Past,
) -> Result<HttpResponse, DittoError> {
    let fields = context.fields()?;
    context.is_response_waived(true)?;
    let command = context.command()?;
    let policies = Arc::clone(&context.gateway.policies);
    let work = web::block(move || {
        policies.retrieve_past(&command, (&policy_id, &resource), fields.as_ref(), past)
    });
    let work = async { work.await.map_err(|error| DittoError::internal(&error)) };
    let PolicyResponse::Retrieved {
        value,
        etag,
        revision,
    } = context.within_timeout(work).await??
    else {
        unreachable!("a read is answered by what was read");
    };
    let outcome = Outcome {
        etag: etag.as_ref(),
        revision,
    };
    Ok(outcome.ok(value.to_string()))
}

async fn execute(
    context: &RequestContext,
    request: &HttpRequest,
    (policy_id, resource, action): (PolicyId, PolicyResource, PolicyAction),
    location_suffix: &str,
) -> Result<HttpResponse, DittoError> {
    let is_query = matches!(action, PolicyAction::Retrieve { .. });
    let waived = context.is_response_waived(is_query)?;
    let command = context.command()?;
    let policies: &Policies = &context.gateway.policies;
    let work = async {
        Ok(policies
            .execute(
                &command,
                PolicyCommand {
                    policy_id,
                    resource,
                    action,
                },
            )
            .await?)
    };
    let response = context.within_timeout(work).await?;
    if waived {
        return Ok(respond::accepted());
    }
    Ok(match response {
        PolicyResponse::Retrieved {
            value,
            etag,
            revision,
        } => Outcome {
            etag: etag.as_ref(),
            revision,
        }
        .ok(value.to_string()),
        PolicyResponse::Created {
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
        PolicyResponse::Modified { etag, revision }
        | PolicyResponse::Deleted { etag, revision } => Outcome {
            etag: etag.as_ref(),
            revision,
        }
        .no_content(),
    })
}
