//! Identities with API keys: what they may reach, from where, how often, and with keys of Edge Server.

mod commands;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Caller, TestGateway, eventually};

use crate::given::{given_lamp, owned_by};

/// A key of Edge Server, bytes 0 to 31 as base64, and its hash by scrypt.
pub(crate) const EDGE_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub(crate) const EDGE_HASH: &str = "c2NyeXB0JGxuPTE2LHI9OCxwPTEkQUFFQ0F3UUZCZ2NJQ1FvTERBME9EdyR6NDNUTUwxVHRNajVpSmY5OUI0b3hXbUZEWHJNbVFGNGVqdXl4RDlJbXhN";

/// Another one, bytes 32 to 63.
const OTHER_EDGE_KEY: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
const OTHER_EDGE_HASH: &str = "c2NyeXB0JGxuPTEwLHI9OCxwPTEkSUNFaUl5UWxKaWNvS1NvckxDMHVMdyQvN25aa2JISm02VGo5bTFSWlc0NllNekdOZ2FnOGFkVTkzRVI4bTZtWnVr";

/// A key of ours, and its hash.
pub(crate) const KEY: &str =
    "tww_live_01IYT0XLWR_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf4VgDRg";
pub(crate) const HASH: &str = "aHMyNTYkdj0xJGtpZD0wMUlZVDBYTFdSJEVCRVNFeFFWRmhjWUdSb2JIQjBlSHckNjVvdjF2M3lVR0tnQTBKK1RVTjB1U2g3cmRpYnAyN204NUFtSVBKRmRIMA==";

/// `press-07` has the key of Edge Server, these permissions, and whatever else `more` says.
async fn gateway_with(permissions: Value, more: Value) -> TestGateway {
    let identity = json!({ "credential": { "api_key": EDGE_HASH }, "permissions": ["set"] });
    let identity = tests::merged(identity, more);
    TestGateway::start_with(json!({
        "auth": {
            "permission_sets": { "set": { "permissions": permissions } },
            "identities": { "press-07": identity }
        }
    }))
    .await
}

fn press(gateway: &TestGateway) -> Caller {
    gateway.as_bearer(EDGE_KEY)
}

#[tokio::test]
async fn a_key_of_edge_server_opens_the_gateway_and_bogus_ones_do_not() {
    let gateway = gateway_with(json!("full"), json!({ "id": "plant-3/press-07" })).await;
    for _ in 0..3 {
        let answer = press(&gateway).get("/api/2/whoami").await.expect(200);
        assert_eq!(answer.json()["defaultSubject"], "edge:plant-3/press-07");
    }
    let bogus = gateway.as_bearer(&EDGE_KEY.replace("AAEC", "AAED"));
    bogus
        .get("/api/2/whoami")
        .await
        .expect_error(401, "gateway:authentication.failed");
    assert!(!gateway.log().contains(EDGE_KEY), "the key is logged");
}

#[tokio::test]
async fn scopes_bound_what_an_identity_may_ask_for() {
    let scopes = json!(["things:read@org.acme", "ws"]);
    let gateway = gateway_with(scopes, json!({})).await;
    let owner = gateway.as_subject("nginx:alice");
    given_lamp(&owner, "org.acme:lamp").await;
    let press = press(&gateway);
    let denied = |path| press.get(path);
    // The policy hides the thing, the scope lets the question pass.
    press
        .get("/api/2/things/org.acme:lamp")
        .await
        .expect_error(404, "things:thing.notfound");
    for path in [
        "/api/2/things/org.other:lamp",
        "/api/2/things?ids=org.acme:lamp,org.other:lamp",
        "/api/2/policies/org.acme:lamp",
    ] {
        denied(path)
            .await
            .expect_error(403, "gateway:scope.missing");
    }
    press
        .put("/api/2/things/org.acme:new", &json!({}))
        .await
        .expect_error(403, "gateway:scope.missing");
    let events = press.events("/api/2/things").await.expect_err("no stream");
    events.expect_error(403, "gateway:scope.missing");
    press.get("/api/2/whoami").await.expect(200);

    let mut socket = press.web_socket().await.expect("a WebSocket");
    let modify = json!({ "topic": "org.acme/new/things/twin/commands/modify", "headers": {}, "path": "/", "value": {} });
    let refused = socket.command("c-1", modify).await;
    assert_eq!(refused["status"], 403, "{refused}");
    assert_eq!(refused["value"]["error"], "gateway:scope.missing");
}

/// A policy that `edge:press-07` and `nginx:alice` may read, write and use.
fn shared() -> Value {
    tests::merged(owned_by("edge:press-07"), owned_by("nginx:alice"))
}

/// A policy is nothing that comes with a thing, unless it is the one that every thing gets by itself.
#[tokio::test]
async fn scopes_bound_what_bodies_name() {
    let scopes = json!(["things:read@org.acme", "things:write@org.acme", "ws"]);
    let gateway = gateway_with(scopes, json!({})).await;
    let (alice, press) = (gateway.as_subject("nginx:alice"), press(&gateway));
    for id in ["org.acme:p", "org.other:p"] {
        let path = format!("/api/2/policies/{id}");
        alice.put(&path, &shared()).await.expect(201);
    }
    let mut socket = press.web_socket().await.expect("a WebSocket");
    for body in [
        json!({ "_policy": shared() }),
        json!({ "_policy": tests::merged(shared(), json!({ "policyId": "org.other:new" })) }),
        json!({ "policyId": "org.other:new", "_policy": shared() }),
        json!({ "policyId": "org.other:p" }),
        json!({ "_copyPolicyFrom": "org.acme:p" }),
        json!({ "_copyPolicyFrom": "{{ ref:things/org.other:t/policyId }}" }),
    ] {
        press
            .put("/api/2/things/org.acme:t", &body)
            .await
            .expect_error(403, "gateway:scope.missing");
        let create = json!({ "topic": "org.acme/t/things/twin/commands/create", "headers": {}, "path": "/", "value": body });
        let refused = socket.command("c-1", create).await;
        assert_eq!(
            refused["value"]["error"], "gateway:scope.missing",
            "{refused}"
        );
    }
    alice.get("/api/2/policies/org.other:new").await.expect(404);
    press
        .put("/api/2/things/org.acme:own", &json!({}))
        .await
        .expect(201);
    press
        .put(
            "/api/2/things/org.acme:t",
            &json!({ "policyId": "org.acme:p" }),
        )
        .await
        .expect(201);
    press
        .put("/api/2/things/org.acme:t/policyId", &json!("org.other:p"))
        .await
        .expect_error(403, "gateway:scope.missing");
    for id in ["org.acme:own", "org.acme:t"] {
        let path = format!("/api/2/things/{id}?fields=thingId,_policy");
        let seen = press.get(&path).await.expect(200).json();
        assert_eq!(seen, json!({ "thingId": id }));
    }
}

#[tokio::test]
async fn scopes_about_policies_open_what_bodies_name() {
    let words = [
        "things:read",
        "things:write",
        "policies:read",
        "policies:write",
    ];
    let scopes: Vec<String> = words
        .iter()
        .map(|word| format!("{word}@org.acme"))
        .collect();
    let gateway = gateway_with(json!(scopes), json!({})).await;
    let (alice, press) = (gateway.as_subject("nginx:alice"), press(&gateway));
    for id in ["org.acme:p", "org.other:p"] {
        let path = format!("/api/2/policies/{id}");
        alice.put(&path, &shared()).await.expect(201);
    }
    for (id, body) in [
        ("org.acme:a", json!({ "_policy": shared() })),
        ("org.acme:b", json!({ "_copyPolicyFrom": "org.acme:p" })),
    ] {
        let path = format!("/api/2/things/{id}");
        press.put(&path, &body).await.expect(201);
        let seen = press
            .get(&format!("{path}?fields=_policy"))
            .await
            .expect(200);
        assert_eq!(seen.json()["_policy"]["policyId"], id);
    }
    press
        .put(
            "/api/2/things/org.acme:c",
            &json!({ "_copyPolicyFrom": "org.other:p" }),
        )
        .await
        .expect_error(403, "gateway:scope.missing");
    press
        .put("/api/2/policies/org.acme:p/imports/org.other:p", &json!({}))
        .await
        .expect_error(403, "gateway:scope.missing");
}

#[tokio::test]
async fn a_key_is_good_from_its_networks_only() {
    let gateway = gateway_with(json!("full"), json!({ "allow_from": ["192.0.2.0/24"] })).await;
    let from = |address| press(&gateway).with("x-forwarded-for", address);
    from("192.0.2.7").get("/api/2/whoami").await.expect(200);
    from("198.51.100.1")
        .get("/api/2/whoami")
        .await
        .expect_error(403, "gateway:identity.source.notallowed");
}

#[tokio::test]
async fn an_identity_of_another_server_is_refused_and_tokens_are_not_its_business() {
    let gateway = TestGateway::start_with(json!({
        "http_server": { "auth": ["mill"] },
        "auth": {
            "permission_sets": { "set": { "permissions": "full" } },
            "identities": {
                "press-07": { "credential": { "api_key": EDGE_HASH }, "permissions": ["set"] },
                "mill": { "credential": { "api_key": OTHER_EDGE_HASH }, "permissions": ["set"] },
            },
        }
    }))
    .await;
    for _ in 0..2 {
        press(&gateway)
            .get("/api/2/whoami")
            .await
            .expect_error(401, "gateway:authentication.failed");
    }
    gateway
        .as_bearer(OTHER_EDGE_KEY)
        .get("/api/2/whoami")
        .await
        .expect(200);
    gateway
        .as_subject("nginx:alice")
        .get("/api/2/whoami")
        .await
        .expect(200);
    assert!(
        gateway
            .log()
            .contains("`http_server.auth` limits identities")
    );
    let audit = eventually("the reason", || {
        let audit = std::fs::read_to_string(gateway.data().join("audit.jsonl"));
        let audit = audit.unwrap_or_default();
        std::future::ready(audit.contains("identity_not_on_server").then_some(audit))
    })
    .await;
    assert!(
        audit.contains("press-07") || audit.contains("legacy-"),
        "{audit}"
    );
}

#[tokio::test]
async fn while_the_lane_of_slow_hashes_is_full_whoever_is_known_is_served() {
    let identity =
        |hash: &str| json!({ "credential": { "api_key": hash }, "permissions": ["set"] });
    let gateway = TestGateway::start_with(json!({ "auth": {
        "api_keys": { "slow_lane": { "threads": 1, "queue": 4 } },
        "permission_sets": { "set": { "permissions": "full" } },
        "identities": {
            "press-07": identity(EDGE_HASH),
            "mill": identity(HASH),
            "saw": identity(OTHER_EDGE_HASH),
        },
    } }))
    .await;
    let saw = gateway.as_bearer(OTHER_EDGE_KEY);
    saw.get("/api/2/whoami").await.expect(200);
    let guesses = (0..24).map(|number| {
        let key = EDGE_KEY.replacen("AAEC", &format!("{number:04}"), 1);
        let guesser = gateway.as_bearer(&key);
        let guesser = guesser.with("x-forwarded-for", &format!("198.51.100.{number}"));
        tokio::spawn(async move { guesser.get("/api/2/whoami").await })
    });
    let guesses: Vec<_> = guesses.collect();
    for _ in 0..10 {
        for known in [&saw, &gateway.as_bearer(KEY)] {
            known.get("/api/2/whoami").await.expect(200);
        }
    }
    let mut refused = Vec::new();
    for guess in guesses {
        refused.push(guess.await.expect("an answer"));
    }
    let (full, wrong): (Vec<_>, Vec<_>) =
        refused.into_iter().partition(|answer| answer.status == 503);
    assert!(!full.is_empty() && !wrong.is_empty(), "{full:?} {wrong:?}");
    for answer in full {
        assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
        answer.expect_error(503, "gateway:authentication.provider.unavailable");
    }
    for answer in wrong {
        answer.expect_error(401, "gateway:authentication.failed");
    }
    eventually("the reason in the record", || {
        let audit = std::fs::read_to_string(gateway.data().join("audit.jsonl"));
        let is_said = audit.is_ok_and(|audit| audit.contains("slow_lane_full"));
        std::future::ready(is_said.then_some(()))
    })
    .await;
}

/// A file as Edge Server's documentation shows it.
const EDGE_FILE: &str = include_str!("../../gateway/src/config/tests/edge_server.yaml");

#[tokio::test]
async fn a_file_of_edge_server_starts_as_it_is_once_it_has_real_hashes() {
    let gateway = TestGateway::start().await;
    let file = gateway.folder().join("twinward.yaml");
    let written = gateway.stop().await;
    let text = EDGE_FILE
        .replace("<base64 hash>", EDGE_HASH)
        .replace("<another hash>", OTHER_EDGE_HASH)
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        + "devops: { listen_addr: \"127.0.0.1:0\", tls_config: dev_mode }\n";
    std::fs::write(file, text).expect("the configuration can be written");
    let gateway = written.again().await;
    let answer = press(&gateway).get("/api/2/whoami").await.expect(200);
    assert_eq!(answer.json()["defaultSubject"], "edge:plant-3/press-07");
    press(&gateway)
        .put("/api/2/things/org.acme:lamp", &json!({}))
        .await
        .expect(201);
    let other = gateway.as_bearer(OTHER_EDGE_KEY);
    let answer = other.get("/api/2/whoami").await.expect(200);
    assert_eq!(
        answer.json()["subjects"],
        json!(["edge:press-08", "integration:press-08"])
    );
    other
        .put("/api/2/things/org.acme:lamp/attributes/x", &json!(1))
        .await
        .expect_error(403, "gateway:scope.missing");
    gateway.anonymous().get("/api/2/whoami").await.expect(401);
    for path in ["/execute", "/attachments/upload", "/presence", "/logs"] {
        press(&gateway).get(path).await.expect(404);
    }
    assert!(gateway.log().contains("`database` is accepted"));
}

#[tokio::test]
async fn an_identity_has_a_budget_of_its_own() {
    let limit = json!({ "rate_limit": { "max_requests": 2, "window_secs": 3600 } });
    let gateway = gateway_with(json!("full"), limit).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(press(&gateway).get("/api/2/whoami").await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn without_its_proof_the_proxys_word_is_nothing() {
    let secret = "0123456789abcdef0123456789abcdef";
    let gateway = TestGateway::start_with(
        json!({ "auth": { "pre_authenticated": { "assertion": { "secret": secret } } } }),
    )
    .await;
    let alice = gateway.as_subject("nginx:alice");
    for proof in [
        None,
        Some("nonsense"),
        Some(
            "v=1,t=1763701000,n=nonce-0123456789,s=0000000000000000000000000000000000000000000000000000000000000000",
        ),
    ] {
        let caller = match proof {
            None => alice.clone(),
            Some(proof) => alice.with("x-ditto-pre-authenticated-assertion", proof),
        };
        caller
            .get("/api/2/whoami")
            .await
            .expect_error(401, "gateway:authentication.failed");
    }
}

#[tokio::test]
async fn a_connection_header_takes_no_identity_away() {
    let gateway = TestGateway::start().await;
    for options in ["x-ditto-pre-authenticated", "close, X-Forwarded-For"] {
        let answer = gateway
            .as_subject("nginx:alice")
            .send(
                Method::GET,
                "/api/2/whoami",
                &[("connection", options)],
                None,
            )
            .await;
        answer.expect_error(400, "header.invalid");
    }
}
