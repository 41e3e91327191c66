//! Recognisable secrets in every place that takes one, then a look at everything that comes out.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Caller, TestGateway, eventually, write_private};

use super::given::refused_start;
use crate::api_keys::{EDGE_HASH, EDGE_KEY};

/// Every secret that a test may choose holds this word; hashes are recognised by their beginnings.
const CANARY: &str = "canary";

/// Beginnings of the hashes that a configuration may hold, and the same in base64.
const HASHES: [&str; 6] = [
    "$argon2id$v",
    "$2y$12$",
    "scrypt$ln",
    "hs256$v",
    "c2NyeXB0JGxu",
    "aHMyNTYkdj",
];

/// A gateway that holds secrets, with those that look like nothing in particular.
struct Planted {
    gateway: TestGateway,
    /// Passwords of operators and of who may see the status, and an API key.
    operator: String,
    secrets: Vec<String>,
}

impl Planted {
    /// Whoever may see and do everything, from elsewhere than the callers who fail and have to wait.
    fn operator(&self) -> Caller {
        let door = self.gateway.operators_door();
        door.basic("devops", &self.operator)
            .with("x-forwarded-for", "192.0.2.9")
    }

    #[track_caller]
    fn expect_none_in(&self, outputs: &[(String, String)]) {
        expect_clean(outputs);
        for ((whence, text), secret) in outputs
            .iter()
            .flat_map(|output| self.secrets.iter().map(move |secret| (output, secret)))
        {
            assert!(!text.contains(secret), "{secret} in {whence}: {text}");
        }
    }
}

/// A configuration with a secret wherever it takes one.
async fn planted() -> Planted {
    let maker = TestGateway::start().await;
    let (operator, operator_hash) = maker.new_password().await;
    let (former, former_hash) = maker.new_password().await;
    let (status, status_hash) = maker.new_password().await;
    let folder = maker.folder().join("secret");
    write_private(&folder, "canary-from-a-file-of-thirty-two-bytes");
    let gateway = json!({
        "auth": {
            "chain": ["pre_authenticated", "jwt", "api_key"],
            "api_keys": { "pepper": "canary-pepper-of-thirty-two-bytes" },
            "pre_authenticated": { "assertion": { "secret": "canary-assertion-of-thirty-two-bytes" } },
            "permission_sets": { "set": { "permissions": "full" } },
            "identities": { "press-07": { "credential": { "api_key": EDGE_HASH }, "permissions": ["set"] } },
        },
        "database": { "db_id": "0198d2f4-5b1e-7c3a-9f00-1d2e3f405162", "device_name": "edge", "auth": { "server": {
            "access_token": "canary-edge-token", "auth_url": "https://id.example", "provider": "p",
        } } },
        "devops": {
            "devops_passwords": [operator_hash, { "hash": former_hash, "expires_at": "2099-01-01T00:00:00Z" }],
            "status_passwords": [status_hash],
            "metrics_token": { "file": folder },
        },
        "http_server": { "public_hosts": ["gw.example"] },
        "logging": { "level": "trace" },
    });
    let gateway = TestGateway::start_with(gateway).await;
    drop(maker);
    let hashes = [
        operator_hash,
        former_hash,
        status_hash,
        EDGE_HASH.to_owned(),
    ];
    let mut secrets = vec![operator.clone(), former, status, EDGE_KEY.to_owned()];
    secrets.extend(hashes);
    Planted {
        gateway,
        operator,
        secrets,
    }
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
    let planted = planted().await;
    let gateway = &planted.gateway;
    let press = gateway.as_bearer(EDGE_KEY);
    press.get("/api/2/whoami").await.expect(200);
    planted.expect_none_in(&answers(gateway).await);
    let scraper = gateway
        .operators_door()
        .bearer("canary-from-a-file-of-thirty-two-bytes");
    let metrics = scraper.get("/metrics").await.expect(200);
    planted.expect_none_in(&[("metrics".to_owned(), metrics.body)]);
    planted.expect_none_in(&looks(&planted.operator()).await);
    planted.expect_none_in(&printed(gateway).await);
    let written = written(gateway);
    let names: Vec<_> = written.iter().map(|(path, _)| path).collect();
    assert!(
        names.iter().any(|path| path.ends_with("audit.jsonl")),
        "{names:?}"
    );
    planted.expect_none_in(&written);
    planted.expect_none_in(&[("the log".to_owned(), gateway.log())]);
}

#[tokio::test]
async fn an_operator_is_shown_no_secret() {
    let secrets = json!({
        "auth": { "api_keys": { "pepper": "canary-pepper-of-thirty-two-bytes" } },
        "devops": { "metrics_token": "canary-token-of-32-bytes-or-more" },
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
        json!({ "devops": { "metrics_token": "canary-short" } }),
        json!({ "devops": { "metrics_token": ["canary-list"] } }),
        json!({ "devops": { "metrics_token": { "flie": "canary" } } }),
        json!({ "auth": { "pre_authenticated": { "assertion": { "secret": "canary-short" } } } }),
        json!({ "auth": { "identities": { "press": { "credential": { "api_key": "canary-no-hash" } } } } }),
    ] {
        let said = refused_start(&overlay).await;
        assert!(!said.contains(CANARY), "{overlay}: {said}");
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
