//! Policies: who may do what to which thing, message or policy.
//!
//! The model parses what clients write, the enforcer decides, the service keeps policies in the journal.
//! This crate has never heard of HTTP, credentials or the Ditto Protocol.

mod adoption;
mod announcement;
mod command;
mod context;
mod creation;
mod distinct_json;
mod effective;
mod enforcer;
pub mod entity_id;
mod error;
mod event;
mod field_selector;
mod json;
mod label;
mod model;
mod namespace_pattern;
mod namespace_policies;
mod part;
mod permission;
mod pointer;
mod policy_resource;
mod precondition;
mod principal;
mod reach;
mod replay;
mod resource_key;
mod rules;
mod service;
mod stored;
mod subject_id;
mod tag_key;
mod wildcard;

pub use adoption::{Adopted, Adoption, Coming, Existing};
pub use announcement::{
    Acknowledgement, Announcement, AnnouncementSettings, Backoff, SubjectKeeper,
};
pub use command::{PolicyAction, PolicyCommand, PolicyResponse};
pub use context::{CommandContext, DittoHeaders, IfEqual, PolicyView, SessionId};
pub use creation::{CreatedKind, Creation, CreationRule, CreationRules};
pub use distinct_json::DistinctJson;
pub use enforcer::{Enforcer, Readers};
pub use entity_id::{EntityIdError, PolicyId};
pub use error::{ActionFailure, Condition, Error};
pub use event::PolicyEvent;
pub use field_selector::FieldSelector;
pub use label::{Label, LabelError};
pub use model::{
    AllowedAddition, DurationUnit, Granularity, Import, Importable, Permissions, Placeholders,
    Policy, PolicyEntry, Reference, RequestedAcks, Subject, SubjectAnnouncement, UnitDuration,
};
pub use namespace_pattern::{NamespacePattern, NamespacePatternError};
pub use namespace_policies::NamespacePolicies;
pub use permission::Permission;
pub use pointer::{Pointer, PointerError};
pub use policy_resource::{PolicyResource, PolicyResourceKind};
pub use precondition::{
    EntityTag, EntityTagError, EntityTagMatcher, Precondition, PreconditionOutcome,
};
pub use principal::{ClaimValues, Credential, HeaderValues, Principal, ProviderKind};
pub use reach::{OutOfReach, Purpose, Reach};
pub use resource_key::{ResourceKey, ResourceKeyError, ResourceType};
pub use service::{
    Explanation, Policies, PolicyLimits, PreparedPolicy, Question, Saying, SubjectsOf,
    TokenIntegration,
};
pub use subject_id::{SubjectId, SubjectIdError};
pub use tag_key::{TagKey, Tagged};
pub use wildcard::matches_wildcards;
