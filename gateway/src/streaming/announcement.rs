//! What a client is told of its own session, once it has asked with `START-SEND-SESSION-ANNOUNCEMENTS`.
//!
//! An extension of the Ditto Protocol; `docs/streams.md` describes it for authors of clients.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use protocol::{Envelope, TopicPath};
use serde_json::{Map, Value};

use super::lifeline::{End, EndKind, Lifeline};
use super::outbound::TellLoss;
use super::registry::SessionRecord;
use super::websocket::text_frame;
use crate::clock::Clock;

/// What happened to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Announcement {
    /// The credential ends soon.
    Expiring,
    /// A new token was accepted.
    Refreshed,
    /// A new token was not accepted, for this reason.
    RefreshRejected(String),
    /// The credential has ended, and the session with it.
    Expired,
    /// The credential was revoked, and the session ends.
    Revoked,
    /// So many events are missing at this place of the stream; `None` if nobody knows how many.
    Gap(Option<u64>),
}

impl Announcement {
    /// What is said before a close, if there is anything to say.
    pub(super) fn before(end: &End, lost: u64) -> Option<Self> {
        match end.kind {
            EndKind::Expired => Some(Self::Expired),
            EndKind::Revoked | EndKind::Reconfigured => Some(Self::Revoked),
            EndKind::SlowConsumer => Some(Self::Gap(Some(lost))),
            EndKind::Failed => Some(Self::Gap(None)),
            EndKind::Refresh => Some(Self::RefreshRejected(end.reason.clone())),
            EndKind::Client
            | EndKind::Complete
            | EndKind::Operator
            | EndKind::TooLarge
            | EndKind::Protocol
            | EndKind::Shutdown => None,
        }
    }

    /// The text frame; `lifeline` says how long is left at `now`.
    pub(super) fn frame(&self, lifeline: &Lifeline, now: Timestamp) -> Bytes {
        let mut value = self.value();
        if let Some(expires_at) = lifeline.expires_at() {
            let left = match self {
                Self::Expired | Self::Revoked => Duration::ZERO,
                Self::Expiring | Self::Refreshed | Self::RefreshRejected(_) | Self::Gap(_) => {
                    lifeline.remaining(now).unwrap_or_default()
                }
            };
            value.insert("expiresAt".to_owned(), expires_at.to_string().into());
            value.insert("secondsLeft".to_owned(), left.as_secs().into());
        }
        let correlation_id = uuid::Uuid::new_v4().to_string();
        let headers = Map::from_iter([("correlation-id".to_owned(), correlation_id.into())]);
        let topic = TopicPath::session_announcement(self.subject());
        text_frame(&Envelope::announcement(
            &topic,
            &headers,
            &Value::Object(value),
        ))
    }

    fn subject(&self) -> &'static str {
        match self {
            Self::Expiring => "expiring",
            Self::Refreshed => "refreshed",
            Self::RefreshRejected(_) => "refreshRejected",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Gap(_) => "gap",
        }
    }

    fn value(&self) -> Map<String, Value> {
        let reason = match self {
            Self::Expiring => "The credential ends soon; send a fresh token.",
            Self::Refreshed => "The new token counts from now on.",
            Self::RefreshRejected(reason) => reason,
            Self::Expired => "The credential has expired, the session ends.",
            Self::Revoked => "The credential was revoked, the session ends.",
            Self::Gap(_) => "Events are missing here; read the current state of what you follow.",
        };
        let mut value = Map::from_iter([("reason".to_owned(), reason.into())]);
        if let Self::Gap(Some(lost)) = self {
            value.insert("lost".to_owned(), (*lost).into());
        }
        value
    }
}

/// The gaps that stand where events of a session were lost.
pub(super) fn gaps(record: &Arc<SessionRecord>, clock: &Arc<dyn Clock>) -> TellLoss {
    let (record, clock) = (Arc::clone(record), Arc::clone(clock));
    Rc::new(move |lost| Announcement::Gap(Some(lost)).frame(&record.lifeline, clock.now()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn parsed(frame: &[u8]) -> Value {
        let start = frame.iter().position(|byte| *byte == b'{').unwrap();
        serde_json::from_slice(&frame[start..]).unwrap()
    }

    #[track_caller]
    fn check(announcement: &Announcement, expires_in: Option<u64>, expected: Value) {
        let expires_at = expires_in.map(|seconds| NOW + Duration::from_secs(seconds));
        let lifeline = Lifeline::new(expires_at, NOW);
        let mut envelope = parsed(&announcement.frame(&lifeline, NOW));
        let topic = envelope["topic"].as_str().unwrap().to_owned();
        assert!(
            topic.starts_with("_/_/sessions/announcements/"),
            "{announcement:?}: {topic}"
        );
        let value = envelope["value"].as_object_mut().unwrap();
        assert!(
            value
                .remove("reason")
                .is_some_and(|reason| reason.is_string())
        );
        assert_eq!(envelope["value"], expected, "{announcement:?}");
    }

    #[test]
    fn everything_says_how_long_is_left() {
        let soon = json!({ "expiresAt": "1970-01-01T00:01:00Z", "secondsLeft": 59 });
        let mut over = soon.clone();
        over["secondsLeft"] = 0.into();
        for announcement in [
            Announcement::Expiring,
            Announcement::Refreshed,
            Announcement::RefreshRejected("no".to_owned()),
            Announcement::Gap(None),
        ] {
            check(&announcement, Some(60), soon.clone());
            check(&announcement, None, json!({}));
        }
        check(&Announcement::Expired, Some(60), over.clone());
        check(&Announcement::Revoked, Some(60), over);
    }

    #[test]
    fn a_gap_says_how_much_is_missing() {
        let gap = json!({ "expiresAt": "1970-01-01T00:01:00Z", "secondsLeft": 59, "lost": 7 });
        check(&Announcement::Gap(Some(7)), Some(60), gap);
    }
}
