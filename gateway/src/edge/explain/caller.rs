//! Who a described request comes from, as the chain sees it.

use ::policies::{Credential, Principal, ProviderKind, SubjectId};
use actix_web::HttpRequest;
use authentication::{ChainStep, Purpose, RequestKind, RequestParts, SourcePrefix, StepVerdict};
use serde_json::{Value, json};

use crate::edge::admission::{parts_of, recognise};
use crate::edge::context::{Authenticated, RequestContext};
use crate::edge::fields::Fields;
use crate::error::DittoError;

/// What each provider concluded, and what follows from all of it.
pub(super) async fn authenticated(
    (request, fields): (&HttpRequest, &Fields<'_>),
    kind: RequestKind,
    context: &mut RequestContext,
) -> (Value, Result<Authenticated, DittoError>) {
    let parts = RequestParts {
        purpose: Purpose::Explain,
        ..parts_of((request, fields), kind, context)
    };
    let (steps, verdict) = context.gateway.chain().explain(&parts).await;
    let steps = steps.iter().map(step_json).collect();
    let judged = verdict.map_err(|error| {
        let source = SourcePrefix::of(parts.client);
        let guard = &context.gateway.keys.guard;
        DittoError::from(guard.foresee(error, source, parts.now))
    });
    let recognised = judged.and_then(|principal| {
        let limit_key = context.gateway.limits.subject_key(&principal);
        recognise(fields, context, (principal, limit_key))
    });
    (steps, recognised)
}

/// A caller that an operator only asks about.
pub(super) fn assumed(
    fields: &Fields<'_>,
    (context, subjects): (&mut RequestContext, &[String]),
) -> Result<Authenticated, DittoError> {
    let subjects: Result<Vec<SubjectId>, _> =
        subjects.iter().map(|subject| subject.parse()).collect();
    let subjects = subjects.map_err(|_| {
        DittoError::bad_request("json.invalid", "A subject is written `<issuer>:<id>`.")
    })?;
    let kind = ProviderKind::PreAuthenticated;
    let principal = Principal::new(kind, subjects, None, Credential::default());
    let limit_key = context.gateway.limits.subject_key(&principal);
    recognise(fields, context, (principal, limit_key))
}

/// Operators may know why a credential is refused, as from the log and the audit records; of the credential nothing is shown.
fn step_json(step: &ChainStep) -> Value {
    let provider = step.provider.as_str();
    match &step.verdict {
        StepVerdict::Skipped => json!({
            "provider": provider,
            "verdict": "skipped",
            "reason": "there is no credential of this kind",
        }),
        StepVerdict::Failed(error) => json!({
            "provider": provider,
            "verdict": "failed",
            "code": DittoError::from(error.clone()).code(),
            "reason": error.to_string(),
        }),
        StepVerdict::Accepted => json!({ "provider": provider, "verdict": "accepted" }),
        StepVerdict::NotAsked => json!({ "provider": provider, "verdict": "not asked" }),
    }
}

/// Nothing of a credential is secret but its secret part, which nobody keeps.
pub(super) fn to_json(principal: &Principal) -> Value {
    let credential = principal.credential();
    let subjects = principal.subjects().iter().map(ToString::to_string);
    json!({
        "provider": principal.provider().as_str(),
        "subjects": subjects.collect::<Vec<_>>(),
        "expiresAt": principal.expires_at(),
        "name": credential.name,
        "issuer": credential.issuer,
        "keyId": credential.key_id,
        "tokenId": credential.token_id,
        "issuedAt": credential.issued_at,
        "permissionSets": credential.permission_sets,
    })
}
