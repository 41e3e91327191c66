//! When each API key was last used, in a file for operators and for `api-key rotate --finish`.
//!
//! Requests note uses in memory; the file is written at the start, every few seconds if something changed, and at the end,
//! never by a request.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use authentication::api_key::{KeyUse, KeyUses};

/// The last use of every key, by key id.
pub(crate) type Uses = BTreeMap<String, KeyUse>;

/// The file in the folder of the store.
fn path(folder: &Path) -> PathBuf {
    folder.join("credential-use.json")
}

/// Reads the file; `None` if there is none: then no gateway has run in this folder.
pub(crate) fn read(folder: &Path) -> io::Result<Option<Uses>> {
    match std::fs::read(path(folder)) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(io::Error::from),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes what has changed since `written`, all or nothing.
pub(crate) fn write_if_changed(
    folder: &Path,
    uses: &KeyUses,
    written: &mut Option<Uses>,
) -> io::Result<()> {
    let now: Uses = uses.snapshot().into_iter().collect();
    if written.as_ref() == Some(&now) {
        return Ok(());
    }
    let (path, new) = (path(folder), folder.join("credential-use.json.new"));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(&serde_json::to_vec(&now)?)?;
    std::fs::rename(new, path)?;
    *written = Some(now);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let used = KeyUse {
            at: "2026-08-18T10:00:00Z".parse().unwrap(),
            source: "192.0.2.7".to_owned(),
            user_agent: "0badcafe".to_owned(),
        };
        assert_eq!(read(folder.path()).unwrap(), None);
        let uses = KeyUses::default();
        uses.restore([("01IYT0XLWR".to_owned(), used.clone())]);
        write_if_changed(folder.path(), &uses, &mut None).unwrap();
        let again = read(folder.path()).unwrap().unwrap();
        assert_eq!(again.get("01IYT0XLWR"), Some(&used));
        std::fs::write(path(folder.path()), "{").unwrap();
        assert!(read(folder.path()).is_err());
    }
}
