//! Header values that name or prove an identity.

use authentication::{
    AuthenticationChain, HeaderLookup, OnConflict, PeerAddress, PreAuthenticatedProvider,
    PreAuthenticatedSettings, RequestKind, RequestParts, TrustedPeer,
};
use futures_util::FutureExt;
use jiff::Timestamp;

use crate::Target;

/// A chain that believes a proxy, except about subjects of `acme`.
pub(crate) struct Headers(AuthenticationChain);

struct One<'a>(&'a str);

impl HeaderLookup for One<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        ["x-ditto-pre-authenticated", "authorization"]
            .contains(&name)
            .then_some(self.0)
    }
}

impl Headers {
    pub(crate) fn new() -> Self {
        let settings = PreAuthenticatedSettings {
            enabled: true,
            trusted_peers: vec![TrustedPeer::Unix],
            reserved_issuers: vec!["acme".to_owned()],
            subject_prefixes: Vec::new(),
            single_subject: false,
            assertion: None,
        };
        let provider = PreAuthenticatedProvider::new(settings).expect("a provider");
        Self(AuthenticationChain::new(
            vec![std::sync::Arc::new(provider)],
            OnConflict::First,
        ))
    }
}

impl Target for Headers {
    fn seeds(&self) -> Vec<Vec<u8>> {
        [
            "nginx:alice, group:ops,",
            "acme:root",
            "https://id.example:bob",
            " , ,",
            "Bearer a.b.c",
            "a:b:c",
        ]
        .map(|seed| seed.as_bytes().to_vec())
        .into()
    }

    fn read(&self, input: &[u8]) {
        let value = String::from_utf8_lossy(input);
        let headers = One(&value);
        let request = RequestParts {
            method: "GET",
            path: "/api/2/things",
            query: "",
            headers: &headers,
            peer: PeerAddress::Unix,
            client: None,
            kind: RequestKind::Http,
            now: Timestamp::UNIX_EPOCH,
        };
        let answer = self.0.authenticate(&request).now_or_never();
        if let Some(Ok(principal)) = answer {
            for subject in principal.subjects() {
                let is_named = value
                    .split(',')
                    .any(|piece| piece.trim() == subject.as_str());
                assert!(is_named, "{subject} was not named");
                assert_ne!(
                    subject.issuer(),
                    "acme",
                    "{subject} is not the proxy's to name"
                );
            }
        }
    }
}
