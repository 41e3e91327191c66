//! `/ws/2`: the Ditto Protocol over WebSocket (RFC 6455).

mod body;
mod control;
mod frames;
mod history;
mod incoming;
mod live;
mod once_a_second;
mod refresh;
mod rejection;

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_http::body::BodyStream;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use bytestring::ByteString;
use devops::logging::correlated;
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout};

use super::announcement::Announcement;
use super::audited::Audited;
use super::lifeline::{End, Moment};
use super::registry::{SessionKind, SessionRecord};
use super::revocation;
use super::session::Session;
use super::shard::Shard;
use super::throttle::{Rejection, Throttle};
use crate::edge::{Authenticated, RequestContext, frame_defaults};
use crate::error::DittoError;
use crate::telemetry::metrics;
pub(super) use body::ping;
pub(crate) use body::text_frame;
use frames::{Frames, Message};
use once_a_second::OnceASecond;

/// A client that was told of the end gets this long to close its side (RFC 6455 §7.1.1).
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// One connection: its session, and what its frames act with.
pub(super) struct Connection {
    pub(super) context: RequestContext,
    pub(super) caller: RefCell<Authenticated>,
    pub(super) session: Rc<Session>,
    /// Headers of every frame that does not set them itself.
    defaults: Map<String, Value>,
    /// So that a flood of tokens costs no signature checks.
    refreshes: OnceASecond,
    /// Pings beyond the budget: often enough for those who ask whether the connection lives.
    pongs: OnceASecond,
    histories: history::Histories,
    in_flight: live::InFlight,
}

/// 101 and an open session, or an error as on any other route.
pub(crate) fn upgrade(
    context: RequestContext,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, DittoError> {
    let gateway = Arc::clone(&context.gateway);
    gateway.settings.origins.check_handshake(request)?;
    gateway.limits.check_handshake(context.source_key)?;
    let caller = context.caller()?.clone();
    let defaults = protocol::headers::accept(frame_defaults(request.headers(), &context.query))?;
    let permit = gateway
        .limits
        .open_stream(context.source_key, caller.limit_key())?;
    let mut response = actix_http::ws::handshake(request.head()).map_err(|error| {
        DittoError::bad_request(
            "gateway:websocket.upgrade.invalid",
            "This is no WebSocket handshake.",
        )
        .describe(format!("Connect with a WebSocket client: {error}."))
    })?;
    let settings = &gateway.settings.streaming;
    let record = SessionRecord::new(
        SessionKind::WebSocket,
        caller.principal().clone(),
        context.source.client,
        context.now,
    );
    let session = Session::new(record, permit, settings.websocket_outbound_bytes_max);
    let session = Rc::new(session.within(context.fence.clone()));
    let labels = context.headers.live.declared_acks.clone();
    let conflict = live::declare(&gateway, &session, labels);
    Shard::of_worker(&gateway.hub).enter(&gateway.hub, &session);
    session.keep_record(Audited::open(&gateway, &context, &session.record));
    revocation::check(&gateway, &session);
    // Its address may carry a token.
    response.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
    response.insert_header((
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ));
    let response = response
        .message_body(BodyStream::new(body::Outgoing(Rc::clone(&session))))
        .map_err(|error| {
            session.leave();
            DittoError::internal(&error)
        })?;
    let connection = Rc::new(Connection {
        caller: RefCell::new(caller),
        session,
        defaults,
        refreshes: OnceASecond::default(),
        pongs: OnceASecond::default(),
        histories: history::Histories::default(),
        in_flight: live::InFlight::default(),
        context,
    });
    if let Err(error) = conflict {
        connection.refuse_labels(&error);
    }
    let frames = Frames::new(payload.into_inner(), settings.websocket_frame_bytes_max);
    let correlation_id = Arc::clone(&connection.context.headers.ditto.correlation_id);
    actix_web::rt::spawn(async move {
        let work = pin!(serve(connection, frames));
        correlated(correlation_id, work).await;
    });
    Ok(response.map_into_boxed_body().into())
}

/// Takes messages until the session ends, says why, and waits for the client to go.
async fn serve(connection: Rc<Connection>, mut frames: Frames) {
    let session = Rc::clone(&connection.session);
    let end = tokio::select! {
        biased;
        end = watch(&connection) => end,
        end = read(&connection, &mut frames) => end,
    };
    session.lifeline().cut(end);
    connection.take_leave();
    drop(connection);
    let _ = timeout(CLOSE_TIMEOUT, frames.drain()).await;
    session.outbound.finish();
}

/// Waits for the end, and announces it.
async fn watch(connection: &Connection) -> End {
    let clock = &*connection.context.gateway.clock;
    loop {
        match connection.session.lifeline().next(clock).await {
            Moment::Expiring => connection.announce(&Announcement::Expiring),
            Moment::Ended(end) => return end,
        }
    }
}

async fn read(connection: &Rc<Connection>, frames: &mut Frames) -> End {
    let settings = &connection.context.gateway.settings.streaming;
    let mut throttle = Throttle::new(settings.websocket_throttling);
    let mut rejection = Rejection::new(settings.websocket_throttling);
    while let Some(message) = frames.next().await {
        match message {
            Ok(Message::Text(text)) => {
                connection.count_received();
                // Pings, closes and refreshes that came before it were seen; a frame that would be answered waits, and so does
                // whatever is behind it.
                if !text.starts_with("JWT-TOKEN") {
                    connection.session.outbound.room().await;
                }
                connection
                    .take(&text, (&mut throttle, &mut rejection))
                    .await;
            }
            Ok(Message::Ping(payload)) => connection.answer_ping(payload),
            Ok(Message::Binary) => {
                connection.count_received();
                connection.take_binary();
                connection.session.outbound.room().await;
            }
            Ok(Message::Pong) => {
                connection.count_received();
                connection.take_unanswered();
            }
            Ok(Message::EmptyFragment) => connection.take_unanswered(),
            Ok(Message::Close(code)) => return End::closed(code),
            Err(end) => return end,
        }
    }
    End::client()
}

impl Connection {
    /// Handles a message when the throttle lets it pass.
    async fn take(
        self: &Rc<Self>,
        text: &ByteString,
        (throttle, rejection): (&mut Throttle, &mut Rejection),
    ) {
        // A wall clock that was set is noticed here before a timer notices it.
        let now = self.context.gateway.clock.now();
        if self.session.lifeline().is_over(now) {
            return;
        }
        // A refresh must get through whatever else was sent; it has a limit of its own.
        if !text.starts_with("JWT-TOKEN") {
            if throttle.admit().await {
                metrics::streaming_throttled("delayed").increment(1);
            }
            if let Some(retry_after) = rejection.rejects(Instant::now()) {
                metrics::streaming_throttled("rejected").increment(1);
                return self.reject(text, retry_after);
            }
        }
        // Boxed, because most connections are idle and must not carry the size of this around.
        Box::pin(incoming::handle(self, text)).await;
    }

    fn count_received(&self) {
        let record = &self.session.record;
        record.counts.received.fetch_add(1, Ordering::Relaxed);
        metrics::streaming_messages("ws", "in").increment(1);
    }

    /// Sends the envelope or text of an answer.
    pub(super) fn send(&self, text: Bytes) {
        self.session.outbound.push_response(text_frame(&text));
    }

    /// The same for an answer that somebody else gave, whenever that was.
    pub(super) fn send_late(&self, text: Bytes) {
        self.push_late(text_frame(&text));
    }

    /// Reading from the client waits for room; what is sent without waiting is bounded by giving up a client that takes nothing.
    fn push_late(&self, frame: Bytes) {
        let outbound = &self.session.outbound;
        if outbound.takes_answers() {
            outbound.push_response(frame);
        } else {
            self.session.lose(1);
            self.session.lifeline().cut(End::slow_consumer());
        }
    }

    /// Tells what happens to the session, if the client wants to know; refreshes, and so what is said of them, wait for nothing.
    fn announce(&self, announcement: &Announcement) {
        if self.session.is_announcing() {
            let now = self.context.gateway.clock.now();
            let frame = announcement.frame(self.session.lifeline(), now);
            self.push_late(frame);
        }
    }

    /// Answers that were already made still go out, then the reason; events do not.
    fn take_leave(&self) {
        let session = &self.session;
        let end = session.lifeline().end().unwrap_or_else(End::client);
        let lost = session.give_up_events();
        let announcement = Announcement::before(&end, lost)
            .filter(|_| session.is_announcing())
            .map(|announcement| {
                let now = self.context.gateway.clock.now();
                announcement.frame(session.lifeline(), now)
            });
        let close = body::close_frame(&end, lost);
        session
            .outbound
            .close(announcement.into_iter().chain([close]));
        session.leave();
    }
}
