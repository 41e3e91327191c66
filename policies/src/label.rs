//! Names an entry of a policy.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::entity_id;

/// Names an entry of a policy.
///
/// Shape: 1 to [`Label::UNITS_MAX`] UTF-16 units, the characters of an entity's name, not starting with a prefix that
/// marks entries of other policies. Source: Ditto documentation, page "Policy", section "Label".
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(Arc<str>);

/// The text is no label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Starts like the labels that entries of other policies get when they are imported.
    #[error("a label must not start with `imported` or `nsimported`")]
    Reserved,
    /// Empty, or with `/` or control characters.
    #[error("a label must not be empty nor contain `/` or control characters")]
    Character,
    /// Longer than [`Label::UNITS_MAX`].
    #[error("a label has at most {} characters", Label::UNITS_MAX)]
    TooLong,
}

impl Label {
    /// The longest label, in UTF-16 units.
    pub const UNITS_MAX: usize = 256;

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.encode_utf16().count() > Self::UNITS_MAX {
            return Err(LabelError::TooLong);
        }
        if !entity_id::is_name(text) {
            return Err(LabelError::Character);
        }
        if text.starts_with("imported") || text.starts_with("nsimported") {
            return Err(LabelError::Reserved);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: Result<(), LabelError>) {
        assert_eq!(
            input.parse::<Label>().map(drop),
            expected,
            "input: {input:?}"
        );
    }

    #[test]
    fn reserved_prefixes_are_refused_even_without_a_dash() {
        check("owner", Ok(()));
        check("important", Ok(()));
        check("imported", Err(LabelError::Reserved));
        check("importedStuff", Err(LabelError::Reserved));
        check("nsimported-x", Err(LabelError::Reserved));
    }

    #[test]
    fn characters_and_length_are_bounded() {
        check("a b", Ok(()));
        check("", Err(LabelError::Character));
        check("a/b", Err(LabelError::Character));
        check("\u{e4}", Err(LabelError::Character));
        check(&"x".repeat(256), Ok(()));
        check(&"x".repeat(257), Err(LabelError::TooLong));
    }
}
