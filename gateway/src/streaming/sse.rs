//! Server-sent events on things (HTML standard, section "Server-sent events").
//!
//! The id of an event is its place in the journal: a client that reconnects with `Last-Event-ID` goes on from there.

mod parameters;
mod render;

use std::cell::Cell;
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
use futures_util::stream::{self, Stream, StreamExt};
use journal::Position;
use protocol::StreamKind;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::audited::Audited;
use super::lifeline::{End, EndKind};
use super::registry::{SessionKind, SessionRecord};
use super::replay::{Replay, Source, Step};
use super::session::{Renderer, Session};
use super::shard::{Entered, Shard};
use super::throttle::Throttle;
use super::{StreamingSettings, revocation};
use crate::clock::Clock;
use crate::edge::RequestContext;
use crate::error::{DittoError, ErrorChain};
use crate::live::LiveRenderer;
use render::{ThingRenderer, control, gap, heartbeat, hello};

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
    let (session, place) = enter(&context)?;
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
            place.reindex();
            let script = resume_after.map_or(Script::Live, |after| {
                let replay = Replay::of_missed(source, (after, head), renderer);
                Script::Missed(Box::new(replay))
            });
            (
                script,
                Some(resume_after.map_or(head, |after| after.min(head))),
            )
        }
    };
    let settings = &gateway.settings.streaming;
    let events = Events::new(settings, &gateway.clock, (session, place), script);
    Ok(respond(events.into_stream(from)))
}

/// 200 and an open stream of messages; they are not kept, so it has no places to resume from.
pub(crate) fn open_messages(
    context: RequestContext,
    renderer: Rc<dyn LiveRenderer>,
) -> Result<HttpResponse, DittoError> {
    context.scopes.check(ScopeWord::Events, None)?;
    let gateway = Arc::clone(&context.gateway);
    let (session, place) = enter(&context)?;
    session.subscribe_live(StreamKind::Messages, renderer);
    place.reindex();
    let settings = &gateway.settings.streaming;
    let mut events = Events::new(settings, &gateway.clock, (session, place), Script::Live);
    events.told = Position(u64::MAX);
    Ok(respond(events.into_stream(None)))
}

/// An open session, if the limits allow another one.
fn enter(context: &RequestContext) -> Result<(Rc<Session>, Entered), DittoError> {
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
    let place = Shard::of_worker(&gateway.hub).enter(&gateway.hub, &session);
    session.keep_record(Audited::open(gateway, context, &session.record));
    revocation::check(gateway, &session);
    Ok((session, place))
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
    /// From what was missed, then from what happens.
    Missed(Box<Replay>),
    /// From the past only.
    Past(Box<Replay>),
}

/// One open stream.
struct Events {
    clock: Arc<dyn Clock>,
    session: Rc<Session>,
    script: Script,
    /// Everything up to here was considered by this worker.
    progress: Rc<Cell<Position>>,
    /// Every place up to here is known to the client.
    told: Position,
    throttle: Throttle,
    /// Taken from where it waited, but not yet let through by the throttle.
    pending: Option<Pending>,
    heartbeat: Duration,
    heartbeat_at: Instant,
    is_over: bool,
    /// Dropped with the stream, which takes the session out of its shard.
    _presence: Presence,
}

/// A frame that the throttle has counted.
struct Pending {
    frame: Bytes,
    due: Instant,
}

impl Events {
    fn new(
        settings: &StreamingSettings,
        clock: &Arc<dyn Clock>,
        (session, place): (Rc<Session>, Entered),
        script: Script,
    ) -> Self {
        Self {
            progress: place.progress(),
            told: session.considered(),
            throttle: Throttle::new(settings.sse_throttling),
            pending: None,
            heartbeat: settings.sse_heartbeat,
            heartbeat_at: Instant::now() + settings.sse_heartbeat,
            is_over: false,
            _presence: Presence::new(&session, Arc::clone(clock), place),
            clock: Arc::clone(clock),
            session,
            script,
        }
    }

    /// The first bytes leave at once, so that a client knows that it is connected.
    fn into_stream(
        self,
        from: Option<Position>,
    ) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
        let hello = stream::once(async move { hello(from) });
        let events = stream::unfold(self, |mut events| async move {
            events.next().await.map(|chunk| (chunk, events))
        });
        hello.chain(events).map(Ok)
    }

    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        let session = Rc::clone(&self.session);
        let clock = Arc::clone(&self.clock);
        let heartbeat_at = self.heartbeat_at;
        let chunk = tokio::select! {
            biased;
            end = session.lifeline().ended(&*clock) => {
                self.is_over = true;
                farewell(&end)
            }
            frame = self.next_admitted() => frame,
            () = sleep_until(heartbeat_at) => self.heartbeat(),
        };
        self.heartbeat_at = Instant::now() + self.heartbeat;
        Some(chunk)
    }

    /// The next frame, once the throttle lets it pass.
    ///
    /// Invariant: dropping this future loses no frame and counts none twice.
    async fn next_admitted(&mut self) -> Bytes {
        let Pending { frame, due } = match self.pending.take() {
            Some(pending) => pending,
            None => {
                let frame = self.next_frame().await;
                let now = Instant::now();
                let due = now + self.throttle.delay(now);
                Pending { frame, due }
            }
        };
        if due > Instant::now() {
            // Cheap to copy: the bytes are shared.
            self.pending = Some(Pending {
                frame: frame.clone(),
                due,
            });
            sleep_until(due).await;
            self.pending = None;
        }
        frame
    }

    /// What was missed, then what happens.
    async fn next_frame(&mut self) -> Bytes {
        let (Script::Missed(replay) | Script::Past(replay)) = &mut self.script else {
            return self.session.outbound.next().await;
        };
        let next = correlated(replay.correlation_id(), replayed(replay, &self.session));
        match Box::pin(next).await {
            Ok(Step::Event(frame)) => return frame,
            Ok(Step::Gap(missing)) => return gap(missing.position, missing.reason),
            Ok(Step::End) => {}
            Err(_) => {
                self.session.lifeline().cut(End::undecided());
                // A live frame now would make the client believe that it has what came before.
                return pending().await;
            }
        }
        match std::mem::replace(&mut self.script, Script::Live) {
            Script::Past(_) => {
                self.session.lifeline().cut(End::complete());
                pending().await
            }
            Script::Live | Script::Missed(_) => self.session.outbound.next().await,
        }
    }

    /// A sign of life; if nothing waits, it also moves the place from which the client would resume.
    fn heartbeat(&mut self) -> Bytes {
        let is_up_to_date = matches!(self.script, Script::Live)
            && self.pending.is_none()
            && self.session.outbound.is_empty();
        let reached = self.progress.get();
        if !is_up_to_date || reached <= self.told {
            return heartbeat(None);
        }
        self.told = reached;
        heartbeat(Some(reached))
    }
}

/// The next of what was missed; a failure is logged.
async fn replayed(replay: &mut Replay, session: &Session) -> Result<Step, ::things::Error> {
    replay.next(session).await.inspect_err(|error| {
        tracing::error!(error = %ErrorChain(error), "A stream could not be replayed");
    })
}

/// The session's place in its shard: given up when the stream ends, whether or not the client still reads.
struct Presence {
    place: Rc<Cell<Option<Entered>>>,
    watch: JoinHandle<()>,
}

impl Presence {
    fn new(session: &Rc<Session>, clock: Arc<dyn Clock>, place: Entered) -> Self {
        let place = Rc::new(Cell::new(Some(place)));
        let (watched, watched_place) = (Rc::clone(session), Rc::clone(&place));
        let watch = actix_web::rt::spawn(async move {
            watched.lifeline().ended(&*clock).await;
            drop(watched_place.take());
        });
        Self { place, watch }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.watch.abort();
        drop(self.place.take());
    }
}

/// Says why the stream ends, as an event of its own.
fn farewell(end: &End) -> Bytes {
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
    control(event, &end.reason)
}

#[cfg(test)]
mod tests;
