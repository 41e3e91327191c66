//! The operators' page: three static files, the same for everybody, and a stream of what they show.

use std::time::Duration;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError};
use futures_util::stream;
use serde_json::{Value, json};

use super::limits::limited;
use super::logging::logger_config;
use super::{get, only};
use crate::app::Operations;
use crate::dependencies::Readiness;
use crate::error::Refusal;
use crate::middleware::{grant_of, require_devops};
use crate::surface::Surface;

/// How often the page is told anew.
const INTERVAL: Duration = Duration::from_secs(2);

/// How often within that time it is asked whether the process ends.
const LOOKS_PER_INTERVAL: u32 = 8;

/// A stream ends after this many events; the page connects again, and is asked for its credential again.
const EVENTS_MAX: u32 = 150;

/// As many sessions are shown.
const SESSIONS_MAX: usize = 100;

const PAGE: &str = include_str!("../console/index.html");
const STYLE: &str = include_str!("../console/style.css");
const SCRIPT: &str = include_str!("../console/app.js");

pub(super) fn configure(config: &mut ServiceConfig) {
    let file = |path: &str, media_type: &'static str, text: &'static str| {
        let answer = move |operations: Data<Operations>| async move {
            serve_file(&operations, media_type, text)
        };
        only("GET, HEAD", web::resource(path).route(get().to(answer)))
    };
    config
        .service(file("", "text/html; charset=utf-8", PAGE))
        .service(file("/style.css", "text/css; charset=utf-8", STYLE))
        .service(file("/app.js", "text/javascript; charset=utf-8", SCRIPT))
        .service(only(
            "GET, HEAD",
            web::resource("/login.json").route(get().to(describe_login)),
        ));
}

/// The stream belongs to `/devops`, as everything that tells something.
pub(super) fn configure_stream(config: &mut ServiceConfig) {
    config.service(only(
        "GET, HEAD",
        web::resource("/console/events").route(get().to(follow)),
    ));
}

/// Where passwords are asked for, the page is, too: the browser asks for it and sends it along. A token cannot be had
/// before the page is there, so that its files, which tell nothing, are open where tokens are asked for.
pub(super) async fn require_console<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let operations = request.app_data::<Data<Operations>>();
    let operations = operations.expect("create_app adds the operations").clone();
    if operations.access.current().console().is_none() {
        return Ok(request
            .into_response(Refusal::UnknownRoute.error_response())
            .map_into_right_body());
    }
    if operations.access.current().takes_passwords(Surface::Devops) {
        return require_devops(request, next).await;
    }
    next.call(request)
        .await
        .map(ServiceResponse::map_into_left_body)
}

fn serve_file(
    operations: &Operations,
    media_type: &'static str,
    text: &'static str,
) -> HttpResponse {
    let access = operations.access.current();
    let issuer = access
        .console()
        .and_then(|console| console.issuer.as_deref());
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy(issuer)))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("Cross-Origin-Opener-Policy", "same-origin"))
        .insert_header(("Cross-Origin-Resource-Policy", "same-origin"))
        .body(text)
}

/// Nothing but this service's own files, and calls to it and to the issuer.
fn policy(issuer: Option<&str>) -> String {
    let issuer = issuer.map(|issuer| format!(" {}", origin(issuer)));
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'{}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        issuer.unwrap_or_default()
    )
}

/// `scheme://host:port` of a URL.
fn origin(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |scheme| scheme + 3);
    let path = url.get(authority..).and_then(|rest| rest.find('/'));
    path.and_then(|path| url.get(..authority + path))
        .unwrap_or(url)
}

/// `GET /console/login.json`: how the page gets a credential; nothing in it is secret.
async fn describe_login(operations: Data<Operations>) -> HttpResponse {
    let access = operations.access.current();
    let takes_passwords = access.takes_passwords(Surface::Devops);
    let login = match access.console() {
        Some(console) if !takes_passwords => json!({
            "method": "oauth2",
            "issuer": console.issuer,
            "clientId": console.client_id,
            "scope": console.scope,
            "resource": console.resource,
        }),
        Some(_) | None => json!({ "method": "basic" }),
    };
    HttpResponse::Ok().json(login)
}

/// `GET /devops/console/events`: an event every two seconds with everything that the page shows.
async fn follow(request: HttpRequest, operations: Data<Operations>) -> HttpResponse {
    let grant = grant_of(&request);
    let access = operations.access.current();
    let events = stream::unfold(0, move |sent| {
        let (operations, access, grant) = (operations.clone(), access.clone(), grant.clone());
        async move {
            if sent > 0 && pause(&operations).await.is_err() {
                return None;
            }
            let (revocations, now) = (&operations.dependencies.revocations, operations.now());
            let is_over = grant.is_some_and(|grant| {
                grant.is_over(revocations, now) || access.tokens().has_lost_key_of(&grant, now)
            });
            // Whoever was let in by credentials that were replaced has to ask again.
            let is_replaced = !std::sync::Arc::ptr_eq(&access, &operations.access.current());
            if sent >= EVENTS_MAX || is_over || is_replaced {
                return None;
            }
            let event = format!("data: {}\n\n", state(&operations));
            Some((Ok::<_, Error>(Bytes::from(event)), sent + 1))
        }
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .streaming(events)
}

/// Waits for the next event. While the process ends there is none: a stream must not hold its end up, and whoever asks
/// again is told once more how far it is.
async fn pause(operations: &Operations) -> Result<(), Ending> {
    for _ in 0..LOOKS_PER_INTERVAL {
        tokio::time::sleep(INTERVAL / LOOKS_PER_INTERVAL).await;
        if operations.dependencies.health.readiness() != Readiness::Ready {
            return Err(Ending);
        }
    }
    Ok(())
}

/// The process is about to end.
struct Ending;

fn state(operations: &Operations) -> Value {
    let now = operations.now();
    let dependencies = &operations.dependencies;
    let sessions = dependencies
        .sessions
        .as_ref()
        .map(|sessions| sessions.list());
    let sessions = sessions.unwrap_or_default();
    let shown: Vec<_> = sessions.iter().take(SESSIONS_MAX).collect();
    let loggers = dependencies.log_control.levels();
    json!({
        "at": now,
        "health": dependencies.health.health().to_json(),
        "sessions": { "open": sessions.len(), "shown": shown },
        "issuers": dependencies.issuers.issuers(),
        "limited": limited(operations),
        "denials": dependencies.denials.recent(),
        "revocations": dependencies.revocations.list(),
        "loggers": loggers.iter().filter(|logger| logger.level.is_some()).map(logger_config).collect::<Vec<_>>(),
    })
}
