//! Files that lost their end or were changed: noticed at the next start, and passable on demand only.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use journal::{Embedded, EmbeddedOptions, Journal as _, Position, StoreError};

use crate::harness::{TestJournal, open, put, sketch, thing};

/// A closed store with ten records of known size.
async fn given_ten_records() -> tempfile::TempDir {
    let store = TestJournal::start();
    for expected in 0..10 {
        store
            .put("a", expected, "the state of the thing")
            .await
            .unwrap();
    }
    store.stop()
}

fn write_ahead_log(folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(folder.join("journal")).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "jnl");
    paths.find(is_log).expect("there is a log")
}

/// Where the last byte stands that is not zero: the log is allocated ahead.
fn used_bytes(log: &Path) -> u64 {
    let mut bytes = Vec::new();
    File::open(log).unwrap().read_to_end(&mut bytes).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    last as u64 + 1
}

fn cut(log: &Path, length: u64) {
    OpenOptions::new()
        .write(true)
        .open(log)
        .unwrap()
        .set_len(length)
        .unwrap();
}

fn flip(path: &Path, offset: u64) {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(&[byte[0] ^ 0x40]).unwrap();
}

#[track_caller]
fn check_damaged(folder: &Path) -> String {
    match open(folder) {
        Err(StoreError::Damaged { reason }) => reason,
        Err(other) => panic!("refused, but for another reason: {other:?}"),
        Ok(journal) => panic!("opened with head {:?}", journal.head()),
    }
}

fn open_anyway(folder: &Path) -> std::sync::Arc<Embedded> {
    let options = EmbeddedOptions {
        accept_damaged_tail: true,
        ..EmbeddedOptions::default()
    };
    Embedded::open(folder, options).unwrap()
}

/// Cuts the log until its last record is gone; what follows from the records stands behind them and can be made again.
fn cut_into_the_last_record(folder: &Path) {
    let log = write_ahead_log(folder);
    let used = used_bytes(&log);
    let original = read_used(&log, used);
    for length in (0..used).rev().step_by(40) {
        restore(&log, &original);
        cut(&log, length);
        if open(folder).is_err() {
            restore(&log, &original);
            return cut(&log, length);
        }
    }
    panic!("nothing of it was needed");
}

#[tokio::test]
async fn a_cut_log_is_refused_with_where_it_ends() {
    let folder = given_ten_records().await;
    cut_into_the_last_record(folder.path());
    let reason = check_damaged(folder.path());
    assert!(reason.contains("ends at record 9"), "{reason}");
    assert!(reason.contains("record 10 was durable"), "{reason}");
    check_damaged(folder.path());
}

#[tokio::test]
async fn a_cut_log_is_accepted_on_demand() {
    let folder = given_ten_records().await;
    cut_into_the_last_record(folder.path());
    check_damaged(folder.path());
    let journal = open_anyway(folder.path());
    assert_eq!(journal.head(), Position(9));
    let entity = journal.entity(&thing("a")).unwrap();
    assert_eq!(entity.unwrap().revision, 9);
    journal.append(vec![put("a", 9, "x")]).await.unwrap();
    drop(journal);
    let journal = open(folder.path()).expect("once accepted, it is whole again");
    assert_eq!(journal.head(), Position(10));
    assert_eq!(
        sketch(journal.entity(&thing("a")).unwrap().as_deref()),
        "10: x"
    );
}

#[tokio::test]
async fn a_lost_engine_is_refused() {
    let folder = given_ten_records().await;
    std::fs::remove_dir_all(folder.path().join("journal")).unwrap();
    let reason = check_damaged(folder.path());
    assert!(reason.contains("ends at record 0"), "{reason}");
    assert_eq!(open_anyway(folder.path()).head(), Position::START);
    assert_eq!(open(folder.path()).unwrap().head(), Position::START);
}

#[tokio::test]
async fn another_journal_is_refused() {
    let folder = given_ten_records().await;
    let other = TestJournal::start();
    for expected in 0..12 {
        other.put("b", expected, "something else").await.unwrap();
    }
    let other = other.stop();
    std::fs::remove_dir_all(folder.path().join("journal")).unwrap();
    std::fs::rename(other.path().join("journal"), folder.path().join("journal")).unwrap();
    let reason = check_damaged(folder.path());
    assert!(reason.contains("record 10 is not the one"), "{reason}");
}

/// Every how many bytes a log is damaged, each time anew: each of them in a long run.
fn stride() -> usize {
    let is_long = std::env::var_os("TWINWARD_TESTS_LONG").is_some();
    if is_long { 1 } else { 53 }
}

/// Wherever a bit of the log turns over, either the start is refused or not one byte of any record differs.
#[tokio::test]
async fn a_flipped_bit_never_goes_unnoticed() {
    check_every_offset(&|log, offset| flip(log, offset)).await;
}

/// Wherever the log ends, either the start is refused or nothing is missing.
#[tokio::test]
async fn a_torn_log_never_goes_unnoticed() {
    check_every_offset(&|log, offset| cut(log, offset)).await;
}

/// A page that was never written holds zeros.
#[tokio::test]
async fn a_log_with_zeros_never_goes_unnoticed() {
    check_every_offset(&|log, offset| {
        let mut file = OpenOptions::new().write(true).open(log).unwrap();
        file.seek(SeekFrom::Start(offset)).unwrap();
        file.write_all(&[0; 64]).unwrap();
    })
    .await;
}

async fn check_every_offset(damage: &dyn Fn(&Path, u64)) {
    let folder = given_ten_records().await;
    let log = write_ahead_log(folder.path());
    let expected = contents(&open(folder.path()).unwrap()).unwrap();
    let used = used_bytes(&log);
    let original = read_used(&log, used);
    let (mut refused, mut whole) = (0, 0);
    for offset in (0..used).step_by(stride()) {
        restore(&log, &original);
        damage(&log, offset);
        let found = open(folder.path()).and_then(|journal| contents(&journal));
        match found {
            Err(StoreError::Damaged { .. }) => refused += 1,
            Err(other) => panic!("offset {offset}: {other:?}"),
            Ok(found) => {
                assert_eq!(found, expected, "offset {offset}");
                whole += 1;
            }
        }
    }
    assert!(refused > 0, "{whole} times whole, never refused");
}

fn read_used(log: &Path, used: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    File::open(log)
        .unwrap()
        .take(used)
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

fn restore(log: &Path, bytes: &[u8]) {
    std::fs::write(log, bytes).unwrap();
}

fn contents(journal: &Embedded) -> Result<String, StoreError> {
    let records = journal.records(Position::START, 100)?;
    let history = journal.history(&thing("a"), 0, 100)?;
    let entity = journal.entity(&thing("a"))?;
    Ok(format!("{records:?} {history:?} {entity:?}"))
}
