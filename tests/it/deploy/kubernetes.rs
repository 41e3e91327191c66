//! Manifests and chart: rendered by the tools that install them, then held to the schemas of Kubernetes.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{Recipe, TestGateway, python};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Where the ingress controller's pods get their addresses from in the recipes.
const PODS: &str = "10.244.0.0/16";

/// What `kubectl apply -k` would send.
async fn kustomized(overlay: &str) -> Vec<Value> {
    let folder = format!(
        "{}/../deploy/kubernetes/overlays/{overlay}",
        env!("CARGO_MANIFEST_DIR")
    );
    let mut command = Command::new("kubectl");
    let output = command.args(["kustomize", &folder]).output().await;
    let output = output.expect("kubectl starts: `tests/run` installs it");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    objects(&String::from_utf8(output.stdout).expect("text")).await
}

/// The documents of a YAML text.
async fn objects(yaml: &str) -> Vec<Value> {
    let read = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)";
    let mut command = python();
    command
        .args(["-c", read])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("Python starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(yaml.as_bytes()).await.expect("it reads");
    drop(input);
    let output = child.wait_with_output().await.expect("it ends");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What `helm install` would send, or what Helm has against it.
async fn charted(values: &Value) -> Result<Vec<Value>, String> {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("values.json");
    fs::write(&path, values.to_string()).expect("a file");
    let mut command = python();
    command
        .args(["render_chart.py", "../../deploy/helm/twinward"])
        .arg(path);
    let output = command.output().await.expect("Python starts");
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).expect("JSON"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Every object, strictly: an unknown member is an error, too.
async fn expect_valid(objects: &[Value]) {
    let mut command = python();
    command
        .arg("validate_manifests.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("Python starts");
    let mut input = child.stdin.take().expect("a pipe");
    let text = Value::from(objects.to_vec()).to_string();
    input.write_all(text.as_bytes()).await.expect("it reads");
    drop(input);
    let output = child.wait_with_output().await.expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

#[track_caller]
fn of_kind<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    found
        .next()
        .unwrap_or_else(|| panic!("no {kind} among {objects:?}"))
}

/// A gateway with the configuration of a manifest starts, and asks for credentials.
async fn expect_serving(objects: &[Value]) {
    let recipe = Recipe::new(&[]).await;
    let folder = recipe.folder();
    let text = of_kind(objects, "ConfigMap")["data"]["twinward.yaml"].as_str();
    let text = text
        .expect("the configuration")
        .replace("0.0.0.0:8080", "127.0.0.1:0")
        .replace("0.0.0.0:8081", "127.0.0.1:0")
        .replace(PODS, "127.0.0.1")
        .replace("/run/secrets/twinward", folder)
        .replace(
            "/run/secrets/operators-tls/tls.crt",
            &format!("{folder}/tls.pem"),
        )
        .replace("/run/secrets/operators-tls", folder)
        .replace("path: /data", "path: data");
    let gateway = TestGateway::start_from(&text).await;
    let refused = gateway
        .anonymous()
        .with("x-forwarded-proto", "https")
        .get("/api/2/whoami")
        .await;
    assert_eq!(refused.status, 401, "{}", refused.body);
    let probed = gateway.command(&["probe", "ready", "--data", "data"]).await;
    assert!(probed.status.success(), "{probed:?}");
}

/// What every way to install it must hold to.
fn expect_careful(objects: &[Value]) {
    let pod = &of_kind(objects, "StatefulSet")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(
        container["securityContext"]["capabilities"]["drop"],
        json!(["ALL"])
    );
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        assert_eq!(container[probe]["httpGet"]["port"], "operators", "{probe}");
    }
    // 0440: readable by the pod's group, not by everybody, or the gateway would refuse to start.
    let modes = pod["volumes"].as_array().into_iter().flatten();
    let modes = modes.filter_map(|volume| volume["secret"]["defaultMode"].as_u64());
    assert_eq!(modes.collect::<Vec<_>>(), [0o440, 0o440]);
    let policy = &of_kind(objects, "NetworkPolicy")["spec"];
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    // Issuers, and the port of collectors that the configuration's example names.
    let ports = policy["egress"][1]["ports"].as_array().expect("ports");
    let ports = ports.iter().map(|port| port["port"].as_u64());
    assert_eq!(ports.collect::<Vec<_>>(), [Some(443), Some(4318)]);
    assert!(
        objects.iter().all(|object| object["kind"] != "Secret"),
        "secrets are named, not made"
    );
    let text = Value::from(objects.to_vec()).to_string();
    assert!(!text.contains("$argon2"), "{text}");
}

#[tokio::test]
async fn the_manifests_are_valid_and_the_gateway_takes_their_configuration() {
    for overlay in ["bearer", "pre-authenticated"] {
        let objects = kustomized(overlay).await;
        expect_valid(&objects).await;
        expect_careful(&objects);
        expect_serving(&objects).await;
    }
}

#[tokio::test]
async fn helm_renders_the_chart_and_the_gateway_takes_its_configuration() {
    let bearer = json!({
        "trustedProxies": [PODS],
        "issuers": { "plant": { "issuer": "id.example.com/realms/plant", "audience": ["twinward"] } },
        "ingress": { "enabled": true },
        "config": { "limits": { "per_source": false } },
    });
    let vouched = json!({
        "trustedProxies": [PODS], "trust": "preAuthenticated", "proxyProof": true,
        "persistence": { "storageClass": "fast" }, "nodeSelector": { "disk": "ssd" },
    });
    for values in [bearer, vouched] {
        let objects = charted(&values).await.expect("it renders");
        expect_valid(&objects).await;
        expect_careful(&objects);
        expect_serving(&objects).await;
    }
}

#[tokio::test]
async fn the_chart_refuses_what_it_does_not_know() {
    let refused = charted(&json!({})).await.expect_err("nobody is trusted");
    assert!(refused.contains("trustedProxies"), "{refused}");
    let misspelt = json!({ "trustedProxies": [PODS], "ingres": { "enabled": true } });
    let refused = charted(&misspelt).await.expect_err("a misspelt value");
    assert!(refused.contains("ingres"), "{refused}");
}

#[tokio::test]
async fn the_schemas_refuse_what_is_misspelt() {
    let mut objects = kustomized("bearer").await;
    objects[0]["metadata"]["nmae"] = json!("x");
    let mut command = python();
    command.arg("validate_manifests.py").stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::null())
        .spawn()
        .expect("Python starts");
    let mut input = child.stdin.take().expect("a pipe");
    let text = Value::from(objects).to_string();
    input.write_all(text.as_bytes()).await.expect("it reads");
    drop(input);
    assert!(!child.wait().await.expect("it ends").success());
}
