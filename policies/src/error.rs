//! Everything that can go wrong with policies, in the words of the domain, without HTTP.

use jiff::Timestamp;
use journal::StoreError;

use crate::entity_id::EntityIdError;
use crate::{
    EntityTag, Label, OutOfReach, PolicyId, PolicyResource, ResourceKeyError, SubjectId,
    SubjectIdError,
};

/// Everything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no policy id.
    #[error("`{text}` is no policy id")]
    InvalidId {
        /// What was given.
        text: String,
        /// Which rule it breaks.
        #[source]
        source: EntityIdError,
    },
    /// A body names another policy than the one that is addressed.
    #[error("the body's policy id differs from `{policy_id}`")]
    IdNotSettable {
        /// The addressed policy.
        policy_id: PolicyId,
    },
    /// A label has a prefix that is reserved for entries of other policies.
    #[error("`{label}` has a reserved prefix")]
    InvalidLabel {
        /// What was given.
        label: String,
    },
    /// An entry, or a part of one, breaks a rule.
    #[error("invalid entry: {reason}")]
    InvalidEntry {
        /// Which rule, naming the offending value.
        reason: String,
    },
    /// The text is no subject id.
    #[error("`{text}` is no subject id")]
    InvalidSubjectId {
        /// What was given.
        text: String,
        /// Which rule it breaks.
        #[source]
        source: SubjectIdError,
    },
    /// The text is no resource key.
    #[error("`{text}` is no resource key")]
    InvalidResourceKey {
        /// What was given.
        text: String,
        /// Which rule it breaks.
        #[source]
        source: ResourceKeyError,
    },
    /// The text is no instant in UTC.
    #[error("`{text}` is no instant in UTC")]
    InvalidSubjectExpiry {
        /// What was given.
        text: String,
    },
    /// A subject would be expired as soon as it is written.
    #[error("subject `{subject_id}` expired at {expiry}")]
    SubjectExpired {
        /// Which subject.
        subject_id: SubjectId,
        /// When it expired, after rounding.
        expiry: Timestamp,
    },
    /// A subject's announcement breaks a rule.
    #[error("invalid announcement: {reason}")]
    InvalidAnnouncement {
        /// Which rule, naming the offending value.
        reason: String,
    },
    /// An import, or something that depends on one, breaks a rule.
    #[error("invalid import: {reason}")]
    InvalidImport {
        /// Which rule, naming the offending value.
        reason: String,
    },
    /// More imports than allowed.
    #[error("{actual} imports, {max} are allowed")]
    TooManyImports {
        /// How many were given.
        actual: usize,
        /// How many may be.
        max: usize,
    },
    /// The JSON is not of the needed shape.
    #[error("`{field}` must be {expected}")]
    UnexpectedJson {
        /// Where, as far as known: a member's name or a pointer.
        field: String,
        /// What should stand there, e.g. "an object".
        expected: &'static str,
    },
    /// A mandatory member is missing.
    #[error("`{field}` is missing")]
    MissingField {
        /// Which member.
        field: &'static str,
    },
    /// A string or key contains U+0000.
    #[error("U+0000 is not allowed in JSON texts")]
    NulCharacter,
    /// The text of a field selector is malformed.
    #[error("`{text}` is no field selector: {reason}")]
    InvalidFieldSelector {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A subject id contains a placeholder that cannot be filled in.
    #[error("placeholder `{placeholder}` cannot be resolved")]
    UnresolvablePlaceholder {
        /// The placeholder, with its braces.
        placeholder: String,
    },
    /// A policy, or a part of one, is larger than allowed.
    #[error("policy `{policy_id}` would have {actual} characters, {max} are allowed")]
    TooLarge {
        /// Which policy.
        policy_id: PolicyId,
        /// Its size as compact JSON, in UTF-16 units.
        actual: usize,
        /// How large it may be.
        max: usize,
    },
    /// What is addressed does not exist, or the principal may not know that it does.
    #[error("{} of policy `{policy_id}` at `{}` is not accessible", resource.kind(), resource.pointer())]
    NotFound {
        /// Which policy.
        policy_id: PolicyId,
        /// Which part of it.
        resource: Box<PolicyResource>,
    },
    /// The principal may not import or reference what it names.
    #[error("policy `{policy_id}` cannot be imported: READ on its entries is missing")]
    ImportNotAccessible {
        /// The imported policy.
        policy_id: PolicyId,
    },
    /// The principal would not be allowed to write the policy that it creates.
    #[error("policy `{policy_id}` would not let its creator write it")]
    NotCreatable {
        /// Which policy.
        policy_id: PolicyId,
    },
    /// WRITE is missing.
    #[error("{} of policy `{policy_id}` at `{}` may not be written", resource.kind(), resource.pointer())]
    NotModifiable {
        /// Which policy.
        policy_id: PolicyId,
        /// Which part of it.
        resource: Box<PolicyResource>,
    },
    /// Nobody could write the policy for good any more.
    #[error("policy `{policy_id}` would have no permanent subject with WRITE on `policy:/`")]
    Lockout {
        /// Which policy.
        policy_id: PolicyId,
        /// The entry that was to be changed; `None` for a whole policy, all entries or imports.
        label: Option<Label>,
    },
    /// The policy exists already.
    #[error("policy `{policy_id}` exists already")]
    Conflict {
        /// Which policy.
        policy_id: PolicyId,
    },
    /// An entry cannot go because another entry references it.
    #[error("entry `{label}` of policy `{policy_id}` is referenced by other entries")]
    EntryReferenced {
        /// Which policy.
        policy_id: PolicyId,
        /// The referenced entry.
        label: Label,
    },
    /// An import, or a label of it, cannot go because an entry references it.
    #[error("import `{imported}` of policy `{policy_id}` is referenced by entries")]
    ImportReferenced {
        /// Which policy.
        policy_id: PolicyId,
        /// The referenced import.
        imported: PolicyId,
    },
    /// `If-Match`, `If-None-Match` or `if-equal` does not hold.
    #[error("{condition} does not hold for policy `{policy_id}`")]
    PreconditionFailed {
        /// Which policy.
        policy_id: PolicyId,
        /// Which of the three.
        condition: Condition,
    },
    /// `If-None-Match` names what a read would return.
    #[error("not modified")]
    NotModified {
        /// The tag that matched.
        etag: EntityTag,
    },
    /// The part of a policy knows no such action, e.g. all subjects of an entry cannot be deleted.
    #[error("{} of a policy cannot be {action}", resource.kind())]
    ActionNotSupported {
        /// Which part.
        resource: Box<PolicyResource>,
        /// What was to be done: "created" or "deleted".
        action: &'static str,
    },
    /// An action on a policy was not done.
    #[error("action `{action}` failed: {failure}")]
    ActionFailed {
        /// Its name, as in paths.
        action: &'static str,
        /// Why.
        failure: ActionFailure,
    },
    /// There was no such state of the policy, or it is forgotten.
    #[error("policy `{policy_id}` has no such state in its history")]
    HistoryNotFound {
        /// Which policy.
        policy_id: PolicyId,
    },
    /// What the policy imports is out of the principal's reach.
    #[error(transparent)]
    OutOfReach(#[from] OutOfReach),
    /// What holds in the end was made of many policies, and is shown as of now only.
    #[error("the resolved view has no past")]
    PastOfResolved,
    /// The operator's rules do not let this caller create such a policy.
    #[error("rules of the operator keep policy `{policy_id}` from being created")]
    CreationRestricted {
        /// Which policy.
        policy_id: PolicyId,
    },
    /// Others kept changing the policy while the command was executed.
    #[error("policy `{policy_id}` is being changed by too many others")]
    Busy {
        /// Which policy.
        policy_id: PolicyId,
    },
    /// The store failed.
    #[error("loading or storing policy `{policy_id}` failed")]
    Store {
        /// Which policy.
        policy_id: PolicyId,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The store could not say which policies there are.
    #[error("listing policies failed")]
    Unreadable {
        /// Why.
        #[source]
        source: StoreError,
    },
    /// What the store holds is no policy.
    #[error("the stored policy `{policy_id}` cannot be read: {reason}")]
    Damaged {
        /// Which policy.
        policy_id: PolicyId,
        /// Why.
        reason: String,
    },
}

/// Why an action on a policy was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActionFailure {
    /// It needs the claims of a token.
    #[error("the caller has no token")]
    NotAToken,
    /// The token, or the request, lacks what the subject is made of.
    #[error("the token does not say what the subject is made of")]
    Unresolvable,
    /// EXECUTE is missing.
    #[error("EXECUTE is missing")]
    NotPermitted,
    /// No entry is for the caller, or none lets it read something of a thing.
    #[error("no entry is of the needed kind")]
    NotApplicable,
}

/// A condition that a request puts on what exists before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// `If-Match`.
    IfMatch,
    /// `If-None-Match`.
    IfNoneMatch,
    /// `if-equal`.
    IfEqual,
}

impl std::fmt::Display for Condition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::IfMatch => "If-Match",
            Self::IfNoneMatch => "If-None-Match",
            Self::IfEqual => "if-equal",
        })
    }
}
