//! What is told of a changed policy: the signals that the journal keeps.

use std::sync::Arc;

use jiff::Timestamp;
use journal::{Record, StoreError};
use serde_json::{Map, Value, json};

use crate::{Label, Policy, PolicyId, PolicyResource, SubjectId, part};

/// The member of an event that tells of subjects of several entries.
pub(crate) const MODIFIED_SUBJECTS: &str = "modifiedSubjects";
/// The member of an event that tells which subjects of several entries are gone.
pub(crate) const REMOVED_SUBJECTS: &str = "deletedSubjectIds";

const SUBJECTS_MODIFIED: &str = "policies.events:subjectsModifiedPartially";
const SUBJECTS_DELETED: &str = "policies.events:subjectsDeletedPartially";

/// A change of a policy.
///
/// Policy events are internal: search and caches follow them, streams of clients do not carry them.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyEvent {
    /// Its type, e.g. `policies.events:policyCreated`.
    pub event_type: &'static str,
    /// Which policy.
    pub policy_id: PolicyId,
    /// Which part changed.
    pub resource: PolicyResource,
    /// The policy's revision after the change.
    pub revision: u64,
    /// When it happened.
    pub timestamp: Timestamp,
    /// The changed part, if it is still there, by the name of the event's member for it.
    pub value: Option<(&'static str, Value)>,
}

/// What happened to the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    Created,
    Modified,
    Deleted,
}

impl PolicyEvent {
    /// The event of a record, parsed once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if the record holds no event of a policy.
    pub fn of_record(record: &Record) -> Result<Arc<Self>, StoreError> {
        record.signal_memo.get_or_try_init(|| {
            let value = serde_json::from_slice(&record.signal).ok();
            let event = value.and_then(|value: Value| Self::from_json(&value));
            event.ok_or_else(|| StoreError::Damaged {
                reason: format!("the signal of {} is no event of a policy", record.entity),
            })
        })
    }

    /// Reads what [`PolicyEvent::to_json`] wrote.
    fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let (event_type, resource) = kind_of(value)?;
        let members = [value_field(&resource), MODIFIED_SUBJECTS, REMOVED_SUBJECTS];
        let known = members
            .into_iter()
            .find_map(|member| Some((member, value.get(member)?.clone())));
        Some(Self {
            event_type,
            policy_id: crate::model::policy_id(text("policyId")?).ok()?,
            resource,
            revision: value.get("revision")?.as_u64()?,
            timestamp: text("_timestamp")?.parse().ok()?,
            value: known,
        })
    }

    /// Whether it is about subjects of several entries, by label.
    pub fn is_about_several(&self) -> bool {
        [SUBJECTS_MODIFIED, SUBJECTS_DELETED].contains(&self.event_type)
    }

    /// The JSON that the journal keeps.
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("type".to_owned(), json!(self.event_type));
        members.insert("policyId".to_owned(), json!(self.policy_id.as_str()));
        members.insert("revision".to_owned(), json!(self.revision));
        members.insert("_timestamp".to_owned(), json!(self.timestamp.to_string()));
        members.extend(addressed(&self.resource).map(|(key, text)| (key.to_owned(), json!(text))));
        if let Some((member, value)) = &self.value {
            members.insert((*member).to_owned(), value.clone());
        }
        Value::Object(members)
    }

    /// Tells of `happening` to `resource`, which led to `after` at `revision`.
    pub(crate) fn of(
        after: &Policy,
        (resource, happening): (&PolicyResource, Happening),
        revision: u64,
        timestamp: Timestamp,
    ) -> Self {
        let value = match happening {
            Happening::Created | Happening::Modified => part::read(after, resource),
            Happening::Deleted => None,
        };
        Self {
            event_type: event_type(resource, happening),
            policy_id: after.policy_id.clone(),
            resource: resource.clone(),
            revision,
            timestamp,
            value: value.map(|value| (value_field(resource), value)),
        }
    }

    /// Tells of subjects of several entries: all that are there now, or the ids of all that are gone, by label.
    pub(crate) fn of_several_subjects(
        policy_id: &PolicyId,
        subjects: Map<String, Value>,
        are_gone: bool,
        (revision, timestamp): (u64, Timestamp),
    ) -> Self {
        let (event_type, member) = if are_gone {
            (SUBJECTS_DELETED, REMOVED_SUBJECTS)
        } else {
            (SUBJECTS_MODIFIED, MODIFIED_SUBJECTS)
        };
        Self {
            event_type,
            policy_id: policy_id.clone(),
            resource: PolicyResource::Policy,
            revision,
            timestamp,
            value: Some((member, Value::Object(subjects))),
        }
    }
}

/// The type of an event and the part that it is about, from its members: whichever of the parts that they name has events
/// of this type.
fn kind_of(event: &Value) -> Option<(&'static str, PolicyResource)> {
    let event_type = event.get("type")?.as_str()?;
    for known in [SUBJECTS_MODIFIED, SUBJECTS_DELETED] {
        if event_type == known {
            return Some((known, PolicyResource::Policy));
        }
    }
    let named = named_parts(event);
    let happenings = [Happening::Created, Happening::Modified, Happening::Deleted];
    named.into_iter().find_map(|resource| {
        let types = happenings.map(|happening| self::event_type(&resource, happening));
        let known = types.into_iter().find(|each| *each == event_type)?;
        Some((known, resource))
    })
}

fn named_parts(event: &Value) -> Vec<PolicyResource> {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let mut parts = vec![
        PolicyResource::Policy,
        PolicyResource::Entries,
        PolicyResource::Imports,
    ];
    if let Some(label) = text("label").and_then(|label| label.parse::<Label>().ok()) {
        if let Some(id) = text("subjectId").and_then(|id| id.parse::<SubjectId>().ok()) {
            parts.push(PolicyResource::Subject(label.clone(), id));
        }
        if let Some(key) = text("resourceKey").and_then(|key| key.parse().ok()) {
            parts.push(PolicyResource::Resource(label.clone(), key));
        }
        parts.extend([
            PolicyResource::Entry(label.clone()),
            PolicyResource::Subjects(label.clone()),
            PolicyResource::Resources(label.clone()),
            PolicyResource::Namespaces(label.clone()),
            PolicyResource::Importable(label.clone()),
            PolicyResource::AllowedAdditions(label.clone()),
            PolicyResource::References(label),
        ]);
    }
    if let Some(id) = text("importedPolicyId").and_then(|id| id.parse::<PolicyId>().ok()) {
        parts.extend([
            PolicyResource::Import(id.clone()),
            PolicyResource::ImportEntries(id.clone()),
            PolicyResource::ImportTransitiveImports(id),
        ]);
    }
    parts
}

/// The members that say which part is meant.
fn addressed(resource: &PolicyResource) -> impl Iterator<Item = (&'static str, String)> {
    let label = resource.label().map(|label| ("label", label.to_string()));
    let part = match resource {
        PolicyResource::Subject(_, id) => Some(("subjectId", id.to_string())),
        PolicyResource::Resource(_, key) => Some(("resourceKey", key.to_string())),
        PolicyResource::Import(id)
        | PolicyResource::ImportEntries(id)
        | PolicyResource::ImportTransitiveImports(id) => Some(("importedPolicyId", id.to_string())),
        PolicyResource::Policy
        | PolicyResource::Entries
        | PolicyResource::Entry(_)
        | PolicyResource::Subjects(_)
        | PolicyResource::Resources(_)
        | PolicyResource::Namespaces(_)
        | PolicyResource::Importable(_)
        | PolicyResource::AllowedAdditions(_)
        | PolicyResource::References(_)
        | PolicyResource::Imports => None,
    };
    label.into_iter().chain(part)
}

fn value_field(resource: &PolicyResource) -> &'static str {
    match resource {
        PolicyResource::Policy => "policy",
        PolicyResource::Entries => "policyEntries",
        PolicyResource::Entry(_) => "policyEntry",
        PolicyResource::Subjects(_) => "subjects",
        PolicyResource::Subject(..) => "subject",
        PolicyResource::Resources(_) => "resources",
        PolicyResource::Resource(..) => "resource",
        PolicyResource::Namespaces(_) => "namespaces",
        PolicyResource::Importable(_) => "importable",
        PolicyResource::AllowedAdditions(_) => "allowedAdditions",
        PolicyResource::References(_) => "references",
        PolicyResource::Imports => "policyImports",
        PolicyResource::Import(_) => "policyImport",
        PolicyResource::ImportEntries(_) => "entries",
        PolicyResource::ImportTransitiveImports(_) => "transitiveImports",
    }
}

/// The type of the event that tells of `happening` to `resource`; lists know no creation of their own.
fn event_type(resource: &PolicyResource, happening: Happening) -> &'static str {
    use Happening::{Created, Deleted, Modified};
    match (resource, happening) {
        (PolicyResource::Policy, Created) => "policies.events:policyCreated",
        (PolicyResource::Policy, Modified) => "policies.events:policyModified",
        (PolicyResource::Policy, Deleted) => "policies.events:policyDeleted",
        (PolicyResource::Entries, _) => "policies.events:policyEntriesModified",
        (PolicyResource::Entry(_), Created) => "policies.events:policyEntryCreated",
        (PolicyResource::Entry(_), Modified) => "policies.events:policyEntryModified",
        (PolicyResource::Entry(_), Deleted) => "policies.events:policyEntryDeleted",
        (PolicyResource::Subjects(_), _) => "policies.events:subjectsModified",
        (PolicyResource::Subject(..), Created) => "policies.events:subjectCreated",
        (PolicyResource::Subject(..), Modified) => "policies.events:subjectModified",
        (PolicyResource::Subject(..), Deleted) => "policies.events:subjectDeleted",
        (PolicyResource::Resources(_), _) => "policies.events:resourcesModified",
        (PolicyResource::Resource(..), Created) => "policies.events:resourceCreated",
        (PolicyResource::Resource(..), Modified) => "policies.events:resourceModified",
        (PolicyResource::Resource(..), Deleted) => "policies.events:resourceDeleted",
        (PolicyResource::Namespaces(_), _) => "policies.events:policyEntryNamespacesModified",
        (PolicyResource::Importable(_), _) => "policies.events:policyEntryImportableModified",
        (PolicyResource::AllowedAdditions(_), Deleted) => {
            "policies.events:policyEntryAllowedAdditionsDeleted"
        }
        (PolicyResource::AllowedAdditions(_), Created | Modified) => {
            "policies.events:policyEntryAllowedAdditionsModified"
        }
        (PolicyResource::References(_), Deleted) => "policies.events:policyEntryReferencesDeleted",
        (PolicyResource::References(_), Created | Modified) => {
            "policies.events:policyEntryReferencesModified"
        }
        (PolicyResource::Imports, Deleted) => "policies.events:policyImportsDeleted",
        (PolicyResource::Imports, Created | Modified) => "policies.events:policyImportsModified",
        (PolicyResource::Import(_), Created) => "policies.events:policyImportCreated",
        (PolicyResource::Import(_), Modified) => "policies.events:policyImportModified",
        (PolicyResource::Import(_), Deleted) => "policies.events:policyImportDeleted",
        (PolicyResource::ImportEntries(_), _) => "policies.events:policyImportEntriesModified",
        (PolicyResource::ImportTransitiveImports(_), _) => {
            "policies.events:policyImportTransitiveImportsModified"
        }
    }
}
