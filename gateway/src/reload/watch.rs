//! Noticing that a file has changed.
//!
//! Files are looked at twice a second instead of asking the system for notifications: those are lost on network file
//! systems, name the wrong file when a mounted secret is switched by a link, and come several times for one change.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

/// How often files are looked at. A change counts when it has not gone on since the last look.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Files and what they looked like.
#[derive(Default)]
pub(crate) struct Watch {
    files: Vec<PathBuf>,
    known: Vec<Stamp>,
    changing: Option<Vec<Stamp>>,
}

/// What changes when a file does; `None` if there is none.
type Stamp = Option<(u64, u64, i64, i64)>;

impl Watch {
    /// These files, as they look now.
    pub(crate) fn of(files: Vec<PathBuf>) -> Self {
        let known = stamps(&files);
        Self {
            files,
            known,
            changing: None,
        }
    }

    /// Whether it looks at just these.
    pub(super) fn is_of(&self, files: &[PathBuf]) -> bool {
        self.files == files
    }

    /// Whether a change is complete: something differs from what was known, and not from the last look.
    pub(super) fn look(&mut self) -> bool {
        let seen = stamps(&self.files);
        if seen == self.known {
            self.changing = None;
            return false;
        }
        if self.changing.as_ref() == Some(&seen) {
            self.known = seen;
            self.changing = None;
            return true;
        }
        self.changing = Some(seen);
        false
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    files
        .iter()
        .map(|file| {
            let found = std::fs::metadata(file).ok()?;
            Some((found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_change_counts_once_when_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        fs::write(&file, "one").unwrap();
        let mut watch = Watch::of(vec![file.clone()]);
        assert!(!watch.look());
        fs::write(&file, "two and").unwrap();
        assert!(!watch.look());
        fs::write(&file, "two and more").unwrap();
        assert!(!watch.look());
        assert!(watch.look());
        assert!(!watch.look());
        fs::remove_file(&file).unwrap();
        assert!(!watch.look());
        assert!(watch.look());
    }

    #[test]
    fn another_file_behind_a_link_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "same").unwrap();
        fs::write(path("b"), "same").unwrap();
        std::os::unix::fs::symlink(path("a"), path("link")).unwrap();
        let mut watch = Watch::of(vec![path("link")]);
        fs::remove_file(path("link")).unwrap();
        std::os::unix::fs::symlink(path("b"), path("link")).unwrap();
        assert!(!watch.look());
        assert!(watch.look());
    }
}
