//! Headers that only commands to twins have a use for, and that few of them carry.

use std::borrow::Cow;

use journal::Past;
use policies::Pointer;
use rql::Predicate;
use serde_json::{Map, Value};

use crate::metadata::MetadataHeader;
use crate::{Error, ResourceKind, ThingAction};

/// The header that makes parts of a patch depend on conditions.
const PATCH_CONDITIONS: &str = "merge-thing-patch-conditions";

/// What those headers say, parsed; none of it is known to be of use to the command yet.
///
/// Source: Ditto documentation, pages "HTTP API concepts" and "Conditional requests".
#[derive(Debug, Clone, Default)]
pub struct TwinHeaders {
    /// `condition`: of the thing as it is before the command.
    pub condition: Option<Predicate>,
    /// Whether there is a `merge-thing-patch-conditions`, which may list nothing.
    has_patch_conditions: bool,
    /// `merge-thing-patch-conditions`.
    pub(crate) patch_conditions: Vec<PatchCondition>,
    /// `put-metadata`, `get-metadata` or `delete-metadata`.
    pub(crate) metadata: Option<MetadataHeader>,
    /// `at-historical-revision` or `at-historical-timestamp`.
    pub(crate) past: Option<Past>,
    /// `dry-run`.
    pub(crate) is_dry_run: bool,
    /// One of those that were given.
    name: &'static str,
}

/// A part of a patch that is merged only under a condition.
#[derive(Debug, Clone)]
pub(crate) struct PatchCondition {
    /// Relative to the patched resource.
    pub(crate) pointer: Pointer,
    pub(crate) predicate: Predicate,
}

impl TwinHeaders {
    /// The names of these headers, in lower case.
    pub const NAMES: [&'static str; 8] = [
        "condition",
        PATCH_CONDITIONS,
        "put-metadata",
        "get-metadata",
        "delete-metadata",
        "at-historical-revision",
        "at-historical-timestamp",
        "dry-run",
    ];

    /// Reads the headers that `lookup` knows; `None` if it knows none of [`TwinHeaders::NAMES`].
    ///
    /// # Errors
    ///
    /// [`Error::HeaderInvalid`], [`Error::ConditionInvalid`], [`Error::MetadataSelection`] or
    /// [`Error::MetadataConflict`].
    pub fn parse<'h>(
        lookup: &dyn Fn(&'static str) -> Option<Cow<'h, str>>,
    ) -> Result<Option<Self>, Error> {
        let Some(name) = Self::NAMES.into_iter().find(|name| lookup(name).is_some()) else {
            return Ok(None);
        };
        let condition = lookup("condition")
            .map(|text| condition(&text))
            .transpose()?;
        let patch_conditions =
            lookup(PATCH_CONDITIONS).map_or(Ok(Vec::new()), |text| patch_conditions(&text))?;
        let headers = Self {
            name,
            condition,
            has_patch_conditions: lookup(PATCH_CONDITIONS).is_some(),
            patch_conditions,
            metadata: MetadataHeader::parse(lookup)?,
            past: past(lookup)?,
            is_dry_run: match lookup("dry-run").as_deref() {
                None | Some("false") => false,
                Some("true") => true,
                Some(_) => return Err(invalid("dry-run", "it is `true` or `false`")),
            },
        };
        Ok(Some(headers).filter(Self::says_something))
    }

    fn says_something(&self) -> bool {
        self.condition.is_some()
            || self.has_patch_conditions
            || self.metadata.is_some()
            || self.past.is_some()
            || self.is_dry_run
    }

    /// The name of one of these headers, for a command that has no use for any.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether a rehearsal is asked for.
    pub const fn is_dry_run(&self) -> bool {
        self.is_dry_run
    }

    /// Whether a state of the past is asked for, which takes longer to find than the current one.
    pub const fn is_historical(&self) -> bool {
        self.past.is_some()
    }

    /// The state of the past that is asked for, for a command that can honour nothing else of these headers.
    ///
    /// # Errors
    ///
    /// [`Error::HeaderUnusable`] naming another one.
    pub fn past_only(&self) -> Result<Option<Past>, Error> {
        let says_more = self.condition.is_some()
            || self.has_patch_conditions
            || self.metadata.is_some()
            || self.is_dry_run;
        match self.past {
            Some(past) if !says_more => Ok(Some(past)),
            Some(_) | None => Err(Error::HeaderUnusable { name: self.name }),
        }
    }

    /// Refuses headers that this kind of command cannot honour: ignoring them would change what it means.
    pub(crate) fn check_use(&self, action: &ThingAction, kind: ResourceKind) -> Result<(), Error> {
        let is_read = matches!(action, ThingAction::Retrieve { .. });
        let is_merge = matches!(action, ThingAction::Merge(_));
        let unusable = |name| Err(Error::HeaderUnusable { name });
        if self.past.is_some() && !is_read {
            return unusable("at-historical-revision");
        }
        if self.has_patch_conditions && !is_merge {
            return unusable(PATCH_CONDITIONS);
        }
        if self.is_dry_run {
            return unusable("dry-run");
        }
        match &self.metadata {
            Some(metadata) => metadata.check_use(action, kind),
            None => Ok(()),
        }
    }

    /// As [`Self::check_use`], for signals that go to the device: all they can have is a condition.
    pub(crate) fn check_use_on_live_channel(&self) -> Result<(), Error> {
        let unusable = |name| Err(Error::HeaderUnusable { name });
        if self.past.is_some() {
            return unusable("at-historical-revision");
        }
        if self.has_patch_conditions {
            return unusable(PATCH_CONDITIONS);
        }
        if self.is_dry_run {
            return unusable("dry-run");
        }
        match &self.metadata {
            Some(MetadataHeader::Get(_)) => unusable("get-metadata"),
            Some(MetadataHeader::Put(_)) => unusable("put-metadata"),
            Some(MetadataHeader::Delete(_)) => unusable("delete-metadata"),
            None => Ok(()),
        }
    }

    /// As [`Self::check_use`], for the one command that can be rehearsed.
    pub(crate) fn check_use_in_migration(&self) -> Result<(), Error> {
        let unusable = |name| Err(Error::HeaderUnusable { name });
        if self.past.is_some() {
            return unusable("at-historical-revision");
        }
        if self.has_patch_conditions {
            return unusable(PATCH_CONDITIONS);
        }
        match &self.metadata {
            // It is merged by a POST, so that metadata can be set as at a creation.
            Some(metadata) => {
                let post = ThingAction::Create(Value::Null);
                metadata.check_use(&post, ResourceKind::Thing)
            }
            None => Ok(()),
        }
    }

    /// Whether a read of several things understands these headers: each thing is left out that does not meet the condition.
    ///
    /// # Errors
    ///
    /// [`Error::HeaderUnusable`] naming another one.
    pub fn check_use_on_many(&self) -> Result<(), Error> {
        self.check_use_on_live_channel()
    }
}

fn condition(text: &str) -> Result<Predicate, Error> {
    Predicate::parse_condition(text).map_err(|source| Error::ConditionInvalid {
        header: "condition",
        source,
    })
}

fn patch_conditions(text: &str) -> Result<Vec<PatchCondition>, Error> {
    const NAME: &str = PATCH_CONDITIONS;
    let members: Map<String, Value> = serde_json::from_str(text)
        .map_err(|_malformed| invalid(NAME, "it is a JSON object of pointers and conditions"))?;
    members
        .into_iter()
        .map(|(pointer, condition)| {
            let pointer: Pointer = pointer
                .parse()
                .ok()
                .filter(|pointer: &Pointer| !pointer.is_root())
                .ok_or_else(|| invalid(NAME, "its keys are JSON pointers into the patch"))?;
            let Value::String(text) = condition else {
                return Err(invalid(NAME, "its values are conditions as text"));
            };
            let predicate =
                Predicate::parse_condition(&text).map_err(|source| Error::ConditionInvalid {
                    header: NAME,
                    source,
                })?;
            Ok(PatchCondition { pointer, predicate })
        })
        .collect()
}

fn past<'h>(lookup: &dyn Fn(&'static str) -> Option<Cow<'h, str>>) -> Result<Option<Past>, Error> {
    const REVISION: &str = "at-historical-revision";
    const TIMESTAMP: &str = "at-historical-timestamp";
    match (lookup(REVISION), lookup(TIMESTAMP)) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(invalid(TIMESTAMP, "it excludes `at-historical-revision`")),
        (Some(text), None) => match text.parse() {
            Ok(revision) => Ok(Some(Past::Revision(revision))),
            Err(_malformed) => Err(invalid(REVISION, "it is a number that is not negative")),
        },
        (None, Some(text)) => match text.parse() {
            Ok(timestamp) => Ok(Some(Past::Timestamp(timestamp))),
            Err(_malformed) => Err(invalid(TIMESTAMP, "it is an instant as RFC 3339 writes it")),
        },
    }
}

pub(crate) fn invalid(name: &'static str, rule: &'static str) -> Error {
    Error::HeaderInvalid { name, rule }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], expected: Result<bool, &str>) {
        let lookup = |name: &'static str| {
            let found = headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| Cow::Borrowed(*value))
        };
        let parsed = TwinHeaders::parse(&lookup)
            .map(|headers| headers.is_some())
            .map_err(|error| format!("{error:?}"));
        let outcome = parsed
            .as_ref()
            .map_err(|error| error.split([' ', '{']).next().unwrap_or_default());
        assert_eq!(outcome.copied(), expected, "{headers:?}");
    }

    #[test]
    fn every_header_is_validated() {
        check(&[], Ok(false));
        check(&[("condition", "eq(attributes/a,1)")], Ok(true));
        check(
            &[("condition", "eq(attributes/a,")],
            Err("ConditionInvalid"),
        );
        check(
            &[(
                "merge-thing-patch-conditions",
                r#"{"a":"exists(attributes/a)"}"#,
            )],
            Ok(true),
        );
        for value in [
            "[]",
            r#"{"a":1}"#,
            r#"{"a//b":"exists(thingId)"}"#,
            r#"{"/":"exists(thingId)"}"#,
        ] {
            check(
                &[("merge-thing-patch-conditions", value)],
                Err("HeaderInvalid"),
            );
        }
        check(
            &[("merge-thing-patch-conditions", r#"{"a":"x"}"#)],
            Err("ConditionInvalid"),
        );
        check(&[("at-historical-revision", "3")], Ok(true));
        check(&[("at-historical-revision", "-3")], Err("HeaderInvalid"));
        check(
            &[("at-historical-timestamp", "2026-08-18T09:15:02.123Z")],
            Ok(true),
        );
        check(
            &[("at-historical-timestamp", "yesterday")],
            Err("HeaderInvalid"),
        );
        check(&[("merge-thing-patch-conditions", "{}")], Ok(true));
        check(&[("dry-run", "true")], Ok(true));
        check(&[("dry-run", "false")], Ok(false));
        check(&[("dry-run", "yes")], Err("HeaderInvalid"));
        check(
            &[("put-metadata", "[]"), ("get-metadata", "a")],
            Err("MetadataConflict"),
        );
    }
}
