//! Frames that come too fast.

use std::time::Duration;

use actix_web::http::StatusCode;
use protocol::{Envelope, headers};
use serde_json::Value;

use super::Connection;
use crate::error::DittoError;

impl Connection {
    /// Answers a frame that is not looked at any further, with its own headers if it has some.
    pub(super) fn reject(&self, text: &str, retry_after: Duration) {
        let seconds = retry_after.as_secs().max(1);
        let error = DittoError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too.many.requests",
            "The connection sends more frames than it may.",
        )
        .describe(format!("Go on in {seconds} s, and then more slowly."));
        let envelope = Envelope::parse(text.as_bytes()).ok();
        let topic = envelope
            .as_ref()
            .and_then(|envelope| envelope.topic_path().ok());
        let mut headers = envelope
            .and_then(|envelope| headers::accept(envelope.headers?).ok())
            .unwrap_or_default();
        headers.insert("retry-after".to_owned(), Value::from(seconds));
        self.send(Envelope::error(
            topic.as_ref(),
            &headers,
            error.status().as_u16(),
            &error.to_json(),
        ));
    }
}
