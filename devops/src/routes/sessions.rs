//! Open streams: list, inspect, cut.

use std::sync::Arc;

use actix_web::web::{self, Data, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answerers::name;
use super::{get, only};
use crate::app::Operations;
use crate::dependencies::SessionControl;
use crate::error::Refusal;
use crate::middleware::note_about;

/// How many sessions one answer lists.
const LISTED_MAX: usize = 1000;

/// What a client is told whose stream an operator ends without a word.
const REASON: &str = "An operator ended this session.";

/// Longest reason: a WebSocket close frame takes 123 bytes (RFC 6455 §5.5).
const REASON_BYTES_MAX: usize = 120;

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(only(
            "GET, HEAD, DELETE",
            web::resource("/sessions")
                .route(get().to(list))
                .route(web::delete().to(cut_subject)),
        ))
        .service(only(
            "GET, HEAD, DELETE",
            web::resource("/sessions/{id}")
                .route(get().to(inspect))
                .route(web::delete().to(cut)),
        ));
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Selection {
    subject: Option<String>,
    kind: Option<String>,
    limit: Option<usize>,
    reason: Option<String>,
}

impl Selection {
    fn of(request: &HttpRequest) -> Result<Self, Refusal> {
        let query = Query::<Self>::from_query(request.query_string());
        let selection = query.map_err(|_| Refusal::QueryInvalid {
            expected: "Known are `subject`, `kind` (`ws` or `sse`), `limit` and, to cut, `reason`.",
        })?;
        Ok(selection.into_inner())
    }

    fn fits(&self, session: &Map<String, Value>) -> bool {
        let is_kind = |kind: &String| session.get("kind").and_then(Value::as_str) == Some(kind);
        let is_of = |subject: &String| {
            let subjects = session.get("subjects").and_then(Value::as_array);
            subjects.is_some_and(|subjects| subjects.iter().any(|each| each == subject))
        };
        self.kind.as_ref().is_none_or(is_kind) && self.subject.as_ref().is_none_or(is_of)
    }

    fn reason(&self) -> Result<&str, Refusal> {
        let reason = self.reason.as_deref().unwrap_or(REASON);
        if reason.len() > REASON_BYTES_MAX || reason.contains(char::is_control) {
            return Err(Refusal::QueryInvalid {
                expected: "A `reason` is one line of at most 120 bytes: it has to fit into a close frame.",
            });
        }
        Ok(reason)
    }
}

/// `GET /devops/sessions?subject=&kind=&limit=`: who is connected.
async fn list(request: HttpRequest, operations: Data<Operations>) -> Result<HttpResponse, Refusal> {
    let selection = Selection::of(&request)?;
    let limit = selection.limit.unwrap_or(LISTED_MAX).min(LISTED_MAX);
    let mut fitting = control(&operations)?.list();
    let all = fitting.len();
    fitting.retain(|session| selection.fits(session));
    let matching = fitting.len();
    fitting.truncate(limit);
    Ok(HttpResponse::Ok().json(json!({ "open": all, "matching": matching, "sessions": fitting })))
}

/// `GET /devops/sessions/{id}`: one of them.
async fn inspect(
    request: HttpRequest,
    operations: Data<Operations>,
) -> Result<HttpResponse, Refusal> {
    let id = name(&request, "id")?.unwrap_or_default();
    let session = control(&operations)?.inspect(&id);
    let session = session.ok_or(Refusal::NotFound { what: "session" })?;
    Ok(HttpResponse::Ok().json(session))
}

/// `DELETE /devops/sessions/{id}?reason=`: ends it.
async fn cut(request: HttpRequest, operations: Data<Operations>) -> Result<HttpResponse, Refusal> {
    let id = name(&request, "id")?.unwrap_or_default();
    let selection = Selection::of(&request)?;
    if control(&operations)?.cut(&id, selection.reason()?) {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Refusal::NotFound { what: "session" })
    }
}

/// `DELETE /devops/sessions?subject=`: ends all of a subject; without one, nothing.
async fn cut_subject(
    request: HttpRequest,
    operations: Data<Operations>,
) -> Result<HttpResponse, Refusal> {
    let selection = Selection::of(&request)?;
    let subject = selection.subject.as_deref().ok_or(Refusal::QueryInvalid {
        expected: "Say whose sessions: `subject=…`.",
    })?;
    note_about(&request, subject);
    let cut = control(&operations)?.cut_subject(subject, selection.reason()?);
    Ok(HttpResponse::Ok().json(json!({ "cut": cut })))
}

fn control(operations: &Operations) -> Result<&Arc<dyn SessionControl>, Refusal> {
    let control = operations.dependencies.sessions.as_ref();
    control.ok_or(Refusal::UnknownRoute)
}
