//! Kills a writing process again and again: what it had acknowledged must be there, without gaps.
//!
//! The child is this test binary, told by a variable of its environment to write instead of test.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use journal::{Embedded, Journal as _, Position};

use crate::harness::{open, put, thing};

const FOLDER_VARIABLE: &str = "JOURNAL_TEST_CRASH_FOLDER";
const KILLS: usize = 10;
const WRITERS: usize = 16;
/// Acknowledgements awaited before a kill: each round another number, so that the kill falls anywhere in a group.
const ACKNOWLEDGED_PER_ROUND: usize = 150;

#[test]
fn acknowledged_writes_survive_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<String, u64> = HashMap::new();
    for round in 0..KILLS {
        let mut child = spawn_writer(folder.path());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut child = Some(child);
        for (count, line) in lines
            .map_while(Result::ok)
            .filter(|line| line.starts_with("ack "))
            .enumerate()
        {
            // Killed in mid-write; what the pipe still holds was acknowledged before.
            if count == ACKNOWLEDGED_PER_ROUND + round * 7
                && let Some(child) = child.take()
            {
                kill(child);
            }
            let (id, revision) = parse(&line).unwrap_or_else(|| panic!("torn line {line:?}"));
            acknowledged.insert(id, revision);
        }
        assert!(child.is_none(), "the writer ended before it was killed");
        check_all_there(folder.path(), &acknowledged);
    }
}

/// `ack <id> <revision>`
fn parse(line: &str) -> Option<(String, u64)> {
    let (id, revision) = line.strip_prefix("ack ")?.split_once(' ')?;
    Some((id.to_owned(), revision.parse().ok()?))
}

fn spawn_writer(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture", "--test-threads=1"])
        .env(FOLDER_VARIABLE, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// SIGKILL, by the id of the child that this test started.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[track_caller]
fn check_all_there(folder: &Path, acknowledged: &HashMap<String, u64>) {
    let journal = open(folder).unwrap();
    let mut expected_next: HashMap<String, u64> = HashMap::new();
    let records = journal.records(Position::START, usize::MAX).unwrap();
    assert_eq!(journal.head().0, records.len() as u64);
    for record in records {
        let next = expected_next
            .entry(record.entity.id.to_string())
            .or_insert(1);
        assert_eq!(record.revision, *next, "a gap in {}", record.entity);
        *next += 1;
    }
    for (id, revision) in acknowledged {
        let entity = journal.entity(&thing(id)).unwrap().expect("acknowledged");
        assert!(
            entity.revision >= *revision,
            "{id}: {} of {revision}",
            entity.revision
        );
        assert_eq!(
            entity.revision + 1,
            expected_next[id],
            "{id}: view and records differ"
        );
        let history = journal.history(&thing(id), 1, usize::MAX).unwrap();
        assert_eq!(
            history.len() as u64,
            entity.revision,
            "{id}: a hole in its history"
        );
    }
}

/// Nothing on its own; in the child it writes until it is killed.
#[test]
#[expect(clippy::disallowed_methods, reason = "tells the child from the test")]
fn child() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let journal = open(Path::new(&folder)).unwrap();
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| tokio::spawn(write_forever(Arc::clone(&journal), number)))
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

async fn write_forever(journal: Arc<Embedded>, number: usize) {
    let id = format!("thing-{number}");
    let entity = journal.entity(&thing(&id)).unwrap();
    let mut revision = entity.map_or(0, |entity| entity.revision);
    loop {
        let state = format!("{revision}:").repeat(100);
        let partner = format!("{id}-partner");
        let appends = vec![put(&id, revision, &state), put(&partner, revision, &state)];
        journal.append(appends).await.unwrap();
        revision += 1;
        // One write per line, so that lines of several writers do not mix.
        println!("ack {id} {revision}\nack {partner} {revision}");
    }
}
