//! The rows of every keyspace, for copies of a store.

use fjall::{Keyspace, Readable};

use super::{Store, classify, reading};
use crate::StoreError;
use crate::embedded::encoding;
use crate::embedded::watermark::Mark;

/// One row of a keyspace, as a copy of the store holds it.
pub(in crate::embedded) struct Row<'a> {
    pub(in crate::embedded) kind: RowKind,
    pub(in crate::embedded) key: &'a [u8],
    pub(in crate::embedded) value: &'a [u8],
}

/// Which keyspace a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::embedded) enum RowKind {
    Record,
    History,
    Entity,
    Base,
    Applied,
}

impl RowKind {
    const ALL: [Self; 5] = [
        Self::Record,
        Self::History,
        Self::Entity,
        Self::Base,
        Self::Applied,
    ];

    /// How copies name it.
    pub(in crate::embedded) const fn tag(self) -> u8 {
        match self {
            Self::Record => 1,
            Self::History => 2,
            Self::Entity => 3,
            Self::Base => 4,
            Self::Applied => 5,
        }
    }

    pub(in crate::embedded) fn of_tag(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.tag() == tag)
    }
}

impl Row<'_> {
    /// Whether it says what it must, as far as that can be told from the row alone.
    pub(in crate::embedded) fn check(&self) -> Result<(), StoreError> {
        match self.kind {
            RowKind::Record => {
                let position = encoding::decode_position(self.key)?;
                encoding::decode_record(position, self.value).map(drop)
            }
            RowKind::History => encoding::decode_position(self.value).map(drop),
            RowKind::Entity => {
                encoding::decode_entity_key(self.key)?;
                encoding::decode_entity(self.key, self.value).map(drop)
            }
            RowKind::Base => encoding::decode_base(self.key, self.value).map(drop),
            RowKind::Applied => encoding::decode_applied(self.value).map(drop),
        }
    }

    /// What a watermark remembers of a record.
    pub(in crate::embedded) fn mark(&self) -> Option<Mark> {
        let position = match self.kind {
            RowKind::Record => encoding::decode_position(self.key).ok()?,
            RowKind::History | RowKind::Entity | RowKind::Base | RowKind::Applied => return None,
        };
        Some(Mark {
            position,
            checksum: encoding::checksum_of(self.value),
        })
    }
}

impl Store {
    /// Hands every row, as of one moment, to `sink`: keyspace by keyspace, in the order of their keys.
    pub(in crate::embedded) fn copy<E: From<StoreError>>(
        &self,
        sink: &mut dyn FnMut(Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let snapshot = self.database.snapshot();
        for kind in RowKind::ALL {
            for guard in snapshot.iter(self.keyspace(kind)) {
                let (key, value) = guard.into_inner().map_err(reading("the store"))?;
                sink(Row {
                    kind,
                    key: &key,
                    value: &value,
                })?;
            }
        }
        Ok(())
    }

    /// Writes rows of a copy; durable with the next [`Store::sync`].
    pub(in crate::embedded) fn fill(
        &self,
        rows: Vec<(RowKind, Vec<u8>, Vec<u8>)>,
    ) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        for (kind, key, value) in rows {
            batch.insert(self.keyspace(kind), key, value);
        }
        batch
            .commit()
            .map_err(|error| classify("filling", "the store", error))
    }

    fn keyspace(&self, kind: RowKind) -> &Keyspace {
        match kind {
            RowKind::Record => &self.records,
            RowKind::History => &self.history,
            RowKind::Entity => &self.entities,
            RowKind::Base => &self.bases,
            RowKind::Applied => &self.applied,
        }
    }
}
