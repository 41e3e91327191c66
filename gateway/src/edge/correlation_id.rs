//! Ties a request, its log lines, its response and its events together.

use std::sync::Arc;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use super::fields::Fields;
use super::query::Query;

const CORRELATION_ID: HeaderName = HeaderName::from_static("correlation-id");

/// The client's id, `x-correlation-id` first, else a random one.
pub(super) fn of(fields: &Fields<'_>) -> Arc<str> {
    ["x-correlation-id", "correlation-id"]
        .into_iter()
        .find_map(|name| {
            fields
                .get(name)
                .filter(|text| is_acceptable(text))
                .map(Arc::from)
        })
        .unwrap_or_else(random)
}

/// `correlation-id` itself, as header or query parameter, has the last word.
pub(super) fn overridden(initial: &Arc<str>, fields: &Fields<'_>, query: &Query) -> Arc<str> {
    let field = fields
        .get("correlation-id")
        .or_else(|| query.get("correlation-id"));
    match field.filter(|text| is_acceptable(text)) {
        Some(text) if text != &**initial => Arc::from(text),
        Some(_) | None => Arc::clone(initial),
    }
}

pub(super) fn insert(headers: &mut HeaderMap, correlation_id: &str) {
    if let Ok(value) = HeaderValue::from_str(correlation_id) {
        headers.insert(CORRELATION_ID, value);
    }
}

fn random() -> Arc<str> {
    let mut buffer = Uuid::encode_buffer();
    Arc::from(&*Uuid::new_v4().hyphenated().encode_lower(&mut buffer))
}

/// Short and printable, so that it can stand in a log line and a header.
fn is_acceptable(text: &str) -> bool {
    !text.is_empty() && text.len() <= 256 && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}
