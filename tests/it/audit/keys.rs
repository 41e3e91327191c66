//! What is recorded of keys besides the requests that they open.

use std::fs;

use serde_json::{Value, json};
use tests::{TestGateway, eventually, merged, open_settings};

use super::{recorded, records};

/// A key of Edge Server, and two hashes of it with different salts.
const EDGE_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const EDGE_HASHES: [&str; 2] = [
    "c2NyeXB0JGxuPTE2LHI9OCxwPTEkQUFFQ0F3UUZCZ2NJQ1FvTERBME9EdyR6NDNUTUwxVHRNajVpSmY5OUI0b3hXbUZEWHJNbVFGNGVqdXl4RDlJbXhN",
    "c2NyeXB0JGxuPTEwLHI9OCxwPTEkRUJFU0V4UVZGaGNZR1JvYkhCMGVIdyRhcHY3a0dpWGJkWWN2bG90U3lzRnRhZEhmcWhHbm0vRmJGRDlUMjJKZ1Jz",
];

fn with(identities: Value) -> Value {
    json!({ "auth": {
        "api_keys": { "shared_above": 2 },
        "permission_sets": { "all": { "permissions": "full" } },
        "identities": identities,
    } })
}

fn identity(hash: &str) -> Value {
    json!({ "credential": { "api_key": hash }, "permissions": ["all"] })
}

struct Made {
    key: String,
    hash: String,
    key_id: String,
}

async fn made(gateway: &TestGateway) -> Made {
    let output = gateway.command(&["api-key", "generate", "--json"]).await;
    let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    let key = text("key");
    Made {
        key_id: key.split('_').nth(2).expect("a key id").to_owned(),
        hash: text("hash"),
        key,
    }
}

async fn configure(gateway: &TestGateway, overlay: Value) {
    let loaded = || {
        let loaded = |record: &&Value| record["event"] == "config.loaded";
        records(gateway).iter().filter(loaded).count()
    };
    let before = loaded();
    let file = gateway.folder().join("twinward.yaml");
    fs::write(file, merged(open_settings(), overlay).to_string()).expect("it can be written");
    eventually("another configuration", || {
        std::future::ready((loaded() > before).then_some(()))
    })
    .await;
}

fn count(gateway: &TestGateway, event: &str) -> usize {
    let records = records(gateway);
    let of_kind = records.iter().filter(|record| record["event"] == event);
    of_kind.count()
}

#[tokio::test]
async fn a_key_is_seen_for_the_first_time_once_whatever_restarts() {
    let gateway = TestGateway::start().await;
    let press = made(&gateway).await;
    configure(&gateway, with(json!({ "press": identity(&press.hash) }))).await;
    gateway
        .as_bearer(&press.key)
        .get("/api/2/whoami")
        .await
        .expect(200);
    let seen = recorded(&gateway, "key.first_seen", |_| true).await;
    assert_eq!(seen["actor"]["kid"], press.key_id.as_str());
    assert_eq!(seen["actor"]["identity"], "press");
    assert_eq!(seen["actor"]["method"], "api_key");
    assert_eq!(seen["src"]["ip"], "127.0.0.1");

    let gateway = gateway.restart().await;
    let caller = gateway.as_bearer(&press.key);
    caller
        .put("/api/2/things/org.acme:lamp", &json!({}))
        .await
        .expect(201);
    recorded(&gateway, "access.write", |_| true).await;
    assert_eq!(count(&gateway, "key.first_seen"), 1);
    let text = fs::read_to_string(gateway.data().join("audit.jsonl")).expect("records");
    assert!(!text.contains(&press.key) && !text.contains(&press.hash));
}

#[tokio::test]
async fn a_key_that_comes_from_many_networks_is_shared() {
    let gateway = TestGateway::start().await;
    let press = made(&gateway).await;
    configure(&gateway, with(json!({ "press": identity(&press.hash) }))).await;
    let caller = gateway.as_bearer(&press.key);
    for address in ["192.0.2.1", "192.0.2.200", "198.51.100.1"] {
        let from = caller.with("x-forwarded-for", address);
        from.get("/api/2/whoami").await.expect(200);
    }
    caller
        .put("/api/2/things/org.acme:lamp", &json!({}))
        .await
        .expect(201);
    let shared = recorded(&gateway, "key.shared", |_| true).await;
    assert_eq!(shared["info"]["networks"], 3);
    assert_eq!(shared["actor"]["kid"], press.key_id.as_str());
    assert_eq!(
        shared["src"]["ip"], "127.0.0.1",
        "two of one network are one"
    );
}

#[tokio::test]
async fn rotation_and_withdrawal_are_recorded_at_the_reload() {
    let gateway = TestGateway::start().await;
    let (old, new) = (made(&gateway).await, made(&gateway).await);
    let credentials = |hashes: &[&str]| {
        let all: Vec<_> = hashes
            .iter()
            .map(|hash| json!({ "api_key": hash }))
            .collect();
        with(json!({ "press": { "permissions": ["all"], "credentials": all } }))
    };
    configure(&gateway, credentials(&[&old.hash])).await;
    configure(&gateway, credentials(&[&old.hash, &new.hash])).await;
    let rotated = recorded(&gateway, "key.rotated", |_| true).await;
    assert_eq!(rotated["actor"]["kid"], new.key_id.as_str());
    assert_eq!(rotated["actor"]["identity"], "press");
    assert_eq!(count(&gateway, "key.revoked"), 0);

    configure(&gateway, credentials(&[&new.hash])).await;
    let withdrawn = recorded(&gateway, "key.revoked", |_| true).await;
    assert_eq!(withdrawn["actor"]["kid"], old.key_id.as_str());
    assert_eq!(withdrawn["info"]["what"], "configuration");
    assert_eq!(count(&gateway, "key.rotated"), 1);
    gateway
        .as_bearer(&old.key)
        .get("/api/2/whoami")
        .await
        .expect(401);
}

#[tokio::test]
async fn a_revocation_is_recorded_with_who_said_so() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let secret = "tww_live_01IYT0XLWR_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf4VgDRg";
    for value in ["01IYT0XLWR", secret] {
        let revocation = json!({ "kind": "key", "value": value });
        let added = operator.post("/devops/revocations", &revocation).await;
        let id = added.expect(201).json()["id"]
            .as_str()
            .expect("an id")
            .to_owned();
        let path = format!("/devops/revocations/{id}");
        operator.delete(&path).await.expect(204);
    }
    let revoked = recorded(&gateway, "key.revoked", |_| true).await;
    assert_eq!(
        revoked["info"],
        json!({ "what": "key", "value": "01IYT0XLWR" })
    );
    assert_eq!(revoked["actor"]["id"], "devops");
    assert_eq!(revoked["actor"]["method"], "devops_basic");
    let removed = |record: &Value| record["info"]["removed"] == true;
    recorded(&gateway, "key.revoked", |record| {
        removed(record) && record["info"]["value"] == "~"
    })
    .await;
    let text = fs::read_to_string(gateway.data().join("audit.jsonl")).expect("records");
    assert!(
        !text.contains(secret),
        "somebody revoked a key by its secret:\n{text}"
    );
}

#[tokio::test]
async fn a_key_that_nobody_uses_is_recorded() {
    let forgotten = json!({
        "permissions": ["all"],
        "credentials": [{ "api_key": EDGE_HASHES[0], "created_at": "2020-01-01T00:00:00Z" }],
    });
    let gateway = TestGateway::start_with(with(json!({ "press": forgotten }))).await;
    let unused = recorded(&gateway, "key.unused", |_| true).await;
    assert_eq!(unused["actor"]["identity"], "press");
    assert_eq!(unused["actor"]["method"], "api_key_legacy");
    assert_eq!(unused["info"]["last_used"], Value::Null);
    gateway
        .as_bearer(EDGE_KEY)
        .get("/api/2/whoami")
        .await
        .expect(200);

    let gateway = gateway.restart().await;
    let alice = gateway.as_subject("nginx:alice");
    alice
        .put("/api/2/things/org.acme:lamp", &json!({}))
        .await
        .expect(201);
    recorded(&gateway, "access.write", |_| true).await;
    assert_eq!(count(&gateway, "key.unused"), 1, "it was used since");
}

#[tokio::test]
async fn one_key_behind_two_identities_is_recorded_when_it_is_used() {
    let identities = json!({
        "press": identity(EDGE_HASHES[0]),
        "mill": identity(EDGE_HASHES[1]),
    });
    let gateway = TestGateway::start_with(with(identities)).await;
    gateway
        .as_bearer(EDGE_KEY)
        .get("/api/2/whoami")
        .await
        .expect(200);
    let twice = recorded(&gateway, "key.duplicate_secret", |_| true).await;
    let mut named: Vec<&str> = twice["info"]["identities"]
        .as_array()
        .expect("two identities")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    named.sort_unstable();
    assert_eq!(named, ["mill", "press"]);
    assert_eq!(twice["outcome"], "error");
    assert_eq!(twice["actor"]["method"], "api_key_legacy");
}
