//! The id grammar that policies and things share.

use std::fmt;
use std::sync::Arc;

/// The text is no id of a policy or thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntityIdError {
    /// No `:` separates a namespace from a name.
    #[error("an id is written `<namespace>:<name>`")]
    MissingSeparator,
    /// The namespace does not follow its grammar.
    #[error(
        "the namespace must consist of segments of letters, digits and `_` that start with a letter, joined by `.` or `-`"
    )]
    Namespace,
    /// The name is empty or has a forbidden character.
    #[error("the name must not be empty nor contain `/` or control characters")]
    Name,
    /// Longer than [`ID_UNITS_MAX`].
    #[error("an id has at most {ID_UNITS_MAX} characters")]
    TooLong,
}

/// The longest id, in UTF-16 units, as Ditto counts.
pub const ID_UNITS_MAX: usize = 256;

/// Checks `<namespace>:<name>`; the namespace may be empty.
///
/// # Errors
///
/// The first rule that the text breaks.
pub fn validate(text: &str) -> Result<(), EntityIdError> {
    if text.encode_utf16().count() > ID_UNITS_MAX {
        return Err(EntityIdError::TooLong);
    }
    let (namespace, name) = text
        .split_once(':')
        .ok_or(EntityIdError::MissingSeparator)?;
    if !is_namespace(namespace) {
        return Err(EntityIdError::Namespace);
    }
    if !is_name(name) {
        return Err(EntityIdError::Name);
    }
    Ok(())
}

/// Whether `text` may stand where a namespace stands; the empty one may.
pub fn is_namespace(text: &str) -> bool {
    text.is_empty()
        || text.split(['.', '-']).all(|segment| {
            segment.starts_with(|first: char| first.is_ascii_alphabetic())
                && segment
                    .chars()
                    .all(|each| each.is_ascii_alphanumeric() || each == '_')
        })
}

/// Whether `text` is non-empty and free of `/`, U+0000-001F and U+007F-00FF, as names and JSON keys must be.
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text
            .chars()
            .any(|each| each == '/' || matches!(each, '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{ff}'))
}

/// Names a policy: `<namespace>:<name>`, at most 256 characters.
///
/// Source: Ditto documentation, page "Namespaces and names".
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyId(Arc<str>);

impl PolicyId {
    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same text, shared.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// The part before the first `:`; may be empty.
    pub fn namespace(&self) -> &str {
        self.0
            .split_once(':')
            .map_or("", |(namespace, _)| namespace)
    }

    /// The part after the first `:`.
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, name)| name)
    }
}

impl std::str::FromStr for PolicyId {
    type Err = EntityIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        validate(text)?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: Result<(), EntityIdError>) {
        assert_eq!(validate(input), expected, "input: {input:?}");
    }

    #[test]
    fn namespace_and_name_are_separated_by_the_first_colon() {
        check("org.acme:lamp", Ok(()));
        check("org.acme-x:lamp:1", Ok(()));
        check(":lamp", Ok(()));
        check("lamp", Err(EntityIdError::MissingSeparator));
        check("org..acme:lamp", Err(EntityIdError::Namespace));
        check("1org:lamp", Err(EntityIdError::Namespace));
        check("org.acme:", Err(EntityIdError::Name));
    }

    #[test]
    fn latin_1_is_refused_and_what_lies_beyond_is_not() {
        check("org:\u{e4}", Err(EntityIdError::Name));
        check("org:\u{20ac}\u{1f600}", Ok(()));
        check("org:a/b", Err(EntityIdError::Name));
        check("org:a\0b", Err(EntityIdError::Name));
    }

    #[test]
    fn length_counts_utf_16_units() {
        check(&format!("a:{}", "x".repeat(254)), Ok(()));
        check(
            &format!("a:{}", "x".repeat(255)),
            Err(EntityIdError::TooLong),
        );
        check(&format!("a:{}", "\u{1f600}".repeat(127)), Ok(()));
        check(
            &format!("a:{}", "\u{1f600}".repeat(128)),
            Err(EntityIdError::TooLong),
        );
    }
}
