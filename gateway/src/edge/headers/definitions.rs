//! Which headers there are, and what becomes of each.

use std::sync::Arc;

use crate::edge::fields::Fields;
use crate::error::DittoError;

/// Whether only the gateway sets headers of this name: a client's are dropped. Ditto's own prefix is reserved as a whole.
fn is_internal(name: &str) -> bool {
    name.starts_with("ditto-") || name.starts_with("x-ditto-pre-authenticated")
}

/// Refuses a command with a header that changes what it means and that this kind of command cannot honour.
pub(crate) fn unsupported(name: &str) -> DittoError {
    DittoError::bad_request("command.headers.invalid", format!("The header `{name}` is not supported by this version."))
        .describe("The request was not carried out, because without this header it would mean something else.")
}

/// Headers that neither Ditto nor HTTP knows: they travel with the command into its event.
///
/// Ditto passes every unknown header on, a browser's cookies among them; only names that no HTTP hop sets travel here.
pub(super) fn custom(fields: &Fields<'_>) -> Vec<(Arc<str>, Arc<str>)> {
    fields
        .iter()
        .filter(|(name, _)| is_custom(name))
        .map(|(name, value)| (Arc::from(name), Arc::from(value)))
        .collect()
}

/// Whether neither HTTP nor Ditto gives this name a meaning.
pub(crate) fn is_custom(name: &str) -> bool {
    !is_transport(name) && !is_known(name) && !is_internal(name)
}

/// The fields that nearly every client sends, and that mean nothing to a command.
pub(super) fn says_nothing(name: &str) -> bool {
    matches!(
        name,
        "accept"
            | "accept-encoding"
            | "accept-language"
            | "authorization"
            | "connection"
            | "content-length"
            | "content-type"
            | "host"
            | "user-agent"
    )
}

fn is_transport(name: &str) -> bool {
    const PREFIXES: [&str; 9] = [
        "accept",
        "access-control-",
        "content-",
        "if-",
        "proxy-",
        "sec-",
        "x-forwarded",
        "x-real-ip",
        "x-original-",
    ];
    const NAMES: [&str; 33] = [
        "authorization",
        "cache-control",
        "cdn-loop",
        "connection",
        "cookie",
        "date",
        "dnt",
        "expect",
        "forwarded",
        "from",
        "host",
        "http2-settings",
        "keep-alive",
        "last-event-id",
        "max-forwards",
        "origin",
        "pragma",
        "priority",
        "range",
        "referer",
        "save-data",
        "server",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "upgrade-insecure-requests",
        "user-agent",
        "via",
        "warning",
        "x-request-id",
        "x-requested-with",
    ];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn is_known(name: &str) -> bool {
    const NAMES: [&str; 22] = [
        "allow-policy-lockout",
        "at-historical-revision",
        "at-historical-timestamp",
        "channel",
        "condition",
        "correlation-id",
        "declared-acks",
        "delete-metadata",
        "dry-run",
        "entity-revision",
        "etag",
        "get-metadata",
        "location",
        "put-metadata",
        "reply-to",
        "requested-acks",
        "response-required",
        "timeout",
        "traceparent",
        "tracestate",
        "www-authenticate",
        "x-correlation-id",
    ];
    NAMES.contains(&name)
}
