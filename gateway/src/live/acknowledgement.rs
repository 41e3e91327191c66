//! Acknowledgements: what somebody else says about a signal, one a label, and several as one answer.
//!
//! Source: Ditto documentation, page "Acknowledgements".

use std::sync::Arc;
use std::time::Duration;

use protocol::headers;
use serde_json::{Map, Value, json};

use crate::error::DittoError;

/// Signals ask for at most this many labels.
pub(crate) const LABELS_MAX: usize = 32;
const LABEL_BYTES: std::ops::RangeInclusive<usize> = 3..=165;

/// The name of an acknowledgement; cheap to copy.
pub(crate) type Label = Arc<str>;

/// Whether `text` can be a label.
pub(crate) fn is_label(text: &str) -> bool {
    LABEL_BYTES.contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':'))
}

/// Whether the system itself gives this one.
pub(crate) fn is_built_in(label: &str) -> bool {
    headers::BUILT_IN_LABELS.contains(&label)
}

/// One acknowledgement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Acknowledgement {
    pub(crate) label: Label,
    pub(crate) status: u16,
    pub(crate) payload: Option<Value>,
    pub(crate) headers: Map<String, Value>,
}

impl Acknowledgement {
    /// On behalf of a subscriber who declared the label and does not get the signal.
    pub(crate) fn weak(label: &Label, correlation_id: &str) -> Self {
        let mut headers = with_correlation_id(correlation_id);
        headers.insert("ditto-weak-ack".to_owned(), Value::Bool(true));
        Self {
            label: Arc::clone(label),
            status: 200,
            payload: Some(
                "Acknowledged by the gateway: who declared the label does not get this signal."
                    .into(),
            ),
            headers,
        }
    }

    /// Instead of one that did not arrive within `wait`.
    pub(crate) fn timed_out(label: &Label, correlation_id: &str, wait: Duration) -> Self {
        let error = request_timeout(wait);
        Self {
            label: Arc::clone(label),
            status: error.status().as_u16(),
            payload: Some(error.to_json()),
            headers: with_correlation_id(correlation_id),
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("status".to_owned(), self.status.into());
        if let Some(payload) = &self.payload {
            members.insert("payload".to_owned(), payload.clone());
        }
        members.insert("headers".to_owned(), self.headers.clone().into());
        members.into()
    }
}

/// The error that stands for an acknowledgement that did not arrive.
fn request_timeout(wait: Duration) -> DittoError {
    DittoError::new(
        actix_web::http::StatusCode::REQUEST_TIMEOUT,
        "acknowledgement:request.timeout",
        format!("No acknowledgement arrived within {} ms.", wait.as_millis()),
    )
    .describe("Wait longer with `timeout`, and see that whoever declares the label is connected and subscribed.")
}

fn with_correlation_id(correlation_id: &str) -> Map<String, Value> {
    Map::from_iter([("correlation-id".to_owned(), correlation_id.into())])
}

/// All acknowledgements of one signal, in the order asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Acknowledgements(pub(crate) Vec<Acknowledgement>);

impl Acknowledgements {
    /// That of the only one; else 200 if all went well, and 424 if not.
    pub(crate) fn status(&self) -> u16 {
        match self.0.as_slice() {
            [only] => only.status,
            all if all.iter().all(Acknowledgement::is_success) => 200,
            _ => 424,
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        self.0.iter().all(Acknowledgement::is_success)
    }

    /// The only one, if there is just one.
    pub(crate) fn only(&self) -> Option<&Acknowledgement> {
        match self.0.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// `{"<label>":{"status":…,"payload":…,"headers":{…}}}`.
    pub(crate) fn to_json(&self) -> Value {
        let members = self
            .0
            .iter()
            .map(|each| (each.label.to_string(), each.to_json()));
        Value::Object(members.collect())
    }

    /// As [`Self::to_json`], with nothing but the status of each.
    pub(crate) fn statuses_to_json(&self) -> Value {
        let status = |each: &Acknowledgement| json!({ "status": each.status });
        let members = self
            .0
            .iter()
            .map(|each| (each.label.to_string(), status(each)));
        Value::Object(members.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acknowledgement(label: &str, status: u16) -> Acknowledgement {
        Acknowledgement {
            label: label.into(),
            status,
            payload: None,
            headers: Map::new(),
        }
    }

    #[track_caller]
    fn check(statuses: &[u16], expected: u16) {
        let all = statuses
            .iter()
            .map(|status| acknowledgement("a:b", *status));
        assert_eq!(
            Acknowledgements(all.collect()).status(),
            expected,
            "{statuses:?}"
        );
    }

    #[test]
    fn one_speaks_for_itself_and_several_succeed_or_fail_together() {
        check(&[204], 204);
        check(&[408], 408);
        check(&[200, 204], 200);
        check(&[200, 408], 424);
        check(&[500, 404], 424);
    }

    #[test]
    fn labels_have_a_grammar() {
        assert!(is_label("a:b"));
        assert!(is_label(&"x".repeat(165)));
        for text in ["", "ab", "a b", "a.b", "{{x:y}}", "ä:b", &"x".repeat(166)] {
            assert!(!is_label(text), "{text:?}");
        }
    }

    #[test]
    fn the_aggregate_names_each_label() {
        let all = Acknowledgements(vec![
            acknowledgement("twin-persisted", 204),
            Acknowledgement::timed_out(&"a:b".into(), "c-1", Duration::from_secs(2)),
        ]);
        let json = all.to_json();
        assert_eq!(json["twin-persisted"]["status"], 204);
        assert_eq!(
            json["a:b"]["payload"]["error"],
            "acknowledgement:request.timeout"
        );
        assert_eq!(json["a:b"]["headers"]["correlation-id"], "c-1");
        assert_eq!(
            all.statuses_to_json(),
            json!({"twin-persisted": {"status": 204}, "a:b": {"status": 408}})
        );
    }
}
