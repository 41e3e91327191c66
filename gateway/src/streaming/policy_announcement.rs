//! What subjects of policies are told: written once, sent to every session that acts as the subject and asked for it.

use ::policies::{Announcement, PolicyId, SubjectId};
use bytes::Bytes;
use protocol::{Criterion, Envelope, Group, TopicPath};
use serde_json::{Map, json};

use super::websocket::text_frame;

/// An announcement on its way to sessions.
pub(crate) struct PolicyAnnouncement {
    pub(super) policy_id: PolicyId,
    pub(super) subject_id: SubjectId,
    pub(super) frame: Bytes,
}

impl From<&Announcement> for PolicyAnnouncement {
    fn from(announcement: &Announcement) -> Self {
        let topic = TopicPath::new(
            announcement.policy_id.as_str(),
            Group::Policies,
            Criterion::Announcements("subjectDeletion".to_owned()),
        );
        let mut headers = Map::new();
        let correlation_id = json!(announcement.correlation_id);
        headers.insert("correlation-id".to_owned(), correlation_id);
        if !announcement.requested_acks.is_empty() {
            let timeout = json!(format!("{}ms", announcement.timeout.as_millis()));
            headers.insert(
                "requested-acks".to_owned(),
                json!(announcement.requested_acks),
            );
            headers.insert("timeout".to_owned(), timeout);
        }
        let value = json!({
            "deleteAt": announcement.delete_at.to_string(),
            "subjectIds": [announcement.subject_id.as_str()],
        });
        Self {
            policy_id: announcement.policy_id.clone(),
            subject_id: announcement.subject_id.clone(),
            frame: text_frame(&Envelope::announcement(&topic, &headers, &value)),
        }
    }
}
