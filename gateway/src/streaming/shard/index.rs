//! Who listens as which subject.
//!
//! Joining and leaving take as long beside a hundred thousand others as alone: whoever leaves says from which seat, and
//! the last one takes it.

use ::policies::SubjectId;
use hashbrown::HashMap;

/// Members by subject, in no order.
pub(super) struct Index<M>(HashMap<SubjectId, Vec<M>>);

/// Where a member sits as one subject.
pub(super) struct Seat {
    pub(super) subject: SubjectId,
    pub(super) at: usize,
}

/// Somebody with a seat for each of some subjects.
pub(super) trait Member {
    /// Its seat of `subject` is that one now.
    fn moved(&self, subject: &SubjectId, at: usize);
}

impl<M> Default for Index<M> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<M: Member> Index<M> {
    /// Everybody who listens as `subject`.
    pub(super) fn of(&self, subject: &SubjectId) -> &[M] {
        self.0.get(subject).map_or(&[], Vec::as_slice)
    }

    /// Takes somebody in who does not listen as `subject` yet.
    pub(super) fn join(&mut self, subject: SubjectId, member: M) -> Seat {
        let members = self.0.entry_ref(&subject).or_default();
        let at = members.len();
        members.push(member);
        Seat { subject, at }
    }

    /// Gives up a seat that [`Self::join`] gave, at the place that [`Member::moved`] told last.
    pub(super) fn leave(&mut self, seat: &Seat) {
        let Some(members) = self.0.get_mut(&seat.subject) else {
            return;
        };
        if seat.at < members.len() {
            members.swap_remove(seat.at);
        }
        match members.get(seat.at) {
            Some(moved) => moved.moved(&seat.subject, seat.at),
            None if members.is_empty() => {
                self.0.remove(&seat.subject);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::rc::Rc;

    use proptest::prelude::*;

    use super::*;

    /// Knows where it sits, and how often somebody told it.
    #[derive(Default)]
    struct Listener {
        number: usize,
        seats: RefCell<BTreeMap<String, Seat>>,
        told: RefCell<usize>,
    }

    impl Member for Rc<Listener> {
        fn moved(&self, subject: &SubjectId, at: usize) {
            let mut seats = self.seats.borrow_mut();
            let seat = seats.get_mut(subject.as_str()).expect("it sits there");
            seat.at = at;
            *self.told.borrow_mut() += 1;
        }
    }

    fn listener(number: usize) -> Rc<Listener> {
        Rc::new(Listener {
            number,
            ..Listener::default()
        })
    }

    fn join(index: &mut Index<Rc<Listener>>, listener: &Rc<Listener>, name: &str) {
        let seat = index.join(name.parse().unwrap(), Rc::clone(listener));
        listener.seats.borrow_mut().insert(name.to_owned(), seat);
    }

    fn leave(index: &mut Index<Rc<Listener>>, listener: &Listener, name: &str) {
        let seat = listener.seats.borrow_mut().remove(name);
        index.leave(&seat.expect("it sits there"));
    }

    fn numbers(index: &Index<Rc<Listener>>, name: &str) -> Vec<usize> {
        let members = index.of(&name.parse().unwrap()).iter();
        let mut numbers: Vec<usize> = members.map(|member| member.number).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn nobody_is_told_of_many_who_leave_but_who_takes_a_seat() {
        let mut index = Index::default();
        let listeners: Vec<_> = (0..10_000).map(listener).collect();
        for listener in &listeners {
            join(&mut index, listener, "acme:crew");
        }
        for listener in &listeners {
            leave(&mut index, listener, "acme:crew");
        }
        let told: usize = listeners.iter().map(|it| *it.told.borrow()).sum();
        assert!(told < listeners.len(), "at most one for each that leaves");
        assert!(index.0.is_empty(), "nothing is kept of who left");
    }

    proptest! {
        #[test]
        fn it_knows_whom_a_naive_one_knows(steps in prop::collection::vec((0..8_usize, 0..3_usize), 0..200)) {
            const NAMES: [&str; 3] = ["acme:alice", "acme:bob", "acme:crew"];
            let listeners: Vec<_> = (0..8).map(listener).collect();
            let mut index = Index::default();
            for (number, name) in steps {
                let (listener, name) = (&listeners[number], NAMES[name]);
                if listener.seats.borrow().contains_key(name) {
                    leave(&mut index, listener, name);
                } else {
                    join(&mut index, listener, name);
                }
                for name in NAMES {
                    let expected = listeners.iter().filter(|it| it.seats.borrow().contains_key(name));
                    let expected: Vec<usize> = expected.map(|it| it.number).collect();
                    prop_assert_eq!(numbers(&index, name), expected);
                }
            }
        }
    }
}
