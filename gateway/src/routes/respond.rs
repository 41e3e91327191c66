//! From what a service answered to an HTTP response.

use std::fmt::Display;

use ::policies::EntityTag;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use serde_json::Value;

use crate::edge::RequestContext;

const ENTITY_REVISION: HeaderName = HeaderName::from_static("entity-revision");

/// The content type of every body that a service answers with.
const JSON: (HeaderName, HeaderValue) = (
    header::CONTENT_TYPE,
    HeaderValue::from_static("application/json"),
);

/// The outcome of a command on a thing or policy.
pub(super) struct Outcome<'a> {
    pub(super) etag: Option<&'a EntityTag>,
    pub(super) revision: u64,
}

impl Outcome<'_> {
    /// 200 with the JSON text.
    pub(super) fn ok(&self, body: impl actix_web::body::MessageBody + 'static) -> HttpResponse {
        self.start(HttpResponse::Ok())
            .insert_header(JSON)
            .body(body)
    }

    /// 201 with what was created, and where it is.
    pub(super) fn created(&self, location: &str, body: &Value) -> HttpResponse {
        let mut response = self.start(HttpResponse::Created());
        insert(&mut response, header::LOCATION, location);
        response.insert_header(JSON).body(body.to_string())
    }

    /// 204.
    pub(super) fn no_content(&self) -> HttpResponse {
        self.start(HttpResponse::NoContent()).finish()
    }

    fn start(&self, mut response: HttpResponseBuilder) -> HttpResponseBuilder {
        if let Some(etag) = self.etag {
            insert(&mut response, header::ETAG, etag);
        }
        response.insert_header((ENTITY_REVISION, HeaderValue::from(self.revision)));
        response
    }
}

/// 202 without a body: the caller waived the response.
pub(super) fn accepted() -> HttpResponse {
    HttpResponse::Accepted().finish()
}

/// The request's own URI without query, with `suffix` appended.
pub(super) fn location(context: &RequestContext, request: &HttpRequest, suffix: &str) -> String {
    let scheme = if context.is_secure { "https" } else { "http" };
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let path = request.path();
    format!(
        "{scheme}://{host}{}{suffix}",
        path.strip_suffix('/').unwrap_or(path)
    )
}

fn insert(response: &mut HttpResponseBuilder, name: HeaderName, value: impl Display) {
    // The text is ours and becomes the value without another copy.
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(value.to_string())) {
        response.insert_header((name, value));
    }
}
