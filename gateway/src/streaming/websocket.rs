//! `/ws/2`: the Ditto Protocol over WebSocket (RFC 6455).

mod control;
mod incoming;
mod refresh;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout};

use super::lifeline::{End, EndKind};
use super::session::Session;
use super::shard::{Entered, Shard};
use super::throttle::Throttle;
use crate::edge::{Authenticated, RequestContext, frame_defaults};
use crate::error::DittoError;
use crate::telemetry::metrics;

/// An idle connection is asked for a sign of life this often.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// A client that does not take the close frame within this time is left alone.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// One connection: its session, and what its frames act with.
pub(super) struct Connection {
    pub(super) context: RequestContext,
    pub(super) caller: RefCell<Authenticated>,
    pub(super) session: Rc<Session>,
    pub(super) place: Entered,
    /// Headers of every frame that does not set them itself.
    defaults: Map<String, Value>,
    refreshes: refresh::Refreshes,
}

/// 101 and an open session, or an error as on any other route.
pub(crate) fn upgrade(
    context: RequestContext,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, DittoError> {
    let gateway = &context.gateway;
    gateway.settings.origins.check_handshake(request)?;
    gateway.limits.check_handshake(context.source_key)?;
    let caller = context.caller()?.clone();
    let defaults = protocol::headers::accept(frame_defaults(request.headers(), &context.query))?;
    let permit = gateway
        .limits
        .open_stream(context.source_key, caller.limit_key())?;
    let settings = &gateway.settings.streaming;
    let (response, socket, frames) = actix_ws::handle(request, payload).map_err(|error| {
        DittoError::bad_request(
            "gateway:websocket.upgrade.invalid",
            "This is no WebSocket handshake.",
        )
        .describe(format!("Connect with a WebSocket client: {error}."))
    })?;
    let frames = frames
        .max_frame_size(settings.websocket_frame_bytes_max)
        .aggregate_continuations()
        .max_continuation_size(settings.websocket_frame_bytes_max);
    let session = Rc::new(Session::new(
        caller.principal().clone(),
        permit,
        settings.websocket_outbound_bytes_max,
    ));
    let place = Shard::of_worker(&gateway.hub).enter(&gateway.hub, &session);
    let connection = Rc::new(Connection {
        caller: RefCell::new(caller),
        session,
        place,
        defaults,
        refreshes: refresh::Refreshes::default(),
        context,
    });
    actix_web::rt::spawn(write(Rc::clone(&connection), socket));
    actix_web::rt::spawn(read(connection, frames));
    Ok(response)
}

/// Takes frames until the client goes or the session ends.
async fn read(connection: Rc<Connection>, mut frames: AggregatedMessageStream) {
    let session = Rc::clone(&connection.session);
    let clock = std::sync::Arc::clone(&connection.context.gateway.clock);
    let ended = session.lifeline.ended(&*clock);
    let reading = async {
        let mut throttle = Throttle::new(
            connection
                .context
                .gateway
                .settings
                .streaming
                .websocket_throttling,
        );
        while let Some(frame) = frames.next().await {
            if let Err(end) = take(&connection, frame, &mut throttle).await {
                return end;
            }
        }
        End::new(1000, EndKind::Client, "")
    };
    let end = tokio::select! {
        end = ended => end,
        end = reading => end,
    };
    session.lifeline.cut(end);
}

async fn take(
    connection: &Rc<Connection>,
    frame: Result<AggregatedMessage, ProtocolError>,
    throttle: &mut Throttle,
) -> Result<(), End> {
    match frame {
        Ok(AggregatedMessage::Text(text)) => {
            metrics::streaming_messages("ws", "in").increment(1);
            throttle.admit().await;
            incoming::handle(connection, &text).await;
            connection.wait_for_room().await;
            Ok(())
        }
        // The Ditto Protocol has no binary frames; Ditto ignores them, and so do its clients rely on nothing.
        Ok(AggregatedMessage::Binary(_) | AggregatedMessage::Pong(_)) => Ok(()),
        Ok(AggregatedMessage::Ping(payload)) => {
            connection.session.outbound.push_pong(payload);
            Ok(())
        }
        Ok(AggregatedMessage::Close(_)) => Err(End::new(1000, EndKind::Client, "")),
        Err(ProtocolError::Overflow) => {
            Err(End::new(1009, EndKind::TooLarge, "The frame is too large."))
        }
        Err(error) => Err(End::new(
            1002,
            EndKind::Protocol,
            format!("The frame is malformed: {error}."),
        )),
    }
}

impl Connection {
    /// Before more is read, its answers must find room.
    async fn wait_for_room(&self) {
        while !self.session.outbound.has_room() {
            self.session.outbound.taken().await;
        }
    }

    pub(super) fn send(&self, frame: Bytes) {
        self.session.outbound.push_response(frame);
    }
}

/// Sends what waits until the session ends, then says why.
async fn write(connection: Rc<Connection>, mut socket: actix_ws::Session) {
    let session = &connection.session;
    let clock = &*connection.context.gateway.clock;
    let ended = session.lifeline.ended(clock);
    let writing = async {
        let mut last = Instant::now();
        loop {
            let idle = tokio::time::sleep_until(last + PING_INTERVAL);
            let sent = tokio::select! {
                biased;
                frame = session.outbound.next() => send(&mut socket, frame).await,
                payload = session.outbound.next_pong() => socket.pong(&payload).await,
                () = idle => socket.ping(b"").await,
            };
            last = Instant::now();
            if sent.is_err() {
                return End::new(1000, EndKind::Client, "");
            }
        }
    };
    let end = tokio::select! {
        biased;
        end = ended => end,
        end = writing => end,
    };
    session.lifeline.cut(end.clone());
    let _ = timeout(CLOSE_TIMEOUT, finish(&connection, socket, end)).await;
}

/// Answers that were already made still go out; events do not.
async fn finish(connection: &Connection, mut socket: actix_ws::Session, end: End) {
    while let Some(frame) = connection.session.outbound.pop_response() {
        if send(&mut socket, frame).await.is_err() {
            return;
        }
    }
    let description = if end.reason.is_empty() {
        None
    } else {
        Some(end.reason)
    };
    let _ = socket
        .close(Some(CloseReason {
            code: CloseCode::from(end.code),
            description,
        }))
        .await;
}

async fn send(socket: &mut actix_ws::Session, frame: Bytes) -> Result<(), actix_ws::Closed> {
    match bytestring::ByteString::try_from(frame) {
        Ok(text) => socket.text(text).await,
        // Frames are JSON that we wrote, or fixed texts.
        Err(_) => Ok(()),
    }
}
