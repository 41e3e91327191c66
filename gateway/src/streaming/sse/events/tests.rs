//! Streams over a real journal, without a server.

use ::policies::{Credential, Policies, PolicyLimits, Principal, ProviderKind};
use ::things::{ThingLimits, Things};
use devops::logging::CorrelatedLines;
use jiff::Timestamp;
use journal::{Append, Embedded, EmbeddedOptions, EntityKey, EntityKind, Journal, Memo};
use std::cell::Cell;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::limits::{LimitSettings, Limits};
use crate::streaming::registry::{SessionKind, SessionRecord};
use crate::streaming::replay::Source;
use crate::streaming::shard::Shard;
use crate::streaming::sse::render::{Selection, ThingRenderer};
use crate::streaming::{Hub, Throttling};

/// Jumps a day ahead after so many readings.
struct JumpingClock(AtomicU32);

impl JumpingClock {
    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn after(readings: u32) -> Arc<Self> {
        Arc::new(Self(AtomicU32::new(readings)))
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        let left = |left: u32| left.checked_sub(1);
        match self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
        {
            Ok(_) => Self::START,
            Err(_) => Self::START + Duration::from_secs(86_400),
        }
    }
}

struct World {
    journal: Arc<Embedded>,
    things: Arc<Things>,
    hub: Arc<Hub>,
    limits: Limits,
    clock: Arc<dyn Clock>,
    settings: StreamingSettings,
    _folder: tempfile::TempDir,
}

impl World {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = Embedded::open(folder.path(), EmbeddedOptions::default()).unwrap();
        let policies = Arc::new(Policies::new(journal.clone(), PolicyLimits::default()));
        let limits = ThingLimits {
            thing_size_max: 1024,
            default_namespace: "org.acme".to_owned(),
        };
        let things = Arc::new(Things::new(journal.clone(), policies, limits));
        Self {
            hub: Hub::start(journal.clone(), Arc::clone(&things), Arc::clone(&clock)).unwrap(),
            limits: Limits::new(LimitSettings {
                per_identity: Vec::new(),
                per_source: None,
                per_subject: None,
                handshakes_per_source: None,
                streams_per_source: Some(1),
                streams_per_subject: None,
                waiting_per_source: None,
                waiting_per_subject: None,
            }),
            settings: StreamingSettings {
                websocket_throttling: None,
                websocket_frame_bytes_max: 1024,
                websocket_outbound_bytes_max: 1024,
                sse_throttling: None,
                sse_outbound_bytes_max: 1024,
                sse_heartbeat: Duration::from_secs(60),
            },
            journal,
            things,
            clock,
            _folder: folder,
        }
    }

    /// Appends records that no stream shows.
    async fn given_invisible(&self, count: usize) {
        self.given_invisible_from(0, count).await;
    }

    async fn given_invisible_from(&self, first: usize, count: usize) {
        let id = |number| EntityKey::new(EntityKind::Revocation, format!("r-{number}"));
        self.append((first..first + count).map(id)).await;
    }

    /// Appends a record that is no event.
    async fn given_unreadable(&self) {
        let thing = EntityKey::new(EntityKind::Thing, "org.acme:lamp".to_owned());
        self.append([thing].into_iter()).await;
    }

    async fn append(&self, entities: impl Iterator<Item = EntityKey>) {
        let append = |entity| Append {
            entity,
            expected_revision: 0,
            timestamp: JumpingClock::START,
            signal: Bytes::new(),
            signal_memo: Memo::default(),
            state: Some(Bytes::from_static(b"{}")),
            state_memo: Memo::default(),
        };
        self.journal
            .append(entities.map(append).collect())
            .await
            .unwrap();
    }

    fn permit(&self) -> Option<crate::limits::StreamPermit> {
        let source = self.limits.source_key(None);
        self.limits.open_stream(source, source).ok()
    }

    /// A stream whose credential lasts an hour, and its session.
    fn opened(&self, resume_after: Option<Position>) -> (Events, Rc<Session>) {
        let principal = Principal::new(
            ProviderKind::PreAuthenticated,
            vec!["nginx:alice".parse().unwrap()],
            Some(JumpingClock::START + Duration::from_secs(3600)),
            Credential::default(),
        );
        let permit = self.permit().expect("a stream is free");
        let record = SessionRecord::new(
            SessionKind::ServerSentEvents,
            principal,
            None,
            JumpingClock::START,
        );
        let session = Rc::new(Session::new(record, permit, 1024));
        Shard::of_worker(&self.hub).enter(&self.hub, &session);
        let renderer = Rc::new(ThingRenderer::new(Selection::default()));
        let script = resume_after.map_or(Script::Live, |after| {
            let source = Source {
                journal: self.journal.clone(),
                things: Arc::clone(&self.things),
                clock: Arc::clone(&self.clock),
            };
            session.fall_behind();
            let replay = Replay::of_missed(source, after, renderer);
            Script::Missed(Box::new(replay))
        });
        let events = Events::new(&self.settings, &self.clock, Rc::clone(&session), script);
        (events, session)
    }

    /// Lets other tasks of the worker run until no session is left.
    async fn until_deserted(&self) {
        let deserted = async {
            while self.hub.sessions().count() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), deserted)
            .await
            .expect("the session leaves its shard");
    }
}

fn never_jumping() -> Arc<dyn Clock> {
    JumpingClock::after(u32::MAX)
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[actix_web::test]
async fn a_stream_that_cannot_go_on_says_whose_it_was() {
    let log = Log::default();
    let writer = log.clone();
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(move || writer.clone())
        .map_event_format(|lines| CorrelatedLines::new(lines, false));
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let world = World::new(never_jumping());
    world.given_unreadable().await;
    let asked = async { world.opened(Some(Position::START)) };
    let (mut events, _session) = correlated(Arc::from("stream-7"), asked).await;
    // Who comes back goes on behind the record.
    let told = farewell(&End::undecided(), 0, Some(Position(1)));
    assert!(told.starts_with(b"id:1\nevent:gap\n"));
    assert_eq!(events.next().await, Some(told));
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("could not be replayed"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    assert!(line.ends_with("correlation_id=\"stream-7\""), "{line}");
}

#[actix_web::test]
async fn a_search_for_missed_events_lets_others_run() {
    let world = World::new(never_jumping());
    world.given_invisible(640).await;
    let (mut events, session) = world.opened(Some(Position::START));
    let turns = Rc::new(Cell::new(0));
    let counted = Rc::clone(&turns);
    let other = actix_web::rt::spawn(async move {
        loop {
            counted.set(counted.get() + 1);
            tokio::task::yield_now().await;
        }
    });
    // What is not shown moves the place from which the client would resume.
    while events.reached != Some(Position(640)) {
        let before = events.reached;
        let place = events.next().await;
        assert!(events.reached > before, "{before:?}");
        assert_eq!(place, Some(heartbeat(events.reached)));
    }
    session
        .outbound
        .push_event(Bytes::from_static(b"live"))
        .unwrap();
    assert_eq!(events.next().await.unwrap(), "live");
    other.abort();
    assert!(turns.get() >= 10, "{} turns for ten portions", turns.get());
}

#[actix_web::test]
async fn a_search_for_missed_events_ends_with_the_credential() {
    let world = World::new(JumpingClock::after(8));
    world.given_invisible(640).await;
    let (mut events, _session) = world.opened(Some(Position::START));
    let mut last = None;
    while let Some(chunk) = events.next().await {
        last = Some(chunk);
    }
    assert_eq!(last, Some(farewell(&End::expired(), 0, None)));
    assert!(events.reached < Some(Position(640)), "it has gone on");
}

#[actix_web::test]
async fn what_finds_no_room_while_catching_up_is_left_to_the_journal() {
    let world = World::new(never_jumping());
    world.given_invisible(10).await;
    let (mut events, session) = world.opened(Some(Position::START));
    assert!(session.is_behind(), "nothing waits for it");
    let next = events.next().await;
    assert_eq!(next, Some(heartbeat(Some(Position(10)))));
    assert!(!session.is_behind(), "little was left");
    let event = |position: u64| Bytes::from(format!("id:{position}\ndata:{}\n\n", "x".repeat(400)));
    for position in 11..=12 {
        session.deliver(event(position));
    }
    assert_eq!(events.next().await, Some(event(11)));
    for position in 13..=14 {
        session.deliver(event(position));
    }
    assert!(session.is_behind() && session.outbound.is_empty());
    world.given_invisible_from(10, 5).await;
    let next = events.next().await;
    assert_eq!(next, Some(heartbeat(Some(Position(15)))), "it goes on");
    session.deliver(event(16));
    assert_eq!(events.next().await, Some(event(16)));
    assert_eq!(counts(&session), (2, 0), "nothing is lost");
    // Once nothing is left, who reads too slowly is told so as ever.
    let waits = events.next();
    assert!(tokio::time::timeout(Duration::ZERO, waits).await.is_err());
    for position in 17..=19 {
        session.deliver(event(position));
    }
    let told = farewell(&End::slow_consumer(), 3, None);
    assert_eq!(events.next().await, Some(told));
}

#[actix_web::test]
async fn an_event_of_the_past_does_not_outlive_a_cut() {
    let world = World::new(never_jumping());
    // This position is of no journal, which the replay says first.
    let (mut events, session) = world.opened(Some(Position(7)));
    session.lifeline().cut(End::shutdown());
    assert_eq!(
        events.next().await,
        Some(farewell(&End::shutdown(), 0, None))
    );
}

#[actix_web::test]
async fn heartbeats_lose_nothing_that_the_throttle_holds_back() {
    let mut world = World::new(never_jumping());
    let interval = Duration::from_millis(100);
    world.settings.sse_throttling = Some(Throttling {
        interval,
        limit: 1,
        rejection_factor: 1.0,
    });
    world.settings.sse_heartbeat = Duration::from_millis(10);
    // The replay says that it knows no such position, under the same throttle.
    let (mut events, session) = world.opened(Some(Position(7)));
    for event in ["one", "two", "three"] {
        session.outbound.push_event(Bytes::from(event)).unwrap();
    }
    let start = Instant::now();
    let mut heartbeats = 0;
    let mut received = Vec::new();
    while received.len() < 4 {
        let chunk = events.next().await.unwrap();
        if chunk == heartbeat(None) {
            heartbeats += 1;
        } else {
            received.push(chunk);
        }
    }
    assert!(received[0].starts_with(b"id:0\nevent:gap"), "{received:?}");
    assert_eq!(received[1..], ["one", "two", "three"]);
    assert!(heartbeats > 0, "the test saw no heartbeat");
    assert!(
        start.elapsed() >= interval * 3,
        "{:?} for four events",
        start.elapsed()
    );
    // Had every heartbeat counted a message, each would have waited for ten windows.
    assert!(
        start.elapsed() < interval * 15,
        "{:?} for four events",
        start.elapsed()
    );
}

#[actix_web::test]
async fn a_session_whose_client_stopped_reading_leaves_at_its_end() {
    let world = World::new(never_jumping());
    let (mut events, session) = world.opened(None);
    session
        .outbound
        .push_event(Bytes::from_static(b"unread"))
        .unwrap();
    assert!(world.permit().is_none(), "the stream occupies its permit");
    session.lifeline().cut(End::slow_consumer());
    world.until_deserted().await;
    assert_eq!(session.outbound.pop(), None);
    assert!(world.permit().is_some(), "the permit is free again");
    // Who reads on after all learns why, and how much is missing.
    let told = farewell(&End::slow_consumer(), 1, None);
    assert_eq!(events.next().await, Some(told));
    assert_eq!(events.next().await, None);
    assert_eq!(counts(&session), (0, 1));
}

/// What was delivered and what was lost.
fn counts(session: &Session) -> (u64, u64) {
    let counts = &session.record.counts;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    (count(&counts.delivered), count(&counts.lost))
}

#[actix_web::test]
async fn what_waits_or_is_held_back_when_a_stream_ends_is_lost_and_not_delivered() {
    let mut world = World::new(never_jumping());
    world.settings.sse_throttling = Some(Throttling {
        interval: Duration::from_secs(3600),
        limit: 1,
        rejection_factor: 1.0,
    });
    world.settings.sse_heartbeat = Duration::from_millis(10);
    let (mut events, session) = world.opened(None);
    for event in ["one", "two", "three"] {
        session.outbound.push_event(Bytes::from(event)).unwrap();
    }
    assert_eq!(events.next().await.unwrap(), "one");
    assert_eq!(events.next().await, Some(heartbeat(None)), "two is held");
    assert_eq!(counts(&session), (1, 0));
    session.lifeline().cut(End::slow_consumer());
    let told = farewell(&End::slow_consumer(), 2, None);
    assert_eq!(events.next().await, Some(told));
    drop(events);
    assert_eq!(counts(&session), (1, 2));
}

#[actix_web::test]
async fn a_client_that_disconnects_leaves_nothing_behind() {
    let world = World::new(never_jumping());
    let (events, session) = world.opened(None);
    tokio::task::yield_now().await;
    drop(events);
    assert_eq!(world.hub.sessions().count(), 0);
    assert!(world.permit().is_some(), "the permit is free again");
    let alone = async {
        while Rc::strong_count(&session) > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), alone)
        .await
        .expect("the watching task ends");
}
