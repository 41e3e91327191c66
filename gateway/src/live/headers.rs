//! The headers that a signal carries to its receivers, and an answer back.

use std::time::Duration;

use ::policies::{CommandContext, SubjectId};
use protocol::{MessagePath, headers};
use serde_json::{Map, Value};

use super::requested::Requested;

/// The schema version, which every signal of a thing states.
const VERSION: u8 = 2;

/// What receivers see: what the sender may pass on, and what the gateway knows better.
pub(crate) fn of_signal(
    sent: Map<String, Value>,
    context: &CommandContext,
    requested: &Requested,
) -> Map<String, Value> {
    let mut headers = emitted(sent);
    for (name, value) in &context.headers.custom {
        headers.insert(name.to_string(), Value::from(&**value));
    }
    let mut set = |name: &str, value: Value| headers.insert(name.to_owned(), value);
    set("correlation-id", (*context.headers.correlation_id).into());
    if let Some(originator) = context.principal.default_subject() {
        set("ditto-originator", originator.as_str().into());
    }
    set("response-required", requested.response_required.into());
    set("version", VERSION.into());
    if requested.response_required || !requested.custom.is_empty() {
        set("timeout", timeout(requested.wait).into());
    }
    headers
}

/// What a message says about itself besides its path.
pub(crate) fn describe_message(
    headers: &mut Map<String, Value>,
    thing_id: &str,
    path: &MessagePath,
) {
    let mut set = |name: &str, value: &str| headers.insert(name.to_owned(), value.into());
    set("ditto-message-direction", path.direction().as_str());
    set("ditto-message-subject", path.subject());
    set("ditto-message-thing-id", thing_id);
    if let Some(feature_id) = path.feature_id() {
        set("ditto-message-feature-id", feature_id);
    }
}

/// What the sender sees of an answer's headers, and who gave it.
pub(crate) fn of_answer(
    sent: Map<String, Value>,
    answerer: Option<&SubjectId>,
) -> Map<String, Value> {
    let mut headers = emitted(sent);
    headers.insert("response-required".to_owned(), false.into());
    if let Some(subject) = answerer {
        headers.insert("ditto-originator".to_owned(), subject.as_str().into());
    }
    headers
}

/// What a client may see of headers, without requests for acknowledgements.
pub(crate) fn emitted(mut headers: Map<String, Value>) -> Map<String, Value> {
    headers.retain(|name, _| headers::is_emitted(name) && name != "requested-acks");
    headers
}

/// Whole seconds as a plain number, anything else in milliseconds.
fn timeout(wait: Duration) -> String {
    if wait.subsec_millis() == 0 {
        wait.as_secs().to_string()
    } else {
        format!("{}ms", wait.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_written_as_short_as_it_is_exact() {
        assert_eq!(timeout(Duration::from_secs(10)), "10");
        assert_eq!(timeout(Duration::from_millis(1500)), "1500ms");
    }
}
