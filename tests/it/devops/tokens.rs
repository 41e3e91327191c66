//! Operators who log in with tokens of their own issuer: a real OpenID provider, and curl.

use serde_json::{Value, json};
use tests::{Caller, OidcProvider, TestGateway, TokenShape, merged};
use tokio::process::Command;

use crate::given::METRICS_TOKEN;

pub(super) const SHAPE: TokenShape = TokenShape {
    audience: "operators",
    algorithm: "RS256",
    lifetime_seconds: 600,
};

/// `alice` may change, `bob` may look, nobody else may anything.
pub(super) fn settings(provider: &OidcProvider) -> Value {
    let issuer = json!({ "issuer": provider.issuer(), "audience": ["operators"] });
    json!({ "devops": {
        "devops_authentication_method": "oauth2",
        "devops_oauth2_subjects": ["ops:alice"],
        "status_authentication_method": "oauth2",
        "status_oauth2_subjects": ["ops:carol"],
        "read_only_subjects": ["ops:bob"],
        "oauth": { "protocol": "http", "openid_connect_issuers": { "ops": issuer } },
    } })
}

#[tokio::test]
async fn tokens_open_what_their_subjects_may() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(settings(&provider)).await;
    let door = gateway.operators_door();
    let change = json!({ "logger": "devops", "level": "info" });
    for (client, look, status, write) in [
        ("alice", 200, 200, 200),
        ("bob", 200, 200, 403),
        ("carol", 401, 200, 401),
        ("stranger", 401, 401, 401),
    ] {
        let operator = door.bearer(&provider.token_of(client, SHAPE).await);
        let answers = [
            operator.get("/devops/logging").await.status,
            operator.get("/overall/status").await.status,
            operator.put("/devops/logging", &change).await.status,
        ];
        assert_eq!(answers, [look, status, write], "{client}");
    }
    let reader = door.bearer(&provider.token_of("bob", SHAPE).await);
    let asked = json!({ "path": "/api/2/whoami" });
    reader.post("/devops/explain", &asked).await.expect(200);
    reader
        .post("/devops/revocations", &json!({}))
        .await
        .expect_error(403, "devops:role.insufficient");
}

#[tokio::test]
async fn other_tokens_and_passwords_open_nothing() {
    let provider = OidcProvider::start().await;
    let overlay = merged(settings(&provider), provider.trusted());
    let gateway = TestGateway::start_with(overlay).await;
    let door = gateway.operators_door();
    let public = provider.token("alice").await;
    gateway
        .as_bearer(&public)
        .get("/api/2/whoami")
        .await
        .expect(200);
    let refused = door.bearer(&public).get("/devops/logging").await;
    assert!(
        refused
            .header("www-authenticate")
            .starts_with("Bearer realm=\"DITTO-DEVOPS\""),
        "{}",
        refused.header("www-authenticate")
    );
    refused.expect_error(401, "gateway:authentication.failed");
    let basic = door
        .basic("devops", "anything")
        .get("/devops/logging")
        .await;
    basic.expect_error(401, "gateway:authentication.failed");
    let operators = provider.token_of("alice", SHAPE).await;
    gateway
        .as_bearer(&operators)
        .get("/api/2/whoami")
        .await
        .expect(401);
}

#[tokio::test]
async fn the_record_says_why_a_token_opened_nothing() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(settings(&provider)).await;
    let door = gateway.operators_door();
    let token = provider.token_of("alice", SHAPE).await;
    let (operator, stranger) = (door.bearer(&token), provider.token_of("stranger", SHAPE));
    let brief = TokenShape {
        lifetime_seconds: 1,
        ..SHAPE
    };
    let brief = door.bearer(&provider.token_of("bob", brief).await);
    tests::eventually("an expired token", || async {
        (brief.get("/status").await.status == 401).then_some(())
    })
    .await;
    let subject = json!({ "kind": "subject", "value": "ops:alice" });
    operator
        .post("/devops/revocations", &subject)
        .await
        .expect(201);
    operator.get("/devops/logging").await.expect(401);
    let stranger = door.bearer(&stranger.await);
    stranger.get("/devops/logging").await.expect(401);
    let forged = format!("{}AAAA", token.get(..token.len() - 4).expect("a token"));
    door.bearer(&forged)
        .get("/devops/logging")
        .await
        .expect(401);
    for reason in ["jwt_expired", "revoked", "no_permission", "jwt_claims"] {
        let is_it = |record: &Value| record["reason"] == reason;
        let record = crate::audit::recorded(&gateway, "devops.access", is_it).await;
        assert_eq!(record["actor"]["method"], "devops_oauth2", "{record}");
    }
}

#[tokio::test]
async fn a_token_that_misses_a_condition_of_its_issuer_opens_nothing() {
    let provider = OidcProvider::start().await;
    let mut settings = settings(&provider);
    settings["devops"]["oauth"]["openid_connect_issuers"]["ops"]["prerequisite_conditions"] =
        json!(["{{ jwt:sub | fn:filter('eq','alice') }}"]);
    let gateway = TestGateway::start_with(settings).await;
    let door = gateway.operators_door();
    let of = async |client| door.bearer(&provider.token_of(client, SHAPE).await);
    of("alice").await.get("/devops/logging").await.expect(200);
    let refused = of("bob").await.get("/devops/logging").await;
    refused.expect_error(401, "gateway:jwt.condition.failed");
}

#[tokio::test]
async fn an_empty_list_admits_nobody() {
    let provider = OidcProvider::start().await;
    let nobody = json!({ "devops": {
        "devops_oauth2_subjects": [], "status_oauth2_subjects": [], "read_only_subjects": [],
    } });
    let gateway = TestGateway::start_with(merged(settings(&provider), nobody)).await;
    let token = provider.token_of("alice", SHAPE).await;
    for path in ["/devops/logging", "/status", "/metrics"] {
        let answer = gateway.operators_door().bearer(&token).get(path).await;
        assert_eq!(answer.status, 401, "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn while_the_issuer_is_away_nobody_can_say() {
    let provider = OidcProvider::start().await;
    let token = provider.token_of("alice", SHAPE).await;
    provider.answer_with(503).await;
    let scraped = json!({ "devops": { "metrics_token": METRICS_TOKEN } });
    let gateway = TestGateway::start_with(merged(settings(&provider), scraped)).await;
    let operator = gateway.operators_door().bearer(&token);
    operator
        .get("/devops/logging")
        .await
        .expect_error(503, "gateway:publickey.provider.unavailable");
    let scraper = gateway.operators_door().bearer(METRICS_TOKEN);
    let usable = async |value: &str| {
        let metrics = scraper.get("/metrics").await.expect(200).body;
        let labels = "jwt_issuer_usable{listener=\"operators\",issuer=\"ops\"";
        let line = metrics.lines().find(|line| line.starts_with(labels));
        let line = line.unwrap_or_else(|| panic!("{metrics}"));
        assert!(line.ends_with(value), "{line}");
    };
    usable(" 0").await;
    provider.answer_with(0).await;
    tests::eventually("the keys", || async {
        let answer = operator.get("/devops/logging").await;
        (answer.status == 200).then_some(())
    })
    .await;
    usable(" 1").await;
    let health = operator.get("/status/health").await.expect(200).json();
    let parts = health["children"].as_array().expect("parts").iter();
    let issuers = parts.filter(|part| part["label"] == "operator-issuers");
    let issuers: Vec<_> = issuers.collect();
    assert_eq!(issuers.len(), 1, "{health}");
    assert_eq!(issuers[0]["children"][0]["label"], "ops", "{health}");
}

#[tokio::test]
async fn an_operators_token_can_be_revoked() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(settings(&provider)).await;
    let token = provider.token_of("bob", SHAPE).await;
    let (alice, bob) = (
        gateway
            .operators_door()
            .bearer(&provider.token_of("alice", SHAPE).await),
        gateway.operators_door().bearer(&token),
    );
    bob.get("/devops/logging").await.expect(200);
    let looking = async |operator: &Caller| {
        let stream = operator.events("/devops/console/events").await;
        let mut stream = stream.expect("a stream");
        stream.next().await.expect("what there is to see");
        stream
    };
    let (mut of_alice, mut of_bob) = (looking(&alice).await, looking(&bob).await);
    let revocation = json!({ "kind": "subject", "value": "ops:bob" });
    let added = alice.post("/devops/revocations", &revocation).await;
    assert_eq!(added.expect(201).json()["createdBy"], "ops:alice");
    bob.get("/devops/logging")
        .await
        .expect_error(401, "gateway:authentication.failed");
    tests::deadline("the end of the stream", async {
        while of_bob.next().await.is_some() {}
    })
    .await;
    of_alice.next().await.expect("others look on");
}

#[tokio::test]
async fn curl_is_enough() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(settings(&provider)).await;
    let token_url = format!("http://{}/token", provider.issuer());
    let form = "grant_type=client_credentials&client_id=alice&client_secret=secret-of-alice&resource=urn:operators:RS256:60";
    let answer = curl(&["-d", form, &token_url]).await;
    let token = answer["access_token"].as_str().expect("a token").to_owned();
    curl_levels(&gateway, &token).await;
}

/// Asks for log levels with `token`, by curl.
pub(super) async fn curl_levels(gateway: &TestGateway, token: &str) {
    let url = format!(
        "http://{}/devops/logging/gateway",
        gateway.endpoints().devops
    );
    let bearer = format!("Authorization: Bearer {token}");
    let levels = curl(&["-H", &bearer, &url]).await;
    assert!(levels["twinward-0"]["loggerConfigs"].is_array(), "{levels}");
}

async fn curl(arguments: &[&str]) -> Value {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*"])
        .args(arguments)
        .output()
        .await
        .expect("curl starts");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&output.stdout)))
}
