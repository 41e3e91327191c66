//! Policies: who may do what to which thing, message or policy.
//!
//! The model parses what clients write, the enforcer decides, the service keeps policies in the journal.
//! This crate has never heard of HTTP, credentials or the Ditto Protocol.

mod context;
pub mod entity_id;
mod pointer;
mod precondition;
mod principal;
mod subject_id;

pub use context::{CommandContext, DittoHeaders, IfEqual, SessionId};
pub use entity_id::{EntityIdError, PolicyId};
pub use pointer::{Pointer, PointerError};
pub use precondition::{
    EntityTag, EntityTagError, EntityTagMatcher, Precondition, PreconditionOutcome,
};
pub use principal::{Credential, Principal, ProviderKind};
pub use subject_id::{SubjectId, SubjectIdError};
