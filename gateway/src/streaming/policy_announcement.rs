//! What subjects of policies are told: written once, sent to every session that acts as the subject and asked for it.

use ::policies::{Announcement, PolicyId, Principal, SubjectId};
use bytes::Bytes;
use protocol::{Criterion, Envelope, Group, TopicPath};
use serde_json::{Map, json};

use super::subjects::Subjects;
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

/// A session's wish to be told what subjects that it acts as are told.
pub(super) struct PolicySubscription {
    subjects: Subjects,
    /// Of policies in these; empty means any.
    namespaces: Vec<String>,
}

impl PolicySubscription {
    pub(super) fn new(subjects: Subjects, namespaces: Vec<String>) -> Self {
        Self {
            subjects,
            namespaces,
        }
    }

    pub(super) fn wants(&self, announcement: &PolicyAnnouncement) -> bool {
        let namespace = announcement.policy_id.namespace();
        (self.namespaces.is_empty() || self.namespaces.iter().any(|wanted| wanted == namespace))
            && self.subjects.contains(&announcement.subject_id)
    }

    /// As whom it listens.
    pub(super) fn subjects(&self) -> impl Iterator<Item = &SubjectId> {
        self.subjects.iter()
    }

    /// Forgets subjects that `principal` does not have.
    pub(super) fn narrow(&mut self, principal: &Principal) {
        self.subjects.narrow(principal);
    }
}
