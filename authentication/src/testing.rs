//! Requests for tests.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::{
    HeaderLookup, NewRevocation, PeerAddress, RequestParts, Revocation, RevocationId,
    RevocationKind, RevocationStore, Revocations, StoreFailure, StoreFuture,
};

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
        query,
        peer: PeerAddress::Ip("127.0.0.1".parse().unwrap()),
        client: Some("127.0.0.1".parse().unwrap()),
        ..RequestParts::from_socket(headers, now())
    }
}

/// `Authorization: Bearer <credential>`.
pub(crate) fn bearer(credential: &str) -> Headers {
    Headers(vec![("authorization", format!("Bearer {credential}"))])
}

/// Revocations that are kept nowhere.
pub(crate) fn no_revocations() -> Arc<Revocations> {
    struct Nowhere;
    impl RevocationStore for Nowhere {
        fn load(&self) -> Result<Vec<Revocation>, StoreFailure> {
            Ok(Vec::new())
        }

        fn put<'a>(&'a self, _: &'a [Arc<Revocation>], _: Timestamp) -> StoreFuture<'a> {
            Box::pin(std::future::ready(Ok(())))
        }

        fn delete<'a>(&'a self, _: &'a [&'a RevocationId], _: Timestamp) -> StoreFuture<'a> {
            Box::pin(std::future::ready(Ok(())))
        }
    }
    Arc::new(Revocations::open(Arc::new(Nowhere), Duration::ZERO).unwrap())
}

/// Revokes what `value` names.
pub(crate) fn revoke(revocations: &Revocations, kind: RevocationKind, value: &str) {
    let new = NewRevocation {
        kind,
        value: value.to_owned(),
        issued_before: None,
        permanent: false,
        reason: None,
        created_by: "devops".to_owned(),
    };
    let added = futures_util::FutureExt::now_or_never(revocations.add(new, now()));
    added.unwrap().unwrap();
}

/// Revocations of the token with this `jti`.
pub(crate) fn revoking(token_id: &str) -> Arc<Revocations> {
    let revocations = no_revocations();
    revoke(&revocations, RevocationKind::Jti, token_id);
    revocations
}
