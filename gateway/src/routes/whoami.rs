//! `GET /api/2/whoami`: as whom a caller is known.

use actix_web::HttpResponse;
use serde_json::json;

use crate::edge::RequestContext;
use crate::error::DittoError;

/// 200 `{"defaultSubject":"…","subjects":["…"]}`.
///
/// Source: Ditto documentation, HTTP API reference, "GET /api/2/whoami".
pub(super) fn answer(context: &RequestContext) -> Result<HttpResponse, DittoError> {
    let principal = context.caller()?.principal();
    let subjects: Vec<&str> = principal
        .subjects()
        .iter()
        .map(::policies::SubjectId::as_str)
        .collect();
    let body = json!({ "defaultSubject": subjects.first(), "subjects": subjects });
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(body.to_string()))
}
