//! The sessions of one worker, indexed by subject.

mod index;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ::policies::SubjectId;
use ::things::ThingId;
use hashbrown::HashMap;
use jiff::Timestamp;
use journal::Position;
use tokio::sync::mpsc::Receiver;

use super::hub::Hub;
use super::lifeline::{End, EndKind};
use super::policy_announcement::PolicyAnnouncement;
use super::published::Published;
use super::session::Session;
use crate::clock::Clock;
use crate::live::LiveSignal;
use crate::telemetry::metrics;
use index::{Index, Member, Seat};

/// What the publisher tells every worker.
#[derive(Clone)]
pub(crate) enum Notice {
    /// A change to deliver.
    Event(Arc<Published>),
    /// A subject of a policy is told something.
    Announcement(Arc<PolicyAnnouncement>),
    /// A live signal to deliver.
    Live(Arc<LiveSignal>),
    /// A change of this thing, or of any, that nobody gets.
    Undecided(Option<Arc<ThingId>>),
}

/// Belongs to one worker and is never touched by another.
pub(crate) struct Shard {
    sessions: RefCell<HashMap<u128, Rc<Session>>>,
    by_subject: RefCell<Index<Rc<Session>>>,
    /// Those that declared labels of acknowledgements.
    acknowledging: RefCell<HashMap<u128, Rc<Session>>>,
    /// Everything up to here was offered to whom it concerns.
    progress: Cell<Position>,
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            sessions: RefCell::default(),
            by_subject: RefCell::default(),
            acknowledging: RefCell::default(),
            progress: Cell::new(Position::START),
        }
    }
}

thread_local! {
    static SHARD: OnceCell<Rc<Shard>> = const { OnceCell::new() };
}

impl Shard {
    /// This worker's shard, connected to the hub on first use.
    pub(crate) fn of_worker(hub: &Hub) -> Rc<Self> {
        SHARD.with(|shard| {
            Rc::clone(shard.get_or_init(|| {
                let shard = Rc::new(Self::default());
                let clock = Arc::clone(hub.clock());
                actix_web::rt::spawn(Rc::clone(&shard).run(hub.connect(), clock));
                shard
            }))
        })
    }

    async fn run(self: Rc<Self>, mut notices: Receiver<Notice>, clock: Arc<dyn Clock>) {
        let mut ticks = tokio::time::interval(Session::TICK);
        loop {
            tokio::select! {
                notice = notices.recv() => match notice {
                    Some(Notice::Event(published)) => self.deliver(&published),
                    Some(Notice::Live(signal)) => self.deliver_live(&signal),
                    Some(Notice::Announcement(announcement)) => self.announce(&announcement, clock.now()),
                    Some(Notice::Undecided(thing_id)) => self.miss(thing_id.as_deref(), clock.now()),
                    None => return,
                },
                _ = ticks.tick() => self.tick(clock.now()),
            }
        }
    }

    /// Adds a session until it leaves.
    pub(crate) fn enter(self: Rc<Self>, hub: &Arc<Hub>, session: &Rc<Session>) {
        self.sessions
            .borrow_mut()
            .insert(session.id.0, Rc::clone(session));
        if session.declared().is_some() {
            let mut acknowledging = self.acknowledging.borrow_mut();
            acknowledging.insert(session.id.0, Rc::clone(session));
        }
        hub.sessions().enter(&session.record);
        metrics::streaming_sessions(session.kind().as_str()).increment(1.0);
        session.take_place(Place {
            shard: self,
            hub: Arc::clone(hub),
            seats: Vec::new(),
        });
    }

    fn deliver(&self, published: &Published) {
        if !published.event.headers.requested_acks.is_empty() {
            // First, because only the first offer tells whether a session gets the event.
            for session in self.acknowledging.borrow().values() {
                session.offer_or_acknowledge(published);
            }
        }
        let by_subject = self.by_subject.borrow();
        for subject in published.subjects() {
            // A session with several of the subjects takes the event once: it remembers the last position.
            for session in by_subject.of(subject) {
                session.offer(published);
            }
        }
        self.progress.set(published.position);
    }

    fn deliver_live(&self, signal: &LiveSignal) {
        let by_subject = self.by_subject.borrow();
        for subject in signal.subjects() {
            for session in by_subject.of(&subject) {
                session.offer_live(signal);
            }
        }
        if !signal.requested().is_empty() {
            for session in self.acknowledging.borrow().values() {
                session.acknowledge_missed(signal);
            }
        }
    }

    fn announce(&self, announcement: &PolicyAnnouncement, now: Timestamp) {
        for session in self
            .by_subject
            .borrow()
            .of(&announcement.announcement.subject_id)
        {
            session.tell(announcement, now);
        }
    }

    fn miss(&self, thing_id: Option<&ThingId>, now: Timestamp) {
        for session in self.sessions.borrow().values() {
            session.miss(thing_id, now);
        }
    }

    /// Looks after every session; one that is over leaves, even if nobody takes what it has to say.
    fn tick(&self, now: Timestamp) {
        let over: Vec<Rc<Session>> = {
            let sessions = self.sessions.borrow();
            let over = sessions.values().filter(|session| session.tick(now));
            over.map(Rc::clone).collect()
        };
        for session in over {
            session.leave();
        }
    }

    fn seat(&self, session: &Rc<Session>, subjects: Vec<SubjectId>) -> Vec<Seat> {
        let mut by_subject = self.by_subject.borrow_mut();
        let seats = subjects.into_iter();
        seats
            .map(|subject| by_subject.join(subject, Rc::clone(session)))
            .collect()
    }

    fn give_up(&self, seats: Vec<Seat>) {
        let mut by_subject = self.by_subject.borrow_mut();
        for seat in seats {
            by_subject.leave(&seat);
        }
    }
}

impl Member for Rc<Session> {
    fn moved(&self, subject: &SubjectId, at: usize) {
        self.reseat(subject, at);
    }
}

/// A session's place in its shard.
pub(super) struct Place {
    shard: Rc<Shard>,
    hub: Arc<Hub>,
    /// What the session is indexed by, sorted by subject.
    seats: Vec<Seat>,
}

impl Place {
    /// How far this worker has come with the journal.
    pub(super) fn progress(&self) -> Position {
        self.shard.progress.get()
    }

    /// Follows a change of what the session listens to, or as whom.
    pub(super) fn reindex(&mut self, session: &Rc<Session>) {
        let subjects = session.subjects();
        if !self.seats.iter().map(|seat| &seat.subject).eq(&subjects) {
            self.shard.give_up(std::mem::take(&mut self.seats));
            self.seats = self.shard.seat(session, subjects);
        }
    }

    /// Another session left, and this one took its seat.
    pub(super) fn reseat(&mut self, subject: &SubjectId, at: usize) {
        let seat = self
            .seats
            .binary_search_by(|seat| seat.subject.cmp(subject));
        if let Some(seat) = seat.ok().and_then(|found| self.seats.get_mut(found)) {
            seat.at = at;
        }
    }

    /// Gives up the place, and all that the session occupies.
    pub(super) fn leave(self, session: &Session) {
        self.shard.sessions.borrow_mut().remove(&session.id.0);
        if session.declared().is_some() {
            self.shard.acknowledging.borrow_mut().remove(&session.id.0);
        }
        self.shard.give_up(self.seats);
        session.release();
        self.hub.sessions().leave(session.id);
        metrics::streaming_sessions(session.kind().as_str()).decrement(1.0);
        let end = session.lifeline().end().unwrap_or_else(End::client);
        metrics::streaming_closes(end.kind.as_str()).increment(1);
        if end.kind == EndKind::SlowConsumer {
            let lost = session.record.counts.lost.load(Ordering::Relaxed);
            let id = uuid::Uuid::from_u128(session.id.0);
            tracing::info!(
                session.id = %id,
                session.lost = lost,
                "Session `{id}` was ended because its client reads too slowly, {lost} lost"
            );
        }
    }
}
