//! Who calls, as the chain of providers says, and whether that caller may ask for this at all.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use authentication::{
    AuthenticationError, PeerAddress, Purpose, RequestKind, RequestParts, SourcePrefix,
};
use policies::{Principal, ProviderKind};

use super::context::{Authenticated, RequestContext};
use super::fields::Fields;
use super::headers::ClaimedHeaders;
use super::namespaces::Fence;
use super::noted::note_subject;
use super::scopes::CallerScopes;
use crate::app::Gateway;
use crate::error::DittoError;
use crate::limits::LimitKey;
use crate::routes::Route;
use crate::telemetry::access::Access;
use crate::telemetry::audit::Trail;

/// Callers have at most this many subjects; Ditto's `LIMITS_MESSAGES_AUTH_SUBJECTS_COUNT`.
pub(crate) const SUBJECTS_MAX: usize = 100;

/// Finds out who calls, and whether it may ask for this at all.
pub(super) async fn admit(
    (request, fields): (&HttpRequest, &Fields<'_>),
    route: &Route,
    context: &mut RequestContext,
    access: &mut Access,
) -> Result<(), DittoError> {
    let caller = vouch((request, fields), kind_of(route), context, access).await?;
    context.caller = Some(caller);
    context.check_scope(route.scope(request))?;
    route.check_namespace(context)?;
    let asked = (request.method(), access.route);
    access.trail.admit(&context.gateway.auditor, asked).await
}

/// Finds out who calls, within its budget.
pub(super) async fn vouch(
    (request, fields): (&HttpRequest, &Fields<'_>),
    kind: RequestKind,
    context: &mut RequestContext,
    access: &mut Access,
) -> Result<Authenticated, DittoError> {
    let caller = authenticate((request, fields), kind, context, &mut access.trail).await?;
    access.provider = Some(caller.principal().provider());
    let limits = &context.gateway.limits;
    limits
        .check_subject(caller.limit_key())
        .inspect_err(|exceeded| {
            access.trail.limit = Some(exceeded.limit);
            note_subject(&context.gateway, exceeded, &caller);
        })?;
    Ok(caller)
}

/// Asks the chain, and remembers who failed.
async fn authenticate(
    (request, fields): (&HttpRequest, &Fields<'_>),
    kind: RequestKind,
    context: &mut RequestContext,
    trail: &mut Trail,
) -> Result<Authenticated, DittoError> {
    let parts = parts_of((request, fields), kind, context);
    let settings = &context.gateway.settings;
    trail.is_header_dropped = settings.drops_pre_authenticated(&parts);
    let verdict = ask(&mut context.gateway, &parts).await;
    let judged = verdict.map_err(|error| {
        let source = SourcePrefix::of(parts.client);
        context.gateway.keys.guard.judge(error, source, parts.now)
    });
    let principal = judged.inspect_err(|error| trail.refused(error))?;
    let limit_key = context.gateway.limits.subject_key(&principal);
    trail.authenticated(&principal, limit_key.mixed_with(context.source_key));
    recognise(fields, context, (principal, limit_key))
}

/// Where credentials may stand.
pub(super) fn kind_of(route: &Route) -> RequestKind {
    if *route == Route::WebSocket {
        RequestKind::WebSocketUpgrade
    } else {
        RequestKind::Http
    }
}

/// What providers see of the request.
pub(super) fn parts_of<'r>(
    (request, fields): (&'r HttpRequest, &'r Fields<'_>),
    kind: RequestKind,
    context: &RequestContext,
) -> RequestParts<'r> {
    RequestParts {
        method: request.method().as_str(),
        path: request.path(),
        query: request.query_string(),
        headers: fields,
        peer: context
            .source
            .peer
            .map_or(PeerAddress::Unix, PeerAddress::Ip),
        client: context.source.client,
        kind,
        now: context.now,
        purpose: Purpose::Admit,
    }
}

/// What follows from who calls; only here are [`Authenticated`]s made.
pub(super) fn recognise(
    fields: &Fields<'_>,
    context: &mut RequestContext,
    (principal, limit_key): (Principal, LimitKey),
) -> Result<Authenticated, DittoError> {
    if principal.subjects().len() > SUBJECTS_MAX {
        return Err(DittoError::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers.too.large",
            format!(
                "The caller has {} subjects, at most {SUBJECTS_MAX} are considered.",
                principal.subjects().len()
            ),
        ));
    }
    context.scopes = CallerScopes::new(context.gateway.chain().scopes(&principal));
    if is_without_permissions(&principal) {
        return Err(DittoError::new(
            StatusCode::FORBIDDEN,
            "gateway:identity.nopermissions",
            "The identity has no permission set, so it may do nothing.",
        )
        .describe("Ask the operator to name a set under the identity's `permissions`."));
    }
    let claimed_names = context.gateway.chain().claimed_headers();
    if !claimed_names.is_empty() {
        let set = &principal.credential().headers;
        let claimed = ClaimedHeaders::new(claimed_names, set);
        context.headers.claim(claimed);
    }
    if !context.gateway.namespaces.is_empty() {
        let headers = context.headers.claimed.over(fields);
        let (access, clock) = (&context.gateway.namespaces, &context.gateway.clock);
        let fence = Fence::new(access, &headers, Arc::clone(clock), &principal);
        context.fence = Some(Rc::new(fence));
    }
    Ok(Authenticated::new(principal, limit_key))
}

/// Asks the chain. Whoever had to wait for its answer gets that of the configuration of then, not of before.
async fn ask(
    gateway: &mut Arc<Gateway>,
    parts: &RequestParts<'_>,
) -> Result<Principal, AuthenticationError> {
    loop {
        let verdict = {
            let mut asked = pin!(gateway.chain().authenticate(parts));
            match poll_fn(|task| Poll::Ready(asked.as_mut().poll(task))).await {
                Poll::Ready(verdict) => return verdict,
                Poll::Pending => asked.await,
            }
        };
        let current = gateway.current();
        if Arc::ptr_eq(&current, gateway) {
            return verdict;
        }
        *gateway = current;
    }
}

/// Whether an API key stands for an identity that is configured to reach nothing.
fn is_without_permissions(principal: &Principal) -> bool {
    principal.provider() == ProviderKind::ApiKey
        && principal.credential().permission_sets.is_empty()
}
