//! Copies of the whole store in one stream: made while the store is written to, checked to the last byte when restored.
//!
//! A magic word and the secret of the store, then rows (a tag for their keyspace, the lengths of key and value, key,
//! value), then a last row that says how far the journal went and ends with a CRC-32 of everything before it.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use super::store::{Row, RowKind, Store};
use super::watermark::{Mark, WatermarkFile};
use super::{
    ENGINE_FOLDER, Embedded, EmbeddedOptions, SECRET_FILE, WATERMARK_FILE, create_folder,
    secret_file, sync_folders,
};
use crate::{Backup, BackupError, Position, StoreError, StoreSecret};

const MAGIC: [u8; 8] = *b"TWWBACK2";
/// Begins copies by earlier versions, which had no secret: a store that is made of one gets a new one.
const MAGIC_WITHOUT_SECRET: [u8; 8] = *b"TWWBACK1";
/// Where the engine's files are until all of them are known to be good.
const UNFINISHED_FOLDER: &str = "journal.restoring";
/// Ends the rows; no keyspace has this tag.
const END_TAG: u8 = 0;
/// Rows written to the engine at once: this many, or as many as reach the next constant.
const ROWS_AT_ONCE: usize = 1000;
const BYTES_AT_ONCE: usize = 4 * 1024 * 1024;
/// Longer keys and values are in no store.
const KEY_BYTES_MAX: u32 = 64 * 1024;
const VALUE_BYTES_MAX: u32 = 512 * 1024 * 1024;

impl Embedded {
    /// Writes a copy of the store to `out`: all that was acknowledged before the call, and nothing that follows a change
    /// that is not in it. Appends go on meanwhile.
    ///
    /// # Errors
    ///
    /// [`BackupError::Store`] if the store could not be read, [`BackupError::Io`] if `out` could not be written.
    pub fn back_up(&self, out: &mut dyn Write) -> Result<Backup, BackupError> {
        self.shared.views.settle(&self.shared.store)?;
        write((&self.shared.secret, &self.shared.store), out)
    }
}

/// Makes a store in folder `path` of the copy that `input` holds.
///
/// Nothing is left there if that fails.
///
/// # Errors
///
/// [`BackupError::NotEmpty`] if there is anything in the folder, [`BackupError::Invalid`] if the copy is not whole,
/// [`BackupError::Io`] and [`BackupError::Store`].
pub fn restore(input: &mut dyn Read, path: &Path) -> Result<Backup, BackupError> {
    let is_empty = match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed("restoring")(error)),
    };
    if !is_empty {
        return Err(BackupError::NotEmpty {
            path: path.display().to_string(),
        });
    }
    create_folder(path)?;
    narrow(path).map_err(failed("restoring"))?;
    let unfinished = path.join(UNFINISHED_FOLDER);
    let filled = fill(input, &unfinished);
    let Ok(whole) = filled else {
        // What is left would only be in the way of the next try.
        let _ = fs::remove_dir_all(&unfinished);
        return filled.map(|whole| whole.backup);
    };
    fs::rename(&unfinished, path.join(ENGINE_FOLDER)).map_err(failed("restoring"))?;
    let (mut watermark, _) = WatermarkFile::open(&path.join(WATERMARK_FILE))?;
    if whole.mark.position != Position::START {
        watermark.reset(whole.mark)?;
    }
    if let Some(secret) = whole.secret {
        secret_file::write(&path.join(SECRET_FILE), &secret)?;
    }
    make_private(path).map_err(failed("restoring"))?;
    sync_folders(path)?;
    Ok(whole.backup)
}

/// Lets nobody but the owner into a folder that was there already, if it is ours: a volume may belong to somebody else.
fn narrow(folder: &Path) -> io::Result<()> {
    match restrict(folder, 0o700) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

/// Lets nobody but the owner read what was made in `folder`.
fn make_private(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            restrict(&entry.path(), 0o700)?;
            make_private(&entry.path())?;
        } else {
            restrict(&entry.path(), 0o600)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Elsewhere a folder hands its permissions down.
#[cfg(not(unix))]
fn restrict(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

/// Reads the copy that `input` holds to its end, and checks everything that restoring it would.
///
/// # Errors
///
/// [`BackupError::Invalid`] if it is not whole, [`BackupError::Io`] if it could not be read.
pub fn verify(input: &mut dyn Read) -> Result<Backup, BackupError> {
    read(input, &mut |_| Ok(())).map(|whole| whole.backup)
}

/// All that a copy says, once it was read to its end.
struct Whole {
    backup: Backup,
    mark: Mark,
    secret: Option<StoreSecret>,
}

fn write(
    (secret, store): (&StoreSecret, &Store),
    out: &mut dyn Write,
) -> Result<Backup, BackupError> {
    let mut out = Checked::new(out);
    out.write_all(&MAGIC)
        .and_then(|()| out.write_all(secret))
        .map_err(failed("writing"))?;
    let mut tally = Tally::default();
    store.copy(&mut |row| {
        tally.count(&row)?;
        write_row(&mut out, &row).map_err(failed("writing"))
    })?;
    write_end(&mut out, &tally.mark).map_err(failed("writing"))?;
    Ok(tally.backup())
}

fn write_row(out: &mut impl Write, row: &Row<'_>) -> io::Result<()> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
    out.write_all(&[row.kind.tag()])?;
    out.write_all(&length(row.key)?.to_be_bytes())?;
    out.write_all(&length(row.value)?.to_be_bytes())?;
    out.write_all(row.key)?;
    out.write_all(row.value)
}

fn write_end(out: &mut Checked<'_, dyn Write + '_>, mark: &Mark) -> io::Result<()> {
    out.write_all(&[END_TAG])?;
    out.write_all(&mark.position.0.to_be_bytes())?;
    out.write_all(&mark.checksum.to_be_bytes())?;
    let checksum = out.checksum();
    out.write_all(&checksum.to_be_bytes())?;
    out.flush()
}

fn fill(input: &mut dyn Read, engine: &Path) -> Result<Whole, BackupError> {
    let store = Store::open(engine, EmbeddedOptions::default().cache_bytes)?;
    let mut waiting = Vec::new();
    let mut bytes = 0;
    let filled = read(input, &mut |row| {
        bytes += row.key.len() + row.value.len();
        waiting.push((row.kind, row.key.to_vec(), row.value.to_vec()));
        if waiting.len() >= ROWS_AT_ONCE || bytes >= BYTES_AT_ONCE {
            bytes = 0;
            store.fill(std::mem::take(&mut waiting))?;
        }
        Ok(())
    })?;
    store.fill(waiting)?;
    store.sync()?;
    Ok(filled)
}

/// Hands every row of a copy to `sink`; an error anywhere means that none of them may be believed.
fn read(
    input: &mut dyn Read,
    sink: &mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<Whole, BackupError> {
    let mut input = Checked::new(input);
    let secret = match input.bytes::<8>()? {
        MAGIC => Some(input.bytes()?),
        MAGIC_WITHOUT_SECRET => None,
        _ => return Err(invalid("it does not begin like one")),
    };
    let mut tally = Tally::default();
    let (mut key, mut value) = (Vec::new(), Vec::new());
    loop {
        let [tag] = input.bytes()?;
        if tag == END_TAG {
            break;
        }
        let kind = RowKind::of_tag(tag).ok_or_else(|| invalid("a row is of no known kind"))?;
        let lengths = (input.number()?, input.number()?);
        if lengths.0 > KEY_BYTES_MAX || lengths.1 > VALUE_BYTES_MAX {
            return Err(invalid("a row is too long"));
        }
        input.fill(&mut key, lengths.0)?;
        input.fill(&mut value, lengths.1)?;
        let row = Row {
            kind,
            key: &key,
            value: &value,
        };
        tally.count(&row)?;
        sink(&row)?;
    }
    let end = Mark {
        position: Position(u64::from_be_bytes(input.bytes()?)),
        checksum: input.number()?,
    };
    let expected = input.checksum();
    if input.number()? != expected || end != tally.mark {
        return Err(invalid("its end does not fit the rest"));
    }
    if !input.is_at_end()? {
        return Err(invalid("it goes on after its end"));
    }
    Ok(Whole {
        backup: tally.backup(),
        mark: end,
        secret,
    })
}

/// What the rows of a copy amount to.
struct Tally {
    mark: Mark,
    entities: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            mark: Mark {
                position: Position::START,
                checksum: 0,
            },
            entities: 0,
        }
    }
}

impl Tally {
    /// Counts a row, and refuses one that does not match its own checksum.
    fn count(&mut self, row: &Row<'_>) -> Result<(), BackupError> {
        row.check().map_err(|error| invalid(&error.to_string()))?;
        if let Some(mark) = row.mark() {
            if mark.position <= self.mark.position {
                return Err(invalid("its records are not in order"));
            }
            self.mark = mark;
        }
        self.entities += u64::from(row.kind == RowKind::Entity);
        Ok(())
    }

    fn backup(&self) -> Backup {
        Backup {
            head: self.mark.position,
            entities: self.entities,
        }
    }
}

/// A stream and the checksum of what went through it.
struct Checked<'a, S: ?Sized> {
    stream: &'a mut S,
    hasher: crc32fast::Hasher,
}

impl<'a, S: ?Sized> Checked<'a, S> {
    fn new(stream: &'a mut S) -> Self {
        Self {
            stream,
            hasher: crc32fast::Hasher::new(),
        }
    }

    fn checksum(&self) -> u32 {
        self.hasher.clone().finalize()
    }
}

impl Write for Checked<'_, dyn Write + '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write_all(bytes)?;
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Checked<'_, dyn Read + '_> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], BackupError> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).map_err(ended)?;
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    fn number(&mut self) -> Result<u32, BackupError> {
        self.bytes().map(u32::from_be_bytes)
    }

    fn is_at_end(&mut self) -> Result<bool, BackupError> {
        let mut more = Vec::new();
        let mut next = Read::take(&mut *self.stream, 1);
        let count = next.read_to_end(&mut more).map_err(failed("reading"))?;
        Ok(count == 0)
    }

    /// Reads `length` bytes, and takes memory only for what is really there.
    fn fill(&mut self, bytes: &mut Vec<u8>, length: u32) -> Result<(), BackupError> {
        bytes.clear();
        let mut part = Read::take(&mut *self.stream, u64::from(length));
        part.read_to_end(bytes).map_err(failed("reading"))?;
        if bytes.len() as u64 != u64::from(length) {
            return Err(invalid("it ends too early"));
        }
        self.hasher.update(bytes);
        Ok(())
    }
}

fn ended(error: io::Error) -> BackupError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return invalid("it ends too early");
    }
    failed("reading")(error)
}

fn failed(action: &'static str) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::Io { action, source }
}

fn invalid(reason: &str) -> BackupError {
    BackupError::Invalid {
        reason: reason.to_owned(),
    }
}
