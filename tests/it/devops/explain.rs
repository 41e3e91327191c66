//! What an operator is told of a decision is what the edge decides, and asking changes nothing.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{OidcProvider, TestGateway, merged};

use crate::given::{given_lamp, reader, statuses};

const LAMP: &str = "/api/2/things/org.acme:lamp";
const GUESS: &str = "tww_live_guess-canary-swordfish";

/// Method and path, and the headers.
type Row<'r> = ((&'r str, &'r str), &'r [(&'r str, &'r str)]);

async fn explain(gateway: &TestGateway, description: &Value) -> Value {
    let operator = gateway.as_operator();
    let answer = operator.post("/devops/explain", description).await;
    answer.expect(200).json()
}

/// Sends the request, and asks what would become of it.
async fn check(gateway: &TestGateway, (method, path): (&str, &str), headers: &[(&str, &str)]) {
    let described: serde_json::Map<_, _> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let asked = json!({ "method": method, "path": path, "headers": described });
    let told = explain(gateway, &asked).await;
    let method = method.parse::<Method>().expect("a method");
    let live = gateway.anonymous().send(method, path, headers, None).await;
    if told["outcome"] == "refused" {
        assert_eq!(told["error"]["status"], live.status, "{asked}: {told}");
        if live.status != 301 {
            assert_eq!(told["error"]["error"], live.json()["error"], "{asked}");
        }
        return;
    }
    assert_eq!(told["outcome"], "decided", "{asked}: {told}");
    let policy = &told["policy"];
    let is_denied = policy["decision"] == "denied" || policy["reason"] == "there is no such thing";
    let is_refused = matches!(live.status, 401 | 403 | 404 | 429);
    assert_eq!(is_denied, is_refused, "{asked}: {told}: {}", live.body);
}

async fn given_readers(gateway: &TestGateway) {
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let entry = "/api/2/policies/org.acme:lamp/entries/bob";
    let bob = reader("nginx:bob", "thing:/attributes");
    alice.put(entry, &bob).await.expect(201);
}

#[tokio::test]
async fn an_explanation_and_the_edge_agree() {
    let gateway = TestGateway::start().await;
    given_readers(&gateway).await;
    let alice = ("x-ditto-pre-authenticated", "nginx:alice");
    let bob = ("x-ditto-pre-authenticated", "nginx:bob");
    let message = format!("{LAMP}/inbox/messages/blink?timeout=0");
    let attributes = format!("{LAMP}/attributes");
    let feature = format!("{LAMP}/features/none");
    let action = "/api/2/policies/org.acme:lamp/actions/activateTokenIntegration";
    let both = [alice, ("authorization", "Bearer a.b.c")];
    let foreign = [alice, ("origin", "http://evil.example")];
    let live = [alice, ("channel", "live")];
    let ids = "/api/2/things?ids=org.acme:lamp";
    let rows: [Row<'_>; 26] = [
        (("GET", "/health"), &[]),
        (("GET", "/openapi.json"), &[]),
        (("GET", "/docs"), &[]),
        (("GET", "/api/2/whoami"), &[]),
        (("GET", "/api/2/whoami"), &[alice]),
        (("PATCH", "/api/2/whoami"), &[alice]),
        (("GET", "/api/2//things"), &[alice]),
        (("GET", "/api/7/things"), &[alice]),
        (("GET", "/nowhere"), &[alice]),
        (("GET", "/api/2/whoami"), &both),
        (
            ("GET", "/api/2/whoami"),
            &[("authorization", "Bearer a.b.c")],
        ),
        (("DELETE", LAMP), &foreign),
        (("GET", "/api/2/whoami"), &live),
        (("GET", LAMP), &[alice]),
        (("GET", LAMP), &[bob]),
        (("GET", &attributes), &[bob]),
        (("GET", &feature), &[bob]),
        (("DELETE", &attributes), &[bob]),
        (("GET", "/api/2/things/org.acme:none"), &[alice]),
        (("GET", "/api/2/things"), &[alice]),
        (("GET", ids), &[alice]),
        (("POST", &message), &[alice]),
        (("POST", &message), &[bob]),
        (("GET", "/api/2/policies/org.acme:lamp"), &[alice]),
        (("GET", "/api/2/policies/org.acme:lamp"), &[bob]),
        (("POST", action), &[alice]),
    ];
    for (asked, headers) in rows {
        check(&gateway, asked, headers).await;
    }
}

#[tokio::test]
async fn rules_of_the_listener_are_explained_too() {
    let only_https = json!({ "http_server": { "force_https": true, "redirect_to_https": true, "http_api": false } });
    let gateway = TestGateway::start_with(only_https).await;
    let secure = ("x-forwarded-proto", "https");
    let host = ("host", "gw.example");
    for (path, headers) in [
        ("/api/2/whoami", &[host][..]),
        ("/openapi.json", &[host]),
        ("/openapi.json", &[host, secure]),
        ("/api/2/whoami", &[host, secure]),
        ("/health", &[host]),
    ] {
        check(&gateway, ("GET", path), headers).await;
    }
    let only_proxies = json!({ "http_server": {
        "tls_config": "terminated_by_proxy", "trusted_proxies": ["192.0.2.1"],
    } });
    let gateway = TestGateway::start_with(only_proxies).await;
    check(&gateway, ("GET", "/api/2/whoami"), &[]).await;
    let told = explain(&gateway, &json!({ "path": "/health" })).await;
    assert_eq!(told["error"]["error"], "gateway:peer.nottrusted", "{told}");
}

#[tokio::test]
async fn collections_messages_and_actions_are_decided_one_by_one() {
    let gateway = TestGateway::start().await;
    given_readers(&gateway).await;
    let ask = async |method: &str, path: &str, subject: &str| {
        let asked = json!({ "method": method, "path": path, "subjects": [subject] });
        explain(&gateway, &asked).await
    };
    let ids = "/api/2/things?ids=org.acme:lamp,org.acme:none";
    let told = ask("GET", ids, "nginx:bob").await;
    let things = &told["policy"]["things"];
    assert_eq!(
        things[0]["policy"]["decision"], "granted in parts",
        "{told}"
    );
    assert_eq!(things[1]["policy"]["reason"], "there is no such thing");
    let message = format!("{LAMP}/inbox/messages/blink");
    for (subject, decision) in [("nginx:alice", "granted"), ("nginx:bob", "denied")] {
        let told = ask("POST", &message, subject).await;
        assert_eq!(told["policy"]["decision"], decision, "{told}");
        let resource = "message:/inbox/messages/blink";
        assert_eq!(told["policy"]["resource"], resource, "{told}");
    }
    let claim = ask("POST", &format!("{LAMP}/inbox/claim"), "nginx:bob").await;
    assert_eq!(claim["policy"]["decision"], "granted", "{claim}");
    let creation = ask("PUT", "/api/2/things/org.acme:new", "nginx:bob").await;
    assert_eq!(creation["policy"]["mayCreate"], true, "{creation}");
}

#[tokio::test]
async fn an_action_asks_each_entry() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let execute = "policy:/entries/open/actions/activateTokenIntegration";
    let entry = json!({
        "subjects": { "acme:carol": { "type": "x" } },
        "resources": { execute: { "grant": ["EXECUTE"], "revoke": [] } },
    });
    let entries = "/api/2/policies/org.acme:lamp/entries";
    alice
        .put(&format!("{entries}/open"), &entry)
        .await
        .expect(201);
    let token = provider.token("carol").await;
    let headers = json!({ "authorization": format!("Bearer {token}") });
    let path = "/api/2/policies/org.acme:lamp/actions/activateTokenIntegration";
    let asked = json!({ "method": "POST", "path": path, "headers": headers });
    let told = explain(&gateway, &asked).await;
    let decided = told["policy"]["entries"].as_array().expect("entries");
    for decided in decided {
        let expected = if decided["entry"] == "open" {
            "granted"
        } else {
            "denied"
        };
        assert_eq!(decided["policy"]["decision"], expected, "{told}");
    }
    assert_eq!(decided.len(), 2, "{told}");
    assert!(!told.to_string().contains(&token));
}

#[tokio::test]
async fn limits_are_told_and_nothing_is_taken_of_them() {
    let hourly = |burst| json!({ "requests": 1, "window": "1h", "burst": burst });
    let limits = json!({ "limits": { "per_source": hourly(50), "per_subject": hourly(2) } });
    let gateway = TestGateway::start_with(limits).await;
    let alice = json!({ "x-ditto-pre-authenticated": "nginx:alice" });
    let asked = json!({ "path": "/api/2/whoami", "headers": alice });
    let left = async |expected: u64| {
        let told = explain(&gateway, &asked).await;
        let limits = told["limits"].as_array().expect("limits").iter();
        let subject = limits.clone().find(|limit| limit["limit"] == "per subject");
        let subject = subject.unwrap_or_else(|| panic!("{told}"));
        assert_eq!(subject["left"], expected, "{told}");
        assert_eq!(limits.count(), 2, "{told}");
        told
    };
    for _ in 0..5 {
        left(2).await;
    }
    let caller = gateway.as_subject("nginx:alice");
    caller.get("/api/2/whoami").await.expect(200);
    left(1).await;
    caller.get("/api/2/whoami").await.expect(200);
    let told = left(0).await;
    assert_eq!(told["error"]["error"], "too.many.requests", "{told}");
    let limit = &told["limits"][1];
    assert!(limit["retryAfterSeconds"].as_u64() >= Some(1), "{told}");
    caller.get("/api/2/whoami").await.expect(429);
    let socket = json!({ "path": "/ws/2", "subjects": ["nginx:bob"] });
    let told = explain(&gateway, &socket).await;
    let limits = told["limits"].as_array().expect("limits");
    let names: Vec<_> = limits.iter().map(|limit| limit["limit"].as_str()).collect();
    let expected = [
        "per source",
        "per subject",
        "per handshakes",
        "streams per source",
        "streams per subject",
    ];
    assert_eq!(names, expected.map(Some), "{told}");
}

#[tokio::test]
async fn the_chain_says_who_skipped_failed_and_accepted() {
    let provider = OidcProvider::start().await;
    let first = json!({ "auth": { "on_conflict": "first", "chain": ["jwt", "pre_authenticated", "api_key"] } });
    let gateway = TestGateway::start_with(merged(provider.trusted(), first)).await;
    let verdicts = async |headers: Value| {
        let told = explain(
            &gateway,
            &json!({ "path": "/api/2/whoami", "headers": headers }),
        )
        .await;
        let steps = told["chain"].as_array().expect("steps").iter();
        let verdicts: Vec<_> = steps.map(|step| step["verdict"].clone()).collect();
        (json!(verdicts), told)
    };
    let (nobody, _) = verdicts(json!({})).await;
    assert_eq!(nobody, json!(["skipped", "skipped", "skipped"]));
    let good = format!("Bearer {}", provider.token("alice").await);
    let (accepted, told) = verdicts(json!({ "authorization": good })).await;
    assert_eq!(
        accepted,
        json!(["accepted", "not asked", "not asked"]),
        "{told}"
    );
    assert_eq!(told["caller"]["subjects"], json!(["acme:alice"]));
    let guess = json!({ "authorization": format!("Bearer {GUESS}"), "x-ditto-pre-authenticated": "nginx:bob" });
    let (mixed, told) = verdicts(guess).await;
    assert_eq!(mixed, json!(["skipped", "accepted", "not asked"]), "{told}");
    let (failed, told) = verdicts(json!({ "authorization": format!("Bearer {GUESS}") })).await;
    assert_eq!(failed, json!(["skipped", "skipped", "failed"]), "{told}");
    let step = &told["chain"][2];
    assert_eq!(step["code"], "gateway:authentication.failed", "{told}");
    assert!(step["reason"].as_str().is_some_and(|why| !why.is_empty()));
    for secret in ["swordfish", good.as_str()] {
        assert!(!told.to_string().contains(secret), "{told}");
    }
}

#[tokio::test]
async fn a_wrong_credential_in_a_question_is_no_failure() {
    let guarded =
        json!({ "auth": { "brute_force": { "failures": 2, "window": "60s", "block": "60s" } } });
    let gateway = TestGateway::start_with(guarded).await;
    let headers = json!({ "authorization": format!("Bearer {GUESS}") });
    let asked = json!({ "path": "/api/2/whoami", "headers": headers });
    for _ in 0..6 {
        let told = explain(&gateway, &asked).await;
        assert_eq!(told["error"]["status"], 401, "{told}");
    }
    let operator = gateway.as_operator();
    let limited = operator.get("/devops/limits").await.expect(200).json();
    assert_eq!(limited["limited"], json!([]), "{limited}");
    let guesser = gateway.as_bearer(GUESS);
    assert_eq!(statuses(&guesser, 2).await, [401, 401]);
    // The next one has to wait, and is told so before it comes.
    let told = explain(&gateway, &asked).await;
    assert_eq!(told["error"]["status"], 429, "{told}");
    assert_eq!(statuses(&guesser, 1).await, [429]);
}

#[tokio::test]
async fn a_good_key_in_a_question_was_not_used() {
    let gateway = TestGateway::start_unconfigured().await;
    let key = gateway.first_api_key();
    let headers = json!({ "authorization": format!("Bearer {key}") });
    let told = explain(
        &gateway,
        &json!({ "path": "/api/2/whoami", "headers": headers }),
    )
    .await;
    assert_eq!(told["caller"]["provider"], "api_key", "{told}");
    assert!(!told.to_string().contains(&key));
    let first_uses = || {
        let file = gateway.data().join("audit.jsonl");
        let text = std::fs::read_to_string(file).expect("an audit file");
        text.matches("key.first_seen").count()
    };
    // A later record is there, so whatever came before is, too.
    let asked_about = || async {
        let file = gateway.data().join("audit.jsonl");
        let text = std::fs::read_to_string(file).expect("an audit file");
        text.contains("/devops/explain").then_some(())
    };
    tests::eventually("the record of the question", asked_about).await;
    assert_eq!(first_uses(), 0);
    gateway
        .as_bearer(&key)
        .get("/api/2/whoami")
        .await
        .expect(200);
    tests::eventually("the record of the use", || async {
        (first_uses() == 1).then_some(())
    })
    .await;
}
