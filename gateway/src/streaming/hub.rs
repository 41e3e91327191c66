//! The publisher: one thread that turns durable records into events for every worker, in journal order.
//!
//! Every channel on this way is bounded: the journal's writer never waits (see [`feed`]), the publisher waits for workers.

mod feed;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ::policies::Announcement;
use ::things::{ThingEvent, ThingId, Things};
use journal::{EntityKind, Journal, Position, Record, StoreError};
use parking_lot::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::policy_announcement::PolicyAnnouncement;
use super::published::Published;
use super::registry::Sessions;
use super::shard::Notice;
use crate::clock::Clock;
use crate::error::ErrorChain;
use crate::live::LiveSignal;
use crate::telemetry::metrics;
use feed::{Feed, Work};

/// Connects the journal with the shards.
pub(crate) struct Hub {
    shards: Mutex<Arc<[Sender<Notice>]>>,
    sessions: Sessions,
    feed: Feed,
    clock: Arc<dyn Clock>,
}

impl Hub {
    /// Notices that wait for one worker; the publisher waits when there are more.
    const NOTICES_MAX: usize = 1024;

    /// Starts publishing what `journal` commits from now on.
    ///
    /// # Errors
    ///
    /// If no thread could be started.
    pub(crate) fn start(
        journal: Arc<dyn Journal>,
        things: Arc<Things>,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Arc<Self>> {
        let hub = Arc::new(Self {
            shards: Mutex::new(Arc::new([])),
            sessions: Sessions::default(),
            feed: Feed::default(),
            clock: Arc::clone(&clock),
        });
        let feeding = Arc::clone(&hub);
        journal.subscribe(Box::new(move |records| {
            if feeding.sessions.count() > 0 {
                feeding.feed.offer(records);
            }
        }));
        let publisher = Publisher {
            hub: Arc::clone(&hub),
            published: journal.head(),
            journal,
            things,
            clock,
        };
        std::thread::Builder::new()
            .name("publisher".to_owned())
            .spawn(move || publisher.run())?;
        Ok(hub)
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(super) fn connect(&self) -> Receiver<Notice> {
        let (sender, receiver) = channel(Self::NOTICES_MAX);
        let mut shards = self.shards.lock();
        *shards = shards.iter().cloned().chain([sender]).collect();
        receiver
    }

    /// Hands a live signal to every worker; sessions that subscribed to its kind and may read it get it.
    ///
    /// Waits for workers that are behind, which slows whoever sends so much.
    pub(crate) async fn publish_live(&self, signal: Arc<LiveSignal>) {
        if self.sessions.count() == 0 {
            return;
        }
        let shards = Arc::clone(&self.shards.lock());
        for shard in shards.iter() {
            // Fails only for a worker that has ended, and its sessions with it.
            let _ = shard.send(Notice::Live(Arc::clone(&signal))).await;
        }
    }

    /// Tells a subject of a policy; waits for workers that are behind.
    pub(crate) async fn announce(&self, announcement: Announcement) {
        let shards = Arc::clone(&self.shards.lock());
        let announcement = Arc::new(PolicyAnnouncement::from(announcement));
        for shard in shards.iter() {
            // Fails only for a worker that has ended, and its sessions with it.
            let notice = Notice::Announcement(Arc::clone(&announcement));
            let _ = shard.send(notice).await;
        }
    }

    /// Ends every session.
    pub(crate) fn shut_down(&self) {
        self.sessions.close();
        self.feed.close();
    }

    /// Every open session.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Waits for workers that are behind.
    fn notify(&self, notice: &Notice) {
        let shards = Arc::clone(&self.shards.lock());
        for shard in shards.iter() {
            // Fails only for a worker that has ended, and its sessions with it.
            let _ = shard.blocking_send(notice.clone());
        }
    }
}

/// What the thread works with.
struct Publisher {
    hub: Arc<Hub>,
    journal: Arc<dyn Journal>,
    things: Arc<Things>,
    clock: Arc<dyn Clock>,
    /// Everything up to here was published, or nobody was there to see it.
    published: Position,
}

impl Publisher {
    /// Records read at once when behind.
    const PORTION: usize = 256;

    fn run(mut self) {
        loop {
            match self.hub.feed.take() {
                Work::Records(records) => {
                    for record in records {
                        self.publish(&record);
                    }
                }
                Work::Behind(after) => self.catch_up(after),
                Work::Closed => return,
            }
        }
    }

    /// Reads what the feed had no room for.
    fn catch_up(&mut self, after: Position) {
        metrics::publisher_behind().increment(1);
        let mut after = after.max(self.published);
        match self.read(&mut after) {
            Ok(()) => {}
            Err(error) => {
                tracing::error!(error = %ErrorChain(&error), "Events could not be read back and are lost to open streams");
                after = self.journal.head();
                self.hub.notify(&Notice::Undecided(None));
            }
        }
        self.hub.feed.caught_up(after, || self.journal.head());
    }

    fn read(&mut self, after: &mut Position) -> Result<(), StoreError> {
        loop {
            let head = || self.journal.head();
            if let Some(head) = unattended(head, || self.hub.sessions.count()) {
                *after = head.max(*after);
                return Ok(());
            }
            let records = self.journal.records(*after, Self::PORTION)?;
            let Some(last) = records.last() else {
                return Ok(());
            };
            *after = last.position;
            for record in &records {
                self.publish(record);
            }
        }
    }

    fn publish(&mut self, record: &Record) {
        if record.position <= self.published {
            return;
        }
        self.published = record.position;
        if record.entity.kind != EntityKind::Thing {
            return;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| self.decide(record)));
        match outcome {
            Ok(Ok(published)) => self.hub.notify(&Notice::Event(Arc::new(published))),
            Ok(Err(error)) => self.give_up(record, &ErrorChain(&error)),
            Err(_) => self.give_up(record, &"a panic"),
        }
    }

    /// Reads a record and decides who may see it under the policy in force now.
    fn decide(&self, record: &Record) -> Result<Published, ::things::Error> {
        let event = ThingEvent::of_record(record)?;
        let now = self.clock.now();
        let delivery = self.things.delivery(&event, now)?;
        Ok(Published::new((record.position, now), event, delivery))
    }

    /// Nobody gets what could not be decided, and those whom it might concern are told so.
    fn give_up(&self, record: &Record, error: &dyn std::fmt::Display) {
        tracing::error!(
            %error,
            entity = %record.entity,
            revision = record.revision,
            "An event could not be delivered"
        );
        metrics::undecided_events().increment(1);
        let thing_id = record.entity.id.parse::<ThingId>().ok();
        self.hub.notify(&Notice::Undecided(thing_id.map(Arc::new)));
    }
}

/// Everything up to there was for nobody; `None` if somebody is there.
///
/// Invariant: the head is asked first. What is committed after it is for a session that comes after it was found that nobody
/// is there.
fn unattended(
    head: impl FnOnce() -> Position,
    sessions: impl FnOnce() -> usize,
) -> Option<Position> {
    let head = head();
    (sessions() == 0).then_some(head)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn who_comes_while_nobody_is_looked_for_misses_nothing() {
        let head = Cell::new(Position(5));
        let sessions = || {
            // Somebody comes right after it was asked, and then something happens.
            head.set(Position(6));
            0
        };
        assert_eq!(unattended(|| head.get(), sessions), Some(Position(5)));
        assert_eq!(unattended(|| head.get(), || 1), None);
    }
}
