//! The subjects of a subscription: those of its principal, less those lost since.

use std::ops::Deref;

use ::policies::{Principal, SubjectId};

/// Shares the principal's own list for as long as nothing was lost.
pub(crate) enum Subjects {
    All(Principal),
    Rest(Box<[SubjectId]>),
}

impl Subjects {
    pub(crate) fn of(principal: Principal) -> Self {
        Self::All(principal)
    }

    /// Drops what `principal` does not have; what it has besides does not count.
    pub(crate) fn narrow(&mut self, principal: &Principal) {
        let rest: Vec<SubjectId> = self
            .iter()
            .filter(|subject| principal.subjects().contains(subject))
            .cloned()
            .collect();
        *self = if rest.as_slice() == principal.subjects() {
            Self::All(principal.clone())
        } else {
            Self::Rest(rest.into())
        };
    }
}

impl Deref for Subjects {
    type Target = [SubjectId];

    fn deref(&self) -> &[SubjectId] {
        match self {
            Self::All(principal) => principal.subjects(),
            Self::Rest(subjects) => subjects,
        }
    }
}

#[cfg(test)]
mod tests {
    use ::policies::{Credential, ProviderKind};

    use super::*;

    fn principal(subjects: &[&str]) -> Principal {
        let subjects = subjects
            .iter()
            .map(|subject| subject.parse().unwrap())
            .collect();
        Principal::new(ProviderKind::Jwt, subjects, None, Credential::default())
    }

    #[track_caller]
    fn check(steps: &[&[&str]], expected: &[&str]) {
        let (first, refreshes) = steps.split_first().unwrap();
        let mut subjects = Subjects::of(principal(first));
        for refreshed in refreshes {
            subjects.narrow(&principal(refreshed));
        }
        let left: Vec<_> = subjects.iter().map(SubjectId::as_str).collect();
        assert_eq!(left, expected, "{steps:?}");
    }

    #[test]
    fn what_is_lost_stays_lost_and_what_is_gained_waits() {
        check(&[&["a:1", "a:2"]], &["a:1", "a:2"]);
        check(&[&["a:1", "a:2"], &["a:2"]], &["a:2"]);
        check(&[&["a:1"], &["a:1", "a:2"]], &["a:1"]);
        check(&[&["a:1", "a:2"], &["a:2"], &["a:1", "a:2"]], &["a:2"]);
        check(&[&["a:1"], &[]], &[]);
    }
}
