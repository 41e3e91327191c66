//! Names what a permission is about.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{Pointer, PointerError};

/// The family that a resource belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceType {
    /// A part of the policy itself.
    Policy,
    /// A part of a thing.
    Thing,
    /// A message to or from a thing or feature.
    Message,
    /// A family that the platform stores and never asks for.
    Other(Arc<str>),
}

impl ResourceType {
    /// The family of this name.
    pub fn new(name: &str) -> Self {
        match name {
            "policy" => Self::Policy,
            "thing" => Self::Thing,
            "message" => Self::Message,
            other => Self::Other(other.into()),
        }
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Policy => "policy",
            Self::Thing => "thing",
            Self::Message => "message",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A resource, written `<type>:<path>`, e.g. `thing:/features/lamp`.
///
/// Shape: split at the first `:`, the type is not empty, at most [`ResourceKey::BYTES_MAX`] bytes, no control characters.
/// Source: Ditto documentation, page "Policy", section "Which Resources can be controlled?".
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceKey {
    /// The family.
    pub resource_type: ResourceType,
    /// Where in an entity of that family.
    pub path: Pointer,
}

/// The text is no resource key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourceKeyError {
    /// No type stands before a `:`.
    #[error("a resource is written `<type>:<path>`")]
    Shape,
    /// A control character.
    #[error("a resource must not contain control characters")]
    ControlCharacter,
    /// Longer than [`ResourceKey::BYTES_MAX`].
    #[error("a resource has at most {} bytes", ResourceKey::BYTES_MAX)]
    TooLong,
    /// What follows the type is no pointer.
    #[error(transparent)]
    Path(#[from] PointerError),
}

impl ResourceKey {
    /// The longest resource key, in bytes of UTF-8.
    pub const BYTES_MAX: usize = 256;

    /// The key of this resource.
    pub const fn new(resource_type: ResourceType, path: Pointer) -> Self {
        Self {
            resource_type,
            path,
        }
    }
}

impl FromStr for ResourceKey {
    type Err = ResourceKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > Self::BYTES_MAX {
            return Err(ResourceKeyError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(ResourceKeyError::ControlCharacter);
        }
        match text.split_once(':') {
            Some((resource_type, path)) if !resource_type.is_empty() => Ok(Self::new(
                ResourceType::new(resource_type),
                path.parse::<Pointer>()?,
            )),
            Some(_) | None => Err(ResourceKeyError::Shape),
        }
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.resource_type, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: Option<&str>) {
        let key = input.parse::<ResourceKey>().ok();
        assert_eq!(
            key.map(|key| key.to_string()).as_deref(),
            expected,
            "input: {input:?}"
        );
    }

    #[test]
    fn keys_are_written_canonically() {
        check("thing:/", Some("thing:/"));
        check("thing:", Some("thing:/"));
        check("thing:/features/lamp/", Some("thing:/features/lamp"));
        check("thing:/attributes/a~1b", Some("thing:/attributes/a~1b"));
        check(
            "policy:/entries/a/resources/thing:/x",
            Some("policy:/entries/a/resources/thing:/x"),
        );
    }

    #[test]
    fn malformed_keys_are_refused() {
        check("thing", None);
        check(":/features", None);
        check("thing://features", None);
        check("thing:/a\u{0}", None);
        check(&format!("thing:/{}", "x".repeat(250)), None);
    }
}
