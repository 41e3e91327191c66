//! What subjects of policies are told: sent to every session that acts as the subject and asked for it, and written once for
//! all of whom nothing is asked.

use ::policies::{Announcement, Principal, SubjectId};
use bytes::Bytes;
use protocol::{Criterion, Envelope, Group, TopicPath};
use serde_json::{Map, json};

use super::subjects::Subjects;
use super::subscription::Namespaces;
use super::websocket::text_frame;
use crate::live::Label;

/// An announcement on its way to sessions.
pub(crate) struct PolicyAnnouncement {
    pub(super) announcement: Announcement,
    /// For everyone of whom no acknowledgement is asked.
    pub(super) frame: Bytes,
}

impl From<Announcement> for PolicyAnnouncement {
    fn from(announcement: Announcement) -> Self {
        Self {
            frame: frame(&announcement, &[]),
            announcement,
        }
    }
}

impl PolicyAnnouncement {
    /// The frame for a session that declared these labels: only they are asked of it.
    pub(super) fn frame(&self, declared: &[Label]) -> Bytes {
        let asked: Vec<&str> = self
            .announcement
            .requested_acks
            .iter()
            .map(String::as_str)
            .filter(|label| declared.iter().any(|declared| **declared == **label))
            .collect();
        if asked.is_empty() {
            self.frame.clone()
        } else {
            frame(&self.announcement, &asked)
        }
    }
}

fn frame(announcement: &Announcement, asked: &[&str]) -> Bytes {
    let topic = TopicPath::new(
        announcement.policy_id.as_str(),
        Group::Policies,
        Criterion::Announcements("subjectDeletion".to_owned()),
    );
    let mut headers = Map::new();
    let correlation_id = json!(announcement.correlation_id);
    headers.insert("correlation-id".to_owned(), correlation_id);
    if !asked.is_empty() {
        let timeout = json!(format!("{}ms", announcement.timeout.as_millis()));
        headers.insert("requested-acks".to_owned(), json!(asked));
        headers.insert("timeout".to_owned(), timeout);
    }
    let value = json!({
        "deleteAt": announcement.delete_at.to_string(),
        "subjectIds": [announcement.subject_id.as_str()],
    });
    text_frame(&Envelope::announcement(&topic, &headers, &value))
}

/// A session's wish to be told what subjects that it acts as are told.
pub(super) struct PolicySubscription {
    subjects: Subjects,
    /// Of policies in these.
    namespaces: Namespaces,
}

impl PolicySubscription {
    pub(super) fn new(subjects: Subjects, namespaces: Vec<String>) -> Self {
        Self {
            subjects,
            namespaces: Namespaces::new(namespaces),
        }
    }

    pub(super) fn wants(&self, announcement: &Announcement) -> bool {
        let namespace = announcement.policy_id.namespace();
        self.namespaces.admit(namespace) && self.subjects.contains(&announcement.subject_id)
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
