//! What comes from elsewhere, taken over as an operator says: no principal asks for it, and no policy is asked.

use jiff::Timestamp;
use serde_json::Value;

use crate::PolicyId;

/// Finds policies that are not stored yet, but will be together with one that imports them.
pub type Coming<'c> = &'c dyn Fn(&PolicyId) -> Option<Value>;

/// How something is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adoption {
    /// What becomes of one with the same id.
    pub existing: Existing,
    /// Whether to check only, and store nothing.
    pub is_trial: bool,
    /// When it was created elsewhere, if that is known.
    pub created: Option<Timestamp>,
    /// When it was changed last elsewhere, if that is known.
    pub modified: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
}

/// What becomes of one with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays as it is.
    Skip,
    /// It becomes what is taken over.
    Overwrite,
    /// It is an error.
    Refuse,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    /// There was none before.
    Created,
    /// The one that was there is another now.
    Overwritten,
    /// The one that was there is the same.
    Unchanged,
    /// The one that was there stays.
    Skipped,
}

impl Adoption {
    /// When its creation is said to have happened: never in the future, and not before `ended`, when an earlier one with
    /// the same id was deleted.
    pub fn creation(&self, ended: Option<Timestamp>) -> Timestamp {
        let created = self.created.or(self.modified);
        let created = created.unwrap_or(self.now).min(self.now);
        ended.map_or(created, |ended| created.max(ended))
    }

    /// When a new one is said to have been changed last: neither in the future nor before its creation.
    pub fn change(&self, created: Timestamp) -> Timestamp {
        let modified = self.modified.or(self.created).unwrap_or(self.now);
        modified.max(created).min(self.now.max(created))
    }

    /// When one that was last changed at `known` is overwritten: now, whatever is known from elsewhere, so that its past
    /// stays what it was.
    pub fn overwriting(&self, known: Timestamp) -> Timestamp {
        self.now.max(known)
    }
}
