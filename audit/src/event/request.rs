//! What was asked for, from where, and what came back.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::client_text;

/// Where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The client, if need be in the words of a trusted proxy; `None` for a Unix socket.
    pub address: Option<IpAddr>,
    /// The other end of the socket; `None` for a Unix socket.
    pub peer: Option<IpAddr>,
    /// How many hops of `X-Forwarded-For` were believed.
    pub hops: usize,
}

/// What was asked for. Text of the client is cut, and freed of what looks like a credential.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub(crate) id: Arc<str>,
    pub(crate) method: String,
    pub(crate) route: &'static str,
    pub(crate) path: String,
    pub(crate) host: Option<String>,
    pub(crate) protocol: &'static str,
    pub(crate) user_agent: Option<String>,
    pub(crate) bytes: Option<u64>,
}

impl Request {
    const ID_BYTES_MAX: usize = 128;
    const METHOD_BYTES_MAX: usize = 32;
    const PATH_BYTES_MAX: usize = 500;
    const HOST_BYTES_MAX: usize = 255;
    const USER_AGENT_BYTES_MAX: usize = 200;

    /// `id` ties the record to log lines and to the response.
    pub fn new(id: &str, method: &str) -> Self {
        Self {
            id: client_text::bounded(id, Self::ID_BYTES_MAX).into(),
            method: client_text::bounded(method, Self::METHOD_BYTES_MAX).into_owned(),
            protocol: "http",
            ..Self::default()
        }
    }

    /// The pattern of the route, the path as sent, and of its query the names of the parameters.
    #[must_use]
    pub fn to(mut self, route: &'static str, path: &str, query: &str) -> Self {
        self.route = route;
        let target = client_text::target(path, query);
        self.path = client_text::bounded(&target, Self::PATH_BYTES_MAX).into_owned();
        self
    }

    /// The name that the client called this server by.
    #[must_use]
    pub fn host(mut self, host: Option<&str>) -> Self {
        self.host = host.map(|host| client_text::bounded(host, Self::HOST_BYTES_MAX).into_owned());
        self
    }

    /// `http`, `ws` or `sse`.
    #[must_use]
    pub fn protocol(mut self, protocol: &'static str) -> Self {
        self.protocol = protocol;
        self
    }

    /// What the client says it is.
    #[must_use]
    pub fn user_agent(mut self, user_agent: Option<&str>) -> Self {
        self.user_agent = user_agent
            .map(|agent| client_text::bounded(agent, Self::USER_AGENT_BYTES_MAX).into_owned());
        self
    }

    /// The size of the body.
    #[must_use]
    pub fn bytes(mut self, bytes: Option<u64>) -> Self {
        self.bytes = bytes;
        self
    }
}

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The size of the body, if known.
    pub bytes: Option<u64>,
    /// How long it took.
    pub duration: Duration,
}

/// What a decision on permissions was about.
#[derive(Debug, Clone, Default)]
pub struct Permission {
    /// What would have been needed, e.g. `things:write`.
    pub need: String,
    /// The permission sets of the caller.
    pub sets: Vec<Arc<str>>,
}
