//! Server-sent events on things (HTML standard, section "Server-sent events").
//!
//! The id of an event is its place in the journal: a client that reconnects with `Last-Event-ID` goes on from there.

mod parameters;
mod render;

use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::things::{ThingId, ThingResource};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use authentication::ScopeWord;
use bytes::Bytes;
use devops::logging::correlated;
use futures_util::stream::{self, Stream};
use journal::Position;
use protocol::StreamKind;
use tokio::time::{Instant, sleep_until};

use super::audited::Audited;
use super::lifeline::{End, EndKind, Lifeline};
use super::registry::{SessionKind, SessionRecord};
use super::replay::{Replay, Source, Step};
use super::session::{Renderer, Session};
use super::shard::Shard;
use super::throttle::Throttle;
use super::{StreamingSettings, revocation};
use crate::clock::Clock;
use crate::edge::RequestContext;
use crate::error::{DittoError, ErrorChain};
use crate::live::LiveRenderer;
use crate::telemetry::metrics;
use render::{ThingRenderer, control, gap, heartbeat, hello, position_of};

/// Whether the client prefers a stream to a document: a range of its `Accept` names `text` as main type.
pub(crate) fn is_asked_for(request: &HttpRequest) -> bool {
    if *request.method() != Method::GET {
        return false;
    }
    let accept = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    accept.split(',').any(|range| {
        let range = range.split(';').next().unwrap_or_default().trim();
        range.eq_ignore_ascii_case("text/event-stream") || range.eq_ignore_ascii_case("text/*")
    })
}

/// 200 and an open stream, or an error as on any other route.
pub(crate) fn open(
    context: RequestContext,
    request: &HttpRequest,
    thing: Option<(ThingId, ThingResource)>,
) -> Result<HttpResponse, DittoError> {
    context.scopes.check(ScopeWord::Events, None)?;
    let selection = parameters::selection(&context, thing)?;
    let resume_after = parameters::last_event_id(request)?;
    let past = parameters::past(&context, &selection, resume_after)?;
    let gateway = Arc::clone(&context.gateway);
    let session = enter(&context)?;
    let source = Source {
        journal: Arc::clone(&gateway.journal),
        things: Arc::clone(&gateway.things),
        clock: Arc::clone(&gateway.clock),
    };
    let thing_id = selection.thing_ids.first().cloned();
    let renderer: Rc<dyn Renderer> = Rc::new(ThingRenderer::new(selection));
    let head = gateway.journal.head();
    let (script, from) = match (past, thing_id, resume_after) {
        (Some(past), Some(thing_id), _) => {
            session.subscribe_to_nothing();
            let replay = Replay::of_history(source, (&thing_id, past), renderer);
            (Script::Past(Box::new(replay)), None)
        }
        (_, _, resume_after) => {
            session.subscribe(Rc::clone(&renderer), head);
            session.reindex();
            let script = resume_after.map_or(Script::Live, |after| {
                session.fall_behind();
                let replay = Replay::of_missed(source, after, renderer);
                Script::Missed(Box::new(replay))
            });
            (
                script,
                Some(resume_after.map_or(head, |after| after.min(head))),
            )
        }
    };
    let settings = &gateway.settings.streaming;
    let mut events = Events::new(settings, &gateway.clock, session, script);
    events.told = from.unwrap_or(head);
    Ok(respond(events.into_stream(from)))
}

/// 200 and an open stream of messages; they are not kept, so it has no places to resume from.
pub(crate) fn open_messages(
    context: RequestContext,
    renderer: Rc<dyn LiveRenderer>,
) -> Result<HttpResponse, DittoError> {
    context.scopes.check(ScopeWord::Events, None)?;
    let gateway = Arc::clone(&context.gateway);
    let session = enter(&context)?;
    session.subscribe_live(StreamKind::Messages, renderer);
    session.reindex();
    let settings = &gateway.settings.streaming;
    let mut events = Events::new(settings, &gateway.clock, session, Script::Live);
    events.told = Position(u64::MAX);
    Ok(respond(events.into_stream(None)))
}

/// An open session, if the limits allow another one.
fn enter(context: &RequestContext) -> Result<Rc<Session>, DittoError> {
    let gateway = &context.gateway;
    gateway.limits.check_handshake(context.source_key)?;
    let caller = context.caller()?;
    let permit = gateway
        .limits
        .open_stream(context.source_key, caller.limit_key())?;
    let record = SessionRecord::new(
        SessionKind::ServerSentEvents,
        caller.principal().clone(),
        context.source.client,
        context.now,
    );
    let bytes_max = gateway.settings.streaming.sse_outbound_bytes_max;
    let session = Session::new(record, permit, bytes_max).within(context.fence.clone());
    let session = Rc::new(session);
    Shard::of_worker(&gateway.hub).enter(&gateway.hub, &session);
    session.keep_record(Audited::open(gateway, context, &session.record));
    revocation::check(gateway, &session);
    Ok(session)
}

fn respond(events: impl Stream<Item = Result<Bytes, std::io::Error>> + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        // nginx would collect events until a buffer is full.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events)
}

/// Where events come from; most streams are live, and must not carry the size of a replay around.
enum Script {
    /// From what happens.
    Live,
    /// From what was missed, until that is no more than what happens.
    Missed(Box<Replay>),
    /// From the past only.
    Past(Box<Replay>),
}

/// One open stream.
struct Events {
    clock: Arc<dyn Clock>,
    session: Rc<Session>,
    script: Script,
    /// Every place up to here is known to the client.
    told: Position,
    /// The client has everything up to here, whatever id it saw last; `None` if that says it.
    reached: Option<Position>,
    /// Most streams have none.
    throttle: Option<Box<Throttle>>,
    /// Taken from where it waited, but not yet let through.
    held: Option<Held>,
    heartbeat: Duration,
    heartbeat_at: Instant,
    is_over: bool,
}

/// What goes out next.
struct Frame {
    chunk: Bytes,
    /// As [`Events::reached`], once it is out.
    reached: Option<Position>,
    /// Whether the throttle counts it.
    is_counted: bool,
}

impl Frame {
    fn live(chunk: Bytes) -> Self {
        Self {
            chunk,
            reached: None,
            is_counted: true,
        }
    }

    /// Of the past, up to `reached`.
    fn past(chunk: Bytes, reached: Position) -> Self {
        Self {
            reached: Some(reached),
            ..Self::live(chunk)
        }
    }

    /// An id without an event.
    fn place(reached: Position) -> Self {
        Self {
            is_counted: false,
            ..Self::past(heartbeat(Some(reached)), reached)
        }
    }
}

/// A frame that the throttle has counted.
struct Held {
    frame: Frame,
    due: Instant,
}

impl Events {
    /// So many records before the head of the journal, a stream begins to take what happens.
    const NEAR: u64 = 64;

    fn new(
        settings: &StreamingSettings,
        clock: &Arc<dyn Clock>,
        session: Rc<Session>,
        script: Script,
    ) -> Self {
        let throttled = |throttling| Box::new(Throttle::new(Some(throttling)));
        Self {
            told: Position::START,
            reached: None,
            throttle: settings.sse_throttling.map(throttled),
            held: None,
            heartbeat: settings.sse_heartbeat,
            heartbeat_at: Instant::now() + settings.sse_heartbeat,
            is_over: false,
            clock: Arc::clone(clock),
            session,
            script,
        }
    }

    /// The first bytes leave at once, so that a client knows that it is connected.
    fn into_stream(
        mut self,
        from: Option<Position>,
    ) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
        self.held = Some(Held {
            frame: Frame::live(hello(from)),
            due: Instant::now(),
        });
        stream::unfold(self, |mut events| async move {
            events.next().await.map(|chunk| (Ok(chunk), events))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        let chunk = self.chunk().await;
        if self.held.is_none() {
            self.session.count_delivered();
        }
        self.heartbeat_at = Instant::now() + self.heartbeat;
        Some(chunk)
    }

    /// What goes out next: the end of the session, a frame, or a sign of life.
    ///
    /// Invariant: dropping this future loses no frame and counts none twice. Idle streams wait in it, so it has one timer.
    async fn chunk(&mut self) -> Bytes {
        let session = Rc::clone(&self.session);
        let lifeline = session.lifeline();
        loop {
            // Listens before it looks, so that it misses no change.
            let changed = lifeline.changed();
            let until_end = match lifeline.end_or_wait(self.clock.now()) {
                Ok(end) => {
                    self.is_over = true;
                    return farewell(&end, self.session.give_up_events(), self.reached);
                }
                Err(until_end) => until_end,
            };
            if let Some(frame) = self.take_due() {
                return frame;
            }
            let wake_at = self.wake_at(until_end);
            tokio::select! {
                biased;
                () = changed => {}
                frame = self.next_frame(), if self.held.is_none() => {
                    if let Some(frame) = self.admit(frame) {
                        return frame;
                    }
                }
                () = sleep_until(wake_at) => {
                    if self.heartbeat_at <= Instant::now() {
                        return self.heartbeat();
                    }
                }
            }
        }
    }

    /// When to look again if nothing happens.
    fn wake_at(&self, until_end: Option<Duration>) -> Instant {
        let end = until_end.map(|wait| Instant::now() + wait.min(Lifeline::CHECK_INTERVAL));
        let due = self.held.as_ref().map(|held| held.due);
        let moments = [end, due].into_iter().flatten();
        moments.fold(self.heartbeat_at, Instant::min)
    }

    /// The frame, unless the throttle holds it back.
    fn admit(&mut self, frame: Frame) -> Option<Bytes> {
        let now = Instant::now();
        let throttle = self.throttle.as_mut().filter(|_| frame.is_counted);
        let delay = throttle.map_or(Duration::ZERO, |throttle| throttle.delay(now));
        if delay.is_zero() {
            return Some(self.release(frame));
        }
        metrics::streaming_throttled("delayed").increment(1);
        let due = now + delay;
        self.held = Some(Held { frame, due });
        None
    }

    fn take_due(&mut self) -> Option<Bytes> {
        let held = self.held.take_if(|held| held.due <= Instant::now())?;
        Some(self.release(held.frame))
    }

    /// From now on the client has it.
    fn release(&mut self, frame: Frame) -> Bytes {
        self.reached = frame.reached;
        frame.chunk
    }

    /// What was missed, then what happens.
    async fn next_frame(&mut self) -> Frame {
        loop {
            // Of the past of one thing, a stranger must not learn how far it goes.
            let moves_on = matches!(self.script, Script::Missed(_));
            let (Script::Missed(replay) | Script::Past(replay)) = &mut self.script else {
                return Frame::live(self.session.outbound.next().await);
            };
            let next = correlated(replay.correlation_id(), replayed(replay, &self.session));
            match Box::pin(next).await {
                Ok(Step::Event(frame)) => {
                    self.session.outbound.count_taken();
                    return Frame::past(frame, replay.reached());
                }
                Ok(Step::Gap(missing)) => {
                    let chunk = gap(missing.position, missing.reason);
                    return Frame::past(chunk, missing.position);
                }
                Ok(Step::Reached(reached)) if moves_on => return Frame::place(reached),
                Ok(Step::Reached(_)) => continue,
                Ok(Step::End) => {}
                Err(_) => {
                    // Who comes back goes on behind what cannot be decided, and does not meet it for ever.
                    self.reached = Some(replay.reached());
                    self.session.lifeline().cut(End::undecided());
                    // A live frame now would make the client believe that it has what came before.
                    return pending().await;
                }
            }
            if let Some(frame) = self.approach().await {
                return frame;
            }
        }
    }

    /// Everything that was looked for is replayed: on with what has happened meanwhile.
    ///
    /// Far behind, what happens is left to the journal, so that nothing piles up. When little is left, it begins to wait
    /// behind the rest; should it find no room there, the journal has it again.
    async fn approach(&mut self) -> Option<Frame> {
        let session = &self.session;
        let Script::Missed(replay) = &mut self.script else {
            session.lifeline().cut(End::complete());
            return pending().await;
        };
        if session.is_behind() {
            let (left, head) = replay.left();
            if left <= Self::NEAR {
                session.take_live(head);
            }
            replay.go_on(head);
            return None;
        }
        let Some(chunk) = session.outbound.pop() else {
            session.catch_up();
            self.told = self.told.max(replay.reached());
            self.script = Script::Live;
            return None;
        };
        if let Some(position) = position_of(&chunk) {
            replay.skip(position);
        }
        Some(Frame::live(chunk))
    }

    /// A sign of life; if nothing waits, it also moves the place from which the client would resume.
    fn heartbeat(&mut self) -> Bytes {
        let is_up_to_date = matches!(self.script, Script::Live)
            && self.held.is_none()
            && self.session.outbound.is_empty();
        let reached = self
            .session
            .progress()
            .filter(|reached| *reached > self.told);
        let Some(reached) = reached.filter(|_| is_up_to_date) else {
            return heartbeat(None);
        };
        self.told = reached;
        self.reached = Some(reached);
        heartbeat(Some(reached))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.session.leave();
    }
}

/// The next of what was missed; a failure is logged.
async fn replayed(replay: &mut Replay, session: &Session) -> Result<Step, ::things::Error> {
    replay.next(session).await.inspect_err(|error| {
        tracing::error!(error = %ErrorChain(error), "A stream could not be replayed");
    })
}

/// Says why the stream ends, as an event of its own; if something is missing, from `reached` on, the client goes on from there.
fn farewell(end: &End, lost: u64, reached: Option<Position>) -> Bytes {
    let event = match end.kind {
        EndKind::Expired => "expired",
        EndKind::Revoked | EndKind::Reconfigured => "revoked",
        EndKind::SlowConsumer | EndKind::Failed => "gap",
        EndKind::Complete => "complete",
        EndKind::Client
        | EndKind::Refresh
        | EndKind::Operator
        | EndKind::TooLarge
        | EndKind::Protocol
        | EndKind::Shutdown => "closed",
    };
    match reached.filter(|_| event == "gap") {
        Some(reached) => gap(reached, &end.sentence(lost)),
        None => control(event, &end.sentence(lost)),
    }
}

#[cfg(test)]
mod tests;
