//! Which session gives which acknowledgements: a label belongs to one session at a time.

use std::sync::Arc;

use ::policies::SessionId;
use ::things::ThingEvent;
use hashbrown::HashMap;
use parking_lot::Mutex;
use protocol::Channel;

use super::acknowledgement::{Acknowledgement, Label, is_built_in};
use super::error::Error;
use super::pending::{Pending, PendingKey};

/// The labels of all sessions; bounded by the number of sessions and of labels each may declare.
#[derive(Debug)]
pub(crate) struct Labels {
    taken: Mutex<HashMap<Label, SessionId>>,
    pending: Arc<Pending>,
}

impl Labels {
    /// No labels yet; what they acknowledge is looked up in `pending`.
    pub(crate) fn new(pending: Arc<Pending>) -> Self {
        Self {
            taken: Mutex::default(),
            pending,
        }
    }

    /// Gives all of `labels` to `session`, or none.
    ///
    /// # Errors
    ///
    /// [`Error::LabelBuiltIn`] or [`Error::LabelNotUnique`].
    pub(crate) fn declare(
        self: &Arc<Self>,
        labels: Vec<Label>,
        session: SessionId,
    ) -> Result<Declared, Error> {
        if let Some(label) = labels.iter().find(|label| is_built_in(label)) {
            return Err(Error::LabelBuiltIn {
                label: label.to_string(),
            });
        }
        let mut taken = self.taken.lock();
        if let Some(label) = labels.iter().find(|label| taken.contains_key(*label)) {
            return Err(Error::LabelNotUnique {
                label: label.to_string(),
            });
        }
        for label in &labels {
            taken.insert(Label::clone(label), session);
        }
        drop(taken);
        Ok(Declared {
            registry: Arc::clone(self),
            labels,
        })
    }
}

/// Whether a session with these labels may give the acknowledgement `label`.
///
/// # Errors
///
/// [`Error::LabelBuiltIn`] or [`Error::LabelNotDeclared`].
pub(crate) fn check_declared(declared: Option<&Declared>, label: &str) -> Result<(), Error> {
    if is_built_in(label) {
        return Err(Error::LabelBuiltIn {
            label: label.to_owned(),
        });
    }
    if !declared.is_some_and(|declared| declared.has(label)) {
        return Err(Error::LabelNotDeclared {
            label: label.to_owned(),
        });
    }
    Ok(())
}

/// The labels that a session has declared; they are free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Declared {
    registry: Arc<Labels>,
    labels: Vec<Label>,
}

impl Declared {
    /// What was declared.
    pub(crate) fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// Whether this is one of them.
    pub(crate) fn has(&self, label: &str) -> bool {
        self.labels.iter().any(|declared| &**declared == label)
    }

    /// Acknowledges what `event` asks of this session, which does not get it.
    pub(crate) fn acknowledge_weakly(&self, event: &ThingEvent) {
        let headers = &event.headers;
        let mut asked = self
            .labels
            .iter()
            .filter(|label| {
                headers
                    .requested_acks
                    .iter()
                    .any(|asked| **asked == ***label)
            })
            .peekable();
        if asked.peek().is_none() {
            return;
        }
        let key = PendingKey::new(Channel::Twin, &event.thing_id, &headers.correlation_id);
        if let Some(awaited) = self.registry.pending.find(&key) {
            for label in asked {
                awaited.acknowledge(Acknowledgement::weak(label, &headers.correlation_id));
            }
        }
    }
}

impl Drop for Declared {
    fn drop(&mut self) {
        let mut taken = self.registry.taken.lock();
        for label in &self.labels {
            taken.remove(label);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declare(labels: &Arc<Labels>, list: &[&str], session: u128) -> Result<Declared, Error> {
        let list = list.iter().map(|label| Label::from(*label)).collect();
        labels.declare(list, SessionId(session))
    }

    #[test]
    fn a_label_has_one_owner_until_it_leaves() {
        let labels = Arc::new(Labels::new(Arc::default()));
        let first = declare(&labels, &["a:b", "c:d"], 1).unwrap();
        assert!(first.has("c:d") && !first.has("e:f"));
        let refused = declare(&labels, &["e:f", "c:d"], 2);
        assert!(matches!(refused, Err(Error::LabelNotUnique { label }) if label == "c:d"));
        declare(&labels, &["e:f"], 2).expect("a refusal takes nothing");
        drop(first);
        declare(&labels, &["a:b"], 2).expect("free again");
    }

    #[test]
    fn built_in_labels_belong_to_the_gateway() {
        let labels = Arc::new(Labels::new(Arc::default()));
        let refused = declare(&labels, &["twin-persisted"], 1);
        assert!(matches!(refused, Err(Error::LabelBuiltIn { .. })));
    }
}
