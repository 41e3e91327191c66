//! Namespaces that operators keep closed: nothing in them is read or written, whichever way a request comes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use journal::{
    Append, AppendError, Base, Committed, Entity, EntityKey, EntityKind, Journal, JournalFuture,
    Position, Record, Revision, StoreError, StoreSecret, Subscriber,
};
use parking_lot::{Mutex, RwLock};

/// The closed namespaces; in memory only, so that a restart opens all of them.
#[derive(Debug, Default)]
pub(crate) struct ClosedNamespaces {
    any: AtomicBool,
    names: RwLock<BTreeSet<String>>,
    erasing: Mutex<BTreeSet<String>>,
}

/// A namespace that is being erased, until this is dropped: it stays closed as long.
pub(crate) struct Erasing<'a> {
    closed: &'a ClosedNamespaces,
    namespace: &'a str,
}

/// Why a namespace is not erased or opened now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotNow {
    /// It is not closed, so that somebody may write there.
    Open,
    /// It is being erased.
    Erasing,
}

impl ClosedNamespaces {
    pub(crate) fn close(&self, namespace: &str) {
        let mut names = self.names.write();
        names.insert(namespace.to_owned());
        self.any.store(true, Ordering::Release);
    }

    /// # Errors
    ///
    /// [`NotNow::Erasing`]: what is written meanwhile would be erased with the rest.
    pub(crate) fn open(&self, namespace: &str) -> Result<(), NotNow> {
        let erasing = self.erasing.lock();
        if erasing.contains(namespace) {
            return Err(NotNow::Erasing);
        }
        let mut names = self.names.write();
        names.remove(namespace);
        self.any.store(!names.is_empty(), Ordering::Release);
        Ok(())
    }

    /// Keeps a closed namespace closed while it is erased.
    ///
    /// # Errors
    ///
    /// [`NotNow`] if it is open, or somebody is erasing it.
    pub(crate) fn erase<'a>(&'a self, namespace: &'a str) -> Result<Erasing<'a>, NotNow> {
        let mut erasing = self.erasing.lock();
        if !self.contains(namespace) {
            return Err(NotNow::Open);
        }
        if !erasing.insert(namespace.to_owned()) {
            return Err(NotNow::Erasing);
        }
        Ok(Erasing {
            closed: self,
            namespace,
        })
    }

    pub(crate) fn contains(&self, namespace: &str) -> bool {
        self.any.load(Ordering::Acquire) && self.names.read().contains(namespace)
    }

    pub(crate) fn list(&self) -> Vec<String> {
        self.names.read().iter().cloned().collect()
    }

    fn check(&self, key: &EntityKey) -> Result<(), StoreError> {
        match namespace_of(key) {
            Some(namespace) if self.contains(namespace) => Err(StoreError::Fenced {
                part: namespace.to_owned(),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

impl Drop for Erasing<'_> {
    fn drop(&mut self) {
        self.closed.erasing.lock().remove(self.namespace);
    }
}

/// The namespace of a thing, of a policy and of what is kept with it.
pub(crate) fn namespace_of(key: &EntityKey) -> Option<&str> {
    match key.kind {
        EntityKind::Thing | EntityKind::Policy | EntityKind::Announcement => {
            key.id.split_once(':').map(|(namespace, _)| namespace)
        }
        EntityKind::Revocation | EntityKind::Erasure => None,
    }
}

/// The journal without what is closed: services know no other.
pub(crate) struct FencedJournal {
    inner: Arc<dyn Journal>,
    closed: Arc<ClosedNamespaces>,
}

impl FencedJournal {
    pub(crate) fn new(inner: Arc<dyn Journal>, closed: Arc<ClosedNamespaces>) -> Self {
        Self { inner, closed }
    }
}

impl Journal for FencedJournal {
    fn secret(&self) -> &StoreSecret {
        self.inner.secret()
    }

    fn append(&self, appends: Vec<Append>) -> JournalFuture<'_, Result<Committed, AppendError>> {
        let fenced = appends
            .iter()
            .find_map(|append| self.closed.check(&append.entity).err());
        match fenced {
            Some(error) => Box::pin(async move { Err(error.into()) }),
            None => self.inner.append(appends),
        }
    }

    fn entity(&self, key: &EntityKey) -> Result<Option<Arc<Entity>>, StoreError> {
        self.closed.check(key)?;
        self.inner.entity(key)
    }

    /// Lists go on without what is closed: they ask for nothing in particular.
    fn entities(
        &self,
        kind: EntityKind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(EntityKey, Arc<Entity>)>, StoreError> {
        self.inner.entities(kind, after, limit)
    }

    fn records(&self, after: Position, limit: usize) -> Result<Vec<Arc<Record>>, StoreError> {
        self.inner.records(after, limit)
    }

    fn history(
        &self,
        key: &EntityKey,
        from_revision: Revision,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        self.closed.check(key)?;
        self.inner.history(key, from_revision, limit)
    }

    fn prune(&self, key: &EntityKey, base: &Base) -> Result<usize, StoreError> {
        self.closed.check(key)?;
        self.inner.prune(key, base)
    }

    fn base(&self, key: &EntityKey) -> Result<Option<Base>, StoreError> {
        self.closed.check(key)?;
        self.inner.base(key)
    }

    fn head(&self) -> Position {
        self.inner.head()
    }

    fn subscribe(&self, subscriber: Subscriber) {
        self.inner.subscribe(subscriber);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_erased_stays_closed_and_is_erased_once() {
        let closed = ClosedNamespaces::default();
        assert_eq!(closed.erase("a").err(), Some(NotNow::Open));
        closed.close("a");
        closed.close("b");
        let erasing = closed.erase("a").ok().unwrap();
        assert_eq!(closed.erase("a").err(), Some(NotNow::Erasing));
        assert_eq!(closed.open("a"), Err(NotNow::Erasing));
        assert!(closed.contains("a"));
        assert_eq!(closed.open("b"), Ok(()));
        drop(erasing);
        assert_eq!(closed.open("a"), Ok(()));
        assert!(!closed.contains("a"));
        assert_eq!(closed.erase("a").err(), Some(NotNow::Open));
    }
}
