//! Errors of things as Ditto tells them.

use actix_web::http::StatusCode;
use things::{Error, ThingResource};

use super::policies::restricted;
use super::{DittoError, json_invalid, sentence, shown};

impl From<Error> for DittoError {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm a variant: the table is the documentation"
    )]
    fn from(error: Error) -> Self {
        match error {
            Error::IdInvalid { text, source } => {
                Self::bad_request("things:id.invalid", format!("`{}` is no thing id.", shown(&text)))
                    .describe(sentence(source))
            }
            Error::IdNotSettable { thing_id } => Self::bad_request(
                "things:id.notsettable",
                format!("The body names another id than that of thing `{thing_id}`."),
            )
            .describe("Leave `thingId` out of the body, or make it equal to the id in the path."),
            Error::IdNotDeletable { thing_id } => {
                Self::bad_request("things:id.notdeletable", format!("The id of thing `{thing_id}` cannot be removed."))
            }
            Error::PolicyIdInvalid { text, source } => {
                Self::bad_request("policies:id.invalid", format!("`{}` is no policy id.", shown(&text)))
                    .describe(sentence(source))
            }
            Error::PolicyIdNotDeletable { thing_id } => Self::bad_request(
                "things:policyId.notdeletable",
                format!("The policy id of thing `{thing_id}` cannot be removed, only replaced."),
            ),
            Error::WrongType { kind, expected } => {
                json_invalid(format!("The JSON for `{}` must be {expected}.", kind.as_str()))
            }
            Error::KeyInvalid { key } => {
                Self::bad_request("json.key.invalid", format!("`{}` cannot be a key.", shown(&key))).describe(
                    "Keys have 1 to 256 characters, none of them `/`, a control character or from U+0080 to U+00FF.",
                )
            }
            Error::TooDeep { depth_max } => {
                json_invalid(format!("The JSON is nested more than {depth_max} levels deep."))
            }
            Error::DefinitionInvalid { text } => Self::bad_request(
                "things:definition.identifier.invalid",
                format!("`{}` is no definition.", shown(&text)),
            )
            .describe("Write `<namespace>:<name>:<version>` or the HTTP(S) URL of a model."),
            Error::FeatureDefinitionEmpty => Self::bad_request(
                "things:feature.definition.empty",
                "The definition of a feature has at least one identifier.",
            ),
            Error::MergeEmpty { thing_id } => {
                Self::bad_request("things:merge.invalid", format!("The patch for thing `{thing_id}` is empty."))
                    .describe("Send an object with at least one member, or DELETE the thing.")
            }
            Error::MergeRegex { thing_id, key } => Self::bad_request(
                "things:merge.invalid",
                format!("`{}` in the patch for thing `{thing_id}` removes no keys that could be matched.", shown(&key)),
            )
            .describe("Check the regular expression; a patch may have 32 of them, none larger than what matches keys needs."),
            Error::ConditionInvalid { header, source } => {
                let code = if source.is_about_property() { "rql.expression.invalid" } else { "things:condition.invalid" };
                Self::bad_request(code, format!("`{header}` holds no condition: {source}."))
                    .describe("Write an expression such as `eq(attributes/location,'kitchen')`.")
            }
            Error::ConditionFailed { thing_id, unreadable } => {
                let message = match unreadable {
                    None => format!("The condition on thing `{thing_id}` does not hold."),
                    Some(path) => format!("The condition on thing `{thing_id}` looks at `{}`, which you may not read.", shown(&path)),
                };
                Self::new(StatusCode::PRECONDITION_FAILED, "things:condition.failed", message)
                    .describe("Nothing was done. Read the thing, or ask its owner for READ on what the condition looks at.")
            }
            Error::HeaderInvalid { name, rule } => {
                Self::bad_request("header.invalid", format!("The value of the header `{name}` is invalid."))
                    .describe(sentence(rule))
            }
            Error::MemberInvalid { name, rule } => {
                json_invalid(format!("The value of the member `{name}` is invalid: {rule}."))
            }
            Error::HeaderUnusable { name } => {
                Self::bad_request("command.headers.invalid", format!("The header `{name}` is of no use to this command."))
                    .describe("The request was not carried out, because without this header it would mean something else.")
            }
            Error::MetadataConflict => Self::bad_request(
                "things:metadata.headersconflict",
                "The headers about metadata contradict each other or the method.",
            )
            .describe("Send one of `put-metadata`, `get-metadata` and `delete-metadata`; read with GET, put and delete with writes."),
            Error::MetadataNotModifiable { thing_id } => Self::bad_request(
                "things:metadata.notmodifiable",
                format!("The body of thing `{thing_id}` has `_metadata`, and there is `put-metadata` besides."),
            )
            .describe("Use one of them."),
            Error::MetadataSelection { header, source } => {
                let inner = Self::from(*source);
                Self::bad_request("json.fieldselector.invalid", format!("The header `{header}` selects nothing: {}", inner.message()))
            }
            Error::MetadataWildcard { header, key, kind } => Self::bad_request(
                "header.notsupported",
                format!("`{}` in the header `{header}` cannot be used on `{}`.", shown(&key), kind.as_str()),
            )
            .describe("Keys are relative to the addressed resource; address the level that the wildcard is for."),
            Error::HistoryNotFound { thing_id } => Self::new(
                StatusCode::NOT_FOUND,
                "things:thing.history.notfound",
                format!("Thing `{thing_id}` has no such state in its history."),
            )
            .describe("Ask for a revision or time between its creation and now, as far as the operator keeps the past."),
            Error::FieldMissing { field } => {
                Self::bad_request("json.field.missing", format!("The member `{field}` is missing."))
            }
            Error::PlaceholderUnresolved { placeholder } => Self::bad_request(
                "placeholder:unresolved",
                format!("`{}` has no value that you may read.", shown(&placeholder)),
            )
            .describe("Name what the thing has, as in `{{ thing-json:attributes/location }}`."),
            Error::SkeletonUnavailable { thing_id, url } => Self::bad_request(
                "wot:skeleton.generation.failed",
                format!("Thing `{thing_id}` cannot be completed from `{}`: models are not read.", shown(&url)),
            )
            .describe("Send what is to change as `migrationPayload`, and leave out `initializeMissingPropertiesFromDefaults`."),
            Error::TooLarge { thing_id, length, length_max } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "things:thing.toolarge",
                format!("Thing `{thing_id}` would have {length} characters of JSON, at most {length_max} are allowed."),
            ),
            Error::NotFound { thing_id, resource } => not_found(&resource, &thing_id.to_string()),
            Error::NotModifiable { thing_id, resource } => not_modifiable(&resource, &thing_id.to_string()),
            Error::NotDeletable { thing_id } => Self::new(
                StatusCode::FORBIDDEN,
                "things:thing.notdeletable",
                format!("You may not delete thing `{thing_id}`."),
            )
            .describe("Ask its owner for WRITE on `thing:/`."),
            Error::PolicyMissing { thing_id, policy_id } => Self::new(
                StatusCode::FORBIDDEN,
                "things:thing.notmodifiable",
                format!("Thing `{thing_id}` cannot be modified because its policy `{policy_id}` does not exist."),
            )
            .describe("Create the policy again."),
            Error::PartNotCreatable { resource, .. } => {
                Self::bad_request("signals.commands:path.unknown", format!("`{}` of a thing cannot be created.", resource.pointer()))
                    .describe("Modify it: what does not exist yet is created by that.")
            }
            Error::Conflict { thing_id } => {
                Self::new(StatusCode::CONFLICT, "things:thing.conflict", format!("Thing `{thing_id}` exists already."))
                    .describe("Modify it instead, or choose another id.")
            }
            Error::PreconditionFailed { resource, etag, .. } => {
                let message = format!("A condition in `If-Match` or `If-None-Match` does not hold for `{}`.", resource.pointer());
                precondition_failed(message).with_etag(etag.as_ref())
            }
            Error::Equal { resource, etag, .. } => {
                precondition_failed(format!("`{}` has that value already, and `if-equal` says to skip.", resource.pointer()))
                    .with_etag(etag.as_ref())
            }
            Error::NotModified { etag, .. } => {
                Self::new(StatusCode::NOT_MODIFIED, "things:precondition.notmodified", "You have the current state.")
                    .with_etag(Some(&etag))
            }
            Error::PolicyConflicting { thing_id } => Self::bad_request(
                "things:policy.conflicting",
                format!("Thing `{thing_id}` has both `_policy` and `_copyPolicyFrom`."),
            )
            .describe("Send one of them."),
            Error::ReferenceNotSupported { text } => Self::bad_request(
                "placeholder:placeholder.reference.notsupported",
                format!("`{}` refers to nothing that a policy could be copied from.", shown(&text)),
            )
            .describe("Write a policy id or `{{ ref:things/<thingId>/policyId }}`."),
            Error::ReferenceUnknownField { text } => Self::bad_request(
                "placeholder:placeholder.reference.unknownfield",
                format!("`{}` refers to a place that holds no policy id.", shown(&text)),
            ),
            Error::PolicyNotFound { policy_id } => Self::new(
                StatusCode::NOT_FOUND,
                "policies:policy.notfound",
                format!("No policy `{policy_id}` that you may read."),
            )
            .describe("Check its id, or ask its owner for READ on `policy:/`."),
            Error::PolicyInvalid { thing_id, source } => {
                let inner = Self::from(*source);
                let message = format!("The policy for thing `{thing_id}` is invalid: {}", inner.message());
                Self::bad_request("things:policy.invalid", message)
            }
            Error::NotCreatable { thing_id, source, .. } => not_creatable(&thing_id.to_string(), &Self::from(*source)),
            Error::OutOfReach(error) => error.into(),
            Error::CreationRestricted { thing_id } => restricted("Thing", &thing_id.to_string()),
            Error::Contended { thing_id } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "things:thing.toomanymodifyingrequests",
                format!("Thing `{thing_id}` is being modified by too many others."),
            )
            .describe("Try again."),
            Error::Policy { .. } | Error::Store(_) => Self::internal(&error),
        }
    }
}

fn not_found(resource: &ThingResource, thing_id: &str) -> DittoError {
    let kind = resource.kind().as_str();
    let message = if *resource == ThingResource::Thing {
        format!("No thing `{thing_id}` that you may read.")
    } else {
        format!(
            "Nothing at `{}` of thing `{thing_id}` that you may read.",
            resource.pointer()
        )
    };
    DittoError::new(
        StatusCode::NOT_FOUND,
        format!("things:{kind}.notfound"),
        message,
    )
    .describe(format!(
        "Check the id and path, or ask the owner for READ on `thing:{}`.",
        resource.pointer()
    ))
}

fn not_modifiable(resource: &ThingResource, thing_id: &str) -> DittoError {
    let kind = resource.kind().as_str();
    DittoError::new(
        StatusCode::FORBIDDEN,
        format!("things:{kind}.notmodifiable"),
        format!(
            "You may not modify `{}` of thing `{thing_id}`.",
            resource.pointer()
        ),
    )
    .describe(format!(
        "Ask its owner for WRITE on `thing:{}` and everything below.",
        resource.pointer()
    ))
}

fn precondition_failed(message: String) -> DittoError {
    DittoError::new(
        StatusCode::PRECONDITION_FAILED,
        "things:precondition.failed",
        message,
    )
    .describe("Read the current state and decide again.")
}

/// Ditto answers 400 where the policy exists, and keeps every other status.
fn not_creatable(thing_id: &str, inner: &DittoError) -> DittoError {
    let status = match inner.status() {
        StatusCode::CONFLICT => StatusCode::BAD_REQUEST,
        status => status,
    };
    let message = format!(
        "The policy for thing `{thing_id}` could not be created: {}",
        inner.message()
    );
    DittoError::new(status, "things:thing.notcreatable", message)
        .describe("Name an existing policy by `policyId`, or choose another id.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: Error, expected: &str) {
        let error = DittoError::from(error);
        let outcome = format!("{} {}", error.status().as_u16(), error.code());
        assert_eq!(outcome, expected);
    }

    /// What takes more writers, or a damaged store, than a request can bring along.
    #[test]
    fn what_no_single_request_can_cause_has_its_code() {
        let thing_id = || "a:t".parse().unwrap();
        check(
            Error::Conflict {
                thing_id: thing_id(),
            },
            "409 things:thing.conflict",
        );
        check(
            Error::Contended {
                thing_id: thing_id(),
            },
            "429 things:thing.toomanymodifyingrequests",
        );
        check(
            Error::NotModified {
                thing_id: thing_id(),
                etag: policies::EntityTag::Revision(1),
            },
            "304 things:precondition.notmodified",
        );
        // The Ditto Protocol refuses to create parts before anybody is asked to.
        check(
            Error::PartNotCreatable {
                thing_id: thing_id(),
                resource: Box::new(ThingResource::Attributes),
            },
            "400 signals.commands:path.unknown",
        );
        check(
            Error::Store(journal::StoreError::Closed),
            "500 gateway:internalerror",
        );
    }
}
