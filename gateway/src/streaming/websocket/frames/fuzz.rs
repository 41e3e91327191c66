//! Bytes that nobody thought of, through the decoder of frames and the parsers behind it.
//!
//! Every day a few hundred of them; `PROPTEST_CASES=2000000 cargo test --release -p gateway --lib fuzz` goes on for long.

use proptest::collection::vec;
use proptest::prelude::*;
use protocol::{ControlMessage, Envelope, Incoming, headers};

use super::*;

const BYTES_MAX: usize = 64;

/// What comes out of `bytes`, fed in portions.
fn decoded(bytes: &[u8], portion: usize) -> (Vec<Message>, Option<u16>) {
    let mut decoder = MessageDecoder::new(BYTES_MAX);
    let mut messages = Vec::new();
    for chunk in bytes.chunks(portion.max(1)) {
        decoder.feed(Bytes::copy_from_slice(chunk));
        loop {
            match decoder.decode() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(end) => return (messages, Some(end.code)),
            }
        }
        let held = decoder
            .fragments
            .as_ref()
            .map_or(0, |held| held.bytes.len());
        assert!(held <= BYTES_MAX, "{held} bytes of fragments are held");
        // A head, a frame of the largest size, and what came with it.
        assert!(decoder.buffer.len() <= BYTES_MAX + 14 + chunk.len());
    }
    (messages, None)
}

/// A masked frame that is likely to be taken.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        Just(0x81_u8),
        Just(0x01),
        Just(0x00),
        Just(0x80),
        Just(0x89),
        Just(0x82),
        any::<u8>()
    ];
    (first, any::<[u8; 4]>(), vec(any::<u8>(), 0..80)).prop_map(|(first, mask, payload)| {
        let mut bytes = vec![first, 0x80 | u8::try_from(payload.len()).unwrap_or(0)];
        bytes.extend(mask);
        bytes.extend(payload);
        bytes
    })
}

/// Text that looks like what clients send.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("START-SEND-EVENTS".to_owned()),
        Just("JWT-TOKEN?jwtToken=".to_owned()),
        Just("?filter=".to_owned()),
        Just("&extraFields=".to_owned()),
        Just("%".to_owned()),
        Just(r#"{"topic":"a/b/things/twin/commands/modify","path":"/"#.to_owned()),
        Just(r#"","headers":{"timeout":"1s","requested-acks":"["#.to_owned()),
        Just(r#"","value":"#.to_owned()),
        Just("}".to_owned()),
        Just("\"".to_owned()),
        any::<String>(),
    ];
    vec(word, 0..6).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn it_does_not_matter_how_bytes_arrive(
        frames in vec(frame(), 0..6),
        noise in vec(any::<u8>(), 0..20),
        portion in 1_usize..40,
    ) {
        let bytes = [frames.concat(), noise].concat();
        prop_assert_eq!(decoded(&bytes, portion), decoded(&bytes, bytes.len()));
    }

    #[test]
    fn every_text_is_read_or_refused(text in text()) {
        // Whatever they make of it, they do not panic.
        let _ = ControlMessage::parse(&text);
        if let Ok(mut envelope) = Envelope::parse(text.as_bytes()) {
            let written = envelope.to_bytes();
            prop_assert_eq!(Envelope::parse(&written).ok(), Some(envelope.clone()));
            let _ = headers::accept(envelope.headers.take().unwrap_or_default());
            let _ = Incoming::from_envelope(envelope);
        }
    }
}
