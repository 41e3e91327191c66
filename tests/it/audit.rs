//! What auditors find: who came in, who did not, who changed what, and never a secret.

mod events;
mod keys;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{OidcProvider, TestGateway, eventually, merged};

use crate::given::given_lamp;

/// The records so far, without waiting for those on their way.
fn records(gateway: &TestGateway) -> Vec<Value> {
    let text = std::fs::read_to_string(gateway.data().join("audit.jsonl")).expect("an audit file");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON Lines"))
        .collect()
}

/// Waits for the first record of `event` for which `holds`.
pub(crate) async fn recorded(
    gateway: &TestGateway,
    event: &str,
    holds: impl Fn(&Value) -> bool,
) -> Value {
    eventually(event, || {
        let found = records(gateway)
            .into_iter()
            .find(|record| record["event"] == event && holds(record));
        std::future::ready(found)
    })
    .await
}

#[tokio::test]
async fn whoever_comes_in_is_recorded_once_an_hour() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    for _ in 0..3 {
        alice.get("/api/2/whoami?x=swordfish").await.expect(200);
    }
    let allow = recorded(&gateway, "auth.allow", |_| true).await;
    assert_eq!(allow["outcome"], "allow");
    assert_eq!(allow["actor"]["method"], "pre_auth");
    assert_eq!(allow["actor"]["id"], "nginx:alice");
    assert_eq!(allow["src"]["ip"], "127.0.0.1");
    assert_eq!(allow["req"]["path"], "/api/2/whoami?x=");
    assert_eq!(allow["res"]["status"], 200);
    // Something later is there, so whatever came before is, too.
    alice
        .put("/api/2/things/org.acme:lamp", &json!({}))
        .await
        .expect(201);
    recorded(&gateway, "access.write", |_| true).await;
    let allowed = records(&gateway);
    let allowed = allowed
        .iter()
        .filter(|record| record["event"] == "auth.allow");
    assert_eq!(allowed.count(), 1);
}

#[tokio::test]
async fn whoever_is_refused_is_recorded_with_the_reason_that_the_client_is_not_told() {
    let gateway = TestGateway::start_with(json!({
        "auth": { "pre_authenticated": { "trusted_proxies": ["192.0.2.0/24"] } }
    }))
    .await;
    gateway.anonymous().get("/api/2/whoami").await.expect(401);
    recorded(&gateway, "auth.deny", |record| {
        record["reason"] == "no_credential"
    })
    .await;

    gateway
        .as_subject("nginx:alice")
        .get("/api/2/whoami")
        .await
        .expect(401);
    let dropped = recorded(&gateway, "preauth.header_dropped", |_| true).await;
    assert_eq!(dropped["reason"], "preauth_untrusted_peer");

    let bogus = "tww_live_AAAAAAAAAA_swordfishswordfishswordfishswordfish";
    gateway
        .as_bearer(bogus)
        .get("/api/2/whoami")
        .await
        .expect(401);
    let deny = recorded(&gateway, "auth.deny", |record| {
        record["actor"]["method"] == "api_key"
    })
    .await;
    assert_eq!(deny["outcome"], "deny");
    let shown = deny["actor"]["kid"].as_str().expect("a fingerprint");
    assert!(shown.starts_with("fp:"), "{deny}");
}

#[tokio::test]
async fn a_refused_change_and_a_change_are_told_apart() {
    let gateway = TestGateway::start().await;
    let (alice, bob) = (
        gateway.as_subject("nginx:alice"),
        gateway.as_subject("nginx:bob"),
    );
    given_lamp(&alice, "org.acme:lamp").await;
    let policy = "/api/2/policies/org.acme:lamp/entries/reader";
    let reader = json!({
        "subjects": { "nginx:bob": { "type": "test" } },
        "resources": { "thing:/": { "grant": ["READ"], "revoke": [] } }
    });
    alice.put(policy, &reader).await.expect(201);
    bob.put("/api/2/things/org.acme:lamp/attributes/x", &json!(1))
        .await
        .expect(403);
    let denied = recorded(&gateway, "authz.deny", |_| true).await;
    assert_eq!(denied["reason"], "no_permission");
    assert_eq!(denied["actor"]["id"], "nginx:bob");
    assert_eq!(denied["perm"]["need"], "things:write");
    let written = recorded(&gateway, "access.write", |record| {
        record["req"]["route"] == "/api/2/policies/x/entries/x"
    })
    .await;
    assert_eq!(written["outcome"], "allow");
    assert_eq!(written["actor"]["id"], "nginx:alice");
    assert_eq!(written["req"]["method"], "PUT");
    let reads = records(&gateway);
    assert!(reads.iter().all(|record| record["event"] != "access.read"));
}

#[tokio::test]
async fn at_level_full_reads_and_every_use_are_recorded() {
    let gateway = TestGateway::start_with(json!({ "audit": { "level": "full" } })).await;
    let alice = gateway.as_subject("nginx:alice");
    for _ in 0..2 {
        alice.get("/api/2/things/org.acme:none").await.expect(404);
    }
    eventually("two records of each kind", || {
        let records = records(&gateway);
        let count = |event: &str| {
            records
                .iter()
                .filter(|record| record["event"] == event)
                .count()
        };
        let both = count("auth.allow") == 2 && count("access.read") == 2;
        std::future::ready(both.then_some(()))
    })
    .await;
}

#[tokio::test]
async fn refusals_of_one_source_share_a_record() {
    let gateway = TestGateway::start().await;
    let nobody = gateway.anonymous();
    for _ in 0..60 {
        nobody.get("/api/2/whoami").await.expect(401);
    }
    let folder = gateway.folder().to_owned();
    let kept = tempfile::tempdir().expect("a folder");
    let stopped = gateway.stop().await;
    std::fs::copy(
        folder.join("data/audit.jsonl"),
        kept.path().join("audit.jsonl"),
    )
    .expect("a copy");
    drop(stopped);
    let text = std::fs::read_to_string(kept.path().join("audit.jsonl")).expect("the copy");
    let denied: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON Lines"))
        .filter(|record: &Value| record["event"] == "auth.deny")
        .collect();
    assert_eq!(denied.len(), 21);
    assert_eq!(denied[20]["agg"]["count"], 40);
}

#[tokio::test]
async fn the_chain_is_verified_and_records_are_found() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    recorded(&gateway, "access.write", |_| true).await;
    let gateway = gateway.restart().await;
    alice_again(&gateway).await;

    let found = gateway
        .command(&[
            "audit",
            "query",
            "--config",
            "twinward.yaml",
            "--identity",
            "nginx:alice",
            "--since",
            "1h",
        ])
        .await;
    assert_eq!(found.status.code(), Some(0));
    let found = String::from_utf8(found.stdout).expect("text");
    assert!(found.lines().count() >= 2, "{found}");
    assert!(
        found.lines().all(|line| line.contains("nginx:alice")),
        "{found}"
    );
    let none = gateway
        .command(&[
            "audit",
            "query",
            "--file",
            "data/audit.jsonl",
            "--identity",
            "nginx:eve",
        ])
        .await;
    assert!(none.stdout.is_empty());

    let intact = gateway
        .command(&["audit", "verify", "--config", "twinward.yaml"])
        .await;
    let said = String::from_utf8_lossy(&intact.stdout).into_owned();
    assert_eq!(intact.status.code(), Some(0), "{said}");
    assert!(said.contains("of 2 starts"), "{said}");

    let path = gateway.data().join("audit.jsonl");
    let text = std::fs::read_to_string(&path).expect("an audit file");
    std::fs::write(&path, text.replacen("nginx:alice", "nginx:mallo", 1))
        .expect("it can be changed");
    let changed = gateway
        .command(&["audit", "verify", "--config", "twinward.yaml"])
        .await;
    let said = String::from_utf8_lossy(&changed.stdout).into_owned();
    assert_eq!(changed.status.code(), Some(1), "{said}");
    assert!(said.contains("was changed"), "{said}");
}

async fn alice_again(gateway: &TestGateway) {
    let alice = gateway.as_subject("nginx:alice");
    alice.get("/api/2/things/org.acme:lamp").await.expect(200);
    recorded(gateway, "auth.allow", |record| {
        record["seq"].as_u64() < Some(10)
    })
    .await;
}

#[tokio::test]
async fn no_secret_is_ever_recorded() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(merged(
        json!({ "audit": { "level": "full" } }),
        provider.trusted(),
    ))
    .await;
    let token = provider.token("alice").await;
    let canaries = [
        token.as_str(),
        "tww_live_AAAAAAAAAA_canarycanarycanarycanarycanarycanary",
        "Basic-canary-swordfish",
    ];
    for canary in canaries {
        gateway.as_bearer(canary).get("/api/2/whoami").await;
        for header in [
            "user-agent",
            "correlation-id",
            "cookie",
            "x-api-key",
            "referer",
        ] {
            gateway
                .anonymous()
                .with(header, canary)
                .get("/api/2/whoami")
                .await;
        }
        let path = format!("/api/2/things?ids=a:b&access_token={canary}&{canary}");
        gateway.as_subject("nginx:alice").get(&path).await;
        let path = format!("/ws/2?access_token={canary}");
        gateway.anonymous().get(&path).await;
        let body = json!({ "attributes": { "password": canary } });
        gateway
            .as_subject("nginx:alice")
            .put("/api/2/things/org.acme:lamp", &body)
            .await;
    }
    gateway
        .operators_door()
        .basic("devops", "Basic-canary-swordfish")
        .get("/devops/logging")
        .await;
    let headers = [("user-agent", token.as_str())];
    gateway
        .as_subject("nginx:alice")
        .send(
            Method::DELETE,
            "/api/2/things/org.acme:lamp",
            &headers,
            None,
        )
        .await
        .expect(204);
    recorded(&gateway, "access.write", |record| {
        record["req"]["method"] == "DELETE"
    })
    .await;
    let text = std::fs::read_to_string(gateway.data().join("audit.jsonl")).expect("an audit file");
    let signature = token.rsplit('.').next().expect("a token has three parts");
    for secret in [signature, "canarycanary"] {
        assert!(!text.contains(secret), "{secret} in:\n{text}");
    }
    // What looks like no credential stays where clients put text for us to see.
    let found = text.lines().filter(|line| line.contains("Basic-canary"));
    for line in found {
        let record: Value = serde_json::from_str(line).expect("JSON Lines");
        let shown = [&record["req"]["ua"], &record["req"]["id"]];
        assert!(shown.contains(&&json!("Basic-canary-swordfish")), "{line}");
    }
}

#[tokio::test]
async fn a_start_without_a_place_for_records_is_refused() {
    let failure =
        TestGateway::try_start(json!({ "audit": { "path": "twinward.yaml/audit.jsonl" } }))
            .await
            .expect_err("there is no such folder");
    assert_eq!(failure.status.code(), Some(74), "{}", failure.stderr);
    assert!(failure.stderr.contains("audit"), "{}", failure.stderr);
}

#[tokio::test]
async fn the_opening_and_the_end_of_a_stream_are_recorded_with_their_cause() {
    let gateway = TestGateway::start().await;
    let of = |event: &'static str, subject: &'static str| {
        recorded(&gateway, event, move |record| {
            record["actor"]["id"] == subject
        })
    };
    let mut socket = gateway
        .as_subject("nginx:alice")
        .web_socket()
        .await
        .expect("a WebSocket");
    let opened = of("stream.open", "nginx:alice").await;
    assert_eq!(
        (&opened["outcome"], &opened["info"]["stream"]),
        (&json!("allow"), &json!("ws"))
    );
    assert_eq!(opened["src"]["ip"], "127.0.0.1");
    let revocation = json!({ "kind": "subject", "value": "nginx:alice", "permanent": true });
    gateway
        .as_operator()
        .post("/devops/revocations", &revocation)
        .await
        .expect(201);
    assert_eq!(socket.closed().await.code, 1008);
    let closed = of("stream.close", "nginx:alice").await;
    assert_eq!(
        (&closed["info"]["stream"], &closed["info"]["cause"]),
        (&json!("ws"), &json!("revoked"))
    );

    let stream = gateway
        .as_subject("nginx:bob")
        .events("/api/2/things")
        .await
        .expect("a stream");
    assert_eq!(
        of("stream.open", "nginx:bob").await["info"]["stream"],
        "sse"
    );
    drop(stream);
    let closed = of("stream.close", "nginx:bob").await;
    assert_eq!(
        (&closed["info"]["stream"], &closed["info"]["cause"]),
        (&json!("sse"), &json!("client"))
    );
    // Whoever is refused opens nothing.
    let refused = gateway.as_subject("nginx:alice").web_socket().await;
    assert_eq!(refused.expect_err("no socket").0, 401);
    let streams = records(&gateway)
        .into_iter()
        .filter(|record| record["event"] == "stream.open");
    assert_eq!(streams.count(), 2);
}
