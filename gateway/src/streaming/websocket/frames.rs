//! From the bytes of a connection to messages (RFC 6455 §5), in bounded memory.
//!
//! A frame that says it is too large is refused before it is received, and the fragments of a message share one buffer.

use actix_http::ws::{Codec, Frame, Item, ProtocolError};
use actix_web::dev::Payload;
use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use futures_util::StreamExt;
use tokio_util::codec::Decoder;

use crate::streaming::lifeline::{End, EndKind};

/// What a client sent, put together and checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    Text(ByteString),
    /// Wants its payload back.
    Ping(Bytes),
    /// The Ditto Protocol has none, and Ditto ignores them.
    Binary,
    Pong,
    /// A part of a message that brings it no further: what ends the others, the size of the message, does not end these.
    EmptyFragment,
    /// With its code, if it has one.
    Close(Option<u16>),
}

/// Reads messages.
pub(super) struct Frames {
    payload: Payload,
    decoder: MessageDecoder,
    /// Whether the client has said that it is done.
    is_closed: bool,
}

impl Frames {
    pub(super) fn new(payload: Payload, bytes_max: usize) -> Self {
        Self {
            payload,
            decoder: MessageDecoder::new(bytes_max),
            is_closed: false,
        }
    }

    /// The next message; `None` once the client is gone. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Result<Message, End>> {
        loop {
            match self.decoder.decode() {
                Ok(None) => {}
                Ok(Some(message)) => {
                    self.is_closed |= matches!(message, Message::Close(_));
                    return Some(Ok(message));
                }
                Err(end) => return Some(Err(end)),
            }
            match self.payload.next().await {
                Some(Ok(bytes)) => self.decoder.feed(bytes),
                // A connection that breaks is a client that is gone.
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Reads on until the client has closed its side: it said so, or hung up. Then the connection ends here first
    /// (RFC 6455 §7.1.1).
    pub(super) async fn drain(&mut self) {
        while !self.is_closed {
            match self.next().await {
                Some(Ok(_)) => {}
                // What cannot be read any more is not looked at either.
                Some(Err(_)) => break,
                None => return,
            }
        }
        if self.is_closed {
            return;
        }
        self.decoder.buffer = BytesMut::new();
        while let Some(Ok(_)) = self.payload.next().await {}
    }
}

/// Turns bytes into messages; needs no connection.
pub(super) struct MessageDecoder {
    codec: Codec,
    bytes_max: usize,
    buffer: BytesMut,
    fragments: Option<Fragments>,
}

/// The beginning of a message.
struct Fragments {
    is_text: bool,
    /// Of all that came, whether or not it is kept.
    size: usize,
    bytes: BytesMut,
}

impl MessageDecoder {
    /// Messages and frames have at most `bytes_max` bytes.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            codec: Codec::new().max_size(bytes_max),
            bytes_max,
            buffer: BytesMut::new(),
            fragments: None,
        }
    }

    pub(super) fn feed(&mut self, bytes: Bytes) {
        if self.buffer.is_empty() {
            // Without a copy where the bytes are nobody else's.
            self.buffer = BytesMut::from(bytes);
        } else {
            self.buffer.extend_from_slice(&bytes);
        }
    }

    /// The next whole message, if it has arrived.
    ///
    /// # Errors
    ///
    /// How the connection is to end: nothing can be read after it.
    pub(super) fn decode(&mut self) -> Result<Option<Message>, End> {
        loop {
            self.refuse_large_frame()?;
            let Some(frame) = self
                .codec
                .decode(&mut self.buffer)
                .map_err(|error| self.end(&error))?
            else {
                if self.buffer.is_empty() {
                    // An idle connection keeps no buffer.
                    self.buffer = BytesMut::new();
                }
                return Ok(None);
            };
            if let Some(message) = self.message(frame)? {
                return Ok(Some(message));
            }
        }
    }

    fn message(&mut self, frame: Frame) -> Result<Option<Message>, End> {
        Ok(match frame {
            Frame::Text(bytes) => Some(Message::Text(utf8(bytes)?)),
            Frame::Binary(_) => Some(Message::Binary),
            Frame::Pong(_) => Some(Message::Pong),
            Frame::Ping(payload) => Some(Message::Ping(payload)),
            Frame::Close(reason) => Some(Message::Close(reason.map(|it| it.code.into()))),
            Frame::Continuation(Item::FirstText(bytes)) => self.begin(true, &bytes)?,
            Frame::Continuation(Item::FirstBinary(bytes)) => self.begin(false, &bytes)?,
            Frame::Continuation(Item::Continue(bytes)) => self.append(&bytes)?,
            Frame::Continuation(Item::Last(bytes)) => {
                self.append(&bytes)?;
                Some(self.complete()?)
            }
        })
    }

    fn begin(&mut self, is_text: bool, bytes: &[u8]) -> Result<Option<Message>, End> {
        self.fragments = Some(Fragments {
            is_text,
            size: 0,
            bytes: BytesMut::new(),
        });
        self.append(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<Option<Message>, End> {
        if let Some(fragments) = &mut self.fragments {
            fragments.size += bytes.len();
            if fragments.size > self.bytes_max {
                return Err(End::too_large(self.bytes_max));
            }
            // What is ignored in the end need not be kept.
            if fragments.is_text {
                fragments.bytes.extend_from_slice(bytes);
            }
        }
        Ok(bytes.is_empty().then_some(Message::EmptyFragment))
    }

    fn complete(&mut self) -> Result<Message, End> {
        Ok(match self.fragments.take() {
            Some(Fragments {
                is_text: true,
                bytes,
                ..
            }) => Message::Text(utf8(bytes.freeze())?),
            Some(_) | None => Message::Binary,
        })
    }

    /// The codec would wait for the whole frame before it says so.
    fn refuse_large_frame(&mut self) -> Result<(), End> {
        let announced = announced_length(&self.buffer).unwrap_or(0);
        if announced <= self.bytes_max as u64 {
            return Ok(());
        }
        // Had the length come later, the codec would have seen first what is wrong with the two bytes before it.
        let mut beginning = BytesMut::from(self.buffer.get(..2).unwrap_or_default());
        let outcome = self.codec.decode(&mut beginning);
        outcome.map_err(|error| self.end(&error))?;
        Err(End::too_large(self.bytes_max))
    }

    fn end(&self, error: &ProtocolError) -> End {
        if matches!(error, ProtocolError::Overflow) {
            return End::too_large(self.bytes_max);
        }
        let reason = format!("The frame is malformed: {error}.");
        End::new(1002, EndKind::Protocol, reason)
    }
}

/// The length of the payload, as the head of a frame states it (RFC 6455 §5.2); `None` if that has not arrived.
fn announced_length(buffer: &[u8]) -> Option<u64> {
    match buffer.get(1)? & 0x7f {
        126 => {
            let length = buffer.get(2..)?.first_chunk::<2>()?;
            Some(u16::from_be_bytes(*length).into())
        }
        127 => {
            let length = buffer.get(2..)?.first_chunk::<8>()?;
            Some(u64::from_be_bytes(*length))
        }
        length => Some(length.into()),
    }
}

/// RFC 6455 §8.1.
fn utf8(bytes: Bytes) -> Result<ByteString, End> {
    ByteString::try_from(bytes)
        .map_err(|_| End::new(1007, EndKind::Protocol, "A text frame is UTF-8."))
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
