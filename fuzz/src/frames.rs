//! Text frames as the session of a WebSocket reads them: control messages, and envelopes with what their headers and topics
//! ask for.

use std::sync::Arc;

use protocol::{ControlMessage, Envelope, Incoming, LiveKind, TopicPath, headers};
use serde_json::{Map, Value};

use crate::Target;
use crate::envelopes::EXAMPLES;

/// Whole text frames.
pub(crate) struct Frames {
    /// Headers of the handshake, which frames need not repeat.
    defaults: Map<String, Value>,
}

/// Every control message with its parameters, and mistakes in them.
const CONTROL: [&str; 10] = [
    "START-SEND-EVENTS?namespaces=org.acme,other&filter=eq(attributes%2Fon,true)&extraFields=attributes(on,hue),features",
    "START-SEND-MESSAGES?correlation-id=c-1&namespaces=&filter=",
    "START-SEND-LIVE-COMMANDSxyz?a=b&a=b",
    "START-SEND-LIVE-EVENTS?filter=%zz",
    "START-SEND-POLICY-ANNOUNCEMENTS?namespaces=org.acme+x",
    "START-SEND-SESSION-ANNOUNCEMENTS",
    "STOP-SEND-EVENTS?whatever",
    "STOP-SEND-POLICY-ANNOUNCEMENTS",
    "JWT-TOKEN?jwtToken=eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl",
    "JWT-TOKEN",
];

impl Frames {
    pub(crate) fn new() -> Self {
        let sent = serde_json::json!({ "timeout": "10s", "response-required": true });
        let sent = sent.as_object().cloned().unwrap_or_default();
        Self {
            defaults: headers::accept(sent).expect("good headers"),
        }
    }

    fn check_envelope(&self, mut envelope: Envelope) {
        let sent = envelope.headers.take().unwrap_or_default();
        let Ok(accepted) = headers::accept(sent) else {
            return;
        };
        assert!(
            accepted.keys().all(|name| headers::is_accepted(name)),
            "a client set what it may not: {accepted:?}"
        );
        let again = headers::accept(accepted.clone());
        assert_eq!(again.ok().as_ref(), Some(&accepted), "accepted twice");
        let completed = headers::with_defaults(accepted.clone(), &self.defaults);
        for (name, value) in &accepted {
            assert_eq!(completed.get(name), Some(value), "a default displaced it");
        }
        let _ = headers::ditto_headers(&completed, || Arc::from("c-1"));
        if let Ok(topic) = envelope.topic_path() {
            check_signal(&topic, envelope);
        }
    }
}

impl Target for Frames {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let examples: Vec<Value> = serde_json::from_str(EXAMPLES).expect("examples");
        let texts = examples.iter().map(Value::to_string);
        let control = CONTROL.map(str::to_owned);
        texts.chain(control).map(String::into_bytes).collect()
    }

    fn read(&self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        match ControlMessage::parse(&text) {
            Some(Ok(message)) => check_control(&text, &message),
            Some(Err(_)) => assert!(text.starts_with("START-SEND-"), "only a START is refused"),
            None => {
                if let Ok(envelope) = Envelope::parse(text.as_bytes()) {
                    self.check_envelope(envelope);
                }
            }
        }
    }
}

fn check_control(text: &str, message: &ControlMessage) {
    let word = message.ack().map(|ack| ack.replace(":ACK", ""));
    let word = word.unwrap_or_else(|| "JWT-TOKEN".to_owned());
    assert!(
        text.starts_with(&word),
        "{word} is confirmed instead of {text}"
    );
    match message {
        ControlMessage::Start(_, subscription) => {
            let namespaces = &subscription.namespaces;
            let is_name = |name: &String| !name.is_empty() && !name.contains(',');
            assert!(namespaces.iter().all(is_name), "{namespaces:?}");
        }
        ControlMessage::Stop(_) => {}
        ControlMessage::JwtToken(token) => {
            let shown = format!("{message:?}");
            assert_eq!(shown, "JwtToken([REDACTED])", "instead of {token}");
        }
    }
}

/// What is carried out is what the topic names.
fn check_signal(topic: &TopicPath, envelope: Envelope) {
    let id = topic.entity_id();
    match Incoming::about(topic, envelope) {
        Err(_) | Ok(Incoming::CheckPermissions(_) | Incoming::Other { .. }) => {}
        Ok(Incoming::Thing(command)) => assert!(
            command.thing_id.as_str() == id || is_create(topic),
            "{} instead of {id}",
            command.thing_id
        ),
        Ok(Incoming::Policy(command)) => assert!(
            command.policy_id.as_str() == id || is_create(topic),
            "{} instead of {id}",
            command.policy_id
        ),
        Ok(Incoming::Things { .. }) => assert!(
            topic.to_string().contains("/_/") || id.ends_with(":_"),
            "several things instead of {id}"
        ),
        Ok(Incoming::Live(signal)) => {
            assert_eq!(signal.thing_id.as_str(), id);
            if let LiveKind::Message(message) | LiveKind::MessageResponse(message) = signal.kind {
                let named = topic.to_string();
                let ends = format!("/messages/{}", message.subject());
                let is_named = named.ends_with(&ends) || named.ends_with("/messages");
                assert!(is_named, "{ends} instead of {named}");
            }
        }
    }
}

/// A thing or policy that is created may be named in its value.
fn is_create(topic: &TopicPath) -> bool {
    topic.to_string().ends_with("/commands/create")
}
