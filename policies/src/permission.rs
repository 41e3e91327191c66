//! What may be granted or revoked.

use std::borrow::Cow;
use std::fmt;

/// What a policy grants or revokes on a resource; no permission implies another.
///
/// Any text is allowed; the platform itself asks for the three constants.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission(Cow<'static, str>);

impl Permission {
    /// To see.
    pub const READ: Self = Self(Cow::Borrowed("READ"));
    /// To change or delete, and to send messages.
    pub const WRITE: Self = Self(Cow::Borrowed("WRITE"));
    /// To run an action.
    pub const EXECUTE: Self = Self(Cow::Borrowed("EXECUTE"));

    /// The permission of this name.
    pub fn new(name: &str) -> Self {
        match name {
            "READ" => Self::READ,
            "WRITE" => Self::WRITE,
            "EXECUTE" => Self::EXECUTE,
            other => Self(Cow::Owned(other.to_owned())),
        }
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
