//! Frames that no well-behaved client sends.

use serde_json::json;
use tests::{TestGateway, deadline};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection after the handshake, on which anything can be written.
struct RawSocket(TcpStream);

impl RawSocket {
    async fn open(gateway: &TestGateway) -> Self {
        Self::open_as(gateway, "nginx:alice").await
    }

    async fn open_as(gateway: &TestGateway, subject: &str) -> Self {
        let address = &gateway.endpoints().public;
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = format!(
            "GET /ws/2 HTTP/1.1\r\nhost: {address}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\
             sec-websocket-extensions: permessage-deflate\r\nsec-websocket-protocol: bearer.secret\r\n\
             x-ditto-pre-authenticated: {subject}\r\n\r\n"
        );
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it takes the handshake");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(
                deadline("the handshake", stream.read_u8())
                    .await
                    .expect("an answer"),
            );
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        assert!(
            !head.contains("sec-websocket-extensions"),
            "compression was not refused: {head}"
        );
        assert!(
            !head.contains("sec-websocket-protocol"),
            "a protocol was echoed: {head}"
        );
        for header in ["cache-control: no-store", "referrer-policy: no-referrer"] {
            assert!(
                head.contains(header),
                "the address may carry a token: {head}"
            );
        }
        Self(stream)
    }

    /// Sends `bytes`; a gateway that has closed already need not take them all.
    async fn send(&mut self, bytes: &[u8]) {
        let _ = deadline("sending", self.0.write_all(bytes)).await;
    }

    /// The next frame, as opcode and payload; `None` at the end of the connection.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let stream = &mut self.0;
        let reading = async {
            let first = stream.read_u8().await.ok()?;
            let length = match stream.read_u8().await.ok()? {
                126 => usize::from(stream.read_u16().await.ok()?),
                127 => usize::try_from(stream.read_u64().await.ok()?).ok()?,
                length => usize::from(length),
            };
            let mut payload = vec![0; length];
            stream.read_exact(&mut payload).await.ok()?;
            Some((first & 0x0f, payload))
        };
        deadline("a frame", reading).await
    }

    /// The code of the close frame, whatever comes before it.
    async fn close_code(&mut self) -> Option<u16> {
        while let Some((opcode, payload)) = self.frame().await {
            if opcode == 8 {
                assert!(payload.len() > 2, "a close says why");
                return Some(u16::from_be_bytes([payload[0], payload[1]]));
            }
        }
        None
    }
}

/// A frame as clients send them, with a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

#[tokio::test]
async fn frames_that_break_the_rules_end_the_connection_with_the_right_code() {
    let gateway = TestGateway::start().await;
    let mut announced = vec![0x81, 0x80 | 127];
    announced.extend((1_u64 << 62).to_be_bytes());
    let mut impossible = vec![0x81, 0x80 | 127];
    impossible.extend(u64::MAX.to_be_bytes());
    let cases: [(&str, Vec<u8>, u16); 10] = [
        ("not masked", vec![0x81, 1, b'x'], 1002),
        ("compressed", frame(0xc1, b"x"), 1002),
        ("unknown opcode", frame(0x83, b"x"), 1002),
        ("fragmented ping", frame(0x09, b"x"), 1002),
        ("large ping", frame(0x89, &[0; 126]), 1002),
        ("stray continuation", frame(0x80, b"x"), 1002),
        ("not UTF-8", frame(0x81, &[0xff, 0xfe]), 1007),
        ("two to the 62 bytes", announced, 1009),
        ("more bytes than there can be", impossible, 1009),
        (
            "a MiB and one",
            frame(0x81, &vec![b' '; (1 << 20) + 1]),
            1009,
        ),
    ];
    for (what, bytes, code) in cases {
        let mut socket = RawSocket::open(&gateway).await;
        socket.send(&bytes).await;
        assert_eq!(socket.close_code().await, Some(code), "{what}");
    }
    let mut socket = gateway
        .as_subject("nginx:alice")
        .web_socket()
        .await
        .expect("a WebSocket");
    socket.control("START-SEND-EVENTS").await;
}

#[tokio::test]
async fn fragments_without_end_cost_no_more_than_a_message() {
    let unlimited = json!({ "per_subject": false, "per_source": false });
    let settings = json!({ "logging": { "level": "warn" }, "limits": unlimited });
    let gateway = TestGateway::start_with(settings).await;
    let mut socket = RawSocket::open(&gateway).await;
    let before = gateway.memory_kib("VmRSS").await;
    socket.send(&frame(0x01, b"")).await;
    // A million fragments of one byte, and as many empty ones.
    let portion: Vec<u8> = [frame(0x00, b" "), frame(0x00, b"")]
        .concat()
        .repeat(10_000);
    for _ in 0..100 {
        socket.send(&portion).await;
    }
    socket.send(&frame(0x80, b"")).await;
    let (opcode, payload) = socket.frame().await.expect("an answer");
    let answer = String::from_utf8_lossy(&payload);
    assert_eq!(opcode, 1, "{answer}");
    assert!(
        answer.contains("json.invalid"),
        "a million blanks are no envelope: {answer}"
    );
    let grown = gateway.memory_kib("VmRSS").await.saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more for a message of a MiB");
    socket.send(&frame(0x01, &vec![b' '; 1 << 20])).await;
    socket.send(&frame(0x00, b" ")).await;
    assert_eq!(
        socket.close_code().await,
        Some(1009),
        "fragments are counted together"
    );
}

#[tokio::test]
async fn pings_are_answered_before_everything_else() {
    let gateway = TestGateway::start().await;
    let mut socket = RawSocket::open(&gateway).await;
    socket.send(&frame(0x89, b"are you there")).await;
    assert_eq!(
        socket.frame().await,
        Some((0x0a, b"are you there".to_vec()))
    );
    socket.send(&frame(0x82, b"binary is ignored")).await;
    socket.send(&frame(0x81, b"STOP-SEND-EVENTS")).await;
    assert_eq!(
        socket.frame().await,
        Some((1, b"STOP-SEND-EVENTS:ACK".to_vec()))
    );
    socket.send(&frame(0x88, &1000_u16.to_be_bytes())).await;
    assert_eq!(socket.frame().await.map(|(opcode, _)| opcode), Some(8));
    assert_eq!(socket.frame().await, None, "and then the connection ends");
}

#[tokio::test]
async fn the_code_of_a_clients_close_comes_back_with_a_reason() {
    let gateway = TestGateway::start().await;
    let code = |code: u16| code.to_be_bytes().to_vec();
    let cases = [
        (code(1000), 1000),
        (code(1001), 1001),
        (code(3000), 3000),
        (code(4001), 4001),
        (Vec::new(), 1000),
        // Codes that nobody may send.
        (code(999), 1002),
        (code(1005), 1002),
        (code(5000), 1002),
    ];
    for (sent, expected) in cases {
        let mut socket = RawSocket::open(&gateway).await;
        socket.send(&frame(0x88, &sent)).await;
        assert_eq!(socket.close_code().await, Some(expected), "{sent:?}");
    }
}

/// Frames that each session may still send after its handshake.
const LEFT: usize = 5;

async fn few_frames() -> TestGateway {
    let rate = json!({ "requests": 1, "window": "1h", "burst": LEFT + 1 });
    let limits = json!({ "per_subject": rate, "per_source": false });
    TestGateway::start_with(json!({ "limits": limits })).await
}

/// A session that has sent 300 frames like this one, as a subject of its own.
async fn flood(gateway: &TestGateway, what: &str, bytes: &[u8]) -> RawSocket {
    let mut socket = RawSocket::open_as(gateway, &format!("nginx:{what}")).await;
    socket.send(&bytes.repeat(300)).await;
    socket
}

/// The code of the next error frame.
async fn error(socket: &mut RawSocket) -> String {
    let (opcode, payload) = socket.frame().await.expect("the socket stays");
    let text = String::from_utf8_lossy(&payload);
    assert_eq!(opcode, 1, "{text}");
    let answer: serde_json::Value = serde_json::from_str(&text).expect("an envelope");
    answer["value"]["error"]
        .as_str()
        .expect("a code")
        .to_owned()
}

#[tokio::test]
async fn no_text_frame_escapes_the_budget() {
    let gateway = few_frames().await;
    let retrieve = r#"{"topic":"org.acme/none/things/twin/commands/retrieve","path":"/""#;
    let cases = [
        (
            "control",
            "START-SEND-EVENTS?x".to_owned(),
            "protocoladapter:invalid.controlmessage",
        ),
        (
            "headers",
            format!(r#"{retrieve},"headers":{{"response-required":"maybe"}}}}"#),
            "header.invalid",
        ),
        ("json", "{".to_owned(), "json.invalid"),
        ("empty", String::new(), "json.format.invalid"),
        (
            "topic",
            r#"{"topic":"a","path":"/"}"#.to_owned(),
            "protocoladapter:unknown.topicpath",
        ),
        (
            "path",
            retrieve.replace(r#""/""#, r#""/what""#) + "}",
            "protocoladapter:unknown.path",
        ),
        ("command", format!("{retrieve}}}"), "things:thing.notfound"),
    ];
    for (what, text, code) in cases {
        let mut socket = flood(&gateway, what, &frame(0x81, text.as_bytes())).await;
        for number in 0..300 {
            let expected = if number < LEFT {
                code
            } else {
                "too.many.requests"
            };
            assert_eq!(error(&mut socket).await, expected, "{what} {number}");
        }
    }
}

/// What a session keeps of a frame is bounded, whatever a frame may bring.
#[tokio::test]
async fn nothing_large_is_kept_of_a_frame() {
    let gateway = TestGateway::start().await;
    let mut socket = RawSocket::open(&gateway).await;
    let long = "a,".repeat(10_000);
    let lamp = "org.acme/lamp/things/twin";
    let retrieve = format!(r#"{{"topic":"{lamp}/commands/retrieve","path":"/""#);
    let subscribe = format!(
        r#"{{"topic":"{lamp}/streaming/subscribeForPersistedEvents","path":"/","value":{{"prefix":"#
    );
    for (text, code) in [
        (
            format!("START-SEND-EVENTS?namespaces={long}"),
            "protocoladapter:invalid.controlmessage",
        ),
        (
            format!("START-SEND-MESSAGES?extraFields={long}"),
            "protocoladapter:invalid.controlmessage",
        ),
        (
            format!(r#"{retrieve},"headers":{{"my-own":"{long}"}}}}"#),
            "headers.too.large",
        ),
        (
            format!(r#"{subscribe}"{}"}}}}"#, "p".repeat(257)),
            "json.format.invalid",
        ),
    ] {
        socket.send(&frame(0x81, text.as_bytes())).await;
        assert_eq!(error(&mut socket).await, code, "{}", &text[..40]);
    }
}

#[tokio::test]
async fn fragments_that_bring_nothing_count_too() {
    let gateway = few_frames().await;
    for (what, fragment, code) in [
        ("full", frame(0x00, b" "), "json.invalid"),
        ("empty", frame(0x00, b""), "too.many.requests"),
    ] {
        let subject = format!("nginx:{what}");
        let mut socket = RawSocket::open_as(&gateway, &subject).await;
        socket.send(&frame(0x01, b"{")).await;
        socket.send(&fragment.repeat(300)).await;
        socket.send(&frame(0x80, b"")).await;
        assert_eq!(error(&mut socket).await, code, "{what}");
    }
}

#[tokio::test]
async fn binary_frames_pings_and_pongs_count_too() {
    let gateway = few_frames().await;
    let mut binary = flood(&gateway, "binary", &frame(0x82, b"x")).await;
    for _ in LEFT..300 {
        assert_eq!(error(&mut binary).await, "too.many.requests");
    }
    let mut pongs = flood(&gateway, "pongs", &frame(0x8a, b"x")).await;
    pongs.send(&frame(0x81, b"STOP-SEND-EVENTS")).await;
    assert_eq!(error(&mut pongs).await, "too.many.requests");

    let started = std::time::Instant::now();
    let mut pings = flood(&gateway, "pings", &frame(0x89, b"x")).await;
    pings.send(&frame(0x81, b"STOP-SEND-EVENTS")).await;
    let mut answered = 0;
    loop {
        let (opcode, payload) = pings.frame().await.expect("the socket stays");
        match opcode {
            0x0a => answered += 1,
            _ => {
                let text = String::from_utf8_lossy(&payload);
                assert!(text.contains("too.many.requests"), "{text}");
                break;
            }
        }
    }
    let seconds = started.elapsed().as_secs() as usize;
    let expected = 1..=LEFT + 1 + seconds;
    assert!(
        expected.contains(&answered),
        "{answered} pongs in {seconds} s"
    );
}
