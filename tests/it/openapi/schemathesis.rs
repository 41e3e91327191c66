//! Requests made up from descriptions of the API, Ditto's and our own, with a fixed seed: Schemathesis judges the answers.
//!
//! What it must not mind is named in `tests/schemathesis`, operation by operation, with the reason.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tests::{Issuer, SigningKey, TestGateway, is_long_run, merged};
use tokio::process::Command;

/// One run takes no longer than this on two cores that have other things to do; the full numbers take their time.
fn duration_max() -> Duration {
    Duration::from_secs(if is_long_run() { 1_800 } else { 85 })
}

/// Random requests for each operation, besides the examples of the description.
fn examples_max() -> &'static str {
    if is_long_run() { "30" } else { "3" }
}

/// Every run makes the same requests.
const SEED: &str = "20261121";

/// A description, the configuration for it, and the paths that are tried.
struct Run<'a> {
    description: &'a str,
    settings: &'a str,
    paths: &'a str,
    /// Requests, at least; fewer would mean that nothing was tried.
    requests_min: u64,
}

#[tokio::test]
async fn what_ditto_describes_is_served() {
    let Some(description) = reference() else {
        println!("Ditto's description is not here, nothing is compared with it");
        return;
    };
    for paths in [
        "^/api/2/things",
        "^/api/2/(policies|whoami|checkPermissions)",
    ] {
        let run = Run {
            description: &description.to_string_lossy(),
            settings: "ditto.toml",
            paths,
            requests_min: 200,
        };
        check(&Fixture::start().await, run).await;
    }
}

#[tokio::test]
async fn what_we_describe_is_served() {
    let fixture = Fixture::start().await;
    let run = Run {
        description: &format!("{}/openapi.json", fixture.url()),
        settings: "twinward.toml",
        paths: "",
        requests_min: 500,
    };
    check(&fixture, run).await;
}

/// A gateway that trusts an issuer of tokens, so that every way to authenticate that is described can go wrong.
struct Fixture {
    gateway: TestGateway,
    token: String,
    /// It ends with the value.
    _issuer: Issuer,
}

impl Fixture {
    async fn start() -> Self {
        let key = SigningKey::ed25519();
        let issuer = Issuer::start(&[key.jwk("key")]).await;
        let open = json!({
            "auth": { "pre_authenticated": { "enabled": false } },
            "http_server": { "serve_docs": true },
            "limits": { "per_source": false, "per_subject": false },
            "logging": { "level": "info" },
        });
        let claims = issuer.claims("alice").to_string();
        Self {
            gateway: TestGateway::start_with(merged(issuer.trusted(), open)).await,
            token: key.sign(r#"{"alg":"EdDSA","kid":"key"}"#, &claims),
            _issuer: issuer,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.gateway.endpoints().public)
    }
}

async fn check(fixture: &Fixture, run: Run<'_>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let report = folder.path().join("report.json");
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemathesis");
    let mut command = Command::new(program());
    command
        .arg("--config-file")
        .arg(settings.join(run.settings))
        .args(["run", run.description, "--include-path-regex", run.paths])
        .args(["--url", &fixture.url()])
        .args([
            "--header",
            &format!("Authorization: Bearer {}", fixture.token),
        ])
        .args([
            "--seed",
            SEED,
            "--max-examples",
            examples_max(),
            "--workers",
            "1",
        ])
        .args(["--phases", "examples,fuzzing", "--continue-on-failure"])
        .args(["--generation-database", "none", "--no-color", "--no-shrink"])
        .args(["--report", "json", "--report-json-path"])
        .arg(&report)
        .env("PYTHONPATH", &settings)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("TWINWARD_URL", fixture.url())
        .env("TWINWARD_TOKEN", &fixture.token)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(duration_max(), command.output()).await;
    let output = output.expect("Schemathesis takes too long");
    let output = output.expect("Schemathesis starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let report = std::fs::read_to_string(report).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let requests = report["test_cases"]["generated"].as_u64();
    assert!(requests >= Some(run.requests_min), "{text}");
    assert_eq!(
        report["operations"]["selected"], report["operations"]["tested"],
        "{text}"
    );
}

/// Ditto's description, next to the repository or where the environment says.
fn reference() -> Option<PathBuf> {
    let beside =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference/ditto-api-2.yml");
    std::env::var_os("DITTO_OPENAPI")
        .map(PathBuf::from)
        .or(Some(beside))
        .filter(|path| path.exists())
}

/// Where `tests/run` has put it: this executable is `<target>/<profile>/deps/it-<hash>`.
fn program() -> PathBuf {
    let executable = std::env::current_exe().expect("a process knows its executable");
    let target = executable
        .ancestors()
        .nth(3)
        .expect("tests run inside a target folder");
    let program = target.join("schemathesis/bin/st");
    assert!(
        program.exists(),
        "Schemathesis is not there yet: start `tests/run` once"
    );
    program
}
