//! Errors of policies as Ditto tells them.

use ::policies::{ActionFailure, Error, PolicyResource};
use actix_web::http::StatusCode;

use super::{DittoError, json_invalid, sentence, shown};

impl From<Error> for DittoError {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm a variant: the table is the documentation"
    )]
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidId { text, source } => Self::bad_request(
                "policies:id.invalid",
                format!("`{}` is no policy id.", shown(&text)),
            )
            .describe(sentence(source)),
            Error::IdNotSettable { policy_id } => Self::bad_request(
                "policies:id.notsettable",
                format!("The body names another id than that of policy `{policy_id}`."),
            )
            .describe("Leave `policyId` out of the body, or make it equal to the id in the path."),
            Error::InvalidLabel { label } => Self::bad_request(
                "policies:label.invalid",
                format!("The label `{}` is reserved.", shown(&label)),
            )
            .describe("Labels must not start with `imported` or `nsimported`."),
            Error::InvalidEntry { reason } => Self::bad_request(
                "policies:entry.invalid",
                format!("The entry is invalid: {}.", shown(&reason)),
            ),
            Error::InvalidSubjectId { text, source } => Self::bad_request(
                "policies:subjectid.invalid",
                format!("`{}` is no subject id.", shown(&text)),
            )
            .describe(sentence(source)),
            Error::InvalidResourceKey { text, source } => Self::bad_request(
                "policies:entry.invalid",
                format!("`{}` is no resource.", shown(&text)),
            )
            .describe(sentence(source)),
            Error::InvalidSubjectExpiry { text } => Self::bad_request(
                "policies:subjectexpiry.invalid",
                format!("`{}` is no instant.", shown(&text)),
            )
            .describe("Write the expiry as in `2031-01-01T00:00:00Z`."),
            Error::SubjectExpired { subject_id, expiry } => Self::bad_request(
                "policies:subjectexpiry.invalid",
                format!(
                    "Subject `{subject_id}` would have expired at {expiry}, which is in the past."
                ),
            ),
            Error::InvalidAnnouncement { reason } => Self::bad_request(
                "policies:subjectannouncement.invalid",
                format!("The announcement is invalid: {}.", shown(&reason)),
            ),
            Error::InvalidImport { reason } => Self::bad_request(
                "policies:import.invalid",
                format!("The import is invalid: {}.", shown(&reason)),
            ),
            Error::TooManyImports { actual, max } => Self::bad_request(
                "policies:imports.toolarge",
                format!("The policy has {actual} imports, at most {max} are allowed."),
            ),
            Error::UnexpectedJson { field, expected } => {
                json_invalid(format!("`{}` must be {expected}.", shown(&field)))
            }
            Error::MissingField { field } => Self::bad_request(
                "json.field.missing",
                format!("The member `{field}` is missing."),
            ),
            Error::NulCharacter => json_invalid("The character U+0000 is not allowed in a policy."),
            Error::InvalidFieldSelector { reason, .. } => Self::bad_request(
                "json.fieldselector.invalid",
                format!("The `fields` selector is malformed: {reason}."),
            )
            .describe("Write names separated by commas, with parts in parentheses: `thingId,attributes(site,serial)`."),
            Error::UnresolvablePlaceholder { placeholder } => Self::bad_request(
                "placeholder:placeholder.notresolvable",
                format!(
                    "The placeholder `{}` cannot be filled in.",
                    shown(&placeholder)
                ),
            )
            .describe("`{{ request:subjectId }}` can."),
            Error::ActionFailed { action, failure } => action_failed(action, failure),
            Error::Unreadable { .. } => Self::internal(&error),
            Error::TooLarge {
                policy_id,
                actual,
                max,
            } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "policies:policy.toolarge",
                format!(
                    "Policy `{policy_id}` would have {actual} characters of JSON, at most {max} are allowed."
                ),
            ),
            Error::NotFound {
                policy_id,
                resource,
            } => not_found(&resource, &policy_id.to_string()),
            Error::HistoryNotFound { policy_id } => Self::new(
                StatusCode::NOT_FOUND,
                "policies:policy.history.notfound",
                format!("Policy `{policy_id}` has no such state in its history."),
            )
            .describe("Ask for a revision or time between its creation and now, as far as the operator keeps the past."),
            Error::OutOfReach(error) => error.into(),
            Error::PastOfResolved => Self::bad_request(
                "command.headers.invalid",
                "`policy-view: resolved` shows what holds now, not what held in the past.",
            )
            .describe("Ask for the original view of the past, or for the resolved view of now."),
            Error::ImportNotAccessible { policy_id } => Self::new(
                StatusCode::NOT_FOUND,
                "policies:policy.notfound",
                format!("No policy `{policy_id}` that you may read in full."),
            )
            .describe("To import entries you need READ on each of them."),
            Error::CreationRestricted { policy_id } => {
                restricted("Policy", &policy_id.to_string())
            }
            Error::NotCreatable { policy_id } => Self::new(
                StatusCode::FORBIDDEN,
                "policies:policy.notcreatable",
                format!("Policy `{policy_id}` would not let you write it."),
            )
            .describe("Grant yourself WRITE on `policy:/`, or send `allow-policy-lockout: true`."),
            Error::NotModifiable {
                policy_id,
                resource,
            } => not_modifiable(&resource, &policy_id.to_string()),
            Error::Lockout { policy_id, label } => lockout(&policy_id.to_string(), label.is_some()),
            Error::Conflict { policy_id } => Self::new(
                StatusCode::CONFLICT,
                "policies:policy.conflict",
                format!("Policy `{policy_id}` exists already."),
            )
            .describe("Modify it instead, or choose another id."),
            Error::EntryReferenced { label, .. } => Self::new(
                StatusCode::CONFLICT,
                "policies:entry.referenceconflict",
                format!("Other entries refer to entry `{label}`."),
            )
            .describe("Remove those references first."),
            Error::ImportReferenced { imported, .. } => Self::new(
                StatusCode::CONFLICT,
                "policies:import.referenceconflict",
                format!("Entries refer to the import of `{imported}`."),
            )
            .describe("Remove those references first."),
            Error::PreconditionFailed {
                policy_id,
                condition,
            } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "policies:precondition.failed",
                format!("The condition in `{condition}` does not hold for policy `{policy_id}`."),
            )
            .describe("Read the current state and decide again."),
            Error::NotModified { etag } => Self::new(
                StatusCode::NOT_MODIFIED,
                "policies:precondition.notmodified",
                "You have the current state.",
            )
            .with_etag(Some(&etag)),
            Error::ActionNotSupported { resource, action } => Self::bad_request(
                "protocoladapter:unknown.command",
                format!("`{}` of a policy cannot be {action}.", resource.pointer()),
            ),
            Error::Busy { policy_id } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "policies:policy.toomanymodifyingrequests",
                format!("Policy `{policy_id}` is being modified by too many others."),
            )
            .describe("Try again."),
            Error::Store { .. } | Error::Damaged { .. } => Self::internal(&error),
        }
    }
}

fn action_failed(action: &str, failure: ActionFailure) -> DittoError {
    let (status, description) = match failure {
        ActionFailure::NotAToken => (
            StatusCode::BAD_REQUEST,
            "It acts for the holder of a token: authenticate with one.",
        ),
        ActionFailure::Unresolvable => (
            StatusCode::BAD_REQUEST,
            "The token lacks a claim that the operator's template of integration subjects asks for.",
        ),
        ActionFailure::NotPermitted => (
            StatusCode::FORBIDDEN,
            "Ask the policy's owner for EXECUTE on `policy:/entries/<label>/actions/<action>`.",
        ),
        ActionFailure::NotApplicable => (
            StatusCode::NOT_FOUND,
            "It applies to entries that name one of your subjects and, to activate, grant READ on something of a thing.",
        ),
    };
    let message = format!("The action `{action}` failed: {failure}.");
    DittoError::new(status, "policies:action.failed", message).describe(description)
}

/// Rules of the operator forbid the creation of this entity.
pub(super) fn restricted(kind: &str, id: &str) -> DittoError {
    let message = format!("{kind} `{id}` may not be created by you.");
    DittoError::new(StatusCode::FORBIDDEN, "entity.notcreatable", message)
        .describe("Rules of the operator say who creates what; ask for another one, or choose another namespace.")
}

fn not_found(resource: &PolicyResource, policy_id: &str) -> DittoError {
    let kind = resource.kind();
    let message = if *resource == PolicyResource::Policy {
        format!("No policy `{policy_id}` that you may read.")
    } else {
        format!(
            "Nothing at `{}` of policy `{policy_id}` that you may read.",
            resource.pointer()
        )
    };
    DittoError::new(
        StatusCode::NOT_FOUND,
        format!("policies:{kind}.notfound"),
        message,
    )
    .describe(format!(
        "Check the id and path, or ask the owner for READ on `policy:{}`.",
        resource.pointer()
    ))
}

fn not_modifiable(resource: &PolicyResource, policy_id: &str) -> DittoError {
    let kind = resource.kind();
    DittoError::new(
        StatusCode::FORBIDDEN,
        format!("policies:{kind}.notmodifiable"),
        format!(
            "You may not modify `{}` of policy `{policy_id}`.",
            resource.pointer()
        ),
    )
    .describe(format!(
        "Ask its owner for WRITE on `policy:{}` and everything below.",
        resource.pointer()
    ))
}

fn lockout(policy_id: &str, is_entry: bool) -> DittoError {
    let kind = if is_entry { "entry" } else { "policy" };
    DittoError::new(
        StatusCode::FORBIDDEN,
        format!("policies:{kind}.modificationinvalid"),
        format!("Nobody could write policy `{policy_id}` for good any more."),
    )
    .describe("Keep at least one subject without expiry that has WRITE on `policy:/`.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_crowd_meets_has_its_code() {
        let policy_id = "a:p".parse().unwrap();
        let error = DittoError::from(Error::Busy { policy_id });
        assert_eq!(error.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(error.code(), "policies:policy.toomanymodifyingrequests");
    }
}
