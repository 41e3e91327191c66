//! The gateway behind nginx, both ways to trust, with the configuration files of the recipe.

use reqwest::Method;
use serde_json::json;
use tests::{Caller, Issuer, Recipe, RecipeNginx, SigningKey, TestGateway, python};

/// The address of nginx in the recipe.
const PROXY: &str = "172.31.250.2";

/// The headers of a WebSocket's handshake (RFC 6455 §4.1).
pub(super) const UPGRADE: [(&str, &str); 4] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

async fn pre_authenticated(recipe: &Recipe) -> TestGateway {
    let settings = recipe.gateway("compose/pre-authenticated/twinward.yaml", PROXY);
    TestGateway::start_from(&settings.0).await
}

async fn nginx(recipe: &Recipe, trust: &str, gateway: &TestGateway) -> RecipeNginx {
    let endpoints = gateway.endpoints();
    recipe
        .nginx(trust, (&endpoints.public, &endpoints.devops))
        .await
}

pub(super) async fn subject(caller: &Caller) -> String {
    let answer = caller.get("/api/2/whoami").await.expect(200).json();
    answer["defaultSubject"].as_str().expect("text").to_owned()
}

#[tokio::test]
async fn nginx_vouches_for_whom_it_let_in_and_for_nobody_else() {
    let recipe = Recipe::new(&[("alice", "wonderland")]).await;
    let gateway = pre_authenticated(&recipe).await;
    let nginx = nginx(&recipe, "pre-authenticated", &gateway).await;
    let alice = nginx.clients().basic("alice", "wonderland");
    assert_eq!(subject(&alice).await, "nginx:alice");

    let forged = alice
        .with("x-ditto-pre-authenticated", "nginx:root")
        .with("x-ditto-pre-authenticated-assertion", "v=1");
    assert_eq!(subject(&forged).await, "nginx:alice");
    let strangers = [
        nginx.clients(),
        nginx.clients().basic("alice", "guess"),
        nginx.clients().basic("bob", "wonderland"),
        nginx
            .clients()
            .with("x-ditto-pre-authenticated", "nginx:alice"),
        nginx.clients().bearer("token"),
    ];
    for stranger in strangers {
        stranger.get("/api/2/whoami").await.expect(401);
    }
    // Past nginx, from an address that is believed: without the proof nothing is.
    gateway
        .as_subject("nginx:alice")
        .with("x-forwarded-proto", "https")
        .get("/api/2/whoami")
        .await
        .expect(401);
}

#[tokio::test]
async fn twins_streams_and_sockets_work_through_nginx() {
    let recipe = Recipe::new(&[("alice", "wonderland")]).await;
    let gateway = pre_authenticated(&recipe).await;
    let nginx = nginx(&recipe, "pre-authenticated", &gateway).await;
    let alice = nginx.clients().basic("alice", "wonderland");
    let lamp = "/api/2/things/org.acme:lamp";
    alice
        .put(lamp, &json!({ "attributes": { "on": false } }))
        .await
        .expect(201);
    let mut events = alice
        .events("/api/2/things?ids=org.acme:lamp")
        .await
        .expect("a stream");
    let on = format!("{lamp}/attributes/on?timeout=10s");
    alice.put(&on, &json!(true)).await.expect(204);
    let event = loop {
        let event = events.next().await.expect("the stream goes on");
        if event.data.contains("attributes") {
            break event;
        }
    };
    assert!(event.data.contains("\"on\":true"), "{}", event.data);
    let answer = alice.send(Method::GET, "/ws/2", &UPGRADE, None).await;
    assert_eq!(answer.status, 101, "{}", answer.body);
    let answer = nginx
        .clients()
        .send(Method::GET, "/ws/2", &UPGRADE, None)
        .await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn operators_have_a_port_of_their_own_behind_nginx() {
    let recipe = Recipe::new(&[("alice", "wonderland")]).await;
    let gateway = pre_authenticated(&recipe).await;
    let nginx = nginx(&recipe, "pre-authenticated", &gateway).await;
    let alice = nginx.clients().basic("alice", "wonderland");
    for path in ["/devops/config", "/status", "/metrics", "/console", "/"] {
        alice.get(path).await.expect(404);
    }
    for path in [
        "//api/2/whoami",
        "/api/2/%2e%2e/devops",
        "/api/../devops/config",
    ] {
        let status = alice.get(path).await.status;
        assert!([400, 404].contains(&status), "{path}: {status}");
    }
    alice.get("/health").await.expect(200);
    nginx.clients().get("/health").await.expect(200);
    let redirected = nginx.plain().get("/api/2/whoami").await.expect(301);
    assert!(
        redirected
            .header("location")
            .starts_with("https://127.0.0.1/api"),
        "{redirected:?}"
    );

    let operators = nginx.operators();
    operators.get("/ready").await.expect(200);
    operators.get("/devops/config").await.expect(401);
    operators
        .basic("devops", "guess")
        .get("/devops/config")
        .await
        .expect(401);
    let operator = operators.basic("devops", &recipe.operator_password);
    operator.get("/devops/config").await.expect(200);
    operators
        .bearer(&"7c".repeat(32))
        .get("/metrics")
        .await
        .expect(200);
    operators.get("/api/2/whoami").await.expect(404);
}

#[tokio::test]
async fn tokens_pass_through_nginx_untouched_and_headers_vouch_for_nobody() {
    let key = SigningKey::rsa();
    let issuer = Issuer::start(&[key.jwk("key")]).await;
    let recipe = Recipe::new(&[]).await;
    let settings = recipe
        .gateway("compose/bearer/twinward.yaml", PROXY)
        .replace("id.example.com/realms/plant", issuer.issuer())
        .replace("oauth:", "oauth:\n    protocol: http");
    let gateway = TestGateway::start_from(&settings.0).await;
    let nginx = nginx(&recipe, "bearer", &gateway).await;
    let mut claims = issuer.claims("press-7");
    claims["aud"] = json!("twinward");
    let header = json!({ "alg": "RS256", "kid": "key" }).to_string();
    let token = key.sign(&header, &claims.to_string());
    assert_eq!(
        subject(&nginx.clients().bearer(&token)).await,
        "plant:press-7"
    );
    let refused = nginx
        .clients()
        .with("x-ditto-pre-authenticated", "nginx:alice")
        .get("/api/2/whoami")
        .await
        .expect(401);
    assert!(refused.header("www-authenticate").starts_with("Bearer"));
    let stranger = SigningKey::rsa().sign(&header, &claims.to_string());
    nginx
        .clients()
        .bearer(&stranger)
        .get("/api/2/whoami")
        .await
        .expect(401);
}

#[tokio::test]
async fn the_compose_file_fits_its_schema() {
    let mut command = python();
    command.args([
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        "../../deploy/compose/compose.yaml",
    ]);
    let output = command.output().await.expect("Python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}
