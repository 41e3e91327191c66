//! A WebSocket client that speaks text frames.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::process::deadline;

/// How the peer closed a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The status code (RFC 6455 §7.4), 1005 for a close frame without one, 1006 for none at all.
    pub code: u16,
    /// The reason text.
    pub reason: String,
}

/// An open WebSocket.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    pub(crate) async fn open(
        url: &str,
        headers: &[(String, String)],
    ) -> Result<Self, (u16, String)> {
        let mut request = url.into_client_request().expect("a WebSocket URL");
        for (name, value) in headers {
            let name = HeaderName::try_from(name.as_str()).expect("a header name");
            request.headers_mut().append(
                name,
                HeaderValue::try_from(value.as_str()).expect("a header value"),
            );
        }
        match deadline("the upgrade", connect_async(request)).await {
            Ok((stream, _)) => Ok(Self { stream }),
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                Err((
                    response.status().as_u16(),
                    String::from_utf8_lossy(body).into_owned(),
                ))
            }
            Err(error) => panic!("no WebSocket and no answer: {error}"),
        }
    }

    /// Sends one text frame.
    pub async fn send(&mut self, text: impl Into<String>) {
        let sent = deadline("sending", self.stream.send(Message::text(text.into()))).await;
        sent.expect("the socket takes a frame");
    }

    /// Sends a control message and waits for its acknowledgement.
    pub async fn control(&mut self, message: &str) {
        self.send(message).await;
        let name = message.split('?').next().unwrap_or(message);
        assert_eq!(self.text().await, format!("{name}:ACK"));
    }

    /// The next text frame.
    pub async fn text(&mut self) -> String {
        match self.next().await {
            Ok(text) => text,
            Err(closed) => panic!("expected a frame, got {closed:?}"),
        }
    }

    /// The next text frame as JSON.
    pub async fn json(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in frame {text:?}"))
    }

    /// Sends a Ditto Protocol command under `correlation_id` and waits for its answer, skipping events.
    pub async fn command(&mut self, correlation_id: &str, mut envelope: Value) -> Value {
        envelope["headers"]["correlation-id"] = correlation_id.into();
        self.send(envelope.to_string()).await;
        loop {
            let answer = self.json().await;
            if answer.get("status").is_some() {
                let id = &answer["headers"]["correlation-id"];
                assert_eq!(id, correlation_id, "{envelope} -> {answer}");
                return answer;
            }
        }
    }

    /// Watches the socket for `duration`, in which nothing may arrive and the peer may not close.
    pub async fn expect_silence(&mut self, duration: Duration) {
        if let Ok(received) = tokio::time::timeout(duration, self.next()).await {
            panic!("expected silence, got {received:?}");
        }
    }

    /// Reads until the peer closes, and how it did.
    pub async fn closed(&mut self) -> Closed {
        loop {
            if let Err(closed) = self.next().await {
                return closed;
            }
        }
    }

    /// The next text frame, or how the peer closed instead.
    ///
    /// # Errors
    ///
    /// The peer's close.
    pub async fn next(&mut self) -> Result<String, Closed> {
        deadline("a frame", self.frame()).await
    }

    async fn frame(&mut self) -> Result<String, Closed> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(frame))) => {
                    let closed = frame
                        .map(|frame| (u16::from(frame.code), frame.reason.as_str().to_owned()));
                    let (code, reason) = closed.unwrap_or((1005, String::new()));
                    return Err(Closed { code, reason });
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    return Err(Closed {
                        code: 1006,
                        reason: String::new(),
                    });
                }
            }
        }
    }
}
