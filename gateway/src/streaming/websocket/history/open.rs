//! One subscription for history while it is open.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ::policies::{
    CommandContext, DittoHeaders, PolicyAction, PolicyCommand, PolicyResource, Principal, SubjectId,
};
use ::things::{ThingId, ThingResource};
use bytes::Bytes;
use protocol::{Envelope, StreamingAction, TopicPath};
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::policy::PolicyReplay;
use super::{Connection, HistoryCommand, Subject, timed_out};
use crate::error::DittoError;
use crate::live::Label;
use crate::streaming::published::{Published, Visible};
use crate::streaming::replay::{Reader, Replay, Step};
use crate::streaming::session::{Renderer, Session};
use crate::streaming::subscription::Filter;

/// A subscription nobody requests anything of ends after this time.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// What is known of it.
pub(super) struct Open {
    pub(super) id: String,
    pub(super) topic: TopicPath,
    /// Those of the client's latest command.
    pub(super) headers: RefCell<Map<String, Value>>,
    subject: Subject,
    reader: Rc<Reader>,
    demand: Cell<u64>,
    ended_at: Cell<Option<Instant>>,
    changed: Notify,
}

impl Open {
    pub(super) fn new(
        id: String,
        (subject, reader): (Subject, Rc<Reader>),
        command: &HistoryCommand<'_>,
    ) -> Self {
        Self {
            id,
            topic: command.topic.clone(),
            headers: RefCell::new(command.headers.clone()),
            subject,
            reader,
            demand: Cell::new(0),
            ended_at: Cell::new(None),
            changed: Notify::new(),
        }
    }

    /// Asks for so many more events; false if it has ended.
    pub(super) fn request(&self, demand: u64, headers: &Map<String, Value>) -> bool {
        if self.ended_at.get().is_some() {
            return false;
        }
        self.headers.borrow_mut().clone_from(headers);
        self.demand.set(self.demand.get().saturating_add(demand));
        self.changed.notify_one();
        true
    }

    pub(super) fn end(&self) {
        if self.ended_at.get().is_none() {
            self.ended_at.set(Some(Instant::now()));
        }
        self.changed.notify_one();
    }

    /// Drops what `principal` does not have.
    pub(super) fn narrow(&self, principal: &Principal) {
        self.reader.narrow(principal);
    }

    pub(super) fn is_known(&self, now: Instant, linger: Duration) -> bool {
        self.ended_at
            .get()
            .is_none_or(|ended_at| now.duration_since(ended_at) < linger)
    }

    /// Waits until something is requested; false once it has ended.
    async fn requested(&self) -> bool {
        loop {
            if self.ended_at.get().is_some() {
                return false;
            }
            if self.demand.get() > 0 {
                return true;
            }
            self.changed.notified().await;
        }
    }
}

/// Sends what is requested until the end, the client's cancellation or the end of the session.
pub(super) async fn run(connection: Rc<Connection>, open: Rc<Open>, mut reading: Reading) {
    let clock = std::sync::Arc::clone(&connection.context.gateway.clock);
    tokio::select! {
        _ = connection.session.lifeline().ended(&*clock) => {}
        () = deliver(&connection, &open, &mut reading) => {}
    }
    open.end();
}

/// Sends what is requested, a portion at a time.
///
/// Of a connection, one history reads at a time; the others hold no more than their place.
async fn deliver(connection: &Connection, open: &Open, reading: &mut Reading) {
    let mut is_checked = false;
    loop {
        match timeout(IDLE_MAX, open.requested()).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => return fail(connection, open, &timed_out()),
        }
        if !is_checked && let Err(error) = check_access(connection, open).await {
            return fail(connection, open, &error);
        }
        is_checked = true;
        let turn = connection.histories.turn.lock().await;
        let outcome = send_portion(connection, open, reading).await;
        reading.rest(&connection.session);
        drop(turn);
        match outcome {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return fail(connection, open, &error),
        }
    }
}

/// Sends what is requested of what is read at once; whether there may be more.
async fn send_portion(
    connection: &Connection,
    open: &Open,
    reading: &mut Reading,
) -> Result<bool, DittoError> {
    let session = &connection.session;
    reading.expect(open.demand.get());
    loop {
        session.outbound.room().await;
        if open.ended_at.get().is_some() {
            return Ok(false);
        }
        match reading.next(session).await? {
            // It was cancelled while this was read.
            Step::Event(_) if open.ended_at.get().is_some() => return Ok(false),
            Step::Event(item) => {
                open.demand.set(open.demand.get().saturating_sub(1));
                // Rendered by us, so it is JSON.
                let item = serde_json::from_slice(&item).unwrap_or(Value::Null);
                let members = Map::from_iter([("item".to_owned(), item)]);
                connection.send_history(open, StreamingAction::Next, members);
            }
            Step::Gap(_) | Step::Reached(_) => {}
            Step::End => {
                connection.send_history(open, StreamingAction::Complete, Map::new());
                return Ok(false);
            }
        }
        if open.demand.get() == 0 || reading.holds_nothing() {
            return Ok(true);
        }
    }
}

fn fail(connection: &Connection, open: &Open, error: &DittoError) {
    let members = Map::from_iter([("error".to_owned(), error.to_json())]);
    connection.send_history(open, StreamingAction::Failed, members);
}

/// Where the events come from.
pub(super) enum Reading {
    Thing(Replay),
    Policy(PolicyReplay),
}

impl Reading {
    /// The next event that the session may see.
    async fn next(&mut self, session: &Session) -> Result<Step, DittoError> {
        match self {
            Self::Thing(replay) => Ok(replay.next(session).await?),
            Self::Policy(replay) => Ok(replay.next(session).await?),
        }
    }

    fn expect(&mut self, records: u64) {
        match self {
            Self::Thing(replay) => replay.expect(records),
            Self::Policy(replay) => replay.expect(records),
        }
    }

    fn holds_nothing(&self) -> bool {
        match self {
            Self::Thing(replay) => replay.holds_nothing(),
            Self::Policy(replay) => replay.holds_nothing(),
        }
    }

    fn rest(&mut self, session: &Session) {
        match self {
            Self::Thing(replay) => replay.rest(session),
            Self::Policy(replay) => replay.rest(session),
        }
    }
}

/// Who may read nothing of a thing or policy must not learn that it has a history.
async fn check_access(connection: &Connection, open: &Open) -> Result<(), DittoError> {
    let subject = &open.subject;
    connection
        .context
        .check_namespace(subject.kind(), subject.namespace())?;
    let gateway = &connection.context.gateway;
    let context = CommandContext {
        principal: open.reader.principal(),
        headers: DittoHeaders::default(),
        now: gateway.clock.now(),
        origin: None,
        reach: connection.context.reach(),
    };
    match subject {
        Subject::Thing(id) => {
            let things = &gateway.things;
            things.retrieve_at_once(&context, id, &ThingResource::Thing, None)?;
        }
        Subject::Policy(id) => {
            let read = PolicyCommand {
                policy_id: id.clone(),
                resource: PolicyResource::Policy,
                action: PolicyAction::Retrieve { fields: None },
            };
            gateway.policies.execute(&context, read).await?;
        }
    }
    Ok(())
}

/// Shows events as they were sent when they happened.
pub(super) struct HistoryRenderer {
    filter: Option<Filter>,
}

impl HistoryRenderer {
    pub(super) fn new(filter: Option<Filter>) -> Self {
        Self { filter }
    }
}

impl Renderer for HistoryRenderer {
    fn is_about(&self, _thing_id: &ThingId) -> bool {
        true
    }

    fn render(
        &self,
        published: &Published,
        visible: &Visible<'_>,
        _subjects: &[SubjectId],
        _declared: &[Label],
    ) -> Option<Bytes> {
        let event = visible.event();
        let is_wanted = self
            .filter
            .as_ref()
            .is_none_or(|filter| filter.matches(event, visible.thing(), published.decided_at));
        is_wanted.then(|| Envelope::thing_event(event))
    }
}
