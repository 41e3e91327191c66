//! Guessing gets slower, only for who guesses, and never for who is right.

use serde_json::{Value, json};
use tests::{Caller, TestGateway};

use crate::given::statuses;

/// Sources are told apart by what a trusted proxy, here the test, says.
fn guarded() -> Value {
    json!({ "auth": { "brute_force": { "failures": 3, "window": "60s", "block": "60s" } } })
}

fn from(caller: &Caller, address: &str) -> Caller {
    caller.with("x-forwarded-for", address)
}

#[tokio::test]
async fn who_guesses_keys_is_told_to_wait_ever_longer() {
    let gateway = TestGateway::start_with(guarded()).await;
    let guesser = from(&gateway.as_bearer("tww_live_guess"), "192.0.2.1");
    assert_eq!(statuses(&guesser, 5).await, [401, 401, 401, 429, 429]);
    let refused = guesser.get("/api/2/whoami").await;
    let seconds: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    refused.expect_error(429, "too.many.requests");
    let tokens = from(&gateway.as_bearer("a.b.c"), "192.0.2.1");
    assert_eq!(
        statuses(&tokens, 4).await,
        [400, 400, 400, 429],
        "another method is counted on its own"
    );
}

#[tokio::test]
async fn the_addresses_of_one_network_guess_together() {
    let gateway = TestGateway::start_with(guarded()).await;
    let mut seen = Vec::new();
    for number in 1..=5 {
        let guesser = from(
            &gateway.as_bearer("tww_live_guess"),
            &format!("2001:db8:1:2::{number}"),
        );
        seen.push(guesser.get("/api/2/whoami").await.status);
    }
    assert_eq!(seen, [401, 401, 401, 429, 429]);
    let neighbour = from(&gateway.as_bearer("tww_live_guess"), "2001:db8:1:3::1");
    neighbour.get("/api/2/whoami").await.expect(401);
}

#[tokio::test]
async fn a_good_credential_enters_from_the_address_of_a_guesser_and_counts_nothing() {
    let gateway = TestGateway::start_with(guarded()).await;
    let guesser = from(&gateway.as_bearer("tww_live_guess"), "192.0.2.1");
    assert_eq!(statuses(&guesser, 5).await, [401, 401, 401, 429, 429]);
    let neighbour = from(&gateway.as_subject("nginx:alice"), "192.0.2.1");
    assert_eq!(statuses(&neighbour, 20).await, [200; 20]);
    let elsewhere = from(&gateway.as_bearer("tww_live_guess"), "192.0.2.2");
    elsewhere.get("/api/2/whoami").await.expect(401);
}

#[tokio::test]
async fn a_request_without_a_credential_is_no_guess() {
    let gateway = TestGateway::start_with(guarded()).await;
    assert_eq!(statuses(&gateway.anonymous(), 20).await, [401; 20]);
}

#[tokio::test]
async fn a_forged_address_of_an_untrusted_peer_does_not_help() {
    let untrusting = json!({
        "http_server": { "trusted_proxies": ["192.0.2.0/24"] },
        "auth": { "brute_force": { "failures": 3, "window": "60s", "block": "60s" } }
    });
    let gateway = TestGateway::start_with(untrusting).await;
    let mut seen = Vec::new();
    for number in 1..=5 {
        let guesser = gateway
            .as_bearer("tww_live_guess")
            .with("x-forwarded-for", &format!("198.51.100.{number}"))
            .with("forwarded", &format!("for=198.51.100.{number}"));
        seen.push(guesser.get("/api/2/whoami").await.status);
    }
    assert_eq!(seen, [401, 401, 401, 429, 429]);
}
