//! What a returning client missed, read back from the journal under the policies in force now.

use std::collections::VecDeque;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;

use ::things::{ThingEvent, Things};
use actix_web::web;
use bytes::Bytes;
use journal::{EntityKind, Journal, Position, Record};
use tokio::task::yield_now;

use super::render::{ThingRenderer, control};
use crate::clock::Clock;
use crate::streaming::published::Published;
use crate::streaming::session::{Renderer, Session};

/// Records are read in portions of this many; between two of them the worker serves others.
const PORTION: usize = 64;

/// Where records come from, and what decides who may see them.
pub(super) struct Source {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) things: Arc<Things>,
    pub(super) clock: Arc<dyn Clock>,
}

/// Goes from the last event that a client saw to where the live stream begins.
pub(super) struct Replay {
    source: Source,
    after: Position,
    until: Position,
    portion: VecDeque<Arc<Record>>,
    renderer: Rc<ThingRenderer>,
}

impl Replay {
    pub(super) fn new(
        source: Source,
        after: Position,
        until: Position,
        renderer: Rc<ThingRenderer>,
    ) -> Self {
        Self {
            source,
            after,
            until,
            portion: VecDeque::new(),
            renderer,
        }
    }

    /// The next event that the session may see; `None` once the live stream takes over.
    ///
    /// Waits for ever once the session is over. Dropping the future loses no record.
    pub(super) async fn next(
        &mut self,
        session: &Session,
    ) -> Result<Option<Bytes>, ::things::Error> {
        loop {
            if session.lifeline().is_over(self.source.clock.now()) {
                return pending().await;
            }
            if self.after > self.until {
                let unknown = control(
                    "gap",
                    "The last event id is not of this journal; read the current state.",
                );
                self.after = self.until;
                return Ok(Some(unknown));
            }
            while let Some(record) = self.portion.pop_front() {
                self.after = record.position;
                if let Some(frame) = self.frame(&record, session)? {
                    return Ok(Some(frame));
                }
            }
            if self.after >= self.until {
                return Ok(None);
            }
            yield_now().await;
            self.portion = self.read().await?;
            if self.portion.is_empty() {
                self.after = self.until;
            }
        }
    }

    fn frame(&self, record: &Record, session: &Session) -> Result<Option<Bytes>, ::things::Error> {
        if record.entity.kind != EntityKind::Thing {
            return Ok(None);
        }
        let event = ThingEvent::of_record(record)?;
        let Source { things, clock, .. } = &self.source;
        let now = clock.now();
        let delivery = things.delivery_today(&event, now)?;
        let published = Published::new((record.position, now), event, delivery);
        let subjects = session.subjects();
        Ok(published
            .visible_to(&subjects)
            .and_then(|visible| self.renderer.render(&published, &visible, &subjects)))
    }

    /// Reads and parses the next portion, away from the worker.
    async fn read(&self) -> Result<VecDeque<Arc<Record>>, ::things::Error> {
        let journal = Arc::clone(&self.source.journal);
        let (after, until) = (self.after, self.until);
        let portion = web::block(move || {
            let mut records = journal.records(after, PORTION)?;
            records.retain(|record| record.position <= until);
            for record in &records {
                if record.entity.kind == EntityKind::Thing {
                    // Parsed once: the record remembers its event.
                    ThingEvent::of_record(record)?;
                }
            }
            Ok(VecDeque::from(records))
        });
        match portion.await {
            Ok(portion) => portion,
            // The runtime is ending, and this stream with it.
            Err(_) => pending().await,
        }
    }
}
