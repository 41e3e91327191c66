//! From what a service answered to an HTTP response.

use std::fmt::Display;

use ::policies::EntityTag;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use serde_json::Value;

use crate::edge::RequestContext;

const ENTITY_REVISION: HeaderName = HeaderName::from_static("entity-revision");

const DITTO_METADATA: HeaderName = HeaderName::from_static("ditto-metadata");

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

    /// 202 with what would have been done.
    pub(super) fn rehearsed(&self, body: &Value) -> HttpResponse {
        self.start(HttpResponse::Accepted())
            .insert_header(JSON)
            .body(body.to_string())
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

/// The same response with the metadata that was asked for.
pub(super) fn with_metadata(mut response: HttpResponse, metadata: &Value) -> HttpResponse {
    if let Ok(value) = HeaderValue::from_str(&ascii(&metadata.to_string())) {
        response.headers_mut().insert(DITTO_METADATA, value);
    }
    response
}

/// JSON text with everything but ASCII escaped: header fields have no other encoding (RFC 9110 §5.5).
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for each in json.chars() {
        if each.is_ascii() && !each.is_ascii_control() {
            text.push(each);
        } else {
            for unit in each.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

/// 202 without a body: the caller waived the response.
pub(super) fn accepted() -> HttpResponse {
    HttpResponse::Accepted().finish()
}

/// The request's own URI without query, with `suffix` appended; relative for who does not say which host it talks to
/// (RFC 9110 §10.2.2).
pub(super) fn location(context: &RequestContext, request: &HttpRequest, suffix: &str) -> String {
    let scheme = if context.is_secure { "https" } else { "http" };
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|value| value.to_str().ok());
    let path = request.path();
    let path = path.strip_suffix('/').unwrap_or(path);
    match host.filter(|host| !host.is_empty()) {
        Some(host) => format!("{scheme}://{host}{path}{suffix}"),
        None => format!("{path}{suffix}"),
    }
}

fn insert(response: &mut HttpResponseBuilder, name: HeaderName, value: impl Display) {
    // The text is ours and becomes the value without another copy.
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(value.to_string())) {
        response.insert_header((name, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_fields_are_ascii() {
        let json = serde_json::json!({"\u{7f}€": "😀"});
        let text = ascii(&json.to_string());
        assert_eq!(text, r#"{"\u007f\u20ac":"\ud83d\ude00"}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json);
    }
}
