//! What is kept of announcements, so that a restart neither repeats what was heard nor forgets what was not.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{Error, Policy, PolicyId, Subject, SubjectId};

/// What is kept of the subjects of one policy: nothing of most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Memory(Vec<Remembered>);

/// One subject that was told, or that is gone and still to be told so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) subject_id: SubjectId,
    pub(crate) subject: Subject,
    /// When it left the policy.
    pub(crate) gone_at: Option<Timestamp>,
    /// How telling it ended.
    pub(crate) told: Option<Told>,
}

/// How telling a subject ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It was heard.
    Acknowledged,
    /// It was refused, or nobody heard it for too long.
    GivenUp,
}

impl Remembered {
    pub(crate) fn is_of(&self, subject_id: &SubjectId, subject: &Subject) -> bool {
        self.subject_id == *subject_id && self.subject == *subject
    }
}

impl Memory {
    /// Reads what the store holds.
    pub(crate) fn parse(policy_id: &PolicyId, state: &[u8]) -> Result<Self, Error> {
        let damaged = |reason: String| Error::Damaged {
            policy_id: policy_id.clone(),
            reason: format!("its announcements: {reason}"),
        };
        let value: Value =
            serde_json::from_slice(state).map_err(|error| damaged(error.to_string()))?;
        let subjects = value.as_array();
        subjects
            .and_then(|subjects| subjects.iter().map(remembered_from_json).collect())
            .map(Self)
            .ok_or_else(|| damaged("not as they were written".to_owned()))
    }

    /// What the store shall hold; nothing if there is nothing to keep.
    pub(crate) fn to_bytes(&self) -> Option<Bytes> {
        let subjects: Vec<Value> = self.0.iter().map(remembered_to_json).collect();
        (!subjects.is_empty()).then(|| Value::Array(subjects).to_string().into())
    }

    pub(crate) fn subjects(&self) -> impl Iterator<Item = &Remembered> {
        self.0.iter()
    }

    /// What to keep once `before` has become `after`, or is deleted: whoever leaves is noted if it may have to be told.
    ///
    /// A subject that is still there in another form did not leave; it is told anew.
    pub(crate) fn changed(&self, before: &Policy, after: Option<&Policy>, now: Timestamp) -> Self {
        let stays = |id: &SubjectId| {
            let mut subjects = after.into_iter().flat_map(Policy::subjects);
            subjects.any(|(each, _)| each == id)
        };
        let is_unchanged = |of: &Remembered| {
            let mut subjects = after.into_iter().flat_map(Policy::subjects);
            subjects.any(|(id, subject)| of.is_of(id, subject))
        };
        let kept = self.0.iter().filter(|each| match each.gone_at {
            Some(_) => !stays(&each.subject_id),
            None => is_unchanged(each),
        });
        let mut next = Self(kept.cloned().collect());
        for (id, subject) in before.subjects().filter(|(id, _)| !stays(id)) {
            let told = self.told(id, subject);
            if may_be_told_of_its_end(subject, told, now) && !next.knows_gone(id, subject) {
                next.0.push(Remembered {
                    subject_id: id.clone(),
                    subject: subject.clone(),
                    gone_at: Some(subject.expiry.map_or(now, |expiry| expiry.min(now))),
                    told,
                });
            }
        }
        next
    }

    /// What to keep once telling a subject has ended; `is_there` if the policy still has it.
    pub(crate) fn settled(&self, end: &Remembered, is_there: bool) -> Self {
        let is_meant = |each: &Remembered| {
            each.is_of(&end.subject_id, &end.subject)
                && (end.gone_at.is_none() || each.gone_at == end.gone_at)
        };
        let mut next = self.clone();
        match (end.gone_at, end.told) {
            (None, Some(_)) if is_there => {
                next.0.retain(|each| !is_meant(each));
                next.0.push(end.clone());
            }
            // It left in between, and who was not heard may have to be told that, too.
            (None, Some(Told::GivenUp) | None) => {}
            (None, Some(Told::Acknowledged)) | (Some(_), _) => {
                next.0.retain(|each| !is_meant(each));
            }
        }
        next
    }

    fn told(&self, id: &SubjectId, subject: &Subject) -> Option<Told> {
        let mut present = self.0.iter().filter(|each| each.gone_at.is_none());
        present.find(|each| each.is_of(id, subject))?.told
    }

    fn knows_gone(&self, id: &SubjectId, subject: &Subject) -> bool {
        let mut gone = self.0.iter().filter(|each| each.gone_at.is_some());
        gone.any(|each| each.is_of(id, subject))
    }
}

/// Whether there may be something to say to a subject that leaves: the settings decide when it is said.
fn may_be_told_of_its_end(subject: &Subject, told: Option<Told>, now: Timestamp) -> bool {
    let Some(announcement) = &subject.announcement else {
        return false;
    };
    match told {
        Some(Told::Acknowledged) => false,
        Some(Told::GivenUp) => announcement.when_deleted,
        None => {
            announcement.when_deleted
                || announcement.before_expiry.is_some() && subject.is_expired(now)
        }
    }
}

fn remembered_to_json(remembered: &Remembered) -> Value {
    let mut members = Map::new();
    members.insert("id".to_owned(), json!(remembered.subject_id.as_str()));
    members.insert("subject".to_owned(), remembered.subject.to_json());
    if let Some(gone_at) = remembered.gone_at {
        members.insert("goneAt".to_owned(), json!(gone_at.to_string()));
    }
    if let Some(told) = remembered.told {
        let told = match told {
            Told::Acknowledged => "acknowledged",
            Told::GivenUp => "givenUp",
        };
        members.insert("told".to_owned(), json!(told));
    }
    Value::Object(members)
}

fn remembered_from_json(value: &Value) -> Option<Remembered> {
    let text = |name: &str| value.get(name).map(Value::as_str);
    Some(Remembered {
        subject_id: value.get("id")?.as_str()?.parse().ok()?,
        subject: Subject::from_json(value.get("subject")?).ok()?,
        gone_at: match text("goneAt") {
            Some(text) => Some(text?.parse().ok()?),
            None => None,
        },
        told: match text("told") {
            None => None,
            Some(Some("acknowledged")) => Some(Told::Acknowledged),
            Some(Some("givenUp")) => Some(Told::GivenUp),
            Some(_) => return None,
        },
    })
}
