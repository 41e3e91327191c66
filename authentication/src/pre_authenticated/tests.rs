//! Who may vouch, and for whom.

use super::*;
use crate::testing::{Headers, request};
use crate::{AuthenticationChain, OnConflict};

fn settings() -> PreAuthenticatedSettings {
    PreAuthenticatedSettings {
        enabled: true,
        trusted_peers: vec![TrustedPeer::Network("127.0.0.0/8".parse().unwrap())],
        subject_prefixes: Vec::new(),
        reserved_issuers: vec!["acme".to_owned(), "edge".to_owned()],
        single_subject: false,
        assertion: None,
    }
}

fn ask(settings: PreAuthenticatedSettings, value: &str, query: &str, peer: PeerAddress) -> String {
    let provider = PreAuthenticatedProvider::new(settings).unwrap();
    let chain = AuthenticationChain::new(vec![Arc::new(provider)], OnConflict::Reject);
    let headers = Headers(vec![(PRE_AUTHENTICATED, value.to_owned())]);
    let parts = RequestParts {
        peer,
        ..request(&headers, query)
    };
    match futures_util::FutureExt::now_or_never(chain.authenticate(&parts)).unwrap() {
        Ok(principal) => {
            let subjects: Vec<_> = principal.subjects().iter().map(SubjectId::as_str).collect();
            subjects.join("|")
        }
        Err(error) => error.to_string(),
    }
}

fn ip(address: &str) -> PeerAddress {
    PeerAddress::Ip(address.parse().unwrap())
}

#[track_caller]
fn check(value: &str, expected: &str) {
    assert_eq!(
        ask(settings(), value, "", ip("127.0.0.1")),
        expected,
        "value: {value:?}"
    );
}

#[test]
fn pieces_are_trimmed_and_keep_their_order() {
    check("nginx:b, nginx:a ,,", "nginx:b|nginx:a");
    check("nginx:a", "nginx:a");
}

#[test]
fn what_is_no_subject_is_refused() {
    for value in ["", " , ,"] {
        check(value, "the pre-authenticated header names no subject");
    }
    for value in ["alice", "nginx:", ":alice", "nginx:a,bob", "nginx:a\u{7}"] {
        check(value, "the pre-authenticated header holds no valid subject");
    }
}

#[test]
fn subjects_of_other_providers_are_refused() {
    check(
        "acme:alice",
        "the proxy may not vouch for subjects of `acme`",
    );
    check(
        "nginx:a,edge:press-07",
        "the proxy may not vouch for subjects of `edge`",
    );
    check(
        "acme://x:y",
        "the proxy may not vouch for subjects of `acme://x`",
    );
    check("acmes:alice", "acmes:alice");
}

#[test]
fn only_configured_prefixes_count_if_there_are_any() {
    let restricted = || PreAuthenticatedSettings {
        subject_prefixes: vec!["nginx".to_owned(), "haproxy:plant-".to_owned()],
        ..settings()
    };
    let ask = |value| ask(restricted(), value, "", ip("127.0.0.1"));
    assert_eq!(ask("nginx:a,haproxy:plant-3"), "nginx:a|haproxy:plant-3");
    assert_eq!(
        ask("nginxx:a"),
        "the proxy may not vouch for subjects of `nginxx`"
    );
    assert_eq!(
        ask("haproxy:a"),
        "the proxy may not vouch for subjects of `haproxy`"
    );
    let clash = PreAuthenticatedSettings {
        subject_prefixes: vec!["edge".to_owned()],
        ..settings()
    };
    assert!(matches!(
        PreAuthenticatedProvider::new(clash),
        Err(SettingsError::ReservedPrefix { .. })
    ));
}

#[test]
fn several_subjects_can_be_forbidden() {
    let single = || PreAuthenticatedSettings {
        single_subject: true,
        ..settings()
    };
    let ask = |value| ask(single(), value, "", ip("127.0.0.1"));
    assert_eq!(ask("nginx:a"), "nginx:a");
    assert_eq!(
        ask("nginx:a,nginx:b"),
        "the pre-authenticated header names 2 subjects, one is allowed"
    );
}

#[test]
fn the_header_of_an_untrusted_peer_is_dropped() {
    let dropped = "no credential of a configured kind";
    for peer in [ip("10.0.0.1"), ip("::1"), PeerAddress::Unix] {
        assert_eq!(
            ask(settings(), "nginx:a", "", peer),
            dropped,
            "peer: {peer}"
        );
    }
    assert_eq!(
        ask(settings(), "nginx:a", "", ip("::ffff:127.0.0.1")),
        "nginx:a"
    );
    let unix = || PreAuthenticatedSettings {
        trusted_peers: vec![TrustedPeer::Unix],
        ..settings()
    };
    assert_eq!(ask(unix(), "nginx:a", "", PeerAddress::Unix), "nginx:a");
    assert_eq!(ask(unix(), "nginx:a", "", ip("127.0.0.1")), dropped);
    let off = PreAuthenticatedSettings {
        enabled: false,
        ..settings()
    };
    assert_eq!(ask(off, "nginx:a", "", ip("127.0.0.1")), dropped);
}

#[test]
fn the_query_is_refused_from_any_peer_and_never_an_identity() {
    let refused = "a query parameter claims to be pre-authenticated";
    for query in [
        "x-ditto-pre-authenticated=nginx:b",
        "a=1&X-Ditto-Pre-Authenticated",
        "x%2Dditto-pre-authenticated=",
    ] {
        for peer in [ip("127.0.0.1"), ip("10.0.0.1")] {
            assert_eq!(
                ask(settings(), "nginx:a", query, peer),
                refused,
                "query: {query}"
            );
        }
    }
    let off = PreAuthenticatedSettings {
        enabled: false,
        ..settings()
    };
    let query = "x-ditto-pre-authenticated=nginx:b";
    assert_eq!(
        ask(off, "nginx:a", query, ip("127.0.0.1")),
        "no credential of a configured kind"
    );
}
