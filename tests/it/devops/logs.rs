//! Every line that is logged on the way of a request says which one it was.

use serde_json::{Value, json};
use tests::{Issuer, TestGateway, eventually};

use super::given::namespace_command;

/// Messages of three rooms that one refused request leaves.
const LINES: [&str; 3] = ["Authentication failed", "A request was refused", "Answered"];

async fn refused(format: &str) -> (TestGateway, String) {
    let gateway = TestGateway::start_with(json!({ "logging": { "format": format } })).await;
    let stranger = gateway
        .as_bearer("e30.e30.e30")
        .with("x-correlation-id", "line \"42\"");
    stranger.get("/api/2/things/org.acme:x").await;
    let log = eventually("the last line", || {
        let log = gateway.log();
        std::future::ready(log.contains("Answered").then_some(log))
    })
    .await;
    (gateway, log)
}

#[tokio::test]
async fn lines_for_people_carry_the_correlation_id() {
    let (gateway, log) = refused("text").await;
    for message in LINES {
        let line = log.lines().find(|line| line.contains(message));
        let line = line.unwrap_or_else(|| panic!("{message}: {log}"));
        assert!(line.contains(r#"correlation_id="line \"42\"""#), "{line}");
    }
    let started = log.lines().find(|line| line.contains("Listening for"));
    assert!(!started.expect("a line").contains("correlation_id"));
    drop(gateway);
}

#[tokio::test]
async fn lines_for_machines_have_it_as_a_member() {
    let (gateway, log) = refused("json").await;
    let lines: Vec<Value> = log
        .lines()
        .filter(|line| !line.starts_with("The first credentials are in"))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for message in LINES {
        let line = lines.iter().find(|line| line["message"] == message);
        let line = line.unwrap_or_else(|| panic!("{message}: {log}"));
        assert_eq!(line["correlation_id"], "line \"42\"", "{line}");
    }
    drop(gateway);
}

#[tokio::test]
async fn lines_of_a_socket_carry_the_id_of_its_handshake() {
    let issuer = Issuer::start(&[]).await;
    let gateway = TestGateway::start_with(issuer.trusted()).await;
    let alice = gateway
        .as_subject("nginx:alice")
        .with("x-correlation-id", "socket-7");
    let mut socket = alice.web_socket().await.expect("a socket");
    socket.send("JWT-TOKEN?jwtToken=nonsense").await;
    let line = eventually("a line of the session", || {
        let log = gateway.log();
        let line = log.lines().find(|line| line.contains("A refresh"));
        std::future::ready(line.map(str::to_owned))
    })
    .await;
    assert!(line.contains("correlation_id=\"socket-7\""), "{line}");
}

#[tokio::test]
async fn lines_of_operators_carry_it_too() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator().with("x-correlation-id", "ops-9");
    namespace_command(&operator, "blockNamespace", "org.old").await;
    let line = eventually("a line of the command", || {
        let log = gateway.log();
        let line = log.lines().find(|line| line.contains("closed namespace"));
        std::future::ready(line.map(str::to_owned))
    })
    .await;
    assert!(line.contains("correlation_id=\"ops-9\""), "{line}");
}
