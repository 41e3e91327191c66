//! What a provider sees of a request.

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;

/// The parts of a request that may carry a credential, borrowed for the time of authentication.
pub struct RequestParts<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path as sent.
    pub path: &'a str,
    /// The query as sent, without `?`; empty if there is none.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a dyn HeaderLookup,
    /// Who holds the other end of the socket: never what a header claims.
    pub peer: PeerAddress,
    /// Where the request comes from: the peer, or whom a trusted proxy names; `None` behind a Unix socket.
    pub client: Option<IpAddr>,
    /// Plain request or upgrade.
    pub kind: RequestKind,
    /// When the request was received.
    pub now: Timestamp,
    /// Why the providers are asked.
    pub purpose: Purpose,
}

/// Why providers are asked about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Somebody asks for something.
    Admit,
    /// An operator asks what would be decided: no use of a credential is noted, none is used up, nothing is counted.
    Explain,
}

impl<'a> RequestParts<'a> {
    /// `GET /api/2/things` with these headers over a Unix socket, for whoever feeds providers without a server.
    pub fn from_socket(headers: &'a dyn HeaderLookup, now: Timestamp) -> Self {
        Self {
            method: "GET",
            path: "/api/2/things",
            query: "",
            headers,
            peer: PeerAddress::Unix,
            client: None,
            kind: RequestKind::Http,
            now,
            purpose: Purpose::Admit,
        }
    }
}

/// Headers by lower-case name.
///
/// Invariant: each header exists at most once; a request that repeats one is refused before authentication.
pub trait HeaderLookup {
    /// The value of the header, `None` if absent or not text.
    fn header(&self, name: &str) -> Option<&str>;
}

/// The peer of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerAddress {
    /// A TCP peer.
    Ip(IpAddr),
    /// A peer of a unix socket.
    Unix,
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(formatter),
            Self::Unix => formatter.write_str("unix"),
        }
    }
}

/// What the request asks for, as far as credentials differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// A plain HTTP request, server-sent events included.
    Http,
    /// The handshake of a WebSocket, which may carry its token in the query: browsers cannot set headers there.
    WebSocketUpgrade,
}
