//! Entity tags and conditional requests (RFC 9110 §8.8.3, §13.1).

use std::fmt;

/// A strong entity tag: `"rev:<n>"` for entities, `"hash:<hex>"` for what lies within them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityTag {
    /// The revision of a whole entity.
    Revision(u64),
    /// A keyed hash of a part, see [`TagKey`](crate::TagKey).
    Hash(u64),
}

impl fmt::Display for EntityTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revision(revision) => write!(formatter, "\"rev:{revision}\""),
            Self::Hash(hash) => write!(formatter, "\"hash:{hash:x}\""),
        }
    }
}

/// The text of `If-Match` or `If-None-Match` is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entity tags are `*` or a comma-separated list of quoted tags")]
pub struct EntityTagError;

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntityTagMatcher {
    /// `*`: whatever exists.
    Any,
    /// One of these tags, as sent, with quotes; `W/` marks a weak one.
    Tags(Vec<String>),
}

impl EntityTagMatcher {
    /// Whether the tag of what exists now (if it does) matches, compared like this.
    fn matches(&self, current: Option<&EntityTag>, comparison: Comparison) -> bool {
        match (self, current) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::Tags(tags), Some(current)) => {
                let current = current.to_string();
                tags.iter().any(|tag| comparison.holds(tag, &current))
            }
        }
    }
}

/// How a client's tag is compared with a strong one (RFC 9110 §8.8.3.2).
#[derive(Debug, Clone, Copy)]
enum Comparison {
    /// A weak tag never matches.
    Strong,
    /// A proxy may have marked the tag as weak on its way.
    Weak,
}

impl Comparison {
    fn holds(self, tag: &str, current: &str) -> bool {
        match self {
            Self::Strong => tag == current,
            Self::Weak => tag.strip_prefix("W/").unwrap_or(tag) == current,
        }
    }
}

impl std::str::FromStr for EntityTagMatcher {
    type Err = EntityTagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = text.trim_start();
        loop {
            let opaque = rest
                .strip_prefix("W/")
                .unwrap_or(rest)
                .strip_prefix('"')
                .ok_or(EntityTagError)?;
            let (tag, after) = opaque.split_once('"').ok_or(EntityTagError)?;
            if tag.contains('*') {
                return Err(EntityTagError);
            }
            tags.push(
                rest.get(..rest.len() - after.len())
                    .ok_or(EntityTagError)?
                    .to_owned(),
            );
            let after = after.trim_start();
            if after.is_empty() {
                return Ok(Self::Tags(tags));
            }
            rest = after.strip_prefix(',').ok_or(EntityTagError)?.trim_start();
        }
    }
}

/// The conditions of a request on what exists before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Precondition {
    /// `If-Match`.
    pub if_match: Option<EntityTagMatcher>,
    /// `If-None-Match`.
    pub if_none_match: Option<EntityTagMatcher>,
}

/// What a precondition says of the current tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreconditionOutcome {
    /// Go on.
    Proceed,
    /// `If-None-Match` hit: a read answers 304, a write 412.
    NotModified,
    /// `If-Match` missed: 412.
    Failed,
}

impl Precondition {
    /// Whether nothing is asked of what exists.
    pub fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// As [`Precondition::evaluate`], for whoever may not know the tag: of tags it could tell which one is right, so that
    /// what names any fails where something exists.
    pub fn evaluate_unseen(&self, exists: bool) -> PreconditionOutcome {
        let names_tags =
            |matcher: &Option<EntityTagMatcher>| matches!(matcher, Some(EntityTagMatcher::Tags(_)));
        match (&self.if_match, &self.if_none_match) {
            (Some(_), _) if !exists || names_tags(&self.if_match) => PreconditionOutcome::Failed,
            (_, Some(EntityTagMatcher::Any)) if exists => PreconditionOutcome::NotModified,
            (_, Some(EntityTagMatcher::Tags(_))) if exists => PreconditionOutcome::Failed,
            (_, _) => PreconditionOutcome::Proceed,
        }
    }

    /// Judges the tag of what exists now; `None` if nothing does.
    ///
    /// Reads and deletions of what does not exist must answer 404 before asking this.
    pub fn evaluate(&self, current: Option<&EntityTag>) -> PreconditionOutcome {
        if self
            .if_match
            .as_ref()
            .is_some_and(|matcher| !matcher.matches(current, Comparison::Strong))
        {
            return PreconditionOutcome::Failed;
        }
        if self
            .if_none_match
            .as_ref()
            .is_some_and(|matcher| matcher.matches(current, Comparison::Weak))
        {
            return PreconditionOutcome::NotModified;
        }
        PreconditionOutcome::Proceed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: Option<&[&str]>) {
        let parsed = input.parse::<EntityTagMatcher>().ok();
        let expected = expected
            .map(|tags| EntityTagMatcher::Tags(tags.iter().map(|&tag| tag.to_owned()).collect()));
        assert_eq!(parsed, expected, "input: {input:?}");
    }

    #[test]
    fn lists_of_tags_are_read() {
        check("\"rev:1\"", Some(&["\"rev:1\""]));
        check(
            "\"a\", W/\"b\",\"c,d\"",
            Some(&["\"a\"", "W/\"b\"", "\"c,d\""]),
        );
        check("rev:1", None);
        check("\"a\" \"b\"", None);
        check("\"a\",", None);
        check("\"a*\"", None);
        assert_eq!("*".parse(), Ok(EntityTagMatcher::Any));
    }

    #[test]
    fn conditions_are_judged_in_order() {
        let current = EntityTag::Revision(3);
        let precondition = |if_match: Option<&str>, if_none_match: Option<&str>| Precondition {
            if_match: if_match.map(|text| text.parse().unwrap()),
            if_none_match: if_none_match.map(|text| text.parse().unwrap()),
        };
        let outcome = |precondition: Precondition| precondition.evaluate(Some(&current));
        assert_eq!(
            outcome(precondition(Some("\"rev:3\""), None)),
            PreconditionOutcome::Proceed
        );
        assert_eq!(
            outcome(precondition(Some("W/\"rev:3\""), None)),
            PreconditionOutcome::Failed
        );
        for tags in ["*", "\"rev:3\"", "\"a\", W/\"rev:3\""] {
            assert_eq!(
                outcome(precondition(None, Some(tags))),
                PreconditionOutcome::NotModified,
                "{tags}"
            );
        }
        assert_eq!(
            outcome(precondition(None, Some("W/\"rev:2\""))),
            PreconditionOutcome::Proceed
        );
        assert_eq!(
            precondition(Some("*"), None).evaluate(None),
            PreconditionOutcome::Failed
        );
        assert_eq!(
            precondition(None, Some("*")).evaluate(None),
            PreconditionOutcome::Proceed
        );
    }

    #[test]
    fn who_may_not_know_the_tag_learns_no_more_than_that_something_exists() {
        use PreconditionOutcome::{Failed, NotModified, Proceed};

        let check = |if_match: Option<&str>, if_none_match: Option<&str>, expected: [_; 2]| {
            let precondition = Precondition {
                if_match: if_match.map(|text| text.parse().unwrap()),
                if_none_match: if_none_match.map(|text| text.parse().unwrap()),
            };
            let outcomes = [true, false].map(|exists| precondition.evaluate_unseen(exists));
            assert_eq!(outcomes, expected, "{precondition:?}");
        };
        check(None, None, [Proceed, Proceed]);
        check(Some("*"), None, [Proceed, Failed]);
        check(Some("\"hash:1\""), None, [Failed, Failed]);
        check(None, Some("*"), [NotModified, Proceed]);
        check(None, Some("\"hash:1\""), [Failed, Proceed]);
        check(Some("*"), Some("\"hash:1\""), [Failed, Failed]);
    }
}
