//! What operators see and change of a running gateway.

use serde_json::{Value, json};
use tests::{OidcProvider, TestGateway};

use super::given::{given_things, piggyback};
use crate::given::{owned_by, statuses};

#[tokio::test]
async fn the_configuration_in_force_is_shown_without_a_secret() {
    let overlay = json!({
        "http_server": { "request_timeout": "7s" },
        "auth": { "api_keys": { "pepper": "canary-pepper-of-32-bytes-or-more" } },
        "devops": { "metrics_token": "canary-token-of-32-bytes-or-more" },
    });
    let gateway = TestGateway::start_with(overlay).await;
    let operator = gateway.as_operator();
    let whole = operator.get("/devops/config").await.expect(200);
    for secret in ["canary", "$argon2", "$2y$"] {
        assert!(!whole.body.contains(secret), "{secret}: {}", whole.body);
    }
    let part = operator
        .get("/devops/config/gateway/twinward-0?path=http_server.request_timeout")
        .await;
    assert_eq!(part.expect(200).json()["config"], "7s");
    let ditto = operator.get("/devops/config/gateway?path=ditto.info").await;
    let ditto = ditto.expect(200).json();
    let info = &ditto["gateway"]["twinward-0"]["config"];
    assert_eq!(info["service"]["instance-id"], "twinward-0");
    let unknown = operator
        .get("/devops/config/gateway/twinward-0?path=no.such")
        .await;
    assert!(unknown.expect(200).json()["config"]["error"].is_string());
}

#[tokio::test]
async fn commands_read_past_policies_only_with_sudo() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let alice = gateway.as_subject("nginx:alice");
    given_things(&alice, &["org.acme:lamp"], &json!({})).await;
    let ask = async |headers: Value, command: Value| {
        let command = ("/system/sharding/thing", headers, command);
        let answer = piggyback(&operator, "/things/twinward-0", command).await;
        answer.expect(200).json()
    };
    let retrieve = json!({ "type": "things.commands:retrieveThing", "thingId": "org.acme:lamp" });
    let hidden = ask(json!({ "aggregate": false }), retrieve.clone()).await;
    assert_eq!(
        (&hidden["status"], &hidden["error"]),
        (&json!(404), &json!("things:thing.notfound"))
    );
    let shown = ask(json!({ "aggregate": false, "ditto-sudo": true }), retrieve).await;
    assert_eq!(shown["thing"]["thingId"], "org.acme:lamp");
    let missing =
        json!({ "type": "things.sudo.commands:sudoRetrieveThing", "thingId": "org.acme:no" });
    assert_eq!(
        ask(json!({ "aggregate": false }), missing).await["status"],
        404
    );
    let nonsense = ask(json!({ "aggregate": false }), json!({ "type": "nonsense" })).await;
    assert_eq!(nonsense["error"], "json.type.notparsable");
    let nowhere = ("/nowhere", json!({}), json!({ "type": "t" }));
    let nowhere = piggyback(&operator, "", nowhere).await.expect(200).json();
    assert_eq!(nowhere["gateway"]["twinward-0"]["error"], "ask.error");
}

#[tokio::test]
async fn a_decision_is_explained_by_its_entries() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    alice
        .put("/api/2/policies/org.acme:p", &owned_by("nginx:alice"))
        .await
        .expect(201);
    let policy = json!({ "subjects": { "nginx:bob": { "type": "x" } }, "resources": {
        "thing:/": { "grant": ["READ"], "revoke": [] },
        "thing:/attributes/secret": { "grant": [], "revoke": ["READ"] },
    } });
    alice
        .put("/api/2/policies/org.acme:p/entries/readers", &policy)
        .await
        .expect(201);
    let thing = json!({ "policyId": "org.acme:p", "attributes": { "secret": 1, "open": 2 } });
    alice
        .put("/api/2/things/org.acme:lamp", &thing)
        .await
        .expect(201);
    let operator = gateway.as_operator();
    let ask = async |body: Value| {
        operator
            .post("/devops/explain", &body)
            .await
            .expect(200)
            .json()
    };
    let bob = json!({ "x-ditto-pre-authenticated": "nginx:bob" });

    let secret = "/api/2/things/org.acme:lamp/attributes/secret";
    let denied = ask(json!({ "path": secret, "headers": bob })).await;
    assert_eq!(denied["policy"]["decision"], "denied", "{denied}");
    assert_eq!(denied["caller"]["provider"], "pre_authenticated");
    let deciding = denied["policy"]["entries"].as_array().unwrap().iter();
    let deciding: Vec<_> = deciding.filter(|entry| entry["decides"] == true).collect();
    assert_eq!(deciding.len(), 1, "{denied}");
    assert_eq!(deciding[0]["says"], "revoke");
    assert_eq!(deciding[0]["resource"], "thing:/attributes/secret");
    gateway
        .as_subject("nginx:bob")
        .get(secret)
        .await
        .expect(404);

    let parts =
        ask(json!({ "path": "/api/2/things/org.acme:lamp", "subjects": ["nginx:bob"] })).await;
    assert_eq!(parts["policy"]["decision"], "granted in parts", "{parts}");
    let write = ask(json!({ "method": "PUT", "path": secret, "subjects": ["nginx:bob"] })).await;
    assert_eq!(write["policy"]["decision"], "denied", "{write}");
    let all = ask(json!({ "method": "PUT", "path": secret, "subjects": ["nginx:alice"] })).await;
    assert_eq!(all["policy"]["decision"], "granted", "{all}");

    let nobody = ask(json!({ "path": secret })).await;
    assert_eq!(
        (&nobody["outcome"], &nobody["error"]["status"]),
        (&json!("refused"), &json!(401))
    );
    let stranger = ask(json!({ "path": secret, "headers": bob, "peer": "192.0.2.7" })).await;
    assert_eq!(stranger["error"]["status"], 401, "{stranger}");
    let odd = ask(json!({ "path": "/api/2//things" })).await;
    assert_eq!(odd["error"]["status"], 401, "{odd}");
    let odd = ask(json!({ "path": "/api/2//things", "headers": bob })).await;
    assert_eq!(odd["error"]["status"], 400, "{odd}");
}

#[tokio::test]
async fn sessions_are_shown_and_cut() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let mut socket = gateway
        .as_subject("nginx:alice")
        .web_socket()
        .await
        .expect("a socket");
    let bob = gateway
        .as_subject("nginx:bob")
        .web_socket()
        .await
        .expect("a socket");
    let list = operator
        .get("/devops/sessions?subject=nginx:alice")
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&list["open"], &list["matching"]),
        (&json!(2), &json!(1)),
        "{list}"
    );
    let session = &list["sessions"][0];
    assert_eq!(
        (&session["kind"], &session["provider"]),
        (&json!("ws"), &json!("pre_authenticated"))
    );
    let path = format!("/devops/sessions/{}", session["id"].as_str().unwrap());
    operator.get(&path).await.expect(200);
    operator
        .delete(&format!("{path}?reason=maintenance"))
        .await
        .expect(204);
    let closed = socket.closed().await;
    assert!(closed.reason.contains("maintenance"), "{closed:?}");
    tests::eventually("the session is gone", || async {
        (operator.get(&path).await.status == 404).then_some(())
    })
    .await;
    let rest = operator.get("/devops/sessions").await.expect(200).json();
    assert_eq!(rest["open"], 1, "{rest}");
    drop(bob);
}

#[tokio::test]
async fn a_revocation_ends_requests_and_streams() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let operator = gateway.as_operator();
    let alice = gateway.as_bearer(&provider.token("alice").await);
    let mut socket = alice.web_socket().await.expect("a socket");
    let revocation = json!({ "kind": "subject", "value": "acme:alice", "reason": "laptop lost" });
    operator
        .post("/devops/revocations", &revocation)
        .await
        .expect(201);
    alice.get("/api/2/whoami").await.expect(401);
    assert_eq!(socket.closed().await.code, 1008);
    let bob = gateway.as_bearer(&provider.token("bob").await);
    bob.get("/api/2/whoami").await.expect(200);
    let gateway = gateway.kill_and_restart().await;
    gateway
        .as_bearer(&provider.token("bob").await)
        .get("/api/2/whoami")
        .await
        .expect(200);
    let list = gateway
        .as_operator()
        .get("/devops/revocations")
        .await
        .expect(200)
        .json();
    assert_eq!(list["revocations"][0]["value"], "acme:alice", "{list}");
}

#[tokio::test]
async fn who_is_limited_is_shown_and_let_go() {
    let few = json!({ "limits": { "per_subject": { "requests": 1, "window": "1h", "burst": 2 } } });
    let gateway = TestGateway::start_with(few).await;
    let operator = gateway.as_operator();
    let alice = gateway.as_subject("nginx:alice");
    assert_eq!(statuses(&alice, 4).await, [200, 200, 429, 429]);
    let listed = operator.get("/devops/limits").await.expect(200).json();
    let limited = &listed["limited"][0];
    assert_eq!(
        (&limited["who"], &limited["refused"]),
        (&json!("nginx:alice"), &json!(2)),
        "{listed}"
    );
    let path = format!("/devops/limits/{}", limited["id"].as_str().unwrap());
    operator.delete(&path).await.expect(204);
    alice.get("/api/2/whoami").await.expect(200);
    operator
        .delete(&path)
        .await
        .expect_error(404, "devops:notfound");
}

#[tokio::test]
async fn who_opens_too_many_streams_is_shown_and_let_go() {
    let few = json!({ "limits": { "handshakes_per_source": { "requests": 1, "window": "1h", "burst": 1 } } });
    let gateway = TestGateway::start_with(few).await;
    let alice = gateway.as_subject("nginx:alice");
    let _socket = alice.web_socket().await.expect("a socket");
    let (refused, _) = alice.web_socket().await.expect_err("too many");
    assert_eq!(refused, 429);
    let operator = gateway.as_operator();
    let listed = operator.get("/devops/limits").await.expect(200).json();
    let limited = &listed["limited"][0];
    assert_eq!(limited["limit"], "per handshakes", "{listed}");
    assert_eq!(limited["who"], "127.0.0.1", "{listed}");
    let path = format!("/devops/limits/{}", limited["id"].as_str().unwrap());
    operator.delete(&path).await.expect(204);
    alice.web_socket().await.expect("a socket");
}

#[tokio::test]
async fn statistics_count_what_is_there() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    let things = ["org.acme:a", "org.acme:b", "org.zoo:c"];
    given_things(&alice, &things, &json!({})).await;
    alice.delete("/api/2/things/org.zoo:c").await.expect(204);
    let operator = gateway.as_operator();
    let search = operator.get("/stats/search").await.expect(200).json();
    assert_eq!(search, json!({ "allThingsCount": 2 }));
    let hot = operator.get("/stats/things").await.expect(200).json();
    assert_eq!(hot["hotThings"], 3, "{hot}");
    let details = operator
        .get("/stats/things/details?entity=thing")
        .await
        .expect(200)
        .json();
    assert_eq!(
        details["thingsNamespacesHotness"]["org.acme"], 2,
        "{details}"
    );
}
