//! What the tests have in common: a journal in a folder of its own, and short ways to write to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use journal::{
    Append, AppendError, Committed, Embedded, EmbeddedOptions, Entity, EntityKey, EntityKind,
    Journal as _, Memo, Record, Revision, StoreError,
};

/// A journal in a temporary folder.
pub(crate) struct TestJournal {
    pub(crate) journal: Arc<Embedded>,
    folder: tempfile::TempDir,
}

impl TestJournal {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path()).unwrap();
        Self { journal, folder }
    }

    /// Closes it and opens it again.
    pub(crate) fn restart(self) -> Self {
        let folder = self.stop();
        let journal = open(folder.path()).unwrap();
        Self { journal, folder }
    }

    /// Closes it and leaves only its files.
    pub(crate) fn stop(self) -> tempfile::TempDir {
        self.journal.close();
        drop(self.journal);
        self.folder
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) async fn put(
        &self,
        id: &str,
        expected: Revision,
        state: &str,
    ) -> Result<Committed, AppendError> {
        self.journal.append(vec![put(id, expected, state)]).await
    }

    pub(crate) async fn delete(
        &self,
        id: &str,
        expected: Revision,
    ) -> Result<Committed, AppendError> {
        self.journal.append(vec![delete(id, expected)]).await
    }

    pub(crate) fn entity(&self, id: &str) -> Option<Arc<Entity>> {
        self.journal.entity(&thing(id)).unwrap()
    }
}

pub(crate) fn open(path: &Path) -> Result<Arc<Embedded>, StoreError> {
    Embedded::open(path, EmbeddedOptions::default())
}

pub(crate) fn thing(id: &str) -> EntityKey {
    EntityKey::new(EntityKind::Thing, id)
}

pub(crate) fn put(id: &str, expected: Revision, state: &str) -> Append {
    append(thing(id), expected, Some(state))
}

pub(crate) fn delete(id: &str, expected: Revision) -> Append {
    append(thing(id), expected, None)
}

/// The change from `expected` on, at a time that grows with the revision.
pub(crate) fn append(entity: EntityKey, expected: Revision, state: Option<&str>) -> Append {
    Append {
        entity,
        expected_revision: expected,
        timestamp: time_of(expected + 1),
        signal: Bytes::from(format!("signal of {}", state.unwrap_or("a deletion"))),
        signal_memo: Memo::default(),
        state: state.map(|state| Bytes::copy_from_slice(state.as_bytes())),
        state_memo: Memo::default(),
    }
}

pub(crate) fn time_of(revision: Revision) -> Timestamp {
    Timestamp::new(
        1_800_000_000 + i64::try_from(revision).unwrap(),
        123_456_789,
    )
    .unwrap()
}

/// `revision: state`, in few characters.
pub(crate) fn sketch(entity: Option<&Entity>) -> String {
    entity.map_or("none".to_owned(), |entity| {
        let state = entity
            .state
            .as_deref()
            .map_or("deleted".into(), String::from_utf8_lossy);
        format!("{}: {state}", entity.revision)
    })
}

/// `position id@revision` of each record.
pub(crate) fn sketch_records(records: &[Arc<Record>]) -> Vec<String> {
    let one = |record: &Arc<Record>| {
        format!(
            "{} {}@{}",
            record.position.0, record.entity.id, record.revision
        )
    };
    records.iter().map(one).collect()
}
