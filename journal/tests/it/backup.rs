//! Copies of a store that is being written to, and what becomes of them in another folder.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use journal::{
    Backup, BackupError, Base, Embedded, Journal as _, Position, Record, restore, verify,
};

use crate::harness::{TestJournal, open, put, sketch, thing};

const WRITERS: usize = 8;

fn copy_of(journal: &Embedded) -> (Backup, Vec<u8>) {
    let mut bytes = Vec::new();
    let backup = journal.back_up(&mut bytes).unwrap();
    (backup, bytes)
}

fn restored(bytes: &[u8]) -> (tempfile::TempDir, Arc<Embedded>) {
    let folder = tempfile::tempdir().unwrap();
    restore(&mut &*bytes, folder.path()).unwrap();
    let journal = open(folder.path()).unwrap();
    (folder, journal)
}

/// Everything that can be read.
fn contents(journal: &Embedded) -> String {
    let records = journal.records(Position::START, usize::MAX).unwrap();
    let entities = journal
        .entities(journal::EntityKind::Thing, None, usize::MAX)
        .unwrap();
    let pasts: Vec<_> = entities
        .iter()
        .map(|(key, _)| {
            let history = journal.history(key, 0, usize::MAX).unwrap();
            (sketches(&history), journal.base(key).unwrap())
        })
        .collect();
    let entities: Vec<_> = entities
        .iter()
        .map(|(key, entity)| format!("{key} {}", sketch(Some(entity))))
        .collect();
    format!("{} {entities:?} {pasts:?}", sketches(&records).join(","))
}

fn sketches(records: &[Arc<Record>]) -> Vec<String> {
    crate::harness::sketch_records(records)
}

async fn given_a_past() -> TestJournal {
    let store = TestJournal::start();
    for expected in 0..10 {
        store.put("a", expected, "a state").await.unwrap();
        store.put("b", expected, "another").await.unwrap();
    }
    store.delete("b", 10).await.unwrap();
    // What a restart has remembered may be pruned.
    let store = store.restart();
    let base = Base {
        revision: 4,
        state: "what stands for it".into(),
    };
    assert_eq!(store.journal.prune(&thing("a"), &base).unwrap(), 4);
    store
}

#[tokio::test]
async fn a_restored_store_is_the_same_and_goes_on() {
    let store = given_a_past().await;
    let (backup, bytes) = copy_of(&store.journal);
    assert_eq!((backup.head, backup.entities), (Position(21), 2));
    assert_eq!(verify(&mut &*bytes).unwrap(), backup);
    let (folder, journal) = restored(&bytes);
    assert_eq!(contents(&journal), contents(&store.journal));
    assert_eq!(journal.secret(), store.journal.secret());
    journal.append(vec![put("a", 10, "later")]).await.unwrap();
    drop(journal);
    let journal = open(folder.path()).unwrap();
    let entity = journal.entity(&thing("a")).unwrap();
    assert_eq!(sketch(entity.as_deref()), "11: later");
    assert_eq!(journal.head(), Position(22));
}

#[tokio::test]
async fn a_secret_is_made_once_and_is_for_its_owner() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let secret = *open(folder.path()).unwrap().secret();
    assert_eq!(*open(folder.path()).unwrap().secret(), secret);
    let file = folder.path().join("journal.secret");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_ne!(*TestJournal::start().journal.secret(), secret);
}

/// Copies of earlier versions have no secret.
#[tokio::test]
async fn a_copy_without_secret_is_given_a_new_one() {
    let store = given_a_past().await;
    let (_, bytes) = copy_of(&store.journal);
    let mut old = b"TWWBACK1".to_vec();
    old.extend_from_slice(&bytes[24..bytes.len() - 4]);
    old.extend_from_slice(&crc32fast::hash(&old).to_be_bytes());
    let (_folder, journal) = restored(&old);
    assert_eq!(contents(&journal), contents(&store.journal));
    assert_ne!(journal.secret(), store.journal.secret());
}

#[tokio::test]
async fn an_empty_store_is_restored_empty() {
    let store = TestJournal::start();
    let (_folder, journal) = restored(&copy_of(&store.journal).1);
    assert_eq!(journal.head(), Position::START);
}

/// The start after a restoration checks its end like any other.
#[tokio::test]
async fn a_restored_store_remembers_its_end() {
    let store = given_a_past().await;
    let (_, bytes) = copy_of(&store.journal);
    let (folder, journal) = restored(&bytes);
    drop(journal);
    std::fs::remove_dir_all(folder.path().join("journal")).unwrap();
    let reason = open(folder.path())
        .err()
        .expect("it is damaged")
        .to_string();
    assert!(reason.contains("record 21 was durable"), "{reason}");
}

/// Under load: what was acknowledged before is there, and what is there has no gaps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_under_load_is_a_state_that_was() {
    let store = TestJournal::start();
    let (is_over, acknowledged) = (Arc::new(AtomicBool::new(false)), counters());
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (journal, is_over) = (Arc::clone(&store.journal), Arc::clone(&is_over));
            let acknowledged = Arc::clone(&acknowledged);
            tokio::spawn(async move {
                let (id, partner) = (format!("w{writer}"), format!("p{writer}"));
                let mut revision = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let both = vec![put(&id, revision, "x"), put(&partner, revision, "x")];
                    journal.append(both).await.unwrap();
                    revision += 1;
                    acknowledged[writer].store(revision, Ordering::Release);
                }
            })
        })
        .collect();
    for at_least in [1, 20, 60] {
        while acknowledged[0].load(Ordering::Acquire) < at_least {
            tokio::task::yield_now().await;
        }
        let before: Vec<u64> = acknowledged
            .iter()
            .map(|revision| revision.load(Ordering::Acquire))
            .collect();
        let journal = Arc::clone(&store.journal);
        let copied = tokio::task::spawn_blocking(move || copy_of(&journal));
        let (backup, bytes) = copied.await.unwrap();
        let (_folder, copy) = restored(&bytes);
        check_prefix(&copy, &before);
        assert_eq!(copy.head(), backup.head);
    }
    is_over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}

fn counters() -> Arc<Vec<AtomicU64>> {
    Arc::new((0..WRITERS).map(|_| AtomicU64::new(0)).collect())
}

#[track_caller]
fn check_prefix(copy: &Embedded, acknowledged: &[u64]) {
    let records = copy.records(Position::START, usize::MAX).unwrap();
    let positions = records.iter().map(|record| record.position.0);
    assert!(positions.eq(1..=copy.head().0), "the records have a gap");
    for (writer, before) in acknowledged.iter().enumerate() {
        let revision_of = |id: String| {
            let history = copy.history(&thing(&id), 1, usize::MAX).unwrap();
            let entity = copy.entity(&thing(&id)).unwrap();
            let revision = entity.map_or(0, |entity| entity.revision);
            assert_eq!(history.len() as u64, revision, "{id}");
            revision
        };
        let revision = revision_of(format!("w{writer}"));
        assert!(revision >= *before, "w{writer}: {revision} of {before}");
        assert_eq!(revision, revision_of(format!("p{writer}")), "half a change");
    }
}

#[track_caller]
fn check_invalid(bytes: &[u8], expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    for found in [
        verify(&mut &*bytes).err(),
        restore(&mut &*bytes, folder.path()).err(),
    ] {
        match found {
            Some(BackupError::Invalid { reason }) if reason.contains(expected) => {}
            other => panic!("expected `{expected}`, found {other:?}"),
        }
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "it left {left:?}");
}

#[tokio::test]
async fn a_copy_that_is_not_whole_is_refused() {
    let (_, bytes) = copy_of(&given_a_past().await.journal);
    check_invalid(b"", "ends too early");
    check_invalid(b"something else", "does not begin like one");
    check_invalid(&bytes[..bytes.len() - 1], "ends too early");
    check_invalid(&[&*bytes, b"\n"].concat(), "goes on after its end");
    check_invalid(&[&*bytes, &*bytes].concat(), "goes on after its end");
    for length in 8..bytes.len() {
        let found = verify(&mut &bytes[..length]);
        assert!(
            matches!(found, Err(BackupError::Invalid { .. })),
            "{length} bytes: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_flipped_bit_in_a_copy_is_always_noticed() {
    let (_, bytes) = copy_of(&given_a_past().await.journal);
    for offset in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[offset] ^= 0x10;
        match verify(&mut &*flipped) {
            Err(BackupError::Invalid { .. }) => {}
            other => panic!("offset {offset}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_folder_that_holds_anything_is_left_alone() {
    let (_, bytes) = copy_of(&given_a_past().await.journal);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("note"), "keep me").unwrap();
    let refused = restore(&mut &*bytes, folder.path());
    assert!(matches!(refused, Err(BackupError::NotEmpty { .. })));
    assert_eq!(names(folder.path()), ["note"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_restored_store_is_its_owners_alone_in_a_folder_that_was_open() {
    use std::os::unix::fs::PermissionsExt;
    let (_, bytes) = copy_of(&given_a_past().await.journal);
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("there");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    restore(&mut &*bytes, &folder).unwrap();
    let mut seen = 0;
    let mut left = vec![folder];
    while let Some(path) = left.pop() {
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{}", path.display());
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            left.extend(entries.map(|entry| entry.unwrap().path()));
        }
        seen += 1;
    }
    assert!(seen > 4, "{seen}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}
