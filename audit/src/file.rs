//! The file that lines go to: readable by its owner only, chained line by line, replaced when it is full or old.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};

use crate::Error;

/// Where lines go, and for how long they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSettings {
    /// The file that is written to.
    pub path: PathBuf,
    /// When it has grown beyond this many bytes, another is begun.
    pub bytes_max: u64,
    /// When it is older than this, another is begun; `None` for size only.
    pub age_max: Option<Duration>,
    /// How many earlier files are kept.
    pub keep: usize,
}

/// The file in use.
pub(crate) struct AuditFile {
    settings: FileSettings,
    file: File,
    bytes: u64,
    lines: u64,
    begun: Timestamp,
    is_dirty: bool,
}

/// How an existing file ends.
pub(crate) struct Found {
    /// SHA-256 of its last line, or of what is left of it.
    pub(crate) last_line: Option<String>,
    /// Whether its last line was cut off, as by a loss of power.
    pub(crate) is_torn: bool,
}

impl AuditFile {
    /// Opens the file, and its folder if need be.
    pub(crate) fn open(settings: FileSettings, now: Timestamp) -> Result<(Self, Found), Error> {
        let path = &settings.path;
        let failed = || Error::file(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed())?;
        }
        match fs::symlink_metadata(path) {
            Ok(found) if !found.is_file() => {
                return Err(Error::NoPlainFile { path: path.clone() });
            }
            Ok(_) => {
                fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed())?
            }
            Err(_) => {}
        }
        let mut file = locked(path)?;
        let bytes = file.metadata().map_err(failed())?.len();
        let tail = last_line(&mut file, bytes).map_err(failed())?;
        let found = match tail {
            Some(line) => {
                let is_torn = line.last() != Some(&b'\n');
                if is_torn {
                    file.write_all(b"\n").map_err(failed())?;
                }
                Found {
                    last_line: Some(hash_of(&line)),
                    is_torn,
                }
            }
            None => Found {
                last_line: newest_earlier_line(path),
                is_torn: false,
            },
        };
        let begun = file.metadata().and_then(|file| file.created()).ok();
        let begun = begun.and_then(|begun| Timestamp::try_from(begun).ok());
        let opened = Self {
            file,
            bytes,
            lines: 0,
            begun: begun.unwrap_or(now),
            is_dirty: false,
            settings,
        };
        Ok((opened, found))
    }

    /// A device that refuses every write, as a full disk does.
    #[cfg(test)]
    pub(crate) fn full(settings: FileSettings) -> (Self, Found) {
        let file = OpenOptions::new().write(true).open("/dev/full");
        let full = Self {
            settings,
            file: file.expect("Linux has it"),
            bytes: 0,
            lines: 0,
            begun: Timestamp::UNIX_EPOCH,
            is_dirty: false,
        };
        let found = Found {
            last_line: None,
            is_torn: false,
        };
        (full, found)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.settings.path
    }

    /// Writes as much as the system takes, and says how much that was.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.bytes += written as u64;
        let complete = bytes.get(..written).unwrap_or_default();
        self.lines += memchr::memchr_iter(b'\n', complete).count() as u64;
        self.is_dirty = true;
        Ok(written)
    }

    /// Whether another file is due before a line of `coming` bytes, behind `waiting` ones that are not written yet.
    pub(crate) fn is_full(&self, (waiting, coming): (usize, usize), now: Timestamp) -> bool {
        let is_old = self.settings.age_max.is_some_and(|age| {
            let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
            now.duration_since(self.begun) >= age
        });
        let bytes = self.bytes + waiting as u64;
        bytes > 0 && (is_old || bytes + coming as u64 > self.settings.bytes_max)
    }

    /// Begins another file; returns the name of the one before, and how many lines this process wrote to it.
    pub(crate) fn rotate(&mut self, now: Timestamp) -> io::Result<(String, u64)> {
        self.sync()?;
        let path = &self.settings.path;
        let earlier = next_earlier(path, now);
        match fs::rename(path, &earlier) {
            // Somebody took the file away: another is due all the more.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
        self.file = locked(path).map_err(|error| match error {
            Error::File { source, .. } => source,
            other @ (Error::InUse { .. } | Error::NoPlainFile { .. } | Error::Thread(_)) => {
                io::Error::other(other)
            }
        })?;
        let lines = std::mem::take(&mut self.lines);
        (self.bytes, self.begun) = (0, now);
        self.forget_oldest();
        let name = earlier.file_name().unwrap_or_default();
        Ok((name.to_string_lossy().into_owned(), lines))
    }

    /// Makes what was written survive a loss of power.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_dirty) {
            self.file.sync_data()?;
        }
        Ok(())
    }

    fn forget_oldest(&self) {
        let earlier = earlier_files(&self.settings.path);
        let surplus = earlier.len().saturating_sub(self.settings.keep);
        for path in earlier.iter().take(surplus) {
            if let Err(error) = fs::remove_file(path) {
                tracing::warn!(path = %path.display(), %error, "An old audit file could not be removed");
            }
        }
    }
}

/// Opens for appending, readable by the owner only, and for this process alone.
fn locked(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::file(path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(Error::file(path)(source)),
    }
}

/// The files that were written to before this one, the oldest first.
pub fn earlier_files(path: &Path) -> Vec<PathBuf> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(folder.unwrap_or(Path::new("."))) else {
        return Vec::new();
    };
    let is_earlier = |candidate: &str| {
        candidate
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|stamp| {
                stamp.len() == STAMP_LENGTH
                    && stamp
                        .bytes()
                        .all(|byte| byte.is_ascii_digit() || b"TZ".contains(&byte))
            })
    };
    let mut earlier: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(is_earlier)
        })
        .collect();
    earlier.sort();
    earlier
}

/// A name that sorts behind all earlier ones, even if the clock was set back.
fn next_earlier(path: &Path, now: Timestamp) -> PathBuf {
    let newest = earlier_files(path).pop();
    let newest = newest.as_deref().and_then(Path::extension);
    let newest = newest.and_then(|stamp| stamp.to_str()).unwrap_or_default();
    let mut next = stamp(now);
    if *newest >= *next
        && let Some((day, time)) = newest.trim_end_matches('Z').split_once('T')
    {
        let time = time.parse::<u64>().map_or(0, |time| time + 1);
        next = format!("{day}T{time:012}Z");
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{next}"));
    PathBuf::from(name)
}

/// `20261120T071409501332Z`.
const STAMP_LENGTH: usize = 22;

fn stamp(now: Timestamp) -> String {
    format!("{now:.6}").replace(['-', ':', '.'], "")
}

/// The last line with its line feed if it has one; `None` of an empty file.
fn last_line(file: &mut File, length: u64) -> io::Result<Option<Vec<u8>>> {
    let start = length.saturating_sub(2 * crate::line::LINE_BYTES_MAX as u64);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let body = tail.strip_suffix(b"\n").unwrap_or(&tail);
    let begin = body
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let line = tail.split_off(begin);
    Ok((!line.is_empty()).then_some(line))
}

/// The chain goes on from the newest file if the one in use was removed.
fn newest_earlier_line(path: &Path) -> Option<String> {
    let newest = earlier_files(path).pop()?;
    let mut file = File::open(newest).ok()?;
    let length = file.metadata().ok()?.len();
    Some(hash_of(&last_line(&mut file, length).ok()??))
}

/// SHA-256 of a line without its line feed, as hexadecimal digits.
pub(crate) fn hash_of(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let digest = digest::digest(&digest::SHA256, line);
    let mut hash = String::with_capacity(64);
    for byte in digest.as_ref() {
        for nibble in [byte >> 4, byte & 0xf] {
            hash.push(char::from_digit(u32::from(nibble), 16).unwrap_or_default());
        }
    }
    hash
}
