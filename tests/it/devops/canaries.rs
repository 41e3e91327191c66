//! Recognisable secrets in every place that takes one, then a look at everything that comes out.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Caller, TestGateway, eventually, write_private};

/// Every secret of this test holds this word; hashes are recognised by their beginnings.
const CANARY: &str = "canary";

/// Beginnings of the hashes that a configuration may hold.
const HASHES: [&str; 3] = ["$argon2id$v=19$m", "$2y$12$", "$argon2id$v=19$"];

/// A configuration with a secret wherever it takes one.
async fn planted() -> TestGateway {
    let maker = TestGateway::start().await;
    let (_, password) = maker.new_password().await;
    let (_, status) = maker.new_password().await;
    let folder = maker.folder().join("secret");
    write_private(&folder, "canary-from-a-file");
    let mut gateway = json!({
        "auth": {
            "chain": ["pre_authenticated", "jwt", "api_key"],
            "api_keys": { "pepper": "canary-pepper-of-thirty-two-bytes" },
            "pre_authenticated": { "assertion": { "secret": "canary-assertion-of-thirty-two-bytes" } },
        },
        "database": { "db_id": "0198d2f4-5b1e-7c3a-9f00-1d2e3f405162", "device_name": "edge", "auth": { "server": {
            "access_token": "canary-edge-token", "auth_url": "https://id.example", "provider": "p",
        } } },
        "devops": {
            "devops_passwords": [password, { "hash": password, "expires_at": "2099-01-01T00:00:00Z" }],
            "status_passwords": [status],
            "metrics_token": { "file": folder },
        },
        "logging": { "level": "trace" },
    });
    gateway["http_server"] = json!({ "public_hosts": ["gw.example"] });
    let started = TestGateway::start_with(gateway).await;
    drop(maker);
    started
}

/// Callers with a secret in every place of a request that takes one.
fn callers(door: &Caller) -> Vec<Caller> {
    vec![
        door.basic("devops", "canary-password"),
        door.basic("canary-user", "x"),
        door.bearer("canary-opaque-token"),
        door.bearer("tww_live_canarykey00000000000000"),
        door.bearer("e30.e30.canary-signature"),
        door.bearer("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.canary-signature"),
        door.with(
            "authorization",
            "Digest username=\"canary\", response=\"canary\"",
        ),
        door.with("cookie", "session=canary-cookie"),
        door.with("proxy-authorization", "Basic canary"),
        door.with("x-api-key", "canary-x-api-key"),
        door.with("x-ditto-pre-authenticated", "nginx:alice").with(
            "x-ditto-pre-authenticated-assertion",
            "v=1,t=1,n=canarycanarycanary,s=canary",
        ),
    ]
}

/// The answers to `callers` of both listeners, with what operators are shown.
async fn answers(gateway: &TestGateway) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    for caller in callers(&gateway.anonymous()) {
        for path in [
            "/api/2/whoami",
            "/api/2/things/org.acme:x",
            "/ws/2?access_token=canary-query",
        ] {
            answers.push((path.to_owned(), caller.get(path).await.body));
        }
        let body = Some("{\"canary".to_owned());
        let json = [("content-type", "application/json")];
        let answer = caller.send(Method::PUT, "/api/2/things/org.acme:x", &json, body);
        answers.push(("a body".to_owned(), answer.await.body));
    }
    for caller in callers(&gateway.operators_door()) {
        for path in ["/devops/config", "/status", "/metrics", "/console"] {
            answers.push((path.to_owned(), caller.get(path).await.body));
        }
    }
    answers
}

/// Everything that an operator can look at.
async fn looks(operator: &Caller) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    let explained = json!({ "path": "/api/2/whoami", "headers": {
        "authorization": "Bearer e30.e30.canary-jwt", "cookie": "canary",
    } });
    let answer = operator.post("/devops/explain", &explained).await;
    seen.push(("explain".to_owned(), answer.body));
    for path in [
        "/devops/config",
        "/devops/config?path=auth",
        "/devops/config?path=devops",
        "/devops/config?path=ditto.info",
        "/devops/config?path=ditto.gateway.authentication.devops",
        "/devops/limits",
        "/devops/logging",
        "/devops/revocations",
        "/devops/sessions",
        "/metrics",
        "/overall/status",
        "/overall/status/health",
        "/stats/things/details",
        "/status",
        "/status/health",
        "/console",
        "/console/app.js",
        "/console/login.json",
    ] {
        seen.push((path.to_owned(), operator.get(path).await.expect(200).body));
    }
    let mut events = operator
        .events("/devops/console/events")
        .await
        .expect("a stream");
    let event = events.next().await.expect("an event");
    seen.push(("the console's events".to_owned(), event.data));
    seen
}

/// What its commands print.
async fn printed(gateway: &TestGateway) -> Vec<(String, String)> {
    let mut printed = Vec::new();
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["config", "check", "--config", "twinward.yaml"],
        &["config", "schema"],
        &["audit", "query", "--config", "twinward.yaml"],
        &["probe", "ready", "--config", "twinward.yaml"],
    ] {
        let output = gateway.command(arguments).await;
        let text = [output.stdout, output.stderr].concat();
        printed.push((
            arguments.join(" "),
            String::from_utf8_lossy(&text).into_owned(),
        ));
    }
    printed
}

/// Files of the data folder, but the one that is there to show the first credentials, and hashes of them.
fn written(gateway: &TestGateway) -> Vec<(String, String)> {
    let files = fs::read_dir(gateway.data()).expect("the data folder");
    let paths = files.flatten().map(|entry| entry.path());
    paths
        .filter(|path| path.is_file() && !path.ends_with("first-credentials"))
        .filter(|path| !path.ends_with("bootstrap.yaml"))
        .map(|path| {
            let text = fs::read(&path).unwrap_or_default();
            (
                path.display().to_string(),
                String::from_utf8_lossy(&text).into_owned(),
            )
        })
        .collect()
}

#[track_caller]
fn expect_clean(outputs: &[(String, String)]) {
    for (whence, text) in outputs {
        for secret in HASHES.iter().chain([&CANARY]) {
            assert!(!text.contains(secret), "{secret} in {whence}: {text}");
        }
    }
}

#[tokio::test]
async fn planted_secrets_are_found_nowhere() {
    let gateway = planted().await;
    let first = answers(&gateway).await;
    expect_clean(&first);
    let scraper = gateway.operators_door().bearer("canary-from-a-file");
    let metrics = scraper.get("/metrics").await.expect(200);
    expect_clean(&[("metrics".to_owned(), metrics.body)]);
    expect_clean(&printed(&gateway).await);
    expect_clean(&written(&gateway));
    expect_clean(&[("the log".to_owned(), gateway.log())]);
}

#[tokio::test]
async fn an_operator_is_shown_no_secret() {
    let secrets = json!({
        "auth": { "api_keys": { "pepper": "canary-pepper-of-thirty-two-bytes" } },
        "devops": { "metrics_token": "canary-metrics-token" },
        "logging": { "level": "trace" },
    });
    let gateway = TestGateway::start_with(secrets).await;
    // From elsewhere than the callers who fail and have to wait.
    let operator = gateway.as_operator().with("x-forwarded-for", "192.0.2.9");
    let _socket = gateway.as_subject("nginx:alice").web_socket().await;
    answers(&gateway).await;
    expect_clean(&looks(&operator).await);
    let log = gateway.log();
    let password = gateway.first_operator_password();
    assert!(!log.contains(&password), "{log}");
    expect_clean(&[("the log".to_owned(), log)]);
}

#[tokio::test]
async fn complaints_about_a_secret_do_not_repeat_it() {
    for overlay in [
        json!({ "devops": { "devops_passwords": ["canary-plain"] } }),
        json!({ "devops": { "devops_passwords": [{ "hash": "canary-plain" }] } }),
        json!({ "devops": { "devops_passwords": ["$argon2id$canary"] } }),
        json!({ "devops": { "devops_passwords": [{ "hsah": "canary" }] } }),
        json!({ "devops": { "metrics_token": ["canary-list"] } }),
        json!({ "devops": { "metrics_token": { "flie": "canary" } } }),
        json!({ "auth": { "pre_authenticated": { "assertion": { "secret": "canary-short" } } } }),
        json!({ "auth": { "identities": { "press": { "credential": { "api_key": "canary-no-hash" } } } } }),
    ] {
        let failure = TestGateway::try_start(overlay.clone()).await;
        let Err(failure) = failure else {
            panic!("it must not start with {overlay}");
        };
        assert_eq!(
            failure.status.code(),
            Some(78),
            "{overlay}: {}",
            failure.stderr
        );
        assert!(
            !failure.stderr.contains(CANARY),
            "{overlay}: {}",
            failure.stderr
        );
    }
}

#[tokio::test]
async fn a_refused_change_shows_no_secret_either() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let mut broken: Value = tests::open_settings();
    broken["devops"]["devops_passwords"] = json!(["canary-plain"]);
    fs::write(gateway.folder().join("twinward.yaml"), broken.to_string()).expect("a file");
    let status = eventually("a refusal", || async {
        let status = operator.get("/status").await.expect(200);
        status.json()["configuration"]["rejected"]
            .is_object()
            .then_some(status.body)
    })
    .await;
    let health = operator.get("/status/health").await.body;
    expect_clean(&[
        ("/status".to_owned(), status),
        ("/status/health".to_owned(), health),
    ]);
    expect_clean(&[("the log".to_owned(), gateway.log())]);
    expect_clean(&written(&gateway));
}
