//! Server-sent events on things (HTML standard, section "Server-sent events").
//!
//! The id of an event is its place in the journal: a client that reconnects with `Last-Event-ID` goes on from there.

mod render;
mod replay;

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::things::{ThingId, ThingResource};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use journal::Position;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::StreamingSettings;
use super::lifeline::{End, EndKind};
use super::registry::{SessionKind, SessionRecord};
use super::session::Session;
use super::shard::{Entered, Shard};
use super::throttle::Throttle;
use crate::clock::Clock;
use crate::edge::RequestContext;
use crate::error::{DittoError, ErrorChain};
use crate::routes::parse_thing_id;
use render::{Selection, ThingRenderer, comment, control};
use replay::{Replay, Source};

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
    let selection = selection(&context, thing)?;
    let resume_after = last_event_id(request)?;
    let gateway = Arc::clone(&context.gateway);
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
    let session = Rc::new(Session::new(
        record,
        permit,
        gateway.settings.streaming.sse_outbound_bytes_max,
    ));
    let place = Shard::of_worker(&gateway.hub).enter(&gateway.hub, &session);
    let head = gateway.journal.head();
    let renderer = Rc::new(ThingRenderer::new(selection));
    session.subscribe(Box::new(Rc::clone(&renderer)), head);
    place.reindex();
    let replay = resume_after.map(|after| {
        let source = Source {
            journal: Arc::clone(&gateway.journal),
            things: Arc::clone(&gateway.things),
            clock: Arc::clone(&gateway.clock),
        };
        Replay::new(source, after, head, renderer)
    });
    let events = Events::new(
        &gateway.settings.streaming,
        Arc::clone(&gateway.clock),
        (session, place),
        replay,
    );
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        // nginx would collect events until a buffer is full.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events.into_stream()))
}

fn selection(
    context: &RequestContext,
    thing: Option<(ThingId, ThingResource)>,
) -> Result<Selection, DittoError> {
    const UNSUPPORTED: [&str; 6] = [
        "filter",
        "extraFields",
        "from-historical-revision",
        "to-historical-revision",
        "from-historical-timestamp",
        "to-historical-timestamp",
    ];
    if let Some(name) = UNSUPPORTED
        .into_iter()
        .find(|name| context.query.get(name).is_some())
    {
        return Err(DittoError::bad_request(
            "signal.unsupported",
            format!("The parameter `{name}` of a stream is not supported by this version."),
        )
        .describe("The stream was not opened, because without it something else would be delivered than asked for."));
    }
    let list = |name| {
        context
            .query
            .all(name)
            .flat_map(|values| values.split(','))
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (thing_ids, pointer) = match thing {
        Some((thing_id, resource)) => (
            vec![thing_id],
            Some(resource.pointer()).filter(|pointer| !pointer.is_root()),
        ),
        None => (
            list("ids")
                .iter()
                .map(|id| parse_thing_id(id))
                .collect::<Result<_, _>>()?,
            None,
        ),
    };
    Ok(Selection {
        thing_ids,
        namespaces: list("namespaces"),
        fields: context.fields()?,
        pointer,
    })
}

/// The place that a returning client read up to.
fn last_event_id(request: &HttpRequest) -> Result<Option<Position>, DittoError> {
    let Some(value) = request.headers().get("last-event-id") else {
        return Ok(None);
    };
    let position = value
        .to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .map(Position);
    position.map(Some).ok_or_else(|| {
        DittoError::bad_request(
            "header.invalid",
            "The value of the header `Last-Event-ID` is invalid.",
        )
        .describe("Send the id of the last event as it was received, or none.")
    })
}

/// One open stream.
struct Events {
    clock: Arc<dyn Clock>,
    session: Rc<Session>,
    replay: Option<Replay>,
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
        clock: Arc<dyn Clock>,
        (session, place): (Rc<Session>, Entered),
        replay: Option<Replay>,
    ) -> Self {
        Self {
            throttle: Throttle::new(settings.sse_throttling),
            pending: None,
            heartbeat: settings.sse_heartbeat,
            heartbeat_at: Instant::now() + settings.sse_heartbeat,
            is_over: false,
            _presence: Presence::new(&session, Arc::clone(&clock), place),
            clock,
            session,
            replay,
        }
    }

    /// The first bytes leave at once, so that a client knows that it is connected.
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
        let hello = stream::once(async { comment("connected") });
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
            () = sleep_until(heartbeat_at) => comment("alive"),
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
        while let Some(replay) = &mut self.replay {
            match replay.next(&self.session).await {
                Ok(Some(frame)) => return frame,
                Ok(None) => self.replay = None,
                Err(error) => {
                    tracing::error!(error = %ErrorChain(&error), "A stream could not be resumed");
                    self.session.lifeline().cut(End::new(
                        1011,
                        EndKind::Failed,
                        "The stream could not be resumed.",
                    ));
                    // A live frame now would make the client believe that it has what came before.
                    return pending().await;
                }
            }
        }
        self.session.outbound.next().await
    }
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
        EndKind::Revoked => "revoked",
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
