//! What bytes become, whole and in pieces.

use super::*;

const BYTES_MAX: usize = 1024;
const MASK: [u8; 4] = [0, 0, 0, 0];

/// A masked frame of a client.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload);
    bytes
}

/// Every message in `bytes`, and the code of the end, fed in one piece and byte by byte.
#[track_caller]
fn check(bytes: &[u8], expected: &[Message], code: Option<u16>) {
    for portion in [bytes.len().max(1), 1] {
        let mut decoder = MessageDecoder::new(BYTES_MAX);
        let (mut messages, mut end) = (Vec::new(), None);
        'all: for chunk in bytes.chunks(portion) {
            decoder.feed(Bytes::copy_from_slice(chunk));
            loop {
                match decoder.decode() {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break,
                    Err(reason) => {
                        end = Some(reason.code);
                        break 'all;
                    }
                }
            }
        }
        assert_eq!((messages.as_slice(), end), (expected, code), "by {portion}");
    }
}

fn text(text: &'static str) -> Message {
    Message::Text(ByteString::from_static(text))
}

#[test]
fn messages_follow_each_other() {
    let mut bytes = frame(0x81, b"one");
    bytes.extend(frame(0x89, b"ping"));
    bytes.extend(frame(0x82, b"binary"));
    bytes.extend(frame(0x8a, b""));
    bytes.extend(frame(0x88, &4001_u16.to_be_bytes()));
    let expected = [
        text("one"),
        Message::Ping(Bytes::from_static(b"ping")),
        Message::Binary,
        Message::Pong,
        Message::Close(Some(4001)),
    ];
    check(&bytes, &expected, None);
}

#[test]
fn fragments_make_one_message_around_control_frames() {
    let mut bytes = frame(0x01, "f\u{fc}".as_bytes());
    bytes.extend(frame(0x89, b""));
    bytes.extend(frame(0x00, b""));
    bytes.extend(frame(0x80, b"r"));
    let expected = [
        Message::Ping(Bytes::new()),
        Message::EmptyFragment,
        text("f\u{fc}r"),
    ];
    check(&bytes, &expected, None);
}

#[test]
fn fragments_without_bytes_are_told_and_the_last_is_the_message() {
    let mut bytes = frame(0x01, b"");
    bytes.extend(frame(0x00, b"x"));
    bytes.extend(frame(0x80, b""));
    check(&bytes, &[Message::EmptyFragment, text("x")], None);
    let mut bytes = frame(0x02, b"");
    bytes.extend(frame(0x00, b""));
    bytes.extend(frame(0x80, b"x"));
    let expected = [
        Message::EmptyFragment,
        Message::EmptyFragment,
        Message::Binary,
    ];
    check(&bytes, &expected, None);
}

#[test]
fn a_character_may_be_split_between_fragments_but_not_at_the_end() {
    let mut bytes = frame(0x01, &[0xc3]);
    bytes.extend(frame(0x80, &[0xbc]));
    check(&bytes, &[text("\u{fc}")], None);
    let mut bytes = frame(0x01, &[0xc3]);
    bytes.extend(frame(0x80, b""));
    check(&bytes, &[], Some(1007));
    check(&frame(0x81, &[0xff]), &[], Some(1007));
}

#[test]
fn what_is_too_large_is_refused_before_it_arrives() {
    check(&frame(0x81, &[b'x'; BYTES_MAX]), &[text_of_max()], None);
    let head = [0x81, 0x80 | 126, 0x04, 0x01];
    check(&head, &[], Some(1009));
    let mut huge = vec![0x81, 0x80 | 127];
    huge.extend((1_u64 << 62).to_be_bytes());
    check(&huge, &[], Some(1009));
    huge.truncate(2);
    huge.extend(u64::MAX.to_be_bytes());
    check(&huge, &[], Some(1009));
}

#[test]
fn a_malformed_head_counts_before_the_length_that_it_states() {
    let mut head = vec![0x03, 127];
    head.extend((1_u64 << 40).to_be_bytes());
    check(&head, &[], Some(1002));
    check(&head[..2], &[], Some(1002));
}

fn text_of_max() -> Message {
    Message::Text("x".repeat(BYTES_MAX).into())
}

#[test]
fn fragments_are_counted_together() {
    for first in [0x01, 0x02] {
        let mut bytes = frame(first, &[b'x'; BYTES_MAX]);
        bytes.extend(frame(0x00, b"x"));
        check(&bytes, &[], Some(1009));
    }
}

#[test]
fn a_million_fragments_of_one_byte_take_no_more_than_their_bytes() {
    let mut decoder = MessageDecoder::new(BYTES_MAX);
    decoder.feed(frame(0x01, b"x").into());
    let one = Bytes::from(frame(0x00, b"x").repeat(64));
    let mut fragments = 0;
    let end = loop {
        decoder.feed(one.clone());
        fragments += 64;
        match decoder.decode() {
            Ok(None) => {
                let held = decoder
                    .fragments
                    .as_ref()
                    .map_or(0, |held| held.bytes.capacity());
                assert!(
                    held <= 2 * BYTES_MAX,
                    "{held} bytes for {fragments} fragments"
                );
            }
            Ok(Some(message)) => panic!("{message:?}"),
            Err(end) => break end,
        }
    };
    assert_eq!(end.code, 1009);
    assert!(fragments <= BYTES_MAX + 64);
    // Empty ones take no memory at all.
    let mut decoder = MessageDecoder::new(BYTES_MAX);
    for first in std::iter::once(0x01).chain([0x00; 10_000]) {
        decoder.feed(frame(first, b"").into());
        assert_eq!(decoder.decode(), Ok(Some(Message::EmptyFragment)));
    }
    assert_eq!(decoder.fragments.map(|held| held.bytes.capacity()), Some(0));
}

#[test]
fn what_breaks_the_rules_ends_the_connection() {
    let unmasked = [0x81, 0x01, b'x'];
    let reserved_bit = frame(0xc1, b"x");
    let bad_opcode = frame(0x83, b"x");
    let fragmented_ping = frame(0x09, b"x");
    let large_ping = frame(0x89, &[0; 126]);
    let stray_continuation = frame(0x80, b"x");
    let mut nested = frame(0x01, b"x");
    nested.extend(frame(0x01, b"x"));
    let mut interrupted = frame(0x01, b"x");
    interrupted.extend(frame(0x81, b"x"));
    for bytes in [
        &unmasked[..],
        &reserved_bit,
        &bad_opcode,
        &fragmented_ping,
        &large_ping,
        &stray_continuation,
        &nested,
        &interrupted,
    ] {
        check(bytes, &[], Some(1002));
    }
}

#[actix_web::test]
async fn a_client_that_said_it_is_done_is_not_waited_for() {
    let mut bytes = frame(0x81, b"one");
    bytes.extend(frame(0x88, &1000_u16.to_be_bytes()));
    let received = futures_util::stream::iter([Ok(Bytes::from(bytes))]);
    let payload = Payload::Stream {
        payload: received
            .chain(futures_util::stream::pending())
            .boxed_local(),
    };
    let mut frames = Frames::new(payload, BYTES_MAX);
    let end = tokio::time::timeout(std::time::Duration::from_secs(30), frames.drain());
    end.await.expect("nothing more is waited for");
}
