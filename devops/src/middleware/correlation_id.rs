//! The id that ties an operator's request to its log lines: the client's, if it is harmless, or a new one.

use std::sync::Arc;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// Longest id that is taken over.
const BYTES_MAX: usize = 256;

/// `x-correlation-id`, else `correlation-id`, else a random one. What could break a log line is replaced, not repaired.
pub(super) fn of(headers: &HeaderMap) -> Arc<str> {
    ["x-correlation-id", "correlation-id"]
        .into_iter()
        .filter_map(|name| headers.get(name)?.to_str().ok())
        .find(|id| {
            !id.is_empty()
                && id.len() <= BYTES_MAX
                && id.bytes().all(|byte| byte.is_ascii_graphic())
        })
        .map_or_else(|| Arc::from(Uuid::new_v4().to_string()), Arc::from)
}

/// Tells the client.
pub(super) fn insert(headers: &mut HeaderMap, id: &str) {
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("correlation-id"), value);
    }
}
