//! Frames that come too fast.

use std::time::Duration;

use actix_web::http::StatusCode;
use bytes::Bytes;
use protocol::{Envelope, TopicPath, headers};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::incoming::send_error_with;
use super::{Connection, body};
use crate::edge;
use crate::error::DittoError;
use crate::limits::TooManyRequests;

/// Takes one unit of the source's and the caller's budget, which HTTP requests share.
pub(super) fn within_budget(connection: &Connection) -> Result<(), TooManyRequests> {
    let context = &connection.context;
    let gateway = context.gateway.current();
    let source = (context.source, context.source_key);
    let check = gateway.limits.check_source(context.source_key);
    check.inspect_err(|exceeded| edge::note_source(&gateway, exceeded, source))?;
    let caller = connection.caller.borrow();
    let check = gateway.limits.check_subject(caller.limit_key());
    check.inspect_err(|exceeded| edge::note_subject(&gateway, exceeded, &caller))
}

/// Answers a frame that is beyond the budget, with its own headers if it has some.
pub(super) fn refuse(
    connection: &Connection,
    (topic, mut headers): (Option<&TopicPath>, Map<String, Value>),
    exceeded: TooManyRequests,
) {
    let seconds = exceeded.retry_after_seconds();
    headers.insert("retry-after".to_owned(), seconds.into());
    send_error_with(connection, (topic, &headers), &exceeded.into());
}

impl Connection {
    /// Gives a ping its payload back (RFC 6455 §5.5.3); of those beyond the budget, one a second.
    pub(super) fn answer_ping(&self, payload: Bytes) {
        if within_budget(self).is_ok() || self.pongs.is_due(Instant::now()) {
            self.session.outbound.push_urgent(body::pong(payload));
        }
    }

    /// A binary message means nothing, and counts all the same.
    pub(super) fn take_binary(&self) {
        if let Err(exceeded) = within_budget(self) {
            refuse(self, (None, Map::new()), exceeded);
        }
    }

    /// A pong or a part of a message wants no answer, whatever is left of the budget.
    pub(super) fn take_unanswered(&self) {
        let _ = within_budget(self);
    }

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
