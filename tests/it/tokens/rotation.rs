//! Keys that change under load, and providers that go away.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{OidcProvider, TestGateway, is_long_run, merged};

/// How often the provider changes its keys.
const ROTATION: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_provider_that_rotates_its_keys_under_load_causes_no_false_refusal() {
    let rotations = if is_long_run() { 30 } else { 4 };
    let provider = OidcProvider::start().await;
    let open = json!({
        "limits": { "per_source": false, "per_subject": false },
        "auth": { "oauth": { "keys": { "cool_down": "100ms" } } },
        "logging": { "level": "error" },
    });
    let gateway = TestGateway::start_with(merged(provider.trusted(), open)).await;
    let is_over = AtomicBool::new(false);
    let asked = AtomicUsize::new(0);
    let load = |client: &'static str| {
        let (provider, gateway, is_over, asked) = (&provider, &gateway, &is_over, &asked);
        async move {
            while !is_over.load(Ordering::Relaxed) {
                let caller = gateway.as_bearer(&provider.token(client).await);
                // The keys of the token are published for one more rotation at least.
                let until = Instant::now() + ROTATION / 4;
                while Instant::now() < until {
                    let answer = caller.get("/api/2/whoami").await;
                    assert_eq!(answer.status, 200, "{client}: {}", answer.body);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    };
    let rotating = async {
        let mut due = tokio::time::interval(ROTATION);
        for _ in 0..=rotations {
            due.tick().await;
            provider.rotate_keys(true).await;
        }
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(
        rotating,
        load("alice"),
        load("bob"),
        load("carol"),
        load("stranger")
    );
    assert!(
        asked.load(Ordering::Relaxed) > rotations * 20,
        "too little load to show anything"
    );
}

#[tokio::test]
async fn a_provider_that_is_gone_interrupts_nobody_whose_key_is_known() {
    let provider = OidcProvider::start().await;
    let often =
        json!({ "auth": { "oauth": { "keys": { "refresh": "1s", "cool_down": "100ms" } } } });
    let gateway = TestGateway::start_with(merged(provider.trusted(), often)).await;
    let (first, second) = (provider.token("alice").await, provider.token("bob").await);
    let alice = gateway.as_bearer(&first);
    alice.get("/api/2/whoami").await.expect(200);
    drop(provider);
    let outage = Duration::from_secs(if is_long_run() { 180 } else { 3 });
    let until = Instant::now() + outage;
    while Instant::now() < until {
        alice.get("/api/2/whoami").await.expect(200);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Not yet seen, but signed with a known key.
    gateway
        .as_bearer(&second)
        .get("/api/2/whoami")
        .await
        .expect(200);
}
