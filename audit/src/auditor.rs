//! The hand that everybody records with: decides what is recorded, and never waits for the file.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use aws_lc_rs::{hmac, rand};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::event::{Event, EventKind};
use crate::file::{AuditFile, Found};
use crate::first_use::FirstUse;
use crate::folding::Folding;
use crate::line::{Aggregate, Entry};
use crate::writer::{Message, Writer};
use crate::{Clock, Error, Level, OnFull, Settings};

/// How long whoever changes something waits for a place in the queue before being refused.
const PATIENCE: Duration = Duration::from_millis(50);

/// How often somebody who waits looks whether the file can be written again.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long the end of the process waits for the last records.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Records events. Cloning is cheap.
#[derive(Clone)]
pub struct Auditor(Option<Arc<Inner>>);

struct Inner {
    level: Level,
    on_full: OnFull,
    path: PathBuf,
    queue: usize,
    messages: mpsc::Sender<Message>,
    fingerprint_key: hmac::Key,
    first_use: FirstUse,
    shared: Arc<Shared>,
}

/// What recording and writing have in common.
pub(crate) struct Shared {
    /// Places in the queue.
    pub(crate) places: Semaphore,
    /// Events that found none, since the last record that says so.
    pub(crate) lost: AtomicU64,
    pub(crate) lost_ever: AtomicU64,
    pub(crate) written: AtomicU64,
    pub(crate) is_failing: AtomicBool,
    pub(crate) failure: Mutex<Option<String>>,
    pub(crate) is_closing: AtomicBool,
    pub(crate) folding: Folding,
    pub(crate) epoch: AtomicU64,
}

/// How recording goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHealth {
    /// The file in use.
    pub path: PathBuf,
    /// Why it cannot be written at the moment.
    pub failure: Option<String>,
    /// Events that were recorded.
    pub written: u64,
    /// Events that were not.
    pub lost: u64,
    /// Events that wait for the writer.
    pub waiting: usize,
}

/// What was asked for cannot be recorded, so it must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no audit record can be written")]
pub struct NotAdmitted;

/// The certainty that one event will be recorded.
#[must_use]
pub struct Permit(Option<Arc<Inner>>);

impl Auditor {
    /// Opens the file and starts the writer.
    ///
    /// # Errors
    ///
    /// [`Error`] if the file cannot be used.
    pub fn start(settings: Settings, clock: Clock) -> Result<Self, Error> {
        let opened = AuditFile::open(settings.file.clone(), clock())?;
        Self::writing_to(opened, &settings, clock)
    }

    fn writing_to(
        (file, found): (AuditFile, Found),
        settings: &Settings,
        clock: Clock,
    ) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            places: Semaphore::new(settings.queue),
            lost: AtomicU64::new(0),
            lost_ever: AtomicU64::new(0),
            written: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
            failure: Mutex::new(None),
            is_closing: AtomicBool::new(false),
            folding: Folding::new(),
            epoch: AtomicU64::new(1),
        });
        let (messages, received) = mpsc::channel();
        let inner = Inner {
            level: settings.level,
            on_full: settings.on_full,
            path: file.path().to_owned(),
            queue: settings.queue,
            messages,
            fingerprint_key: hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()),
            first_use: FirstUse::new(),
            shared: Arc::clone(&shared),
        };
        let writer = Writer::new(file, found, shared, clock);
        std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || writer.run(&received))
            .map_err(Error::Thread)?;
        Ok(Self(Some(Arc::new(inner))))
    }

    /// One that records nothing, for tests of whoever records.
    pub fn off() -> Self {
        Self(None)
    }

    /// Records an event, unless it is one of many that share a record, or the level asks for less.
    pub fn record(&self, event: Event) {
        let Some(inner) = self.0.as_ref().filter(|inner| inner.wants(event.kind)) else {
            return;
        };
        let recorded = if event.is_folded() {
            let source = event.source.and_then(|source| source.address);
            let (kind, at) = (event.kind, event.at);
            inner.shared.folding.count((kind, source), at, || event)
        } else {
            Some(event)
        };
        if let Some(event) = recorded {
            inner.send_or_lose(event);
        }
    }

    /// The same for refusals, which are made only if they are recorded: under a flood, most are merely counted.
    pub fn record_with(
        &self,
        kind: EventKind,
        (source, at): (Option<IpAddr>, Timestamp),
        make: impl FnOnce() -> Event,
    ) {
        let Some(inner) = &self.0 else { return };
        if let Some(event) = inner.shared.folding.count((kind, source), at, make) {
            inner.send_or_lose(event);
        }
    }

    /// Whether an accepted credential is to be recorded: at [`Level::Full`] always, else when `credential`, a hash of
    /// credential and source, is seen for the first time within an hour.
    pub fn wants_allow(&self, credential: u64, at: Timestamp) -> bool {
        self.0.as_ref().is_some_and(|inner| {
            inner.level == Level::Full || inner.first_use.is_first(credential, at)
        })
    }

    /// Whether reads are recorded.
    pub fn wants_reads(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|inner| inner.level == Level::Full)
    }

    /// Makes sure that a change can be recorded before it happens.
    ///
    /// # Errors
    ///
    /// [`NotAdmitted`] if it cannot, after the time that the settings allow for.
    pub async fn admit_change(&self) -> Result<Permit, NotAdmitted> {
        let Some(inner) = &self.0 else {
            return Ok(Permit(None));
        };
        if let Some(permit) = inner.reserve_now() {
            return Ok(permit);
        }
        match inner.on_full {
            OnFull::Block => Ok(inner.reserve().await),
            OnFull::DropAndCount => tokio::time::timeout(PATIENCE, inner.reserve())
                .await
                .map_err(|_| NotAdmitted),
            OnFull::FailClosed => Err(NotAdmitted),
        }
    }

    /// The same for a read, if reads are recorded and must not be lost; `None` if they may be.
    ///
    /// # Errors
    ///
    /// As for a change.
    pub async fn admit_read(&self) -> Result<Option<Permit>, NotAdmitted> {
        let Some(inner) = self.0.as_ref().filter(|inner| inner.level == Level::Full) else {
            return Ok(None);
        };
        match inner.on_full {
            OnFull::DropAndCount => Ok(None),
            OnFull::Block | OnFull::FailClosed => self.admit_change().await.map(Some),
        }
    }

    /// Stands for a credential that nobody knows, so that its repeated use is visible; says nothing about it, and
    /// another process has another.
    pub fn fingerprint(&self, credential: &[u8]) -> Arc<str> {
        let Some(inner) = &self.0 else {
            return "fp:".into();
        };
        let tag = hmac::sign(&inner.fingerprint_key, credential);
        let digits = tag.as_ref().iter().take(4);
        let text: String = digits.map(|byte| format!("{byte:02x}")).collect();
        format!("fp:{text}").into()
    }

    /// From now on, records name this configuration.
    pub fn set_epoch(&self, epoch: u64) {
        if let Some(inner) = &self.0 {
            inner.shared.epoch.store(epoch, Ordering::Relaxed);
        }
    }

    /// How recording goes; `None` if nothing is recorded.
    pub fn health(&self) -> Option<AuditHealth> {
        let inner = self.0.as_ref()?;
        let shared = &inner.shared;
        Some(AuditHealth {
            path: inner.path.clone(),
            failure: shared.failure.lock().clone(),
            written: shared.written.load(Ordering::Relaxed),
            lost: shared.lost_ever.load(Ordering::Relaxed),
            waiting: inner
                .queue
                .saturating_sub(shared.places.available_permits()),
        })
    }

    /// Waits until everything that was recorded is in the file. Blocks: not for threads that serve requests.
    pub fn flush(&self) {
        self.ask(Message::Flush);
    }

    /// Writes what is left and ends the writer; what is recorded later is lost. Blocks.
    pub fn close(&self) {
        if let Some(inner) = &self.0 {
            inner.shared.is_closing.store(true, Ordering::Release);
        }
        self.ask(Message::Close);
    }

    fn ask(&self, message: impl FnOnce(mpsc::SyncSender<()>) -> Message) {
        let Some(inner) = &self.0 else { return };
        let (done, wait) = mpsc::sync_channel(1);
        if inner.messages.send(message(done)).is_ok() {
            // After that time the disk is at fault, and nothing is won by waiting.
            let _ = wait.recv_timeout(CLOSE_TIMEOUT);
        }
    }
}

impl Inner {
    fn wants(&self, kind: EventKind) -> bool {
        kind != EventKind::AccessRead || self.level == Level::Full
    }

    fn send_or_lose(&self, event: Event) {
        match self.shared.places.try_acquire() {
            Ok(place) => {
                place.forget();
                self.send(event);
            }
            Err(_) => self.lose(),
        }
    }

    /// Whoever calls this has taken a place in the queue.
    fn send(&self, event: Event) {
        let entry = Entry {
            event,
            epoch: self.shared.epoch.load(Ordering::Relaxed),
            aggregate: None::<Aggregate>,
        };
        if self.messages.send(Message::Entry(Box::new(entry))).is_err() {
            self.lose();
        }
    }

    fn lose(&self) {
        self.shared.lost.fetch_add(1, Ordering::Relaxed);
        self.shared.lost_ever.fetch_add(1, Ordering::Relaxed);
    }

    fn reserve_now(self: &Arc<Self>) -> Option<Permit> {
        if self.shared.is_failing.load(Ordering::Relaxed) {
            return None;
        }
        self.shared.places.try_acquire().ok()?.forget();
        Some(Permit(Some(Arc::clone(self))))
    }

    async fn reserve(self: &Arc<Self>) -> Permit {
        loop {
            if let Some(permit) = self.reserve_now() {
                return permit;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Permit {
    /// Records the event for which there is a place.
    pub fn record(mut self, event: Event) {
        if let Some(inner) = self.0.take() {
            inner.send(event);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(inner) = &self.0 {
            inner.shared.places.add_permits(1);
        }
    }
}

/// Bytes from the operating system.
pub(crate) fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    rand::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests;
