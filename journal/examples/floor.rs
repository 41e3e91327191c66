//! Prints durable puts a second of the bare engine and of the journal above it, in one run at the same group size.
//!
//! `cargo run --release -p journal --example floor -- [writers] [seconds] [bytes] [folder] [engine|journal]`
//!
//! With `engine` as the last word it prints the floor alone, once, with `journal` what the journal does, and the mean size
//! of its groups.
//!
//! The floor commits batches of `writers` values of `bytes` each with one sync; the journal serves as many writers,
//! each waiting for its own append of a signal and a state of that size.
#![expect(
    clippy::cast_precision_loss,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring tool prints, and may stop at the first error"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fjall::{Database, KeyspaceCreateOptions, PersistMode};
use jiff::Timestamp;
use journal::{
    Append, Embedded, EmbeddedOptions, EntityKey, EntityKind, Journal as _, Memo, Written,
};

/// That of the gateway, so that the two can be compared.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Alternated, so that a machine that gets slower does not favour either.
const ROUNDS: usize = 3;
const ENTITIES_PER_WRITER: u64 = 100;

struct Settings {
    writers: u64,
    duration: Duration,
    value: Bytes,
    folder: PathBuf,
}

fn main() {
    let settings = Settings::from_arguments();
    match std::env::args().nth(5).as_deref() {
        Some("engine") => {
            let floor = in_folder(&settings, floor_puts_per_second);
            return println!("{floor:.0}");
        }
        Some("journal") => {
            let (journal, group) = in_folder(&settings, journal_puts);
            return println!("{journal:.0} {group:.0}");
        }
        _ => {}
    }
    idle(&settings);
    let Settings { writers, value, .. } = &settings;
    let bytes = value.len();
    println!("{writers} writers, values of {bytes} bytes, puts/s");
    for round in 1..=ROUNDS {
        let floor = in_folder(&settings, floor_puts_per_second);
        let (journal, _) = in_folder(&settings, journal_puts);
        let ratio = journal / floor;
        println!("round {round}: floor {floor:.0}, journal {journal:.0}, ratio {ratio:.2}");
    }
}

impl Settings {
    fn from_arguments() -> Self {
        let mut arguments = std::env::args().skip(1);
        let mut number = |default: u64| {
            let argument = arguments.next();
            argument.map_or(default, |text| text.parse().expect("a number"))
        };
        let (writers, seconds, bytes) = (number(64), number(5), number(1024));
        Self {
            writers,
            duration: Duration::from_secs(seconds),
            value: Bytes::from(vec![b'v'; usize::try_from(bytes).unwrap()]),
            folder: arguments
                .next()
                .map_or_else(std::env::temp_dir, PathBuf::from),
        }
    }
}

fn in_folder<T>(settings: &Settings, measure: impl FnOnce(&Settings, &Path) -> T) -> T {
    let folder = settings
        .folder
        .join(format!("journal-floor-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let result = measure(settings, &folder);
    std::fs::remove_dir_all(&folder).unwrap();
    result
}

fn floor_puts_per_second(settings: &Settings, folder: &Path) -> f64 {
    let database = Database::builder(folder).open().unwrap();
    let keyspace = database
        .keyspace("floor", KeyspaceCreateOptions::default)
        .unwrap();
    let start = Instant::now();
    let mut puts = 0;
    while start.elapsed() < settings.duration {
        let mut batch = database.batch().durability(Some(PersistMode::SyncData));
        for writer in 0..settings.writers {
            let key = puts + writer;
            batch.insert(&keyspace, key.to_be_bytes(), settings.value.as_ref());
        }
        batch.commit().unwrap();
        puts += settings.writers;
    }
    per_second(puts, start)
}

/// Puts a second, and records a group.
fn journal_puts(settings: &Settings, folder: &Path) -> (f64, f64) {
    let journal = Embedded::open(folder, EmbeddedOptions::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let start = Instant::now();
    let puts = Arc::new(AtomicU64::new(0));
    runtime.block_on(async {
        let writers: Vec<_> = (0..settings.writers)
            .map(|writer| {
                let (journal, puts) = (Arc::clone(&journal), Arc::clone(&puts));
                let (value, end) = (settings.value.clone(), start + settings.duration);
                tokio::spawn(async move {
                    let mut revision = 0;
                    while Instant::now() < end {
                        for entity in 0..ENTITIES_PER_WRITER {
                            let id = format!("org.acme:thing-{writer}-{entity}");
                            journal
                                .append(vec![put(id, revision, &value)])
                                .await
                                .unwrap();
                            puts.fetch_add(1, Ordering::Relaxed);
                        }
                        revision += 1;
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
    let Written { records, commits } = journal.written();
    let rate = per_second(puts.load(Ordering::Relaxed), start);
    (rate, records as f64 / commits as f64)
}

fn put(id: String, expected_revision: u64, value: &Bytes) -> Append {
    Append {
        entity: EntityKey::new(EntityKind::Thing, id),
        expected_revision,
        timestamp: Timestamp::UNIX_EPOCH,
        signal: value.clone(),
        signal_memo: Memo::default(),
        state: Some(value.clone()),
        state_memo: Memo::default(),
    }
}

fn per_second(puts: u64, start: Instant) -> f64 {
    puts as f64 / start.elapsed().as_secs_f64()
}

/// What a store costs that was opened and does nothing (memory: Linux only).
fn idle(settings: &Settings) {
    let grown = in_folder(settings, |_, folder| {
        let before = resident_kib();
        let journal = timed_open("a new", folder);
        let grown = resident_kib() - before;
        drop(journal);
        drop(timed_open("an existing", folder));
        grown
    });
    println!("an idle store takes {grown} KiB of memory");
}

fn timed_open(which: &str, folder: &Path) -> Arc<Embedded> {
    let start = Instant::now();
    let journal = Embedded::open(folder, EmbeddedOptions::default()).unwrap();
    println!("opening {which} store took {:?}", start.elapsed());
    journal
}

fn resident_kib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}
