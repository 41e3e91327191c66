//! From what waits for a client to the bytes of its connection.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::ws::{CloseCode, CloseReason, Codec, Message};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio_util::codec::Encoder;

use crate::streaming::lifeline::End;
use crate::streaming::session::Session;

/// The body of the response that a WebSocket is: the connection takes from it whenever the client takes from the connection.
pub(super) struct Outgoing(pub(super) Rc<Session>);

impl Stream for Outgoing {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(context).map(|frame| frame.map(Ok))
    }
}

impl Drop for Outgoing {
    /// The connection is gone, or was closed after everything was sent.
    fn drop(&mut self) {
        self.0.lifeline().cut(End::client());
    }
}

/// A text frame as a server sends it: whole, and not masked (RFC 6455 §5.2).
pub(crate) fn text_frame(text: &[u8]) -> Bytes {
    const TEXT: u8 = 0x81;
    let mut frame = Vec::with_capacity(text.len() + 10);
    frame.push(TEXT);
    match u16::try_from(text.len()) {
        Ok(length @ 0..126) => frame.push(length.to_be_bytes()[1]),
        Ok(length) => {
            frame.push(126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend((text.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(text);
    frame.into()
}

/// Asks a quiet client for a sign of life.
pub(crate) fn ping() -> Bytes {
    Bytes::from_static(&[0x89, 0])
}

pub(super) fn pong(payload: Bytes) -> Bytes {
    encoded(Message::Pong(payload))
}

/// The frame that says why, and how much was lost by reading too slowly; its reason is cut where a control frame ends (RFC 6455 §5.5).
pub(super) fn close_frame(end: &End, lost: u64) -> Bytes {
    let mut reason = end.sentence(lost).into_owned();
    while reason.len() > End::REASON_BYTES_MAX {
        reason.pop();
    }
    encoded(Message::Close(Some(CloseReason {
        code: CloseCode::from(end.code),
        description: (!reason.is_empty()).then_some(reason),
    })))
}

fn encoded(message: Message) -> Bytes {
    let mut frame = BytesMut::new();
    match Codec::new().encode(message, &mut frame) {
        Ok(()) => frame.freeze(),
        // Only fragments can come in a wrong order.
        Err(_) => Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use actix_http::ws::Frame;
    use tokio_util::codec::Decoder;

    use super::*;

    #[track_caller]
    fn decoded(frame: &[u8]) -> Frame {
        let mut codec = Codec::new().client_mode().max_size(1 << 20);
        let mut bytes = BytesMut::from(frame);
        let decoded = codec.decode(&mut bytes).unwrap().unwrap();
        assert!(bytes.is_empty(), "more than one frame");
        decoded
    }

    #[test]
    fn a_client_reads_text_of_any_length() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 100_000] {
            let text = vec![b'x'; length];
            assert_eq!(
                decoded(&text_frame(&text)),
                Frame::Text(text.into()),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn a_close_says_why_in_one_control_frame() {
        let end = End::operator(Some(&"ü".repeat(100)));
        let Frame::Close(Some(reason)) = decoded(&close_frame(&end, 7)) else {
            panic!("no close frame");
        };
        let description = reason.description.unwrap();
        assert!(description.len() <= 123 && end.reason.starts_with(&description));
        assert_eq!(u16::from(reason.code), 1008);
    }

    #[test]
    fn an_operators_reason_is_told_whole() {
        let long = "x".repeat(120);
        for (reason, expected) in [
            ("maintenance", "An operator ended the session: maintenance"),
            (&long, &long),
        ] {
            let frame = close_frame(&End::operator(Some(reason)), 0);
            let Frame::Close(Some(told)) = decoded(&frame) else {
                panic!("no close frame");
            };
            assert_eq!(told.description.as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_pong_returns_the_payload_and_a_ping_has_none() {
        let payload = Bytes::from_static(b"abc");
        assert_eq!(decoded(&pong(payload.clone())), Frame::Pong(payload));
        assert_eq!(decoded(&ping()), Frame::Ping(Bytes::new()));
    }
}
