//! nginx on the gateway's own machine, both ways to trust, with the files as they are installed and what the page adds to the
//! configuration beside the unit.

use reqwest::Method;
use serde_json::json;
use tests::{Issuer, Moved, Recipe, RecipeNginx, SigningKey, TestGateway, raw_status, recipe};

use super::compose::{UPGRADE, subject};

const PAGE: &str = include_str!("../../../docs/operating.md");

/// The configuration beside the unit, with the block of the page that holds `word`.
fn settings(recipe_of: &Recipe, word: &str) -> Moved {
    let mut blocks = PAGE.split("```yaml\n").skip(1);
    let block = blocks.find_map(|rest| {
        rest.split("```")
            .next()
            .filter(|block| block.contains(word))
    });
    let block = block.unwrap_or_else(|| panic!("no block of the page holds {word}"));
    let text = recipe("systemd/twinward.yaml") + block;
    Moved(text)
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("127.0.0.1:8081", "127.0.0.1:0")
        .replace("/run/credentials/twinward.service", recipe_of.folder())
        .replace("path: /var/lib/twinward", "path: data")
}

/// Only clients' routes are there, whoever asks.
async fn expect_clients_routes_only(nginx: &RecipeNginx) {
    let anybody = nginx.plain();
    anybody.get("/health").await.expect(200);
    for path in [
        "/",
        "/devops/config",
        "/devops/logging",
        "/status",
        "/metrics",
        "/console",
        "/ready",
        "/openapi.json",
    ] {
        let answer = anybody.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn passwords_make_subjects_and_claims_of_clients_make_none() {
    let recipe = Recipe::new(&[("alice", "wonderland")]).await;
    let gateway = TestGateway::start_from(&settings(&recipe, "single_subject: true").0).await;
    let nginx = recipe
        .nginx_alone("passwords", &gateway.endpoints().public)
        .await;
    expect_clients_routes_only(&nginx).await;
    let alice = nginx.plain().basic("alice", "wonderland");
    assert_eq!(subject(&alice).await, "nginx:alice");
    let claiming = alice.with("x-ditto-pre-authenticated", "nginx:root");
    assert_eq!(subject(&claiming).await, "nginx:alice");
    for stranger in [
        nginx.plain(),
        nginx.plain().basic("alice", "guess"),
        nginx.plain().bearer("token"),
        nginx
            .plain()
            .with("x-ditto-pre-authenticated", "nginx:alice"),
    ] {
        let refused = stranger.get("/api/2/whoami").await.expect(401);
        assert!(
            refused.header("www-authenticate").starts_with("Basic"),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn nginx_passes_on_what_comes_as_it_came() {
    let recipe = Recipe::new(&[("alice", "wonderland")]).await;
    let gateway = TestGateway::start_from(&settings(&recipe, "single_subject: true").0).await;
    let public = &gateway.endpoints().public;
    let nginx = recipe.nginx_alone("passwords", public).await;
    let alice = nginx.plain().basic("alice", "wonderland");
    let credential: Vec<_> = alice
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let credential: Vec<_> = credential.iter().map(String::as_str).collect();
    for (path, expected) in [
        ("/api/2/whoami", &[200][..]),
        ("//api/2/whoami", &[404]),
        ("/api//2/whoami", &[400, 404]),
        ("/api/2/%2e%2e/2/whoami", &[400, 404]),
        ("/api/2/things/../whoami", &[400, 404]),
        ("/api/2%2fwhoami", &[400, 404]),
        ("/api/../devops/config", &[400, 404]),
    ] {
        let status = raw_status(alice.address(), "GET", path, &credential).await;
        assert!(
            status.is_some_and(|status| expected.contains(&status)),
            "{path}: {status:?}"
        );
    }

    let lamp = "/api/2/things/org.acme:lamp";
    alice
        .put(lamp, &json!({ "attributes": { "on": false } }))
        .await
        .expect(201);
    let large = json!({ "attributes": { "x": "x".repeat(2 << 20) } });
    // nginx ends a connection whose request was answered before its end, and says so to nobody.
    let alice_once = nginx.plain().basic("alice", "wonderland");
    alice_once
        .put(lamp, &large)
        .await
        .expect_error(413, "gateway:body.toolarge");
    let mut events = alice
        .events("/api/2/things?ids=org.acme:lamp")
        .await
        .expect("a stream");
    alice
        .put(&format!("{lamp}/attributes/on"), &json!(true))
        .await
        .expect(204);
    while !events
        .next()
        .await
        .expect("the stream goes on")
        .data
        .contains("\"on\":true")
    {}
    let query = "/ws/2?access_token=canary";
    let refused = nginx.plain().send(Method::GET, query, &UPGRADE, None).await;
    assert_eq!(refused.status, 401);
    let opened = alice.send(Method::GET, "/ws/2", &UPGRADE, None).await;
    assert_eq!(opened.status, 101, "{}", opened.body);
    let log = recipe.access_log();
    assert!(log.contains("\"path\":\"/ws/2\",\"status\":401"), "{log}");
    assert!(!log.contains("canary"), "{log}");
}

#[tokio::test]
async fn tokens_go_through_and_the_gateway_asks_for_them() {
    let key = SigningKey::rsa();
    let issuer = Issuer::start(&[key.jwk("key")]).await;
    let recipe = Recipe::new(&[]).await;
    let settings = settings(&recipe, "openid_connect_issuers")
        .replace("id.acme.example/realms/plant", issuer.issuer())
        .replace("oauth:", "oauth:\n    protocol: http");
    let gateway = TestGateway::start_from(&settings.0).await;
    let nginx = recipe
        .nginx_alone("tokens", &gateway.endpoints().public)
        .await;
    expect_clients_routes_only(&nginx).await;
    let mut claims = issuer.claims("press-7");
    claims["aud"] = json!("twinward");
    let header = json!({ "alg": "RS256", "kid": "key" }).to_string();
    let press = nginx
        .plain()
        .bearer(&key.sign(&header, &claims.to_string()));
    assert_eq!(subject(&press).await, "acme:press-7");
    let opened = press.send(Method::GET, "/ws/2", &UPGRADE, None).await;
    assert_eq!(opened.status, 101, "{}", opened.body);
    for stranger in [
        nginx.plain(),
        nginx
            .plain()
            .bearer(&SigningKey::rsa().sign(&header, &claims.to_string())),
        nginx
            .plain()
            .with("x-ditto-pre-authenticated", "nginx:alice"),
        nginx.plain().basic("alice", "wonderland"),
    ] {
        let refused = stranger.get("/api/2/whoami").await.expect(401);
        assert!(
            refused.header("www-authenticate").starts_with("Bearer"),
            "{refused:?}"
        );
    }
}
