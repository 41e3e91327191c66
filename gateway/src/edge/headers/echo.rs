//! Headers of a command that come back with its response.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::{LiveHeaders, Lookup};
use crate::live::is_built_in;

/// Those that come back as they were sent.
const VERBATIM: [&str; 5] = [
    "channel",
    "dry-run",
    "reply-to",
    "response-required",
    "timeout",
];

const REQUESTED_ACKS: HeaderName = HeaderName::from_static("requested-acks");

/// What the client sent and gets back, wherever in its request it stood.
///
/// Source: Ditto documentation, page "Protocol specification", section "Headers".
#[derive(Debug, Default)]
pub(crate) struct Echo(Vec<(HeaderName, HeaderValue)>);

impl Echo {
    pub(super) fn of(lookup: &Lookup<'_, '_>, live: &LiveHeaders) -> Self {
        let verbatim = VERBATIM.into_iter().filter_map(|name| {
            let value = HeaderValue::from_str(lookup.get(name)?).ok()?;
            Some((HeaderName::from_static(name), value))
        });
        Self(verbatim.chain(labels(live)).collect())
    }

    /// Adds what the response does not say by itself.
    pub(crate) fn insert(self, headers: &mut HeaderMap) {
        for (name, value) in self.0 {
            if !headers.contains_key(&name) {
                headers.insert(name, value);
            }
        }
    }
}

/// Labels of others, as a JSON array; those of Ditto itself concern nobody else.
fn labels(live: &LiveHeaders) -> Option<(HeaderName, HeaderValue)> {
    let labels = live.requested_acks.as_ref()?.iter();
    let labels: Vec<Value> = labels
        .map(|label| &**label)
        .filter(|label| !is_built_in(label))
        .map(Value::from)
        .collect();
    if labels.is_empty() {
        return None;
    }
    let value = HeaderValue::from_str(&Value::Array(labels).to_string()).ok()?;
    Some((REQUESTED_ACKS, value))
}
