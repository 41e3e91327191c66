//! How keys and values stand in the store: big-endian numbers, a version byte first, a CRC-32 over key and value last.
//!
//! Records of version 1 hold a signal alone; the rows that they mean were written together with them.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::delta::{self, Delta};
use crate::{Base, Entity, EntityKey, EntityKind, Memo, Position, Record, Revision, StoreError};

/// Written first in every value, so that a later layout can be told apart.
const VERSION: u8 = 1;
/// Of records that say how the entity looks after them.
const VERSION_WITH_STATE: u8 = 2;
const CHECKSUM_BYTES: usize = 4;
/// The one row of its keyspace.
pub(super) const APPLIED_KEY: &[u8] = b"applied";
const STATE_PRESENT: u8 = 1;
const STATE_ABSENT: u8 = 0;

pub(super) fn record_key(position: Position) -> [u8; 8] {
    position.0.to_be_bytes()
}

/// Sorts by kind, then id.
pub(super) fn entity_key(key: &EntityKey) -> Vec<u8> {
    entity_key_prefix(key.kind, &key.id)
}

pub(super) fn entity_key_prefix(kind: EntityKind, id: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + id.len());
    bytes.push(kind_tag(kind));
    bytes.extend_from_slice(id.as_bytes());
    bytes
}

/// Sorts by revision within an entity; the length in front keeps ids apart of which one begins with the other.
pub(super) fn history_key(key: &EntityKey, revision: Revision) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(11 + key.id.len());
    bytes.push(kind_tag(key.kind));
    put_id(&mut bytes, &key.id);
    bytes.extend_from_slice(&revision.to_be_bytes());
    bytes
}

/// A record, and the state that follows from `before` by it.
pub(super) fn encode_record(record: &Record, before: Option<&Entity>) -> Vec<u8> {
    let capacity = 80 + record.entity.id.len() + record.signal.len();
    let mut bytes = Vec::with_capacity(capacity);
    let after = record.after.as_deref();
    bytes.push(after.map_or(VERSION, |_| VERSION_WITH_STATE));
    bytes.push(kind_tag(record.entity.kind));
    bytes.extend_from_slice(&record.revision.to_be_bytes());
    put_timestamp(&mut bytes, record.timestamp);
    put_id(&mut bytes, &record.entity.id);
    if let Some(after) = after {
        put_timestamp(&mut bytes, after.created);
        let before = before.and_then(|before| before.state.as_deref());
        let state = after.state.as_deref();
        delta::encode(
            before.unwrap_or_default(),
            &record.signal,
            state,
            &mut bytes,
        );
    }
    bytes.extend_from_slice(&record.signal);
    seal(&record_key(record.position), &mut bytes);
    bytes
}

/// The record and the entity as it is now, as far as that follows: `known` says how it was before, or that it has gone on
/// already. `None` for records of version 1.
pub(super) fn decode_change(
    position: Position,
    value: &[u8],
    known: impl FnOnce(&EntityKey) -> Result<Option<Arc<Entity>>, StoreError>,
) -> Result<Option<(Record, Arc<Entity>)>, StoreError> {
    let (record, change) =
        read_record(position, value).ok_or_else(|| damaged(&format!("record {}", position.0)))?;
    let Some((created, delta)) = change else {
        return Ok(None);
    };
    let known = known(&record.entity)?;
    let revision = known.as_ref().map_or(0, |known| known.revision);
    if let Some(known) = known.as_ref().filter(|_| revision >= record.revision) {
        return Ok(Some((record, Arc::clone(known))));
    }
    let before = known.as_ref().and_then(|known| known.state.as_deref());
    let after = delta.apply(before.unwrap_or_default(), &record.signal);
    let (Some(state), true) = (after, revision + 1 == record.revision) else {
        return Err(StoreError::Damaged {
            reason: format!(
                "record {} does not follow from {} at revision {revision}",
                position.0, record.entity
            ),
        });
    };
    let entity = Entity {
        revision: record.revision,
        position,
        created,
        modified: record.timestamp,
        state,
        memo: Memo::default(),
    };
    Ok(Some((record, Arc::new(entity))))
}

/// Whether a record says how its entity looks afterwards.
pub(super) fn is_change(position: Position, value: &[u8]) -> Result<bool, StoreError> {
    read_record(position, value)
        .map(|(_, change)| change.is_some())
        .ok_or_else(|| damaged(&format!("record {}", position.0)))
}

pub(super) fn decode_record(position: Position, value: &[u8]) -> Result<Record, StoreError> {
    read_record(position, value)
        .map(|(record, _)| record)
        .ok_or_else(|| damaged(&format!("record {}", position.0)))
}

pub(super) fn encode_entity(key: &[u8], entity: &Entity) -> Vec<u8> {
    let state = entity.state.as_deref();
    let mut bytes = Vec::with_capacity(46 + state.map_or(0, <[u8]>::len));
    bytes.push(VERSION);
    bytes.push(state.map_or(STATE_ABSENT, |_| STATE_PRESENT));
    bytes.extend_from_slice(&entity.revision.to_be_bytes());
    bytes.extend_from_slice(&entity.position.0.to_be_bytes());
    put_timestamp(&mut bytes, entity.created);
    put_timestamp(&mut bytes, entity.modified);
    bytes.extend_from_slice(state.unwrap_or_default());
    seal(key, &mut bytes);
    bytes
}

pub(super) fn decode_entity(key: &[u8], value: &[u8]) -> Result<Entity, StoreError> {
    read_entity(key, value).ok_or_else(|| {
        let id = String::from_utf8_lossy(key.get(1..).unwrap_or_default());
        damaged(&format!("the state of entity `{id}`"))
    })
}

pub(super) fn encode_base(key: &[u8], base: &Base) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(13 + base.state.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&base.revision.to_be_bytes());
    bytes.extend_from_slice(&base.state);
    seal(key, &mut bytes);
    bytes
}

pub(super) fn decode_base(key: &[u8], value: &[u8]) -> Result<Base, StoreError> {
    let read = || {
        let mut reader = Reader(unseal(key, value)?);
        (reader.byte()? == VERSION).then_some(())?;
        Some(Base {
            revision: reader.number()?,
            state: Bytes::copy_from_slice(reader.0),
        })
    };
    read().ok_or_else(|| damaged("what stands for pruned records"))
}

/// The key back from the bytes of [`entity_key`].
pub(super) fn decode_entity_key(bytes: &[u8]) -> Result<EntityKey, StoreError> {
    let read = || {
        let (tag, id) = bytes.split_first()?;
        Some(EntityKey::new(
            kind_of(*tag)?,
            std::str::from_utf8(id).ok()?,
        ))
    };
    read().ok_or_else(|| damaged("the key of an entity"))
}

/// Where the rows stop that were written for records.
pub(super) fn encode_applied(position: Position) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&position.0.to_be_bytes());
    seal(APPLIED_KEY, &mut bytes);
    bytes
}

pub(super) fn decode_applied(value: &[u8]) -> Result<Position, StoreError> {
    let read = || {
        let mut reader = Reader(unseal(APPLIED_KEY, value)?);
        (reader.byte()? == VERSION).then_some(())?;
        reader.number().map(Position)
    };
    read().ok_or_else(|| damaged("how far rows were written"))
}

pub(super) fn encode_position(position: Position) -> [u8; 8] {
    position.0.to_be_bytes()
}

pub(super) fn decode_position(value: &[u8]) -> Result<Position, StoreError> {
    value
        .try_into()
        .map(|bytes| Position(u64::from_be_bytes(bytes)))
        .map_err(|_| damaged("a position"))
}

/// The checksum at the end of an encoded value.
pub(super) fn checksum_of(value: &[u8]) -> u32 {
    value
        .last_chunk::<CHECKSUM_BYTES>()
        .map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

type Change<'a> = (Timestamp, Delta<'a>);

fn read_record(position: Position, value: &[u8]) -> Option<(Record, Option<Change<'_>>)> {
    let mut reader = Reader(unseal(&record_key(position), value)?);
    let version = reader.byte()?;
    let kind = kind_of(reader.byte()?)?;
    let revision = reader.number()?;
    let timestamp = reader.timestamp()?;
    let id: Arc<str> = reader.id()?.into();
    let change = match version {
        VERSION => None,
        VERSION_WITH_STATE => Some((reader.timestamp()?, Delta::read(&mut reader)?)),
        _ => return None,
    };
    let record = Record {
        position,
        entity: EntityKey { kind, id },
        revision,
        timestamp,
        signal: Bytes::copy_from_slice(reader.0),
        signal_memo: Memo::default(),
        after: None,
    };
    Some((record, change))
}

fn read_entity(key: &[u8], value: &[u8]) -> Option<Entity> {
    let mut reader = Reader(unseal(key, value)?);
    (reader.byte()? == VERSION).then_some(())?;
    let has_state = match reader.byte()? {
        STATE_PRESENT => true,
        STATE_ABSENT => false,
        _ => return None,
    };
    Some(Entity {
        revision: reader.number()?,
        position: Position(reader.number()?),
        created: reader.timestamp()?,
        modified: reader.timestamp()?,
        state: has_state.then(|| Bytes::copy_from_slice(reader.0)),
        memo: Memo::default(),
    })
}

/// Takes an encoded value apart from its front; `None` where it is too short.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    #[cfg(test)]
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    #[cfg(test)]
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*chunk)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn timestamp(&mut self) -> Option<Timestamp> {
        let seconds = i64::from_be_bytes(self.take()?);
        let nanoseconds = i32::from_be_bytes(self.take()?);
        Timestamp::new(seconds, nanoseconds).ok()
    }

    fn id(&mut self) -> Option<&'a str> {
        let length = u16::from_be_bytes(self.take()?);
        std::str::from_utf8(self.bytes(usize::from(length))?).ok()
    }
}

fn put_timestamp(bytes: &mut Vec<u8>, timestamp: Timestamp) {
    bytes.extend_from_slice(&timestamp.as_second().to_be_bytes());
    bytes.extend_from_slice(&timestamp.subsec_nanosecond().to_be_bytes());
}

fn put_id(bytes: &mut Vec<u8>, id: &str) {
    let length = u16::try_from(id.len()).expect("ids longer than ID_BYTES_MAX were refused");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(id.as_bytes());
}

fn seal(key: &[u8], bytes: &mut Vec<u8>) {
    let checksum = checksum(key, bytes);
    bytes.extend_from_slice(&checksum.to_be_bytes());
}

fn unseal<'a>(key: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    let (body, kept) = value.split_last_chunk::<CHECKSUM_BYTES>()?;
    (checksum(key, body) == u32::from_be_bytes(*kept)).then_some(body)
}

pub(super) fn checksum(key: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(body);
    hasher.finalize()
}

fn kind_tag(kind: EntityKind) -> u8 {
    match kind {
        EntityKind::Thing => 1,
        EntityKind::Policy => 2,
        EntityKind::Revocation => 3,
        EntityKind::Erasure => 4,
        EntityKind::Announcement => 5,
    }
}

fn kind_of(tag: u8) -> Option<EntityKind> {
    match tag {
        1 => Some(EntityKind::Thing),
        2 => Some(EntityKind::Policy),
        3 => Some(EntityKind::Revocation),
        4 => Some(EntityKind::Erasure),
        5 => Some(EntityKind::Announcement),
        _ => None,
    }
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged {
        reason: format!("{what} does not match its checksum or layout"),
    }
}

#[cfg(test)]
mod tests;
