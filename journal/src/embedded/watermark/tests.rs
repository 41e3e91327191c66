//! Tests of the watermark.

use super::*;

fn mark(position: u64) -> Mark {
    Mark {
        position: Position(position),
        checksum: 0xDEAD_BEEF,
    }
}

fn reopened(path: &Path) -> Option<Mark> {
    WatermarkFile::open(path).unwrap().1
}

#[test]
fn the_last_mark_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w");
    assert_eq!(reopened(&path), None);
    for position in 1..=5 {
        let (mut file, _) = WatermarkFile::open(&path).unwrap();
        file.write(mark(position)).unwrap();
        assert_eq!(reopened(&path), Some(mark(position)));
    }
}

#[test]
fn a_spoilt_slot_leaves_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w");
    let (mut file, _) = WatermarkFile::open(&path).unwrap();
    file.write(mark(1)).unwrap();
    file.write(mark(2)).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(reopened(&path), Some(mark(1)));
}

#[test]
fn a_file_without_any_mark_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w");
    std::fs::write(&path, "something else").unwrap();
    let opened = WatermarkFile::open(&path).map(|_| ());
    assert!(matches!(opened, Err(StoreError::Damaged { .. })));
}

#[test]
fn a_reset_wins_over_a_newer_mark() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w");
    let (mut file, _) = WatermarkFile::open(&path).unwrap();
    file.write(mark(8)).unwrap();
    file.write(mark(9)).unwrap();
    file.reset(mark(3)).unwrap();
    assert_eq!(reopened(&path), Some(mark(3)));
}

#[test]
fn a_first_mark_that_never_reached_the_disk_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w");
    std::fs::write(&path, [0; MARK_BYTES]).unwrap();
    assert_eq!(reopened(&path), None);
}
