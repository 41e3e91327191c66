//! What tests of operators start from.

use serde_json::{Value, json};
use tests::{Answer, Caller, Socket, TestGateway};

/// Where commands go that concern no single entity.
pub(super) const MEDIATOR: &str = "/system/distributedPubSubMediator";

/// Sends a command in the form of Ditto's to `path` below `/devops/piggyback`.
pub(super) async fn piggyback(
    operator: &Caller,
    path: &str,
    (target, headers, command): (&str, Value, Value),
) -> Answer {
    let body = json!({
        "targetActorSelection": target,
        "headers": headers,
        "piggybackCommand": command,
    });
    let path = format!("/devops/piggyback{path}");
    operator.post(&path, &body).await
}

/// What a command on a namespace answers: `blockNamespace`, `purgeNamespace`, `unblockNamespace`.
pub(super) async fn namespace_command(operator: &Caller, kind: &str, namespace: &str) -> Value {
    let headers = json!({ "aggregate": kind == "purgeNamespace", "is-group-topic": true });
    let kind = format!("namespaces.commands:{kind}");
    let command = json!({ "type": kind, "namespace": namespace });
    let answer = piggyback(operator, "", (MEDIATOR, headers, command)).await;
    answer.expect(200).json()
}

/// Creates things with the policies that implicit creations make.
pub(super) async fn given_things(owner: &Caller, thing_ids: &[&str], thing: &Value) {
    for thing_id in thing_ids {
        let path = format!("/api/2/things/{thing_id}");
        owner.put(&path, thing).await.expect(201);
    }
}

/// Something to see for who looks: an open socket, and a stranger who was refused.
pub(super) async fn given_life(gateway: &TestGateway) -> Socket {
    let alice = gateway.as_subject("nginx:alice");
    let socket = alice.web_socket().await.expect("a socket");
    let stranger = gateway.anonymous();
    stranger.get("/api/2/things/org.acme:x").await.expect(401);
    socket
}

/// What a start with `overlay` says that is refused as configurations are: at once, with exit code 78.
pub(super) async fn refused_start(overlay: &Value) -> String {
    let failure = TestGateway::try_start(overlay.clone()).await;
    let Err(failure) = failure else {
        panic!("it must not start with {overlay}");
    };
    let code = failure.status.code();
    assert_eq!(code, Some(78), "{overlay}: {}", failure.stderr);
    failure.stderr
}
