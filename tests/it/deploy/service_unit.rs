//! The systemd unit: understood by systemd, and confined.

use std::fs;

use serde_json::json;
use tempfile::TempDir;
use tests::{Moved, Recipe, TestGateway, deadline, recipe};
use tokio::net::UnixDatagram;
use tokio::process::Command;

/// The unit with a program that is there: `verify` looks for it.
fn unit(folder: &TempDir) -> std::path::PathBuf {
    let text =
        Moved(recipe("systemd/twinward.service")).replace("/usr/local/bin/twinward", "/bin/true");
    let path = folder.path().join("twinward.service");
    fs::write(&path, text.0).expect("a file");
    path
}

#[tokio::test]
async fn systemd_understands_every_line() {
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no"]).arg(unit(&folder));
    let output = command.output().await;
    let output = output.expect("systemd-analyze starts: `tests/run` installs it");
    let said = String::from_utf8_lossy(&output.stderr);
    // What other units of this machine lack is not the question.
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("twinward"))
        .collect();
    assert!(output.status.success() && ours.is_empty(), "{said}");
}

#[tokio::test]
async fn the_unit_is_confined() {
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new("systemd-analyze");
    command
        .args(["security", "--offline=true", "--no-pager", "--threshold=20"])
        .arg(unit(&folder));
    let output = command.output().await.expect("systemd-analyze starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

#[tokio::test]
async fn the_gateway_takes_the_configuration_beside_the_unit() {
    let secrets = Recipe::new(&[]).await;
    let text = Moved(recipe("systemd/twinward.yaml"))
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("127.0.0.1:8081", "127.0.0.1:0")
        .replace("/run/credentials/twinward.service", secrets.folder())
        .replace("path: /var/lib/twinward", "path: data");
    let gateway = TestGateway::start_from(&text.0).await;
    gateway.anonymous().get("/api/2/whoami").await.expect(401);
    let probed = gateway.command(&["probe", "ready", "--data", "data"]).await;
    assert!(probed.status.success(), "{probed:?}");
    let alive = gateway
        .command(&["probe", "alive", "--config", "twinward.yaml"])
        .await;
    assert!(alive.status.success(), "{alive:?}");
    let stopped = gateway.stop().await;
    assert_eq!(stopped.code, Some(0));
}

#[tokio::test]
async fn systemd_is_told_when_it_serves_and_when_it_stops() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    let told = async || {
        let mut bytes = [0; 64];
        let length = deadline("a notification", socket.recv(&mut bytes)).await;
        let length = length.expect("a datagram");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let variable = format!("NOTIFY_SOCKET={}", path.display());
    let supervised = vec!["env".to_owned(), variable];
    let gateway = TestGateway::start_under(supervised, json!({})).await;
    assert_eq!(told().await, "READY=1\n");
    let stopped = gateway.stop().await;
    assert_eq!(told().await, "STOPPING=1\n");
    assert_eq!(stopped.code, Some(0));
}
