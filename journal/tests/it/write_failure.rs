//! A disk that takes no more: the append fails, the writer closes for good, nothing half-written is ever shown.
//!
//! The child is this test binary under a limit on file sizes, which a shell sets for it.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use journal::{AppendError, Journal as _, Position, StoreError};

use crate::harness::{open, put, sketch, thing};

const FOLDER_VARIABLE: &str = "JOURNAL_TEST_FAILURE_FOLDER";
/// The log is allocated at this size, so a file limit of it hits nothing but an append that goes beyond.
const LOG_BYTES: usize = 64 * 1024 * 1024;
const BLOCK_BYTES: usize = 512;

#[test]
fn a_failed_write_closes_the_writer_and_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let limit = LOG_BYTES / BLOCK_BYTES;
    // Beyond the limit a write fails with EFBIG once the signal that comes with it is ignored.
    let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
    let output = Command::new("/bin/sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "write_failure::child", "--nocapture"])
        .env(FOLDER_VARIABLE, folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("child: all checked"), "{text}");
    let journal = open(folder.path()).unwrap();
    assert_eq!(journal.head(), Position(1));
    assert_eq!(
        sketch(journal.entity(&thing("a")).unwrap().as_deref()),
        "1: x"
    );
    assert!(journal.entity(&thing("b")).unwrap().is_none());
}

/// Nothing on its own; in the child it runs into the limit.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "tells the child from the test")]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let journal = open(Path::new(&folder)).unwrap();
    journal.append(vec![put("a", 0, "x")]).await.unwrap();
    let too_much = "s".repeat(LOG_BYTES + 1);
    let together = vec![put("b", 0, "y"), put("a", 1, &too_much)];
    let failed = journal.append(together).await;
    assert!(matches!(
        failed,
        Err(AppendError::Store(StoreError::Engine { .. }))
    ));
    let closed = journal.append(vec![put("a", 1, "small")]).await;
    assert!(matches!(
        closed,
        Err(AppendError::Store(StoreError::Closed))
    ));
    assert_eq!(journal.head(), Position(1));
    assert_eq!(
        sketch(journal.entity(&thing("a")).unwrap().as_deref()),
        "1: x"
    );
    assert!(journal.entity(&thing("b")).unwrap().is_none());
    assert_eq!(journal.records(Position::START, 10).unwrap().len(), 1);
    println!("child: all checked");
}
