//! What every request goes through before a route sees it, in one order:
//! size and spelling, limits by source, one canonical path, header translation, authentication, limits by caller.
//!
//! The view that was authenticated is the one that is dispatched: nothing below reads raw headers for a decision.

mod admission;
mod canonical_path;
mod context;
mod correlation_id;
mod cross_origin;
mod explain;
mod fields;
mod headers;
mod https;
mod namespaces;
mod noted;
mod query;
mod reach;
mod scopes;
mod source;
mod unread;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use devops::logging::{correlated, set_correlation_id};
use futures_util::FutureExt;

pub(crate) use admission::SUBJECTS_MAX;
use admission::{admit, vouch};
use authentication::RequestKind;
pub(crate) use canonical_path::{CanonicalPath, decode, decode_pointer};
pub(crate) use context::{Authenticated, RequestContext};
pub(crate) use cross_origin::OriginPolicy;
pub(crate) use explain::explain;
#[cfg(test)]
pub(crate) use headers::QUERY_PARAMETERS;
pub(crate) use headers::{
    Echo, LiveHeaders, OnTimeout, Timeout, frame_defaults, is_custom as is_custom_header,
    is_query_parameter, live_condition, on_timeout, unsupported as unsupported_header,
};
pub(crate) use namespaces::Fence;
use noted::{note_denial, note_handshake};
pub(crate) use noted::{note_source, note_subject};
pub(crate) use scopes::CallerScopes;
use source::PeerGone;
pub(crate) use source::{Peers, Source};
use unread::read_out;

use tokio::task::coop::unconstrained;
use tokio::time::sleep;

use crate::app::Gateway;
use crate::error::DittoError;
use crate::reload::InForce;
use crate::routes::{self, Answer, Route};
use crate::telemetry::access::{self, Access};
use crate::telemetry::audit::{self, Answered, Trail};
use crate::telemetry::traces::RequestSpan;
use fields::Fields;
use query::Query;

/// A request target is at most this long.
const URI_BYTES_MAX: usize = 8 * 1024;

/// The one handler of the public listener.
pub(crate) async fn serve(
    request: HttpRequest,
    payload: Payload,
    in_force: Data<InForce>,
) -> HttpResponse {
    let fields = Fields::read(request.headers());
    let access = Access {
        route: "/other",
        provider: None,
        is_secure: false,
        correlation_id: correlation_id::of(&fields),
        echo: Echo::default(),
        trail: Trail::default(),
    };
    let correlation_id = Arc::clone(&access.correlation_id);
    // Pinned here, because it is large and would be moved from one wrapper into the next.
    let work = pin!(respond((&request, &fields), payload, &in_force, access));
    correlated(correlation_id, work).await
}

/// Answers, and records how; every line that is logged on the way carries the request's id.
async fn respond(
    (request, fields): (&HttpRequest, &Fields<'_>),
    payload: Payload,
    in_force: &InForce,
    access: Access,
) -> HttpResponse {
    let started = Instant::now();
    let gateway = in_force.gateway();
    let limit = gateway.settings.request_timeout;
    let mut asking = Asking {
        request,
        gateway: &gateway,
        access,
        span: in_force.traces().map(|traces| traces.begin(request)),
        started,
        status: None,
    };
    let access = &mut asking.access;
    let examined = {
        // Pinned here, because it is large and would be moved from one wrapper into the next.
        let work = pin!(examine((request, fields), Arc::clone(&gateway), access));
        within(&gateway, limit, work).await
    };
    let (asked, unread) = match examined {
        Ok(Examined::Admitted(route, context)) => {
            (Ok(route.handle(context, request, payload)), None)
        }
        Ok(Examined::Preflight(answer)) => (Ok(Answer::Ready(Ok(answer))), None),
        Err(error) => (Err(error), Some(payload)),
    };
    let outcome = match asked {
        Ok(Answer::Ready(answer)) => answer,
        Ok(Answer::Pending(work)) => {
            within(&gateway, limit.saturating_sub(started.elapsed()), work).await
        }
        Ok(Answer::Waiting(longer, work)) => within(&gateway, limit + longer, work).await,
        Err(error) => Err(error),
    };
    let mut response = outcome.unwrap_or_else(|error| {
        tracing::debug!(error.code = error.code(), "A request was refused");
        note_handshake(&gateway, &error, access);
        error.into_response()
    });
    gateway
        .settings
        .origins
        .allow(request, response.headers_mut());
    if matches!(
        response.status(),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    ) {
        note_denial(&gateway, request, response.status(), access);
    }
    correlation_id::insert(response.headers_mut(), &access.correlation_id);
    std::mem::take(&mut access.echo).insert(response.headers_mut());
    let https = &gateway.settings.https;
    https.insist(access.is_secure, response.headers_mut());
    if let Some(span) = &asking.span {
        span.insert(response.headers_mut());
    }
    asking.status = Some(response.status());
    // Whoever got as far as the question who calls has paid for it with a unit of its source's budget.
    let has_paid = asking.access.trail.at.is_some() && is_private(request.path());
    // Recorded now: what follows is for the next request.
    drop(asking);
    if let Some(body) = unread
        && has_paid
    {
        let left = limit.saturating_sub(started.elapsed());
        read_out((request, body), response.status(), left).await;
    }
    response
}

/// A request that is recorded once, however it ends: whoever hangs up before the answer leaves a trace, too.
struct Asking<'a> {
    request: &'a HttpRequest,
    gateway: &'a Gateway,
    access: Access,
    span: Option<RequestSpan>,
    started: Instant,
    /// Of the answer, if there was one.
    status: Option<StatusCode>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let (status, duration) = (
            self.status.unwrap_or_else(access::hung_up),
            self.started.elapsed(),
        );
        access::record(self.request, status, duration, &self.access);
        if let Some(span) = self.span.take() {
            span.end((self.request, &self.access), status);
        }
        let trail = std::mem::take(&mut self.access.trail);
        let answered = Answered {
            request: self.request,
            route: self.access.route,
            correlation_id: &self.access.correlation_id,
            status,
            duration,
        };
        audit::record(self.gateway, trail, &answered);
    }
}

/// Waits for `work`, but neither longer than `limit` nor longer than the process goes on.
async fn within<T>(
    gateway: &Gateway,
    limit: Duration,
    mut work: impl Future<Output = Result<T, DittoError>> + Unpin,
) -> Result<T, DittoError> {
    let mut ends = pin!(None);
    poll_fn(|task| {
        if let Poll::Ready(outcome) = work.poll_unpin(task) {
            return Poll::Ready(outcome);
        }
        // Most answers are known at once, and none of them needs a timer.
        if ends.is_none() {
            // Whatever the work takes of its turn (tokio, module `task::coop`), time goes on.
            ends.set(Some(unconstrained(ending(gateway, limit))));
        }
        ends.as_mut()
            .as_pin_mut()
            .map_or(Poll::Pending, |ends| ends.poll(task).map(Err))
    })
    .await
}

/// Why a request must not go on, as soon as it must not.
async fn ending(gateway: &Gateway, limit: Duration) -> DittoError {
    tokio::select! {
        biased;
        () = sleep(limit) => timed_out(),
        () = gateway.closing.given_up() => given_up(),
    }
}

/// What becomes of a request that may be carried out.
#[expect(
    clippy::large_enum_variant,
    reason = "moved once; memory of its own costs more"
)]
enum Examined {
    /// A browser asked whether a page may ask.
    Preflight(HttpResponse),
    /// Its caller may ask for this.
    Admitted(Route, RequestContext),
}

async fn examine(
    (request, fields): (&HttpRequest, &Fields<'_>),
    gateway: Arc<Gateway>,
    access: &mut Access,
) -> Result<Examined, DittoError> {
    check_target(request)?;
    let path = parse_path(request)?;
    let (source, is_secure) = locate((request, fields), &gateway)?;
    access.trail.source = Some(source);
    access.is_secure = is_secure;
    check_peer(&gateway, &source)?;
    let source_key = gateway.limits.source_key(source.client);
    if is_counted(path.as_ref().ok()) {
        gateway
            .limits
            .check_source(source_key)
            .inspect_err(|exceeded| {
                access.trail.limit = Some(exceeded.limit);
                note_source(&gateway, exceeded, (source, source_key));
            })?;
    }
    let found = match screen((request, fields), path, (&gateway, is_secure))? {
        Screened::Preflight(preflight) => return Ok(Examined::Preflight(preflight)),
        Screened::Route(route) => {
            access.route = route.pattern();
            route.check_method(request.method()).map(|()| route)
        }
        Screened::Nowhere(error) => Err(error),
    };
    let found = unless_private(found, request)?;
    let query = Query::parse(request.query_string())?;
    access.correlation_id = correlation_id::overridden(&access.correlation_id, fields, &query);
    set_correlation_id(&access.correlation_id);
    let mut translated = headers::translate(fields, &query, Arc::clone(&access.correlation_id))?;
    access.echo = std::mem::take(&mut translated.echo);
    let mut context = RequestContext {
        now: gateway.clock.now(),
        is_secure: access.is_secure,
        gateway,
        query,
        headers: translated,
        source,
        source_key,
        caller: None,
        scopes: CallerScopes::default(),
        needs: None,
        fence: None,
    };
    access.trail.at = Some(context.now);
    match found {
        Ok(route) => {
            if route.needs_principal() {
                admit((request, fields), &route, &mut context, access).await?;
            }
            Ok(Examined::Admitted(route, context))
        }
        Err(error) => {
            vouch((request, fields), RequestKind::Http, &mut context, access).await?;
            Err(error)
        }
    }
}

/// What a request that may be asked at all is about.
enum Screened {
    /// A browser asks whether a page may ask.
    Preflight(HttpResponse),
    /// Anything else.
    Route(Route),
    /// Nothing is called like that, for this reason.
    Nowhere(DittoError),
}

/// Everything that can be said of a request before its method, its query and its caller are looked at.
fn screen(
    (request, fields): (&HttpRequest, &Fields<'_>),
    path: Result<CanonicalPath<'_>, DittoError>,
    (gateway, is_secure): (&Gateway, bool),
) -> Result<Screened, DittoError> {
    let settings = &gateway.settings;
    fields.check()?;
    https::check(&settings.https, request, is_secure)?;
    if let Some(preflight) = settings.origins.preflight(request)? {
        return Ok(Screened::Preflight(preflight));
    }
    settings.origins.check_write(request)?;
    let resolved = path.and_then(|path| {
        let route = Route::resolve(&path)?;
        if settings.is_served(&route) {
            Ok(route)
        } else {
            Err(routes::not_found(&path))
        }
    });
    Ok(resolved.map_or_else(Screened::Nowhere, Screened::Route))
}

/// The canonical path; that there is none is said at once only where nobody is asked for a credential.
fn parse_path(request: &HttpRequest) -> Result<Result<CanonicalPath<'_>, DittoError>, DittoError> {
    unless_private(CanonicalPath::parse(request.path()), request)
}

/// Keeps an error about the path back, inside, where it comes after the question who calls.
fn unless_private<T>(
    found: Result<T, DittoError>,
    request: &HttpRequest,
) -> Result<Result<T, DittoError>, DittoError> {
    match found {
        Err(error) if !is_private(request.path()) => Err(error),
        found => Ok(found),
    }
}

/// Whether whoever asks for this path must say who it is, whether or not there is something.
fn is_private(path: &str) -> bool {
    ["/api/2", "/ws/2"].into_iter().any(|root| {
        let rest = path.strip_prefix(root);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Whether the request takes a unit of its source's budget; those of load balancers do not.
fn is_counted(path: Option<&CanonicalPath<'_>>) -> bool {
    path.is_none_or(|path| path.segments.as_slice() != ["health"])
}

/// Where the request comes from, and whether its client speaks TLS.
fn locate(
    (request, fields): (&HttpRequest, &Fields<'_>),
    gateway: &Gateway,
) -> Result<(Source, bool), DittoError> {
    let source =
        Source::of(request, fields, &gateway.settings.peers).map_err(|PeerGone| peer_gone())?;
    let is_secure = gateway.settings.speaks_tls
        || source.is_from_trusted_proxy && fields.get("x-forwarded-proto") == Some("https");
    Ok((source, is_secure))
}

/// Whether the request may come from there.
fn check_peer(gateway: &Gateway, source: &Source) -> Result<(), DittoError> {
    if gateway.settings.only_trusted_peers && !source.is_from_trusted_proxy {
        return Err(DittoError::new(
            StatusCode::FORBIDDEN,
            "gateway:peer.nottrusted",
            "Connect through the proxy.",
        )
        .describe("Only addresses listed under `http_server.trusted_proxies` may connect here."));
    }
    Ok(())
}

fn peer_gone() -> DittoError {
    DittoError::bad_request("gateway:peer.unknown", "The connection is gone.")
}

fn given_up() -> DittoError {
    DittoError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "gateway:service.unavailable",
        "The gateway is restarting.",
    )
    .describe("Read the state to see whether the request was carried out, then try again.")
    .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
}

fn timed_out() -> DittoError {
    DittoError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "gateway:service.unavailable",
        "The request took too long.",
    )
    .describe("Try again later.")
}

fn check_target(request: &HttpRequest) -> Result<(), DittoError> {
    let uri = request.uri();
    if uri.scheme().is_some() || uri.authority().is_some() || uri.path() == "*" {
        return Err(DittoError::bad_request(
            "gateway:path.invalid",
            "The request target must be a path.",
        )
        .describe("Proxy requests are not served here."));
    }
    let length = uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if length > URI_BYTES_MAX {
        return Err(DittoError::new(
            StatusCode::URI_TOO_LONG,
            "gateway:uri.toolong",
            format!("The request target has {length} bytes, at most {URI_BYTES_MAX} are read."),
        )
        .describe("Shorten the query, or split the request."));
    }
    Ok(())
}
