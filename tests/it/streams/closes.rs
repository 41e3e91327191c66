//! Every way in which a stream ends: what its client is told, what is counted, and what auditors find.

use std::path::Path;

use serde_json::{Value, json};
use tests::{
    Caller, EventStream, Issuer, SigningKey, Socket, TestGateway, eventually, merged,
    seconds_from_now,
};

use super::{LAMP, counted};
use crate::given::given_lamp;

/// A caller's streams of both kinds.
struct Streams {
    socket: Socket,
    events: EventStream,
}

impl Streams {
    async fn of(caller: &Caller) -> Self {
        Self {
            socket: caller.web_socket().await.expect("a WebSocket"),
            events: caller.events("/api/2/things").await.expect("a stream"),
        }
    }

    /// Both end: the socket with a code, the stream with an event of a name, and a reason that holds a word.
    async fn check_end(mut self, code: u16, (name, word): (&str, &str)) {
        let closed = self.socket.next().await.expect_err("a close");
        assert_eq!(closed.code, code, "{closed:?}");
        assert!(closed.reason.contains(word), "{closed:?}");
        let last = self.events.next().await.expect("it says why");
        assert_eq!(last.name, name, "{last:?}");
        assert!(last.data.contains(word), "{last:?}");
        assert!(self.events.next().await.is_none(), "nothing follows");
    }
}

/// Waits until so many streams are counted and recorded to have ended for this cause.
async fn check_counted(gateway: &TestGateway, cause: &str, times: u64) {
    let label = format!("reason=\"{cause}\"");
    let label = label.as_str();
    eventually(cause, || async {
        let closes = counted(gateway, "streaming_closes_total", &[label]).await;
        let seen = (closes, recorded(&gateway.data(), "stream.close", cause));
        (seen == (times, times)).then_some(())
    })
    .await;
}

/// How many audit records of this event there are; of a close, for this cause.
fn recorded(data: &Path, event: &str, cause: &str) -> u64 {
    let text = std::fs::read_to_string(data.join("audit.jsonl")).expect("an audit file");
    let records = text.lines().map(|line| {
        let record: Value = serde_json::from_str(line).expect("JSON Lines");
        record
    });
    let is_meant = |record: &Value| {
        record["event"] == event && (event == "stream.open" || record["info"]["cause"] == cause)
    };
    records.filter(is_meant).count() as u64
}

#[tokio::test]
async fn every_end_is_told_counted_and_recorded() {
    let key = SigningKey::ed25519();
    let issuer = Issuer::start(&[key.jwk("k")]).await;
    // Who has gone is noticed when something is sent.
    let settings = json!({ "streaming": { "sse": { "heartbeat": "100ms" } } });
    let gateway = TestGateway::start_with(merged(issuer.trusted(), settings.clone())).await;
    let operator = gateway.as_operator();
    let bearer = |lifetime: i64| {
        let mut claims = issuer.claims("alice");
        claims["exp"] = json!(seconds_from_now(lifetime));
        gateway.as_bearer(&key.sign(r#"{"alg":"EdDSA","kid":"k"}"#, &claims.to_string()))
    };

    // Requests are allowed a difference of clocks, streams end when their token does.
    let streams = Streams::of(&bearer(-1)).await;
    streams.check_end(1000, ("expired", "expired")).await;
    check_counted(&gateway, "expired", 2).await;

    let revoked = Streams::of(&gateway.as_subject("nginx:revoked")).await;
    let revocation = json!({ "kind": "subject", "value": "nginx:revoked", "permanent": true });
    operator
        .post("/devops/revocations", &revocation)
        .await
        .expect(201);
    revoked.check_end(1008, ("revoked", "revoked")).await;
    check_counted(&gateway, "revoked", 2).await;

    let thrown_out = Streams::of(&gateway.as_subject("nginx:thrown-out")).await;
    operator
        .delete("/devops/sessions?subject=nginx:thrown-out&reason=maintenance")
        .await
        .expect(200);
    thrown_out.check_end(1008, ("closed", "operator")).await;
    check_counted(&gateway, "operator", 2).await;

    let left = Streams::of(&gateway.as_subject("nginx:left")).await;
    drop(left);
    check_counted(&gateway, "client", 2).await;

    check_mistakes(&gateway, &bearer(60)).await;

    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let past = format!("{LAMP}?from-historical-revision=2");
    let mut shown = alice.events(&past).await.expect("a stream");
    assert_eq!(shown.next().await.expect("an end").name, "complete");
    check_counted(&gateway, "complete", 1).await;

    let distrusted = Streams::of(&bearer(600)).await;
    let kept = Streams::of(&alice).await;
    gateway.configure(settings);
    gateway.signal("HUP").await;
    distrusted.check_end(1008, ("revoked", "changed")).await;
    check_counted(&gateway, "reconfigured", 2).await;
    let open = counted(&gateway, "streaming_sessions_count", &[]).await;
    assert_eq!(open, 2, "whoever is left");

    let (stopped, ()) = tokio::join!(gateway.stop(), kept.check_end(1012, ("closed", "again")));
    let data = stopped.folder().join("data");
    assert_eq!(recorded(&data, "stream.close", "shutdown"), 2);
    assert_eq!(recorded(&data, "stream.open", ""), 17, "as many as ended");
}

/// Ends that clients bring about by what they send.
async fn check_mistakes(gateway: &TestGateway, token: &Caller) {
    let caller = gateway.as_subject("nginx:mistaken");
    let mut socket = caller.web_socket().await.expect("a WebSocket");
    socket.send("x".repeat((1 << 20) + 1)).await;
    check_socket(socket, 1009, "at most").await;
    check_counted(gateway, "too_large", 1).await;

    let acknowledging = || caller.web_socket_with("declared-acks=acme:mine");
    let first = acknowledging().await.expect("a WebSocket");
    let mut second = acknowledging().await.expect("a WebSocket");
    let refusal = second.json().await;
    assert_eq!(
        refusal["value"]["error"],
        "acknowledgement:label.not.unique"
    );
    check_socket(second, 1000, "declared-acks").await;
    check_counted(gateway, "protocol", 1).await;
    drop(first);
    check_counted(gateway, "client", 3).await;

    let mut socket = caller.web_socket().await.expect("a WebSocket");
    let (_, header) = token.headers().first().expect("a token");
    let fresh = header.trim_start_matches("Bearer ");
    socket.send(format!("JWT-TOKEN?jwtToken={fresh}")).await;
    check_socket(socket, 1000, "not of the caller").await;
    check_counted(gateway, "refresh", 1).await;
}

async fn check_socket(mut socket: Socket, code: u16, word: &str) {
    let closed = socket.next().await.expect_err("a close");
    assert_eq!(closed.code, code, "{closed:?}");
    assert!(closed.reason.contains(word), "{closed:?}");
}
