//! The publisher: one thread that turns durable records into events for every worker, in journal order.

use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Arc, mpsc};

use ::things::{ThingEvent, Things};
use journal::{EntityKind, Journal, Record};
use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::published::Published;
use super::shard::Notice;
use crate::clock::Clock;
use crate::error::ErrorChain;

/// Connects the journal with the shards.
pub(crate) struct Hub {
    shards: Mutex<Vec<UnboundedSender<Notice>>>,
    sessions: AtomicIsize,
}

impl Hub {
    /// Starts publishing what `journal` commits from now on.
    ///
    /// # Errors
    ///
    /// If no thread could be started.
    pub(crate) fn start(
        journal: &dyn Journal,
        things: Arc<Things>,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Arc<Self>> {
        let hub = Arc::new(Self {
            shards: Mutex::default(),
            sessions: AtomicIsize::new(0),
        });
        let (sender, records) = mpsc::channel::<Arc<Record>>();
        let publisher = Arc::clone(&hub);
        std::thread::Builder::new()
            .name("publisher".to_owned())
            .spawn(move || {
                for record in records {
                    publisher.publish(&record, &things, &*clock);
                }
            })?;
        let counting = Arc::clone(&hub);
        journal.subscribe(Box::new(move |records| {
            if counting.has_sessions() {
                for record in records
                    .iter()
                    .filter(|record| record.entity.kind == EntityKind::Thing)
                {
                    // Only fails while the process ends.
                    let _ = sender.send(Arc::clone(record));
                }
            }
        }));
        Ok(hub)
    }

    fn publish(&self, record: &Record, things: &Things, clock: &dyn Clock) {
        match published(record, things, clock) {
            Ok(published) => self.notify(&Notice::Event(Arc::new(published))),
            Err(error) => tracing::error!(
                error = %ErrorChain(&error),
                entity = %record.entity,
                revision = record.revision,
                "An event could not be delivered"
            ),
        }
    }

    pub(super) fn connect(&self) -> UnboundedReceiver<Notice> {
        let (sender, receiver) = unbounded_channel();
        self.shards.lock().push(sender);
        receiver
    }

    /// Ends every session.
    pub(crate) fn shut_down(&self) {
        self.notify(&Notice::Shutdown);
    }

    /// Open sessions.
    pub(crate) fn sessions(&self) -> isize {
        self.sessions.load(Ordering::Relaxed)
    }

    pub(super) fn count_session(&self, difference: isize) {
        self.sessions.fetch_add(difference, Ordering::SeqCst);
    }

    fn has_sessions(&self) -> bool {
        self.sessions.load(Ordering::SeqCst) > 0
    }

    fn notify(&self, notice: &Notice) {
        self.shards
            .lock()
            .retain(|shard| shard.send(notice.clone()).is_ok());
    }
}

/// Reads a record and decides who may see it under the policy in force now.
fn published(
    record: &Record,
    things: &Things,
    clock: &dyn Clock,
) -> Result<Published, things::Error> {
    let event = ThingEvent::of_record(record)?;
    let delivery = things.delivery(&event, clock.now())?;
    Ok(Published::new(record.position, event, delivery))
}
