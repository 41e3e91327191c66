//! The proof that a proxy itself vouches: good for one request, once, and not for long.

use aws_lc_rs::hmac;
use reqwest::Method;
use serde_json::json;
use tests::{TestGateway, seconds_from_now};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// What a proof is made for.
struct Made<'a> {
    method: &'a str,
    target: &'a str,
    subjects: &'a str,
    offset: i64,
    nonce: &'a str,
}

/// `GET /api/2/whoami` as `nginx:alice`, now.
const PLAIN: Made<'static> = Made {
    method: "GET",
    target: "/api/2/whoami",
    subjects: "nginx:alice",
    offset: 0,
    nonce: "nonce-0123456789",
};

/// As a proxy makes it, see `docs/authentication.md`.
fn proof(made: &Made<'_>, secret: &str) -> String {
    let time = seconds_from_now(made.offset);
    let text = format!(
        "twinward-assertion-v1\n{}\n{}\n{}\n{time}\n{}",
        made.method, made.target, made.subjects, made.nonce
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, text.as_bytes());
    let signature: String = signature
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("v=1,t={time},n={},s={signature}", made.nonce)
}

async fn gateway() -> TestGateway {
    TestGateway::start_with(json!({ "auth": { "pre_authenticated": {
        "assertion": { "secret": SECRET, "max_age": "30s" }
    } } }))
    .await
}

/// What the gateway says to `method target` as `subjects` with this proof.
async fn ask(
    gateway: &TestGateway,
    (method, target, subjects): (Method, &str, &str),
    proof: &str,
) -> u16 {
    let caller = gateway
        .as_subject(subjects)
        .with("x-ditto-pre-authenticated-assertion", proof);
    let answer = caller.send(method, target, &[], None).await;
    if answer.status == 401 {
        assert_eq!(
            answer.status_and_code(),
            "401 gateway:authentication.failed"
        );
        assert!(!answer.body.contains("nginx:alice"), "{}", answer.body);
    }
    answer.status
}

const ALICE: (Method, &str, &str) = (Method::GET, "/api/2/whoami", "nginx:alice");

#[tokio::test]
async fn a_proof_counts_once() {
    let gateway = gateway().await;
    let first = proof(&PLAIN, SECRET);
    assert_eq!(ask(&gateway, ALICE, &first).await, 200);
    for _ in 0..3 {
        assert_eq!(ask(&gateway, ALICE, &first).await, 401, "a replay");
    }
    let again = Made { offset: 1, ..PLAIN };
    let again = proof(&again, SECRET);
    assert_eq!(ask(&gateway, ALICE, &again).await, 401, "the same nonce");
    let fresh = Made {
        nonce: "nonce-9876543210",
        ..PLAIN
    };
    assert_eq!(ask(&gateway, ALICE, &proof(&fresh, SECRET)).await, 200);
}

#[tokio::test]
async fn a_proof_counts_once_whatever_is_configured_otherwise() {
    let overlay = |audience: &str, max_age: &str| {
        let issuer = json!({ "issuer": "127.0.0.1:1", "audience": [audience] });
        json!({ "auth": {
            "pre_authenticated": { "assertion": { "secret": SECRET, "max_age": max_age } },
            "oauth": { "openid_connect_issuers": { "other": issuer } },
            "brute_force": { "failures": 100 },
        } })
    };
    let gateway = TestGateway::start_with(overlay("one", "30s")).await;
    let used = proof(&PLAIN, SECRET);
    assert_eq!(ask(&gateway, ALICE, &used).await, 200);
    for (epoch, (audience, max_age)) in [(2, ("two", "30s")), (3, ("two", "60s"))] {
        crate::reload::configure(&gateway, overlay(audience, max_age));
        crate::reload::epoch(&gateway, epoch).await;
        assert_eq!(ask(&gateway, ALICE, &used).await, 401, "epoch {epoch}");
        let nonce = format!("nonce-of-epoch-{epoch}-000");
        let fresh = Made {
            nonce: &nonce,
            ..PLAIN
        };
        assert_eq!(ask(&gateway, ALICE, &proof(&fresh, SECRET)).await, 200);
    }
}

#[tokio::test]
async fn of_a_proof_replayed_at_the_same_time_one_counts() {
    let gateway = gateway().await;
    let proof = proof(&PLAIN, SECRET);
    let asked = (0..40).map(|_| ask(&gateway, ALICE, &proof));
    let statuses = futures_util::future::join_all(asked).await;
    let entered = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(entered, 1, "{statuses:?}");
}

#[tokio::test]
async fn a_proof_counts_in_its_time() {
    let gateway = gateway().await;
    // Not at the limits: between making and judging a second may pass.
    for (offset, nonce, expected) in [
        (-3600, "nonce-of-an-hour-ago", 401),
        (-35, "nonce-of-half-a-minute", 401),
        // Whoever used it then, this process would not know.
        (-25, "nonce-before-the-start", 401),
        (25, "nonce-of-a-fast-clock", 200),
        (35, "nonce-of-the-future", 401),
        (86_400 * 365, "nonce-of-next-year", 401),
    ] {
        let made = Made {
            offset,
            nonce,
            ..PLAIN
        };
        let status = ask(&gateway, ALICE, &proof(&made, SECRET)).await;
        assert_eq!(status, expected, "{offset} s");
    }
}

#[tokio::test]
async fn a_proof_counts_for_its_request_only() {
    let gateway = gateway().await;
    let proof = proof(&PLAIN, SECRET);
    for (what, request) in [
        (
            "another path",
            (Method::GET, "/api/2/things", "nginx:alice"),
        ),
        ("a query", (Method::GET, "/api/2/whoami?x=1", "nginx:alice")),
        (
            "another method",
            (Method::DELETE, "/api/2/things/org.acme:lamp", "nginx:alice"),
        ),
        (
            "another subject",
            (Method::GET, "/api/2/whoami", "nginx:root"),
        ),
        (
            "one more subject",
            (Method::GET, "/api/2/whoami", "nginx:alice,nginx:root"),
        ),
        (
            "another case",
            (Method::GET, "/api/2/whoami", "nginx:Alice"),
        ),
    ] {
        assert_eq!(ask(&gateway, request, &proof).await, 401, "{what}");
    }
    let put = Made {
        method: "GET",
        target: "/api/2/things/org.acme:lamp",
        nonce: "nonce-for-a-reader",
        ..PLAIN
    };
    let put = self::proof(&put, SECRET);
    let written = (Method::PUT, "/api/2/things/org.acme:lamp", "nginx:alice");
    assert_eq!(ask(&gateway, written, &put).await, 401, "another method");
    let forged = self::proof(
        &Made {
            nonce: "nonce-of-a-stranger",
            ..PLAIN
        },
        "fedcba9876543210fedcba9876543210",
    );
    assert_eq!(ask(&gateway, ALICE, &forged).await, 401, "another secret");
    assert_eq!(
        ask(&gateway, ALICE, &proof).await,
        200,
        "none of it used the proof up"
    );
}
