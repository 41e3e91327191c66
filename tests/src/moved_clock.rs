//! A clock that a test moves, for a whole gateway process that knows nothing of it: Debian's `libfaketime`.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};

use tempfile::TempDir;

use crate::issuer::seconds_from_now;

/// Wall clock and monotonic clock of the processes that are started under it.
///
/// Both move as if the time had passed. A process notices timers with whatever wakes it next, and may take a connection
/// that it has just accepted for one that is waiting for ages: open sockets first, then move.
#[derive(Debug)]
pub struct MovedClock {
    folder: TempDir,
    ahead: AtomicI64,
}

impl MovedClock {
    /// A clock that tells the real time until it is moved.
    pub fn new() -> Self {
        let clock = Self {
            folder: TempDir::new().expect("a temporary folder"),
            ahead: AtomicI64::new(0),
        };
        clock.tell(0);
        clock
    }

    /// As [`Self::wrapper`], for a process that sees the wall clock move only, as if somebody had set it.
    pub fn wall_wrapper(&self) -> Vec<String> {
        let mut wrapper = self.wrapper();
        wrapper.push("FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned());
        wrapper
    }

    /// The command that starts another one under this clock.
    pub fn wrapper(&self) -> Vec<String> {
        let told = self.told();
        vec![
            "env".to_owned(),
            // The dynamic linker knows where libraries of this machine's kind are.
            "LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1".to_owned(),
            format!("FAKETIME_TIMESTAMP_FILE={}", told.display()),
            "FAKETIME_NO_CACHE=1".to_owned(),
        ]
    }

    /// Lets so many seconds pass; a wall clock may go back, too.
    pub fn advance(&self, seconds: i64) {
        self.tell(self.ahead.fetch_add(seconds, Ordering::SeqCst) + seconds);
    }

    /// Seconds since 1970 on this clock, `offset` seconds from its now.
    pub fn seconds_from_now(&self, offset: i64) -> i64 {
        seconds_from_now(self.ahead.load(Ordering::SeqCst) + offset)
    }

    fn told(&self) -> PathBuf {
        self.folder.path().join("ahead")
    }

    /// By renaming, so that nobody reads half of it.
    fn tell(&self, ahead: i64) {
        let draft = self.folder.path().join("draft");
        fs::write(&draft, format!("{ahead:+}\n")).expect("a file can be written");
        fs::rename(draft, self.told()).expect("a file can be renamed");
    }
}

impl Default for MovedClock {
    fn default() -> Self {
        Self::new()
    }
}
