//! The parts of a policy, parsed from JSON with every rule checked, and written back.

mod announcement;
mod duration;
mod entry;
mod import;
mod placeholder;
mod policy;
mod reference;
mod resources;
mod subject;

pub use announcement::{RequestedAcks, SubjectAnnouncement};
pub use duration::{DurationUnit, UnitDuration};
pub use entry::{AllowedAddition, Importable, PolicyEntry};
pub use import::Import;
pub use placeholder::Placeholders;
pub use policy::Policy;
pub use reference::Reference;
pub use resources::Permissions;
pub use subject::{Granularity, Subject};

pub(crate) use entry::{
    additions_from_json, additions_to_json, label, namespaces_from_json, namespaces_to_json,
};
pub(crate) use import::{
    entries_from_json, imports_from_json, policy_id, refuse_self, transitive_imports_from_json,
};
pub(crate) use policy::policy_entries_from_json;
pub(crate) use reference::references_from_json;
pub(crate) use resources::{resources_from_json, resources_to_json};
pub(crate) use subject::{subject_id, subjects_from_json, subjects_to_json};
