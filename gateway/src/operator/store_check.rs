//! Whether the store can be read and written, found out before a request needs it.

use std::fs::{File, remove_file};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use actix_web::web;
use devops::Health;
use devops::health::{DetailLevel, HealthStatus};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::time::timeout;

use super::Operator;
use crate::error::ErrorChain;

/// A store that nobody writes to is tried this often: flash wears out by being written.
const TRIED_EVERY: SignedDuration = SignedDuration::from_secs(15);

/// Nobody waits longer for a disk; if it has not answered by the next look, that is what is wrong.
const ANSWER_MAX: Duration = Duration::from_secs(4);

/// Written and removed again where the store lies.
const FILE: &str = ".writable";

/// At least a block: overwriting what is there works on a full disk.
const BYTES: [u8; 4096] = [b'.'; 4096];

/// What the latest looks at the store found.
#[derive(Default)]
pub(crate) struct StoreChecks {
    unreadable: AtomicU64,
    unwritable: AtomicU64,
    is_under_way: AtomicBool,
    is_stuck: AtomicBool,
    tried: Mutex<Tried>,
}

/// When it was known last that the store can write.
#[derive(Default)]
struct Tried {
    at: Option<Timestamp>,
    commits: u64,
}

impl StoreChecks {
    /// One of the store's own writes tells as much as a try.
    fn is_try_due(&self, commits: u64, now: Timestamp) -> bool {
        let mut tried = self.tried.lock();
        let has_written = commits > tried.commits;
        let is_known = tried
            .at
            .is_some_and(|at| now.duration_since(at) < TRIED_EVERY);
        let is_failing = self.unwritable.load(Ordering::Relaxed) > 0;
        if is_known && !has_written && !is_failing {
            return false;
        }
        *tried = Tried {
            at: Some(now),
            commits,
        };
        !has_written || is_failing
    }

    /// Down, and why, if the store could not be used when it was looked at last.
    pub(super) fn health(&self) -> Health {
        let read = self.unreadable.load(Ordering::Relaxed);
        let written = self.unwritable.load(Ordering::Relaxed);
        [
            (read > 0).then(|| format!("the store could not be read {read} times in a row")),
            (written > 0)
                .then(|| format!("the store could not be written {written} times in a row")),
            self.is_stuck
                .load(Ordering::Relaxed)
                .then(|| "the disk of the store does not answer".to_owned()),
        ]
        .into_iter()
        .flatten()
        .fold(Health::of(HealthStatus::Up), |health, problem| {
            health.with_detail(DetailLevel::Error, problem)
        })
    }
}

impl Operator {
    /// Looks at the store elsewhere: a disk that does not answer must not stop everything else.
    pub(super) async fn look_at_store(self: &Arc<Self>) {
        if self.store_checks.is_under_way.swap(true, Ordering::AcqRel) {
            self.store_checks.is_stuck.store(true, Ordering::Relaxed);
            return;
        }
        let operator = Arc::clone(self);
        let looking = web::block(move || {
            operator.check_reading();
            operator.check_writing();
            let checks = &operator.store_checks;
            checks.is_stuck.store(false, Ordering::Relaxed);
            checks.is_under_way.store(false, Ordering::Release);
        });
        if timeout(ANSWER_MAX, looking).await.is_err() {
            tracing::warn!("The disk of the store has not answered yet");
        }
    }

    fn check_reading(&self) {
        let journal = &self.gateway().journal;
        let unreadable = &self.store_checks.unreadable;
        match journal.records(journal.head(), 1) {
            Ok(_) => unreadable.store(0, Ordering::Relaxed),
            Err(error) => {
                let failures = unreadable.fetch_add(1, Ordering::Relaxed) + 1;
                tracing::error!(error = %ErrorChain(&error), failures, "The store cannot be read");
            }
        }
    }

    fn check_writing(&self) {
        let commits = self.store.written().commits;
        let now = self.gateway().clock.now();
        if !self.store_checks.is_try_due(commits, now) {
            return;
        }
        let unwritable = &self.store_checks.unwritable;
        match try_to_write(&self.store_path) {
            Ok(()) => unwritable.store(0, Ordering::Relaxed),
            Err(error) => {
                let failures = unwritable.fetch_add(1, Ordering::Relaxed) + 1;
                tracing::error!(%error, failures, "The store cannot be written");
            }
        }
    }
}

/// Makes something durable next to the store's files, and removes it.
fn try_to_write(folder: &Path) -> io::Result<()> {
    let path = folder.join(FILE);
    let mut file = File::create(&path)?;
    let written = file.write_all(&BYTES).and_then(|()| file.sync_all());
    written.and(remove_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_takes_files_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        try_to_write(folder.path()).unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        assert!(try_to_write(&folder.path().join("missing")).is_err());
        std::fs::create_dir(folder.path().join(FILE)).unwrap();
        assert!(try_to_write(folder.path()).is_err());
    }

    #[test]
    fn who_writes_is_not_tried_and_who_fails_always() {
        let checks = StoreChecks::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(checks.is_try_due(0, at(0)), "nothing is known");
        assert!(!checks.is_try_due(0, at(5)));
        assert!(!checks.is_try_due(3, at(14)), "it has written itself");
        assert!(!checks.is_try_due(3, at(20)));
        assert!(checks.is_try_due(3, at(29)));
        checks.unwritable.store(1, Ordering::Relaxed);
        assert!(checks.is_try_due(3, at(30)));
        assert!(checks.is_try_due(9, at(31)), "until a try succeeds");
    }

    #[test]
    fn what_cannot_be_used_is_down() {
        let checks = StoreChecks::default();
        assert!(checks.health().is_healthy());
        checks.is_stuck.store(true, Ordering::Relaxed);
        assert!(!checks.health().is_healthy());
        checks.is_stuck.store(false, Ordering::Relaxed);
        checks.unwritable.store(2, Ordering::Relaxed);
        let json = checks.health().to_json();
        assert_eq!(json["status"], "DOWN");
        let problem = "the store could not be written 2 times in a row";
        assert_eq!(json["details"][0]["ERROR"], problem);
    }
}
