//! Messages as server-sent events: for who only wants to read them.

use std::rc::Rc;

use ::policies::{Pointer, SubjectId};
use ::things::ThingId;
use actix_web::HttpResponse;
use bytes::Bytes;
use protocol::MessagePath;
use serde_json::Value;

use super::Mail;
use crate::edge::RequestContext;
use crate::error::DittoError;
use crate::live::{Label, LiveRenderer, LiveSignal};
use crate::streaming;

/// 200 and a stream of the messages that pass a box, or of those with one subject.
///
/// Source: Ditto documentation, page "Server sent events", section on messages.
pub(super) fn open(
    context: RequestContext,
    (thing_id, mail): (ThingId, Mail),
) -> Result<HttpResponse, DittoError> {
    if let Some(name) = ["filter", "extraFields", "fields"]
        .into_iter()
        .find(|name| context.query.get(name).is_some())
    {
        return Err(DittoError::bad_request(
            "signal.unsupported",
            format!("A stream of messages takes no parameter `{name}`."),
        )
        .describe(
            "The stream was not opened, because without it more would be delivered than asked for.",
        ));
    }
    let place = match &mail {
        Mail::Claim => Place::Subject(MessagePath::claim().pointer()),
        Mail::Message(path) => Place::Subject(path.pointer()),
        Mail::Box {
            feature_id,
            direction,
        } => {
            let feature = feature_id.iter().flat_map(|id| ["features", id.as_str()]);
            let mailbox = [direction.mailbox(), "messages"];
            Place::Box(Pointer::from_segments(feature.chain(mailbox)))
        }
    };
    streaming::sse::open_messages(context, Rc::new(Messages { thing_id, place }))
}

/// Where messages are listened for.
enum Place {
    Subject(Pointer),
    Box(Pointer),
}

/// Sends the payloads of messages, under their subjects.
struct Messages {
    thing_id: ThingId,
    place: Place,
}

impl LiveRenderer for Messages {
    fn render(
        &self,
        signal: &LiveSignal,
        _subjects: &[SubjectId],
        _declared: &[Label],
    ) -> Option<Bytes> {
        let path = &signal.reach.path;
        let is_wanted = signal.thing_id == self.thing_id
            && match &self.place {
                Place::Subject(wanted) => wanted == path,
                Place::Box(wanted) => wanted.is_prefix_of(path),
            };
        if !is_wanted {
            return None;
        }
        Some(event(signal.subject()?, signal.envelope.value.as_ref()))
    }
}

/// One event, with a data line for each line of the payload; anything but text stands there as in an envelope.
fn event(subject: &str, payload: Option<&Value>) -> Bytes {
    let text = match payload {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: String = text
        .split('\n')
        .map(|line| format!("data:{line}\n"))
        .collect();
    Bytes::from(format!("event:{subject}\n{lines}\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(payload: Option<Value>, expected: &str) {
        assert_eq!(event("a/b", payload.as_ref()), expected);
    }

    #[test]
    fn every_line_of_a_payload_is_a_line_of_data() {
        check(Some(json!("x")), "event:a/b\ndata:x\n\n");
        check(
            Some(json!("x\ny\r\nz\rid:1")),
            "event:a/b\ndata:x\ndata:y\ndata:z\ndata:id:1\n\n",
        );
        check(Some(json!({"a": 1})), "event:a/b\ndata:{\"a\":1}\n\n");
        check(None, "event:a/b\ndata:\n\n");
    }
}
