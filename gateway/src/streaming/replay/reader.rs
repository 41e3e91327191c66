//! As whom the past is read: as who asked for it, less what was lost since.

use std::cell::RefCell;
use std::rc::Rc;

use ::policies::{Principal, SubjectId};

/// What a refresh gains counts from what is asked for after it.
pub(crate) struct Reader(RefCell<Principal>);

impl Reader {
    pub(crate) fn new(principal: Principal) -> Rc<Self> {
        Rc::new(Self(RefCell::new(principal)))
    }

    /// As whom to read now.
    pub(crate) fn principal(&self) -> Principal {
        self.0.borrow().clone()
    }

    /// Drops what `principal` does not have.
    pub(crate) fn narrow(&self, principal: &Principal) {
        let before = self.principal();
        let has = |subject: &&SubjectId| principal.subjects().contains(subject);
        let left = before.subjects().iter().filter(has).cloned().collect();
        let credential = before.credential().clone();
        self.0.replace(Principal::new(
            before.provider(),
            left,
            before.expires_at(),
            credential,
        ));
    }
}

#[cfg(test)]
mod tests {
    use ::policies::{Credential, ProviderKind};

    use super::*;

    fn principal(subjects: &[&str]) -> Principal {
        let subjects = subjects.iter().map(|subject| subject.parse().unwrap());
        Principal::new(
            ProviderKind::Jwt,
            subjects.collect(),
            None,
            Credential::default(),
        )
    }

    #[track_caller]
    fn check(steps: &[&[&str]], expected: &[&str]) {
        let reader = Reader::new(principal(&["acme:a", "acme:b"]));
        for step in steps {
            reader.narrow(&principal(step));
        }
        let principal = reader.principal();
        let subjects = principal.subjects().iter().map(ToString::to_string);
        assert_eq!(subjects.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_lost_is_lost_and_what_is_gained_does_not_count() {
        check(&[], &["acme:a", "acme:b"]);
        check(&[&["acme:a", "acme:b", "acme:c"]], &["acme:a", "acme:b"]);
        check(&[&["acme:b", "acme:c"]], &["acme:b"]);
        check(&[&["acme:b"], &["acme:a", "acme:b"]], &["acme:b"]);
        check(&[&["acme:c"]], &[]);
    }
}
