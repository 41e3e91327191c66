//! The one pointer type that stores, enforces and filters.

use std::fmt;

use smallvec::SmallVec;

/// A path into a JSON document: keys from the root down, already decoded.
///
/// Text form: `/a/b`, the root is `/` or empty; a trailing slash is insignificant, `~0` stands for `~`, `~1` for `/`.
/// Source: RFC 6901, without array indices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pointer(SmallVec<[String; 4]>);

/// The text is no pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// Two slashes in a row.
    #[error("a pointer must not contain an empty segment")]
    EmptySegment,
    /// More than [`Pointer::SEGMENTS_MAX`] segments.
    #[error("a pointer has at most {} segments", Pointer::SEGMENTS_MAX)]
    TooDeep,
}

impl Pointer {
    /// The deepest pointer; deeper documents are refused anyway.
    pub const SEGMENTS_MAX: usize = 128;

    /// The root.
    pub const fn root() -> Self {
        Self(SmallVec::new_const())
    }

    /// A pointer of these keys, which are taken as they are.
    pub fn from_segments<S: Into<String>>(segments: impl IntoIterator<Item = S>) -> Self {
        Self(segments.into_iter().map(Into::into).collect())
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys, from the root down.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// This pointer with one more key.
    #[must_use]
    pub fn child(&self, key: impl Into<String>) -> Self {
        let mut segments = self.0.clone();
        segments.push(key.into());
        Self(segments)
    }

    /// This pointer followed by all keys of `tail`.
    #[must_use]
    pub fn join(&self, tail: &Self) -> Self {
        Self(self.0.iter().chain(&tail.0).cloned().collect())
    }

    /// Whether `self` is `other` or leads to it.
    pub fn is_prefix_of(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// What follows `prefix` in this pointer; `None` if it does not start with it.
    pub fn strip_prefix(&self, prefix: &Self) -> Option<Self> {
        self.0
            .strip_prefix(prefix.0.as_slice())
            .map(|rest| Self(rest.iter().cloned().collect()))
    }

    /// The member of `value` at this pointer; arrays are not indexed.
    pub fn resolve<'v>(&self, value: &'v serde_json::Value) -> Option<&'v serde_json::Value> {
        self.0
            .iter()
            .try_fold(value, |value, key| value.as_object()?.get(key))
    }
}

impl std::str::FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_prefix('/').unwrap_or(text);
        if text.is_empty() {
            return Ok(Self::root());
        }
        let text = text.strip_suffix('/').unwrap_or(text);
        let mut segments = SmallVec::new();
        for segment in text.split('/') {
            if segment.is_empty() {
                return Err(PointerError::EmptySegment);
            }
            if segments.len() == Self::SEGMENTS_MAX {
                return Err(PointerError::TooDeep);
            }
            segments.push(unescape(segment));
        }
        Ok(Self(segments))
    }
}

fn unescape(segment: &str) -> String {
    if segment.contains('~') {
        segment.replace("~1", "/").replace("~0", "~")
    } else {
        segment.to_owned()
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return formatter.write_str("/");
        }
        for segment in &self.0 {
            formatter.write_str("/")?;
            for part in segment.split_inclusive(['~', '/']) {
                match part.as_bytes().last() {
                    Some(b'~') => write!(
                        formatter,
                        "{}~0",
                        part.strip_suffix(['~', '/']).unwrap_or_default()
                    )?,
                    Some(b'/') => write!(
                        formatter,
                        "{}~1",
                        part.strip_suffix(['~', '/']).unwrap_or_default()
                    )?,
                    Some(_) | None => formatter.write_str(part)?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: Result<&[&str], PointerError>) {
        let expected = expected.map(|segments| Pointer::from_segments(segments.iter().copied()));
        assert_eq!(input.parse::<Pointer>(), expected, "input: {input:?}");
    }

    #[test]
    fn slashes_separate_and_the_outer_ones_do_not_count() {
        check("/a/b", Ok(&["a", "b"]));
        check("a/b/", Ok(&["a", "b"]));
        check("/", Ok(&[]));
        check("", Ok(&[]));
        check("/a//b", Err(PointerError::EmptySegment));
        check("//", Err(PointerError::EmptySegment));
    }

    #[test]
    fn escapes_survive_a_round_trip() {
        check("/a~1b/c~0d/~01", Ok(&["a/b", "c~d", "~1"]));
        for text in ["/", "/a/b", "/a~1b/c~0d", "/~01"] {
            assert_eq!(text.parse::<Pointer>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deepest = "/a".repeat(Pointer::SEGMENTS_MAX);
        assert!(deepest.parse::<Pointer>().is_ok());
        check(&format!("{deepest}/a"), Err(PointerError::TooDeep));
    }
}
