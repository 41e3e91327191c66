//! Names who may be granted something.

use std::fmt;
use std::sync::Arc;

/// Who may be granted something, written `<issuer>:<id>`, e.g. `nginx:alice`.
///
/// Shape: without control characters, at most [`SubjectId::BYTES_MAX`] bytes; the issuer ends at the first `:`, in a
/// text with `://` at the first `:` after it. Cloning is cheap.
/// Source: Ditto documentation, page "Policy", section "Subjects".
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubjectId(Arc<str>);

/// The text is no subject id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectIdError {
    /// No `:` separates an issuer from an id, or one of them is empty.
    #[error("a subject is written `<issuer>:<id>`")]
    Shape,
    /// A character below U+0020 or between U+007F and U+009F.
    #[error("a subject must not contain control characters")]
    ControlCharacter,
    /// Longer than [`SubjectId::BYTES_MAX`].
    #[error("a subject has at most {} bytes", SubjectId::BYTES_MAX)]
    TooLong,
}

impl SubjectId {
    /// The longest subject id, in bytes of UTF-8.
    pub const BYTES_MAX: usize = 256;

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Who vouches for the subject: the part before the separating `:`.
    pub fn issuer(&self) -> &str {
        self.0
            .get(..separator(&self.0).unwrap_or(0))
            .unwrap_or_default()
    }
}

impl std::str::FromStr for SubjectId {
    type Err = SubjectIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > Self::BYTES_MAX {
            return Err(SubjectIdError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(SubjectIdError::ControlCharacter);
        }
        match separator(text) {
            Some(at) if at > 0 && at + 1 < text.len() => Ok(Self(text.into())),
            Some(_) | None => Err(SubjectIdError::Shape),
        }
    }
}

/// Where the `:` between issuer and id stands.
fn separator(text: &str) -> Option<usize> {
    let after_scheme = text.find("://").map_or(0, |at| at + "://".len());
    text.get(after_scheme..)?
        .find(':')
        .map(|at| at + after_scheme)
}

impl fmt::Display for SubjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected_issuer: Option<&str>) {
        let subject_id = input.parse::<SubjectId>().ok();
        assert_eq!(
            subject_id.as_ref().map(SubjectId::issuer),
            expected_issuer,
            "input: {input:?}"
        );
    }

    #[test]
    fn first_colon_separates_issuer_from_id() {
        check("nginx:urn:alice", Some("nginx"));
    }

    #[test]
    fn the_colon_of_a_scheme_does_not_separate() {
        check(
            "https://id.acme.example:alice",
            Some("https://id.acme.example"),
        );
        check("https://id.acme.example", None);
    }

    #[test]
    fn both_halves_are_needed() {
        check("alice", None);
        check(":alice", None);
        check("nginx:", None);
        check("", None);
    }

    #[test]
    fn control_characters_and_excess_length_are_refused() {
        check("nginx:a\nb", None);
        check("nginx:a\u{7f}b", None);
        check(&format!("nginx:{}", "a".repeat(250)), Some("nginx"));
        check(&format!("nginx:{}", "a".repeat(251)), None);
    }
}
