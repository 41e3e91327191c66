//! Server-sent events on things (HTML standard, section "Server-sent events").
//!
//! The id of an event is its place in the journal: a client that reconnects with `Last-Event-ID` goes on from there.

mod events;
mod parameters;
mod render;

use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use ::things::{ThingId, ThingResource};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use authentication::ScopeWord;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use journal::Position;
use protocol::StreamKind;

use super::audited::Audited;
use super::registry::{SessionKind, SessionRecord};
use super::replay::{Replay, Source};
use super::revocation;
use super::session::{Renderer, Session};
use super::shard::Shard;
use crate::edge::RequestContext;
use crate::error::DittoError;
use crate::live::LiveRenderer;
use events::{Events, Script};
use render::ThingRenderer;

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
        .streaming(unless_piled_up(events))
}

/// An idle stream is woken by its session, and by each packet that comes on its connection.
///
/// A connection whose buffer is full of further requests is looked at without pause, and nobody would notice its end.
const IDLE_WAKES_MAX: usize = 10_000;

/// Ends `events` when a client goes on sending behind its request.
fn unless_piled_up<T>(events: impl Stream<Item = T> + 'static) -> impl Stream<Item = T> {
    let (mut events, mut idle) = (Box::pin(events), 0);
    stream::poll_fn(move |task| {
        let next = events.as_mut().poll_next(task);
        idle = if next.is_ready() { 0 } else { idle + 1 };
        if idle > IDLE_WAKES_MAX {
            return Poll::Ready(None);
        }
        next
    })
}
