//! Requests made up from Ditto's description of its API, with a fixed seed: Schemathesis judges the answers.
//!
//! What it must not mind is named in `tests/schemathesis`, operation by operation, with the reason.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tests::{TestGateway, is_long_run};
use tokio::process::Command;

use crate::given::{given_lamp, owned_by};

/// One run takes no longer than this on two cores that have other things to do; the full numbers take their time.
fn duration_max() -> Duration {
    Duration::from_secs(if is_long_run() { 900 } else { 85 })
}

/// What is made up: examples of the description, random values, and with the full numbers the edges of every schema.
fn phases() -> &'static str {
    if is_long_run() {
        "examples,coverage,fuzzing"
    } else {
        "examples,fuzzing"
    }
}

/// Every run makes the same requests.
const SEED: &str = "20261121";

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
        check(&description, paths).await;
    }
}

/// A thing and policies under the names that the configuration fills into paths.
async fn given() -> TestGateway {
    let gateway = TestGateway::start_with(json!({
        "limits": { "per_source": false, "per_subject": false },
        "logging": { "level": "info" },
    }))
    .await;
    let alice = gateway.as_subject("nginx:alice");
    for id in ["org.acme:policy", "org.acme:other"] {
        let policy = owned_by("nginx:alice");
        alice
            .put(&format!("/api/2/policies/{id}"), &policy)
            .await
            .expect(201);
    }
    given_lamp(&alice, "org.acme:lamp").await;
    gateway
}

async fn check(description: &Path, paths: &str) {
    let gateway = given().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let report = folder.path().join("report.json");
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemathesis");
    let mut command = Command::new(program());
    command
        .args([
            "--config-file",
            &settings.join("ditto.toml").to_string_lossy(),
        ])
        .args([
            "run",
            &description.to_string_lossy(),
            "--include-path-regex",
            paths,
        ])
        .args(["--url", &format!("http://{}", gateway.endpoints().public)])
        .args(["--header", "x-ditto-pre-authenticated: nginx:alice"])
        .args(["--seed", SEED, "--max-examples", "8", "--workers", "1"])
        .args(["--phases", phases(), "--continue-on-failure"])
        .args(["--generation-database", "none", "--no-color", "--no-shrink"])
        .args([
            "--report",
            "json",
            "--report-json-path",
            &report.to_string_lossy(),
        ])
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
    assert!(
        report["test_cases"]["generated"].as_u64() > Some(400),
        "{text}"
    );
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
