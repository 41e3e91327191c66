//! What has happened before, read back from the journal under the policies in force now.

mod portion;
mod range;
mod reader;

use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;

use ::policies::SubjectId;
use ::things::{ThingEvent, ThingId, Things};
use actix_web::web;
use bytes::Bytes;
use devops::logging::current_correlation_id;
use journal::{Journal, Position, Record};
use tokio::task::yield_now;

pub(super) use self::portion::Portion;
pub(super) use self::range::Past;
use self::range::{Gap, Range, unknown};
pub(super) use self::reader::Reader;
use super::published::Published;
use super::session::{Renderer, Session};
use crate::clock::Clock;

/// Where records come from, and what decides who may see them.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) things: Arc<Things>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What comes next of the past.
#[derive(Debug)]
pub(crate) enum Step {
    /// An event that the session may see, rendered.
    Event(Bytes),
    /// Something is missing here.
    Gap(Gap),
    /// Nothing up to there was left to send.
    Reached(Position),
    /// Everything was seen.
    End,
}

/// Goes through records of the past, oldest first.
pub(crate) struct Replay {
    source: Source,
    range: Range,
    portion: Portion,
    /// Everything up to there was returned, or is not for the session.
    reached: Position,
    /// To be told before the next event.
    gap: Option<Gap>,
    /// To be told before the next event that the session may see: others must not learn that there was something.
    missing: Option<Gap>,
    renderer: Rc<dyn Renderer>,
    /// Who asked for it, if the session's principal may change.
    reader: Option<Rc<Reader>>,
    /// That of the request that asked for it; a stream is polled by whoever sends it.
    correlation_id: Option<Arc<str>>,
}

impl Replay {
    /// From the last event that a client saw, as far as [`Self::go_on`] says.
    pub(crate) fn of_missed(source: Source, after: Position, renderer: Rc<dyn Renderer>) -> Self {
        let head = source.journal.head();
        let reached = after.min(head);
        Self {
            source,
            range: Range::missed(reached),
            portion: Portion::default(),
            reached,
            gap: (after > head).then_some(unknown(head)),
            missing: None,
            renderer,
            reader: None,
            correlation_id: current_correlation_id(),
        }
    }

    /// What has happened to one thing.
    pub(crate) fn of_history(
        source: Source,
        (thing_id, mut past): (&ThingId, Past),
        renderer: Rc<dyn Renderer>,
    ) -> Self {
        let head = source.journal.head();
        let foreign = past.after.take_if(|after| *after > head);
        let reached = past.after.unwrap_or(Position::START);
        Self {
            source,
            range: Range::History {
                thing_id: thing_id.clone(),
                from: past.from_revision.unwrap_or(1).max(1),
                seen: past.after,
                past,
            },
            portion: Portion::default(),
            reached,
            gap: foreign.map(|_| unknown(head)),
            missing: None,
            renderer,
            reader: None,
            correlation_id: current_correlation_id(),
        }
    }

    /// Reads as this one, less what the session loses.
    pub(crate) fn read_as(mut self, reader: Rc<Reader>) -> Self {
        self.reader = Some(reader);
        self
    }

    /// Everything up to there was returned, or is not for the session; what could not be decided is passed, too.
    pub(crate) fn reached(&self) -> Position {
        self.reached
    }

    /// How many records are left before the head of the journal, and where that is.
    pub(crate) fn left(&self) -> (u64, Position) {
        let head = self.source.journal.head();
        (head.0.saturating_sub(self.reached.0), head)
    }

    /// Goes on with what was missed, up to `until`.
    pub(crate) fn go_on(&mut self, until: Position) {
        self.range = Range::Missed {
            after: self.reached,
            until,
        };
    }

    /// Leaves out what the client has got in another way.
    pub(crate) fn skip(&mut self, until: Position) {
        self.reached = self.reached.max(until);
        self.range = Range::missed(self.reached);
    }

    /// What its log lines carry.
    pub(crate) fn correlation_id(&self) -> Option<Arc<str>> {
        self.correlation_id.clone()
    }

    /// The next event that the session may see.
    ///
    /// Waits for ever once the session is over. Dropping the future loses no record.
    pub(crate) async fn next(&mut self, session: &Session) -> Result<Step, ::things::Error> {
        loop {
            if session.lifeline().is_over(self.source.clock.now()) {
                return pending().await;
            }
            if let Some(gap) = self.gap.take() {
                return Ok(Step::Gap(gap));
            }
            let before = self.reached;
            while let Some(record) = self.portion.pop(&session.outbound) {
                let step = self.step(&record, session);
                if let Ok(Some(Step::Gap(_))) = step {
                    self.portion.put_back(record, &session.outbound);
                    return step.map(|gap| gap.unwrap_or(Step::End));
                }
                self.reached = record.position;
                if let Some(step) = step? {
                    return Ok(step);
                }
            }
            if self.reached > before {
                return Ok(Step::Reached(self.reached));
            }
            if !self.range.has_more() {
                return Ok(Step::End);
            }
            yield_now().await;
            session.outbound.room_for(Portion::BYTES_MAX).await;
            let records = self.read().await?;
            match self.range.advance(&records) {
                Some(gap) if self.range.is_of_everybody() => {
                    self.reached = self.reached.max(gap.position);
                    self.gap = Some(gap);
                }
                Some(gap) => self.missing = Some(gap),
                None => {}
            }
            self.portion.fill(records, &session.outbound);
        }
    }

    /// Whether it holds no records now.
    pub(crate) fn holds_nothing(&self) -> bool {
        self.portion.is_empty()
    }

    /// No more than this many records will be wanted.
    pub(crate) fn expect(&mut self, records: u64) {
        self.portion.expect(records);
    }

    /// Keeps only its place, and reads again from there.
    pub(crate) fn rest(&mut self, session: &Session) {
        if let Some(record) = self.portion.give_back(&session.outbound) {
            self.range.return_to(&record);
        }
    }

    /// What the session gets of a record, or has to know before it.
    fn step(
        &mut self,
        record: &Record,
        session: &Session,
    ) -> Result<Option<Step>, ::things::Error> {
        let reader = self.reader.as_ref();
        let principal = reader.map_or_else(|| session.principal(), |reader| reader.principal());
        let by = (session, principal.subjects());
        if let Some(gap) = self.missing_before(record, by)? {
            return Ok(Some(Step::Gap(gap)));
        }
        Ok(self.frame(record, by)?.map(Step::Event))
    }

    /// What the journal has forgotten before the record, if the session may see the record.
    fn missing_before(
        &mut self,
        record: &Record,
        (session, subjects): (&Session, &[SubjectId]),
    ) -> Result<Option<Gap>, ::things::Error> {
        let is_told = self.missing.is_some() && session.may_see(&self.published(record)?, subjects);
        Ok(self.missing.take_if(|_| is_told))
    }

    fn frame(
        &self,
        record: &Record,
        (session, subjects): (&Session, &[SubjectId]),
    ) -> Result<Option<Bytes>, ::things::Error> {
        if !self.range.contains(record) {
            return Ok(None);
        }
        let published = self.published(record)?;
        Ok(session.view(&published, (subjects, &*self.renderer)))
    }

    /// The event of the record with who may see it today.
    fn published(&self, record: &Record) -> Result<Published, ::things::Error> {
        let event = ThingEvent::of_record(record)?;
        let Source { things, clock, .. } = &self.source;
        let now = clock.now();
        let delivery = things.delivery_today(&event, now)?;
        Ok(Published::new((record.position, now), event, delivery))
    }

    /// Reads the next portion, away from the worker; each record is parsed in its turn, because parsed it is much larger.
    async fn read(&self) -> Result<Vec<Arc<Record>>, ::things::Error> {
        let source = self.source.clone();
        let reading = self.range.reading(self.portion.limit());
        let portion = web::block(move || Ok(Portion::part_of(reading(&source)?)));
        match portion.await {
            Ok(portion) => portion,
            // The runtime is ending, and this stream with it.
            Err(_) => pending().await,
        }
    }
}
