//! Requests for tests.

use jiff::Timestamp;

use crate::{HeaderLookup, PeerAddress, RequestKind, RequestParts};

/// Headers of a test request.
#[derive(Default)]
pub(crate) struct Headers(pub(crate) Vec<(&'static str, String)>);

impl HeaderLookup for Headers {
    fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| *known == name)?;
        Some(value)
    }
}

/// The time of every test.
pub(crate) fn now() -> Timestamp {
    "2026-08-18T10:00:00Z".parse().unwrap()
}

/// A plain request from loopback.
pub(crate) fn request<'a>(headers: &'a Headers, query: &'a str) -> RequestParts<'a> {
    RequestParts {
        method: "GET",
        path: "/api/2/things",
        query,
        headers,
        peer: PeerAddress::Ip("127.0.0.1".parse().unwrap()),
        kind: RequestKind::Http,
        now: now(),
    }
}

/// `Authorization: Bearer <credential>`.
pub(crate) fn bearer(credential: &str) -> Headers {
    Headers(vec![("authorization", format!("Bearer {credential}"))])
}
