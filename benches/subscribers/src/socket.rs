//! One subscriber: a connection that only counts what comes.

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How a subscriber listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    WebSocket,
    ServerSentEvents,
    /// A WebSocket that never reads.
    Stalled,
}

impl std::str::FromStr for Kind {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> anyhow::Result<Self> {
        match word {
            "ws" => Ok(Self::WebSocket),
            "sse" => Ok(Self::ServerSentEvents),
            "stalled" => Ok(Self::Stalled),
            word => bail!("`{word}` is none of ws, sse and stalled"),
        }
    }
}

/// Connects, subscribes, and waits for the confirmation.
pub(crate) async fn subscribed(
    kind: Kind,
    (address, target, headers): (&str, &str, &str),
) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await.context("connecting")?;
    let (accept, confirmation) = match kind {
        Kind::WebSocket | Kind::Stalled => (
            "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: x3JJHMbDL1EzLkh9GBhXDw==\r\n",
            "START-SEND-EVENTS:ACK",
        ),
        Kind::ServerSentEvents => ("accept: text/event-stream\r\n", ":connected"),
    };
    let request = format!("GET {target} HTTP/1.1\r\nhost: {address}\r\n{accept}{headers}\r\n");
    stream.write_all(request.as_bytes()).await?;
    if kind != Kind::ServerSentEvents {
        let control = b"START-SEND-EVENTS";
        let mut frame = vec![0x81, 0x80 | 17, 0, 0, 0, 0];
        frame.extend_from_slice(control);
        stream.write_all(&frame).await?;
    }
    let mut head = Vec::new();
    while !String::from_utf8_lossy(&head).contains(confirmation) {
        let mut buffer = [0; 1024];
        let length = stream.read(&mut buffer).await?;
        head.extend_from_slice(buffer.get(..length).unwrap_or_default());
        ensure!(length > 0, "refused: {}", String::from_utf8_lossy(&head));
    }
    Ok(stream)
}

/// Sends one request on a connection that stays, and waits for its answer.
pub(crate) async fn request(
    stream: &mut TcpStream,
    (address, method, target): (&str, &str, &str),
    (headers, body): (&str, &str),
) -> anyhow::Result<()> {
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while answer_length(&answer)?.is_none_or(|length| answer.len() < length) {
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).await?;
        ensure!(length > 0, "the server hung up");
        answer.extend_from_slice(buffer.get(..length).unwrap_or_default());
    }
    let answer = String::from_utf8_lossy(&answer);
    ensure!(answer.starts_with("HTTP/1.1 2"), "refused: {answer}");
    Ok(())
}

/// How long the answer is, with its body, once its head is there.
fn answer_length(answer: &[u8]) -> anyhow::Result<Option<usize>> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(head) = end.and_then(|end| answer.get(..end + 4)) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = text.split_once("content-length:");
    let length = length.and_then(|(_, rest)| rest.lines().next());
    let body: usize = length.unwrap_or("0").trim().parse().context("a length")?;
    Ok(Some(head.len() + body))
}
