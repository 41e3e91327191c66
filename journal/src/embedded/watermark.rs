//! A small file beside the journal that remembers how far it was durable, so that a lost tail is noticed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::{Position, StoreError};

/// Two slots, written in turn: a power cut can spoil at most the one being written.
const SLOTS: u64 = 2;
const SLOT_BYTES: u64 = 512;
const MARK_BYTES: usize = 24;
const MAGIC: [u8; 8] = *b"TWWMARK1";

/// The last record known to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) position: Position,
    pub(super) checksum: u32,
}

/// The open file and which slot comes next.
pub(super) struct WatermarkFile {
    file: File,
    next_slot: u64,
}

impl WatermarkFile {
    /// Opens or creates the file at `path`; returns what it remembers, `None` if it is new.
    pub(super) fn open(path: &Path) -> Result<(Self, Option<Mark>), StoreError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed("opening the watermark file"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(failed("reading the watermark file"))?;
        let newest = newest(&bytes);
        // Only zeros are what a power cut may leave of the very first mark.
        if newest.is_none() && bytes.iter().any(|byte| *byte != 0) {
            return Err(StoreError::Damaged {
                reason: format!("`{}` holds no readable watermark", path.display()),
            });
        }
        let next_slot = newest.map_or(0, |(slot, _)| (slot + 1) % SLOTS);
        Ok((Self { file, next_slot }, newest.map(|(_, mark)| mark)))
    }

    /// Remembers `mark`, durably.
    pub(super) fn write(&mut self, mark: Mark) -> Result<(), StoreError> {
        let offset = SeekFrom::Start(self.next_slot * SLOT_BYTES);
        self.file
            .seek(offset)
            .and_then(|_| self.file.write_all(&encode(mark)))
            .and_then(|()| self.file.sync_data())
            .map_err(failed("writing the watermark file"))?;
        self.next_slot = (self.next_slot + 1) % SLOTS;
        Ok(())
    }

    /// Forgets what was remembered in favour of `mark`, which may be older.
    pub(super) fn reset(&mut self, mark: Mark) -> Result<(), StoreError> {
        (0..SLOTS).try_for_each(|_| self.write(mark))
    }
}

fn newest(bytes: &[u8]) -> Option<(u64, Mark)> {
    let slot_bytes = usize::try_from(SLOT_BYTES).expect("a slot is small");
    (0..SLOTS)
        .zip(bytes.chunks(slot_bytes))
        .filter_map(|(slot, bytes)| Some((slot, decode(bytes)?)))
        .max_by_key(|(_, mark)| mark.position)
}

fn encode(mark: Mark) -> [u8; MARK_BYTES] {
    let mut bytes = [0; MARK_BYTES];
    let (body, checksum) = bytes.split_at_mut(MARK_BYTES - 4);
    let fields = MAGIC
        .into_iter()
        .chain(mark.position.0.to_be_bytes())
        .chain(mark.checksum.to_be_bytes());
    body.iter_mut()
        .zip(fields)
        .for_each(|(byte, field)| *byte = field);
    checksum.copy_from_slice(&crc32fast::hash(body).to_be_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Mark> {
    let (magic, rest) = bytes.split_first_chunk::<8>()?;
    let (position, rest) = rest.split_first_chunk::<8>()?;
    let (checksum, _) = rest.split_first_chunk::<4>()?;
    let mark = Mark {
        position: Position(u64::from_be_bytes(*position)),
        checksum: u32::from_be_bytes(*checksum),
    };
    (*magic == MAGIC && bytes.starts_with(&encode(mark))).then_some(mark)
}

fn failed(action: &'static str) -> impl Fn(std::io::Error) -> StoreError {
    move |error| StoreError::Engine {
        action,
        source: Box::new(error),
    }
}

#[cfg(test)]
mod tests;
