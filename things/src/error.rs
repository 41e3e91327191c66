//! What can go wrong with a thing, in the words of the domain.

use journal::StoreError;
use policies::{EntityIdError, EntityTag, PolicyId};

use crate::{ResourceKind, ThingId, ThingResource};

/// Everything that can go wrong in this crate, without HTTP.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no thing id.
    #[error("`{text}` is no thing id")]
    IdInvalid {
        /// What was given.
        text: String,
        /// The rule that it breaks.
        #[source]
        source: EntityIdError,
    },
    /// The body names another id than the command, or one where the server makes it up.
    #[error("the id of thing `{thing_id}` cannot be set to another one")]
    IdNotSettable {
        /// Which thing.
        thing_id: ThingId,
    },
    /// A patch wants to take the id away.
    #[error("the id of thing `{thing_id}` cannot be deleted")]
    IdNotDeletable {
        /// Which thing.
        thing_id: ThingId,
    },
    /// The text is no policy id.
    #[error("`{text}` is no policy id")]
    PolicyIdInvalid {
        /// What was given.
        text: String,
        /// The rule that it breaks.
        #[source]
        source: EntityIdError,
    },
    /// A thing always has a policy.
    #[error("the policy id of thing `{thing_id}` cannot be deleted")]
    PolicyIdNotDeletable {
        /// Which thing.
        thing_id: ThingId,
    },
    /// JSON of another type than this resource has.
    #[error("a {} is {expected}", kind.as_str())]
    WrongType {
        /// The kind of the resource.
        kind: ResourceKind,
        /// What was expected.
        expected: &'static str,
    },
    /// A JSON key or feature id breaks the rules for names.
    #[error("`{key}` is no key")]
    KeyInvalid {
        /// What was given.
        key: String,
    },
    /// Objects and arrays nested too deeply.
    #[error("a thing nests objects and arrays at most {depth_max} deep")]
    TooDeep {
        /// The limit, in levels.
        depth_max: usize,
    },
    /// Neither `<namespace>:<name>:<version>` nor the URL of a model.
    #[error("`{text}` is no definition")]
    DefinitionInvalid {
        /// What was given.
        text: String,
    },
    /// The definition of a feature is an empty array.
    #[error("the definition of a feature has at least one identifier")]
    FeatureDefinitionEmpty,
    /// A patch of a whole thing that is null or empty.
    #[error("the patch of thing `{thing_id}` is empty")]
    MergeEmpty {
        /// Which thing.
        thing_id: ThingId,
    },
    /// A patch removes members by a regular expression that is malformed, too large or one of too many.
    #[error(
        "the key `{key}` in a patch of thing `{thing_id}` removes by no usable regular expression"
    )]
    MergeRegex {
        /// Which thing.
        thing_id: ThingId,
        /// The offending key.
        key: String,
    },
    /// A condition cannot be evaluated.
    #[error("the header `{header}` is no condition")]
    ConditionInvalid {
        /// Where it stands.
        header: &'static str,
        /// What is wrong with it.
        #[source]
        source: rql::Error,
    },
    /// The condition of the command does not hold, or looks at what the principal may not read.
    #[error("the condition on thing `{thing_id}` does not hold")]
    ConditionFailed {
        /// Which thing.
        thing_id: ThingId,
        /// What it looks at without permission; `None` if it simply does not hold.
        unreadable: Option<String>,
    },
    /// The value of a header is malformed.
    #[error("the header `{name}` is invalid: {rule}")]
    HeaderInvalid {
        /// Which header.
        name: &'static str,
        /// What it should be.
        rule: &'static str,
    },
    /// A member of the body of a command has an impossible value.
    #[error("the member `{name}` is invalid: {rule}")]
    MemberInvalid {
        /// Which member.
        name: &'static str,
        /// What it should be.
        rule: &'static str,
    },
    /// The command cannot honour the header.
    #[error("the header `{name}` is of no use to this command")]
    HeaderUnusable {
        /// Which header.
        name: &'static str,
    },
    /// More than one header about metadata, or one that does not fit the command.
    #[error("the headers about metadata contradict each other or the command")]
    MetadataConflict,
    /// Metadata both in the body and in a header.
    #[error("metadata of thing `{thing_id}` stands in the body and in a header")]
    MetadataNotModifiable {
        /// Which thing.
        thing_id: ThingId,
    },
    /// A list of pointers to metadata is malformed.
    #[error("the header `{header}` selects no metadata")]
    MetadataSelection {
        /// Which header.
        header: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<policies::Error>,
    },
    /// A wildcard that another resource would understand.
    #[error("`{key}` in the header `{header}` cannot be used on a {}", kind.as_str())]
    MetadataWildcard {
        /// Which header.
        header: &'static str,
        /// The key with the wildcard.
        key: String,
        /// What the command is about.
        kind: ResourceKind,
    },
    /// There is no such state of the past, or not any more.
    #[error("the history of thing `{thing_id}` has no such state")]
    HistoryNotFound {
        /// Which thing.
        thing_id: ThingId,
    },
    /// A member that a body must have is missing.
    #[error("`{field}` is missing")]
    FieldMissing {
        /// Which member.
        field: &'static str,
    },
    /// A placeholder in the payload of a migration has no value.
    #[error("`{placeholder}` has no value")]
    PlaceholderUnresolved {
        /// As written.
        placeholder: String,
    },
    /// A migration wants defaults that only the model knows, and models are not read.
    #[error("thing `{thing_id}` cannot be completed from the model at `{url}`")]
    SkeletonUnavailable {
        /// Which thing.
        thing_id: ThingId,
        /// The model.
        url: String,
    },
    /// The thing is larger than allowed.
    #[error("thing `{thing_id}` would have {length} characters, of which {length_max} are allowed")]
    TooLarge {
        /// Which thing.
        thing_id: ThingId,
        /// The length of its JSON, or of the patch, in UTF-16 units.
        length: usize,
        /// The limit, in the same unit.
        length_max: usize,
    },
    /// It is not there, or the principal may not know that it is.
    #[error("{} of thing `{thing_id}` is not accessible", resource.pointer())]
    NotFound {
        /// Which thing.
        thing_id: ThingId,
        /// What of it.
        resource: Box<ThingResource>,
    },
    /// The principal may not write it; for patches the resource is always the whole thing.
    #[error("{} of thing `{thing_id}` must not be modified", resource.pointer())]
    NotModifiable {
        /// Which thing.
        thing_id: ThingId,
        /// What of it.
        resource: Box<ThingResource>,
    },
    /// The principal may not delete the thing.
    #[error("thing `{thing_id}` must not be deleted")]
    NotDeletable {
        /// Which thing.
        thing_id: ThingId,
    },
    /// The policy of the thing does not exist, so that nobody may write it.
    #[error("policy `{policy_id}` of thing `{thing_id}` does not exist")]
    PolicyMissing {
        /// Which thing.
        thing_id: ThingId,
        /// The policy that it names.
        policy_id: PolicyId,
    },
    /// Only whole things can be created; parts are modified.
    #[error("{} of thing `{thing_id}` cannot be created, only modified", resource.pointer())]
    PartNotCreatable {
        /// Which thing.
        thing_id: ThingId,
        /// What of it.
        resource: Box<ThingResource>,
    },
    /// A creation of what exists.
    #[error("thing `{thing_id}` exists")]
    Conflict {
        /// Which thing.
        thing_id: ThingId,
    },
    /// `If-Match` missed, or `If-None-Match` hit a write.
    #[error("a precondition on {} of thing `{thing_id}` failed", resource.pointer())]
    PreconditionFailed {
        /// Which thing.
        thing_id: ThingId,
        /// What of it.
        resource: Box<ThingResource>,
        /// The tag that it has; `None` if it does not exist.
        etag: Option<EntityTag>,
    },
    /// The write would change nothing, and the sender does not want such writes.
    #[error("{} of thing `{thing_id}` has that value already", resource.pointer())]
    Equal {
        /// Which thing.
        thing_id: ThingId,
        /// What of it.
        resource: Box<ThingResource>,
        /// The tag that it has.
        etag: Option<EntityTag>,
    },
    /// `If-None-Match` hit a read.
    #[error("the reader knows the current state of thing `{thing_id}`")]
    NotModified {
        /// Which thing.
        thing_id: ThingId,
        /// The tag that it has.
        etag: EntityTag,
    },
    /// `_policy` and `_copyPolicyFrom` in one body.
    #[error("thing `{thing_id}` cannot have an inline policy and a copied one")]
    PolicyConflicting {
        /// Which thing.
        thing_id: ThingId,
    },
    /// The reference in `_copyPolicyFrom` is neither a policy id nor one to a thing.
    #[error("`{text}` is no reference to a policy")]
    ReferenceNotSupported {
        /// What was given.
        text: String,
    },
    /// The place that `_copyPolicyFrom` refers to holds no policy id.
    #[error("`{text}` refers to no policy id")]
    ReferenceUnknownField {
        /// What was given.
        text: String,
    },
    /// The named policy does not exist, or the principal may not read it.
    #[error("policy `{policy_id}` is not accessible")]
    PolicyNotFound {
        /// Which policy.
        policy_id: PolicyId,
    },
    /// The inline policy is malformed, or would let nobody write it for good.
    #[error("the inline policy of thing `{thing_id}` is invalid")]
    PolicyInvalid {
        /// Which thing.
        thing_id: ThingId,
        /// Why.
        #[source]
        source: Box<policies::Error>,
    },
    /// The policy that is named, or the way to it, is out of the principal's reach.
    #[error(transparent)]
    OutOfReach(#[from] policies::OutOfReach),
    /// The operator's rules do not let this caller create such a thing.
    #[error("rules of the operator keep thing `{thing_id}` from being created")]
    CreationRestricted {
        /// Which thing.
        thing_id: ThingId,
    },
    /// The policy that the thing needs could not be created.
    #[error("policy `{policy_id}` for thing `{thing_id}` could not be created")]
    NotCreatable {
        /// Which thing.
        thing_id: ThingId,
        /// The policy that was to be created.
        policy_id: PolicyId,
        /// Why.
        #[source]
        source: Box<policies::Error>,
    },
    /// Finding out what the principal may do failed.
    #[error("the policy of thing `{thing_id}` could not be consulted")]
    Policy {
        /// Which thing.
        thing_id: ThingId,
        /// Why.
        #[source]
        source: Box<policies::Error>,
    },
    /// So many writers changed the thing or its policy that this one never got through.
    #[error("thing `{thing_id}` has too many writers")]
    Contended {
        /// Which thing.
        thing_id: ThingId,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    pub(crate) fn not_found(thing_id: &ThingId, resource: &ThingResource) -> Self {
        Self::NotFound {
            thing_id: thing_id.clone(),
            resource: Box::new(resource.clone()),
        }
    }

    pub(crate) fn not_modifiable(thing_id: &ThingId, resource: &ThingResource) -> Self {
        Self::NotModifiable {
            thing_id: thing_id.clone(),
            resource: Box::new(resource.clone()),
        }
    }
}
