//! What reaches the file, in which order, and what happens when it cannot.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::event::{Actor, Method, Outcome, Reason, Source};
use crate::file::FileSettings;
use crate::{Filter, earlier_files, query, verify};

fn at() -> Timestamp {
    "2026-11-20T07:14:09.501332Z".parse().unwrap()
}

fn settings(path: &Path) -> Settings {
    Settings {
        file: FileSettings {
            path: path.to_owned(),
            bytes_max: 1 << 20,
            age_max: None,
            keep: 3,
        },
        level: Level::Writes,
        on_full: OnFull::DropAndCount,
        queue: 64,
    }
}

/// Files of so many bytes, and so many earlier ones.
fn rotating(path: &Path, bytes_max: u64, keep: usize) -> Settings {
    let file = FileSettings {
        bytes_max,
        keep,
        ..settings(path).file
    };
    Settings {
        file,
        ..settings(path)
    }
}

fn start(settings: Settings) -> Auditor {
    Auditor::start(settings, Arc::new(at)).unwrap()
}

/// Writes 20 records, a microsecond apart, because earlier files are told apart by time.
fn write_many(settings: Settings) {
    let ticking = AtomicU64::new(0);
    let clock = move || at() + Duration::from_micros(ticking.fetch_add(1, Ordering::Relaxed));
    let auditor = Auditor::start(settings, Arc::new(clock)).unwrap();
    for _ in 0..20 {
        auditor.record(write());
    }
    auditor.close();
}

fn alice() -> Actor {
    Actor::unknown(Method::Jwt).subjects(["acme:alice".to_owned()])
}

fn write() -> Event {
    Event::write(at(), alice(), Outcome::Allow)
}

fn denied(source: [u8; 4]) -> Event {
    let source = Source {
        address: Some(source.into()),
        peer: Some(source.into()),
        hops: 0,
    };
    let nobody = Actor::unknown(Method::Anonymous);
    Event::authentication_failed(at(), Reason::NoCredential, nobody).from(source)
}

fn records(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn kinds(path: &Path) -> Vec<String> {
    let kind = |record: &Value| record["event"].as_str().unwrap().to_owned();
    records(path).iter().map(kind).collect()
}

#[test]
fn records_are_numbered_chained_and_readable_by_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/audit.jsonl");
    let auditor = start(settings(&path));
    auditor.record(Event::server_start(at(), "0.1.0"));
    auditor.set_epoch(7);
    auditor.record(write());
    auditor.close();
    let records = records(&path);
    assert_eq!(records[0]["seq"], 1);
    assert_eq!(records[1]["seq"], 2);
    assert_eq!(records[0]["cfg"]["epoch"], 1);
    assert_eq!(records[1]["cfg"]["epoch"], 7);
    assert_eq!(records[0].get("prev"), None);
    assert_eq!(records[1]["prev"].as_str().map(str::len), Some(64));
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let report = verify(&path, None).unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.lines, report.boots), (2, 1));
}

#[test]
fn the_chain_goes_on_over_restarts_and_rotations() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    for _ in 0..3 {
        write_many(rotating(&path, 2000, 100));
    }
    assert!(
        earlier_files(&path).len() >= 2,
        "{:?}",
        earlier_files(&path)
    );
    let report = verify(&path, None).unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.boots, 3);
    let first = kinds(&path)[0].clone();
    assert_eq!(first, "audit.rotated");
    let mut found = Vec::new();
    let filter = Filter {
        event: Some("access".to_owned()),
        ..Filter::default()
    };
    assert_eq!(query(&path, &filter, &mut found).unwrap(), 60);
}

#[test]
fn only_so_many_files_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    write_many(rotating(&path, 300, 3));
    let earlier = earlier_files(&path);
    assert_eq!(earlier.len(), 3);
    let report = verify(&path, None).unwrap();
    assert!(
        report.is_intact() && report.begins_in_the_middle,
        "{report:?}"
    );
    // What a rotation gives up is a whole file, never the beginning of one.
    let text = fs::read_to_string(&earlier[0]).unwrap();
    let (_first, rest) = text.split_once('\n').unwrap();
    fs::write(&earlier[0], rest).unwrap();
    let report = verify(&path, None).unwrap();
    assert!(!report.is_intact(), "{report:?}");
}

/// What the writer says itself, it says under the configuration in force.
#[test]
fn a_rotation_names_the_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let auditor = start(rotating(&path, 300, 3));
    auditor.set_epoch(7);
    for _ in 0..5 {
        auditor.record(write());
    }
    auditor.close();
    let first = &records(&path)[0];
    assert_eq!(first["event"], "audit.rotated");
    assert_eq!(first["cfg"]["epoch"], 7);
}

#[track_caller]
fn check_tampered(change: impl FnOnce(String) -> String, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let auditor = start(settings(&path));
    for _ in 0..5 {
        auditor.record(write());
    }
    auditor.close();
    let anchor = verify(&path, None).unwrap().anchor;
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    let report = verify(&path, anchor.as_deref()).unwrap();
    assert!(!report.is_intact());
    let faults: Vec<_> = report
        .faults
        .iter()
        .map(|fault| fault.message.as_str())
        .collect();
    assert!(
        faults.join("\n").contains(expected),
        "{faults:?}, {:?}",
        report.anchor_found
    );
}

#[test]
fn what_was_changed_is_found() {
    let without = |number: usize| {
        move |text: String| {
            let lines = text.split_inclusive('\n').enumerate();
            lines
                .filter(|(line, _)| *line != number)
                .map(|(_, line)| line)
                .collect::<String>()
        }
    };
    check_tampered(
        |text| text.replacen("acme:alice", "acme:mallo", 1),
        "the line before was changed",
    );
    check_tampered(without(2), "is missing");
    check_tampered(without(2), "the line before was changed or removed");
    check_tampered(without(0), "the lines before this one were removed");
    check_tampered(|text| format!("{text}{text}"), "put in");
    check_tampered(|text| text.replacen('{', "x", 2), "no audit record");
    // Nothing in the file tells that its end is gone: the anchor does.
    check_tampered(without(4), "");
}

#[test]
fn a_line_that_was_cut_off_is_told_from_one_that_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let auditor = start(settings(&path));
    auditor.record(write());
    auditor.record(write());
    auditor.close();
    drop(auditor);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 40]).unwrap();
    let auditor = start(settings(&path));
    auditor.record(write());
    auditor.close();
    let report = verify(&path, None).unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.torn, 1);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"seq\":2", "\"seq\":9", 1)).unwrap();
    assert!(!verify(&path, None).unwrap().is_intact());
}

#[test]
fn refusals_share_a_record_and_reads_are_for_level_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let auditor = start(settings(&path));
    auditor.record(Event::read(at(), alice(), Outcome::Allow));
    for _ in 0..1000 {
        auditor.record(denied([10, 0, 0, 1]));
        auditor.flush();
    }
    auditor.record(denied([10, 0, 0, 2]));
    auditor.close();
    let records = records(&path);
    assert_eq!(records.len(), 22);
    assert_eq!(records[21]["agg"]["count"], 980);
    assert!(!auditor.wants_reads());
    assert!(auditor.wants_allow(1 << 30, at()));
    assert!(!auditor.wants_allow(1 << 30, at()));
}

#[tokio::test]
async fn a_full_queue_loses_what_is_of_interest_and_refuses_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let auditor = start(Settings {
        level: Level::Full,
        queue: 4,
        ..settings(&path)
    });
    // Whoever holds a permit holds a place.
    let mut permits = Vec::new();
    for _ in 0..4 {
        permits.push(auditor.admit_change().await.unwrap());
    }
    auditor.record(Event::read(at(), alice(), Outcome::Allow));
    auditor.record(Event::read(at(), alice(), Outcome::Allow));
    assert_eq!(auditor.admit_change().await.err(), Some(NotAdmitted));
    assert!(matches!(auditor.admit_read().await, Ok(None)));
    assert_eq!(auditor.health().unwrap().lost, 2);
    assert_eq!(auditor.health().unwrap().waiting, 4);
    permits.pop().unwrap().record(write());
    permits.clear();
    auditor.flush();
    assert!(auditor.admit_change().await.is_ok());
    auditor.close();
    let records = records(&path);
    assert_eq!(records[0]["event"], "audit.gap");
    assert_eq!(records[0]["info"]["lost"], 2);
    assert_eq!(records[0]["seq"], 3);
    let report = verify(&path, None).unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.lost, 2);
}

#[tokio::test]
async fn whoever_must_not_lose_anything_waits_or_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let full = |name: &str, on_full| {
        start(Settings {
            level: Level::Full,
            on_full,
            queue: 1,
            ..settings(&folder.path().join(name))
        })
    };
    let closed = full("closed.jsonl", OnFull::FailClosed);
    let permit = closed.admit_change().await.unwrap();
    assert_eq!(closed.admit_change().await.err(), Some(NotAdmitted));
    assert!(closed.admit_read().await.is_err());
    drop(permit);
    assert!(closed.admit_read().await.is_ok());
    let blocking = full("blocking.jsonl", OnFull::Block);
    let permit = blocking.admit_change().await.unwrap();
    let (waited, ()) = tokio::join!(blocking.admit_change(), async { drop(permit) });
    assert!(waited.is_ok());
}

#[tokio::test]
async fn a_full_disk_is_waited_out_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder.path().join("audit.jsonl"));
    let full = AuditFile::full(settings.file.clone());
    let auditor = Auditor::writing_to(full, &settings, Arc::new(at)).unwrap();
    auditor.record(write());
    while auditor.health().unwrap().failure.is_none() {
        tokio::task::yield_now().await;
    }
    let failure = auditor.health().unwrap().failure.unwrap();
    assert!(failure.contains("No space left"), "{failure}");
    assert_eq!(auditor.admit_change().await.err(), Some(NotAdmitted));
    auditor.close();
}

#[test]
fn a_file_has_one_writer_and_is_no_link() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let first = start(settings(&path));
    let error = Auditor::start(settings(&path), Arc::new(at)).err().unwrap();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    first.close();
    let link = folder.path().join("link.jsonl");
    std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
    let error = Auditor::start(settings(&link), Arc::new(at)).err().unwrap();
    assert!(matches!(error, Error::NoPlainFile { .. }), "{error}");
}

#[test]
fn fingerprints_tell_credentials_apart_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let one = start(settings(&folder.path().join("one")));
    let other = start(settings(&folder.path().join("other")));
    assert_eq!(one.fingerprint(b"swordfish"), one.fingerprint(b"swordfish"));
    assert_ne!(one.fingerprint(b"swordfish"), one.fingerprint(b"sword"));
    assert_ne!(
        one.fingerprint(b"swordfish"),
        other.fingerprint(b"swordfish")
    );
    assert_eq!(one.fingerprint(b"swordfish").len(), "fp:00000000".len());
}
