//! The thread that writes: in batches, every line chained to the one before, waiting out a full disk.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::Clock;
use crate::auditor::{Shared, random};
use crate::event::Event;
use crate::file::{AuditFile, Found, hash_of};
use crate::line::{Entry, Stamp, render};

/// How often folded events are written out, and what was written is made to survive a loss of power.
const TICK: Duration = Duration::from_secs(1);

/// How long a full disk is left alone.
const RETRY: Duration = Duration::from_millis(250);

/// After a file could not be replaced, it is written to for this long before the next try.
const ROTATION_RETRY: Duration = Duration::from_secs(60);

/// For how long the next events gather after others were written.
const GATHERING: Duration = Duration::from_millis(1);

/// At most so many events are written at once.
const BATCH: usize = 256;

/// What the writer is told.
pub(crate) enum Message {
    Entry(Box<Entry>),
    Flush(mpsc::SyncSender<()>),
    Close(mpsc::SyncSender<()>),
}

/// Owns the file.
pub(crate) struct Writer {
    file: AuditFile,
    shared: Arc<Shared>,
    clock: Clock,
    boot: String,
    sequence: u64,
    previous: Option<String>,
    /// Lines that are not in the file yet.
    lines: Vec<u8>,
    rotation_rests_until: Option<Instant>,
}

impl Writer {
    pub(crate) fn new(file: AuditFile, found: Found, shared: Arc<Shared>, clock: Clock) -> Self {
        let mut writer = Self {
            file,
            shared,
            clock,
            boot: boot_id(),
            sequence: 0,
            previous: found.last_line,
            lines: Vec::new(),
            rotation_rests_until: None,
        };
        if found.is_torn {
            let why = "the last line of an earlier process was cut off";
            let now = writer.now();
            writer.add(writer.entry(Event::gap(now, 0, why)));
        }
        writer
    }

    pub(crate) fn run(mut self, messages: &mpsc::Receiver<Message>) {
        let mut ticked = Instant::now();
        let mut more = None;
        loop {
            let mut asked = None;
            match more.take().map_or_else(|| messages.recv_timeout(TICK), Ok) {
                Ok(message) => asked = self.take_batch(message, messages),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return self.end(),
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                self.tick(false);
            }
            self.write_out();
            match asked {
                Some(Message::Close(done)) => {
                    self.end();
                    // Frees the file before anybody goes on.
                    drop(self);
                    // Whoever asked may have given up waiting.
                    let _ = done.send(());
                    return;
                }
                Some(Message::Flush(done)) => {
                    let _ = done.send(());
                }
                Some(Message::Entry(_)) => {}
                None => more = gather(messages),
            }
        }
    }

    /// Takes events until none waits, or somebody asks for something.
    fn take_batch(
        &mut self,
        first: Message,
        messages: &mpsc::Receiver<Message>,
    ) -> Option<Message> {
        let mut next = Some(first);
        for _ in 0..BATCH {
            match next {
                Some(Message::Entry(entry)) => {
                    self.add_gap();
                    self.add(*entry);
                    self.shared.places.add_permits(1);
                }
                Some(Message::Flush(_) | Message::Close(_)) => return next,
                None => return None,
            }
            next = messages.try_recv().ok();
        }
        // The one that was taken beyond the batch must not be lost.
        match next {
            Some(Message::Entry(entry)) => {
                self.add(*entry);
                self.shared.places.add_permits(1);
                None
            }
            other => other,
        }
    }

    fn tick(&mut self, all: bool) {
        let now = self.now();
        self.add_gap();
        for (event, aggregate) in self.shared.folding.take(now, all) {
            let mut entry = self.entry(event);
            entry.aggregate = Some(aggregate);
            self.add(entry);
        }
        if self.file.is_full((0, 0), now) {
            self.rotate();
        }
        if let Err(error) = self.file.sync() {
            self.fail(&error);
        }
    }

    /// Says how many events found no place; each of them has a number all the same.
    fn add_gap(&mut self) {
        let lost = self.shared.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            self.sequence += lost;
            let gap = Event::gap(
                self.now(),
                lost,
                "events came faster than they could be written",
            );
            self.add(self.entry(gap));
        }
    }

    fn add(&mut self, entry: Entry) {
        let line = self.rendered(&entry);
        if self
            .file
            .is_full((self.lines.len(), line.len()), entry.event.at)
            && self.rotate()
        {
            let line = self.rendered(&entry);
            return self.push(&line);
        }
        self.push(&line);
    }

    fn rendered(&self, entry: &Entry) -> Vec<u8> {
        let stamp = Stamp {
            boot: &self.boot,
            sequence: self.sequence + 1,
            previous: self.previous.as_deref(),
        };
        render(entry, &stamp)
    }

    fn push(&mut self, line: &[u8]) {
        self.sequence += 1;
        self.previous = Some(hash_of(line));
        self.lines.extend_from_slice(line);
        self.shared.written.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins another file, whose first line names the one before.
    fn rotate(&mut self) -> bool {
        if self
            .rotation_rests_until
            .is_some_and(|until| Instant::now() < until)
        {
            return false;
        }
        self.write_out();
        let now = self.now();
        match self.file.rotate(now) {
            Ok((previous, lines)) => {
                self.anchor();
                let line = self.rendered(&self.entry(Event::rotated(now, &previous, lines)));
                self.push(&line);
                self.rotation_rests_until = None;
                true
            }
            Err(error) => {
                tracing::error!(%error, path = %self.file.path().display(), "No new audit file could be begun");
                self.rotation_rests_until = Some(Instant::now() + ROTATION_RETRY);
                false
            }
        }
    }

    /// What the log says of the chain, an intruder must change there too.
    fn anchor(&self) {
        if let Some(anchor) = &self.previous {
            tracing::info!(
                audit.anchor = %anchor,
                audit.boot = %self.boot,
                audit.seq = self.sequence,
                "The chain of audit records stands at {anchor}"
            );
        }
    }

    /// Waits until the file takes the lines: what follows stays in the queue meanwhile.
    fn write_out(&mut self) {
        let mut written = 0;
        while let Some(rest) = self.lines.get(written..).filter(|rest| !rest.is_empty()) {
            match self.file.write(rest) {
                Ok(count) => {
                    written += count;
                    self.recover();
                }
                Err(error) => {
                    self.fail(&error);
                    if self.shared.is_closing.load(Ordering::Acquire) {
                        break;
                    }
                    std::thread::sleep(RETRY);
                }
            }
        }
        self.lines.clear();
    }

    fn fail(&self, error: &std::io::Error) {
        if !self.shared.is_failing.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, path = %self.file.path().display(), "Audit records cannot be written");
        }
        *self.shared.failure.lock() = Some(error.to_string());
    }

    fn recover(&self) {
        if self.shared.is_failing.swap(false, Ordering::Relaxed) {
            *self.shared.failure.lock() = None;
            tracing::info!("Audit records are written again");
        }
    }

    fn end(&mut self) {
        self.tick(true);
        self.write_out();
        if let Err(error) = self.file.sync() {
            tracing::error!(%error, "The last audit records may not survive a loss of power");
        }
        self.anchor();
    }

    /// What this thread has to say itself, under the configuration that is in force.
    fn entry(&self, event: Event) -> Entry {
        Entry {
            event,
            epoch: self.shared.epoch.load(Ordering::Relaxed),
            aggregate: None,
        }
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

/// What came while this thread rested. Whoever records an event while nobody listens need not wake anybody, which costs
/// more than everything else about it.
fn gather(messages: &mpsc::Receiver<Message>) -> Option<Message> {
    std::thread::sleep(GATHERING);
    messages.try_recv().ok()
}

/// Tells the records of one process from those of another.
fn boot_id() -> String {
    let digits = random::<8>().map(|byte| u32::from(byte) % 36);
    digits
        .into_iter()
        .filter_map(|digit| char::from_digit(digit, 36))
        .collect()
}
