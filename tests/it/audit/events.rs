//! Records of what is neither a change nor a refused credential: the process itself, limits, burnt keys, operators.

use serde_json::{Value, json};
use tests::TestGateway;

use super::{recorded, records};
use crate::api_keys::{EDGE_HASH, EDGE_KEY};
use crate::given::METRICS_TOKEN;

/// A key of ours that nobody has configured.
const KEY: &str = "tww_live_01IYT0XLWR_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf4VgDRg";

#[tokio::test]
async fn the_life_of_the_process_is_recorded() {
    let gateway = TestGateway::start_with(json!({ "auth": "dev_mode" })).await;
    let answer = gateway.anonymous().get("/api/2/whoami").await.expect(200);
    assert_eq!(answer.json()["defaultSubject"], "dev:anonymous");
    recorded(&gateway, "server.start", |_| true).await;
    recorded(&gateway, "config.loaded", |_| true).await;
    recorded(&gateway, "config.dev_mode", |_| true).await;
    let endpoints = gateway.endpoints();
    for address in [&endpoints.public, &endpoints.devops] {
        let listens = |record: &Value| record.to_string().contains(address.as_str());
        recorded(&gateway, "server.listen", listens).await;
    }
    let stopped = gateway.stop().await;
    let file = stopped.folder().join("data/audit.jsonl");
    let text = std::fs::read_to_string(file).expect("an audit file");
    let last = text.lines().last().expect("a record");
    assert!(last.contains(r#""event":"server.stop""#), "{last}");
}

#[tokio::test]
async fn who_asks_too_often_and_who_operates_is_recorded() {
    let gateway = TestGateway::start_with(
        json!({ "limits": { "per_subject": { "requests": 1, "window": "1h", "burst": 1 } }, "devops": { "metrics_token": METRICS_TOKEN } }),
    )
    .await;
    let alice = gateway.as_subject("nginx:alice");
    alice.get("/api/2/whoami").await.expect(200);
    alice.get("/api/2/whoami").await.expect(429);
    let hit = recorded(&gateway, "limit.hit", |_| true).await;
    assert_eq!(hit["reason"], "rate_limited");
    assert_eq!(hit["actor"]["id"], "nginx:alice");
    assert_eq!(hit["res"]["status"], 429);

    let operator = gateway.as_operator();
    operator.get("/devops/logging").await.expect(200);
    let path = |record: &Value| record["req"]["path"] == "/devops/logging";
    let access = recorded(&gateway, "devops.access", path).await;
    assert_eq!(access["outcome"], "allow");
    // Who only looks is recorded as well, by the credential that it came with, once a call.
    let scraper = gateway.operators_door().bearer(METRICS_TOKEN);
    scraper.get("/metrics").await.expect(200);
    scraper.get("/metrics").await.expect(200);
    operator.get("/status").await.expect(200);
    let status = |record: &Value| record["req"]["path"] == "/status";
    let looked = recorded(&gateway, "devops.access", status).await;
    assert_eq!(looked["outcome"], "allow");
    assert_eq!(looked["actor"]["id"], "devops");
    let is_scrape = |record: &Value| record["req"]["path"] == "/metrics";
    let found = records(&gateway);
    let scrapes: Vec<_> = found.iter().filter(|record| is_scrape(record)).collect();
    assert_eq!(scrapes.len(), 2, "{scrapes:?}");
    assert_eq!(scrapes[0]["actor"]["method"], "metrics_token");

    let stranger = gateway.operators_door().basic("devops", "wrong");
    stranger.get("/devops/logging").await.expect(401);
    let refused = recorded(&gateway, "devops.access", |record| {
        record["outcome"] == "deny"
    })
    .await;
    // The hash of a password takes its time.
    assert!(refused["res"]["ms"].as_u64() > Some(0), "{refused}");
}

#[tokio::test]
async fn a_key_in_an_address_is_recorded_by_its_id_and_burnt() {
    let gateway = TestGateway::start().await;
    let path = format!("/api/2/whoami?key={KEY}");
    let answer = gateway.anonymous().get(&path).await;
    answer.expect_error(400, "gateway:authentication.query.notallowed");
    let leaked = recorded(&gateway, "key.leaked_in_url", |_| true).await;
    assert_eq!(leaked["res"]["status"], 400);
    assert_eq!(leaked["actor"]["kid"], "01IYT0XLWR", "{leaked}");
    let secret = KEY.rsplit('_').next().expect("a secret");
    assert!(!leaked.to_string().contains(secret), "{leaked}");
    assert!(!gateway.log().contains(secret));
}

/// Where nobody is asked who calls, and where nothing is, a key is burnt all the same.
#[tokio::test]
async fn a_key_in_an_address_that_asks_nobody_is_recorded_too() {
    let gateway = TestGateway::start().await;
    for (path, status) in [("/health", 200), ("/nothing/here", 404)] {
        let target = format!("{path}?k={KEY}");
        gateway.anonymous().get(&target).await.expect(status);
        let asked = |record: &Value| {
            let target = record["req"]["path"].as_str();
            target.is_some_and(|target| target.starts_with(path))
        };
        let leaked = recorded(&gateway, "key.leaked_in_url", asked).await;
        assert_eq!(leaked["actor"]["kid"], "01IYT0XLWR", "{leaked}");
        assert_eq!(leaked["res"]["status"], status, "{leaked}");
    }
    let secret = KEY.rsplit('_').next().expect("a secret");
    assert!(!gateway.log().contains(secret));
}

#[tokio::test]
async fn a_key_from_elsewhere_is_refused_as_what_it_is() {
    let identity = json!({ "credential": { "api_key": EDGE_HASH }, "permissions": ["set"], "allow_from": ["192.0.2.0/24"] });
    let gateway = TestGateway::start_with(json!({ "auth": {
        "permission_sets": { "set": { "permissions": "full" } },
        "identities": { "press-07": identity },
    } }))
    .await;
    let from_elsewhere = |key: &str| {
        let caller = gateway.as_bearer(key);
        caller.with("x-forwarded-for", "198.51.100.1")
    };
    from_elsewhere(EDGE_KEY)
        .get("/api/2/whoami")
        .await
        .expect_error(403, "gateway:identity.source.notallowed");
    let denied = recorded(&gateway, "authz.deny", |_| true).await;
    assert_eq!(denied["reason"], "source_not_allowed", "{denied}");
    assert_eq!(denied["actor"]["method"], "api_key_legacy", "{denied}");
    let bogus = EDGE_KEY.replace("AAEC", "AAED");
    from_elsewhere(&bogus)
        .get("/api/2/whoami")
        .await
        .expect(401);
    let denied = recorded(&gateway, "auth.deny", |_| true).await;
    assert_eq!(denied["actor"]["method"], "api_key_legacy", "{denied}");
}

/// Whoever reads the record later sees what was done, not only where it was asked for.
#[tokio::test]
async fn what_an_operator_does_is_recorded_with_whom_it_is_about() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let level = json!({ "logger": "gateway::edge", "level": "debug" });
    operator.put("/devops/logging", &level).await.expect(200);
    let revoked = json!({ "kind": "subject", "value": "acme:mallory" });
    operator
        .post("/devops/revocations", &revoked)
        .await
        .expect(201);
    operator
        .delete("/devops/sessions?subject=nginx%3Amallory")
        .await
        .expect(200);
    let command = json!({
        "targetActorSelection": "/system/distributedPubSubMediator",
        "headers": { "aggregate": false },
        "piggybackCommand": { "type": "namespaces.commands:purgeNamespace", "namespace": "org.acme" },
    });
    operator
        .post("/devops/piggyback", &command)
        .await
        .expect(200);
    for expected in [
        "PUT /devops/logging org.eclipse.ditto.gateway.edge debug",
        "POST /devops/revocations subject acme:mallory",
        "DELETE /devops/sessions nginx:mallory",
        "POST /devops/piggyback namespaces.commands:purgeNamespace org.acme: 409",
    ] {
        let is_it = |record: &Value| {
            let told = record["info"]["command"].as_str().unwrap_or_default();
            told.eq_ignore_ascii_case(expected)
        };
        recorded(&gateway, "devops.access", is_it).await;
    }
}
