//! Callers that wait for an answer: one that hangs up frees its place, and nobody has more places than its share.

use serde_json::{Value, json};
use tests::{
    Authority, Caller, CollectedSpan, Collector, Proxy, Socket, TestGateway, deadline, eventually,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{BLINK, answer_to, listening, world, world_with};
use crate::audit::recorded;
use crate::given::given_lamp;

const CLAIM: &str = "/api/2/things/org.acme:lamp/inbox/claim";

/// A connection on which `subject`, who may do nothing, claims and waits for up to ten minutes.
async fn claiming(address: &str, subject: &str, correlation_id: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!(
        "POST {CLAIM}?timeout=600&correlation-id={correlation_id} HTTP/1.1\r\nhost: {address}\r\n\
         x-ditto-pre-authenticated: {subject}\r\ncontent-length: 0\r\n\r\n"
    );
    let sent = stream.write_all(request.as_bytes()).await;
    sent.expect("the request is taken");
    stream
}

/// Waits until the device got the claim, which waits for its answer from then on.
async fn claimed(device: &mut Socket, correlation_id: &str) {
    let message = device.json().await;
    assert_eq!(message["path"], "/inbox/messages/claim", "{message}");
    assert_eq!(message["headers"]["correlation-id"], correlation_id);
}

/// Waits until nothing waits under `correlation_id`: before, another claim under it is refused.
async fn freed(caller: &Caller, correlation_id: &str) {
    let claim = format!("{CLAIM}?timeout=1ms&correlation-id={correlation_id}");
    let free = eventually("the place to be free", async || {
        let answer = caller.post(&claim, &Value::Null).await;
        assert!(matches!(answer.status, 408 | 409), "{}", answer.body);
        (answer.status == 408).then_some(())
    });
    free.await;
}

#[tokio::test]
async fn whoever_hangs_up_waits_no_longer() {
    let collector = Collector::start().await;
    let traced = json!({ "otlp_endpoint": collector.url(), "otlp_sampling": 1.0 });
    let (gateway, alice) = world_with(json!({ "logging": traced })).await;
    let address = &gateway.endpoints().public;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let gone = claiming(address, "nginx:stranger", "c-gone").await;
    claimed(&mut device, "c-gone").await;
    let busy = alice
        .post(
            &format!("{CLAIM}?timeout=1ms&correlation-id=c-gone"),
            &Value::Null,
        )
        .await;
    busy.expect_error(409, "acknowledgement:request.duplicate.correlation-id");
    drop(gone);
    freed(&alice, "c-gone").await;
    // Ending only the sending direction is hanging up as well: the connection ends.
    let mut half = claiming(address, "nginx:stranger", "c-half").await;
    while device.json().await["headers"]["correlation-id"] != "c-half" {}
    half.shutdown().await.expect("half of it is closed");
    let mut rest = Vec::new();
    let read = deadline("the end of the connection", half.read_to_end(&mut rest)).await;
    assert!(matches!(read, Ok(0)), "{read:?} {rest:?}");
    freed(&alice, "c-half").await;
    let abandoned = recorded(&gateway, "access.write", |record| {
        record["res"]["status"] == 499
    })
    .await;
    assert_eq!(abandoned["outcome"], "error", "{abandoned}");
    assert_eq!(abandoned["actor"]["id"], "nginx:stranger", "{abandoned}");
    gateway.stop().await;
    let is_abandoned =
        |span: &&CollectedSpan| span.attributes["http.response.status_code"] == "499";
    let spans = collector.spans();
    let abandoned: Vec<_> = spans.iter().filter(is_abandoned).collect();
    assert_eq!(abandoned.len(), 2, "{spans:?}");
    assert_eq!(abandoned[0].attributes["ditto.correlationId"], "c-gone");
    assert_eq!(abandoned[0].name, "POST /api/2/things/messages");
}

#[tokio::test]
async fn acknowledgements_and_live_commands_end_with_their_callers() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["LIVE-COMMANDS", "EVENTS"]).await;
    let serial = "/api/2/things/org.acme:lamp/attributes/serial";
    for (asked, id) in [("channel=live", "c-live"), ("requested-acks=a:b", "c-ack")] {
        let query = format!("{asked}&timeout=60&correlation-id={id}");
        let waiting = tokio::spawn({
            let (alice, path) = (alice.clone(), format!("{serial}?{query}"));
            async move { alice.put(&path, &json!("B-2")).await }
        });
        assert_eq!(device.json().await["headers"]["correlation-id"], id);
        let again = format!("{serial}?{asked}&timeout=1ms&correlation-id={id}");
        alice.put(&again, &json!("B-2")).await.expect(409);
        waiting.abort();
        let free = eventually("the place to be free", async || {
            let answer = alice.put(&again, &json!("B-2")).await;
            (answer.status == 408).then_some(())
        });
        free.await;
        // Whatever else came of that.
        device = listening(&gateway, "nginx:device", &["LIVE-COMMANDS", "EVENTS"]).await;
    }
}

#[tokio::test]
async fn a_hang_up_is_noticed_through_a_proxy() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let proxy = Proxy::nginx(&gateway.endpoints().public).await;
    let behind =
        Caller::anonymous(proxy.address()).with("x-ditto-pre-authenticated", "nginx:alice");
    let waiting = tokio::spawn(async move {
        let claim = format!("{CLAIM}?timeout=600&correlation-id=c-proxy");
        behind.post(&claim, &Value::Null).await
    });
    claimed(&mut device, "c-proxy").await;
    waiting.abort();
    freed(&alice, "c-proxy").await;
}

#[tokio::test]
async fn a_hang_up_is_noticed_over_tls() {
    const HOST: &str = "gw.example";
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    authority.issue(folder.path(), "gw", HOST);
    let gateway = TestGateway::start_with(json!({ "http_server": {
        "tls_config": { "cert": folder.path().join("gw.pem"), "key": folder.path().join("gw.key") },
        "public_hosts": [HOST],
    } }))
    .await;
    let caller = |root: &str| {
        Caller::secure(&gateway.endpoints().public, HOST, root)
            .with("x-ditto-pre-authenticated", "nginx:alice")
    };
    let alice = caller(&authority.pem());
    given_lamp(&alice, "org.acme:lamp").await;
    let waiting = tokio::spawn({
        let (gone, claim) = (
            caller(&authority.pem()),
            format!("{CLAIM}?timeout=600&correlation-id=c-tls"),
        );
        // One of those that look whether it waits may be there first.
        async move { while gone.post(&claim, &Value::Null).await.status == 409 {} }
    });
    let taken = eventually("the claim to wait", async || {
        let claim = format!("{CLAIM}?timeout=1ms&correlation-id=c-tls");
        let status = alice.post(&claim, &Value::Null).await.status;
        (status == 409).then_some(())
    });
    taken.await;
    waiting.abort();
    freed(&alice, "c-tls").await;
}

#[tokio::test]
async fn a_caller_waits_so_many_times_at_once_and_no_more() {
    let (gateway, alice) = world_with(json!({ "limits": { "waiting_per_subject": 2 } })).await;
    let address = &gateway.endpoints().public;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let first = claiming(address, "nginx:stranger", "c-1").await;
    claimed(&mut device, "c-1").await;
    let _second = claiming(address, "nginx:stranger", "c-2").await;
    claimed(&mut device, "c-2").await;
    let stranger = gateway.as_subject("nginx:stranger");
    let third = stranger.post(CLAIM, &Value::Null).await;
    assert_eq!(third.header("retry-after"), "1");
    third.expect_error(429, "too.many.requests");
    let mut socket = stranger.web_socket().await.expect("a WebSocket");
    let message = json!({
        "topic": "org.acme/lamp/things/live/messages/claim", "path": "/inbox/messages/claim", "headers": {}
    });
    let frame = socket.command("c-3", message).await;
    assert_eq!(frame["value"]["error"], "too.many.requests", "{frame}");
    let listed = gateway.as_operator().get("/devops/limits").await;
    let listed = listed.expect(200).body;
    assert!(
        listed.contains("waiting per subject") && listed.contains("nginx:stranger"),
        "{listed}"
    );
    // Whoever waits for nothing is welcome, and so are others.
    stranger
        .post(&format!("{CLAIM}?timeout=0"), &Value::Null)
        .await
        .expect(202);
    claimed_by_nobody(&mut device).await;
    let device_side = async {
        let message = device.json().await;
        let answer = answer_to(&message, 200, "text/plain", json!("done"));
        device.send(answer.to_string()).await;
    };
    let asked = json!(1);
    let (answer, ()) = tokio::join!(alice.post(BLINK, &asked), device_side);
    answer.expect(200);
    drop(first);
    let free = eventually("a place to be free", async || {
        let claim = format!("{CLAIM}?timeout=1ms");
        let status = stranger.post(&claim, &Value::Null).await.status;
        (status == 408).then_some(())
    });
    free.await;
}

async fn claimed_by_nobody(device: &mut Socket) {
    let message = device.json().await;
    assert_eq!(message["headers"]["response-required"], false, "{message}");
}

#[tokio::test]
async fn a_client_address_waits_so_many_times_whoever_it_is() {
    let (gateway, _alice) = world_with(json!({ "limits": { "waiting_per_source": 2 } })).await;
    let address = &gateway.endpoints().public;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let mut open = Vec::new();
    for number in 1..=2 {
        let (subject, id) = (format!("nginx:s{number}"), format!("c-{number}"));
        open.push(claiming(address, &subject, &id).await);
        claimed(&mut device, &id).await;
    }
    let third = gateway.as_subject("nginx:s3");
    let third = third.post(CLAIM, &Value::Null).await;
    third.expect_error(429, "too.many.requests");
}

#[tokio::test]
async fn claims_that_are_abandoned_stop_nobody() {
    let (gateway, _alice) = world_with(json!({
        "http_server": { "max_connections": 64 },
        "limits": { "waiting_per_subject": false, "waiting_per_source": false,
                    "per_subject": false, "per_source": false },
    }))
    .await;
    let address = &gateway.endpoints().public;
    let before = gateway.open_files().await;
    for number in 0..300 {
        let id = format!("c-{number}");
        let claim = deadline("a claim", claiming(address, "nginx:stranger", &id));
        drop(claim.await);
    }
    let anyone = gateway.anonymous();
    deadline("health", anyone.get("/health")).await.expect(200);
    let back = eventually("the connections to be gone", async || {
        (gateway.open_files().await <= before + 4).then_some(())
    });
    back.await;
}

#[tokio::test]
async fn requests_that_pile_up_behind_a_claim_end_it() {
    let (gateway, alice) = world().await;
    let address = &gateway.endpoints().public;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let mut stream = claiming(address, "nginx:stranger", "c-pile").await;
    claimed(&mut device, "c-pile").await;
    let more = format!(
        "GET /health HTTP/1.1\r\nhost: x\r\nx-pad: {}\r\n\r\n",
        "a".repeat(4000)
    );
    let all = more.repeat(100);
    let mut status = [0; 12];
    {
        let (mut reading, mut writing) = stream.split();
        // More than the gateway reads ahead, so that it would neither rest nor notice the end of the connection.
        let both = async {
            tokio::select! {
                read = reading.read_exact(&mut status) => { read.expect("an answer"); }
                () = async { let _ = writing.write_all(all.as_bytes()).await; std::future::pending().await } => {}
            }
        };
        deadline("an answer", both).await;
    }
    assert_eq!(&status, b"HTTP/1.1 408");
    drop(stream);
    freed(&alice, "c-pile").await;
}

#[tokio::test]
async fn requests_that_pile_up_behind_a_stream_end_it() {
    let (gateway, _alice) = world().await;
    let address = &gateway.endpoints().public;
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let open = "GET /api/2/things HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\
                x-ditto-pre-authenticated: nginx:alice\r\n\r\n";
    let more = format!(
        "GET /health HTTP/1.1\r\nhost: x\r\nx-pad: {}\r\n\r\n",
        "a".repeat(4000)
    );
    let all = open.to_owned() + &more.repeat(100);
    let (mut reading, mut writing) = stream.split();
    let answers = async {
        let mut text = String::new();
        let mut portion = [0; 4096];
        while text.matches("HTTP/1.1 200").count() < 2 {
            let length = reading.read(&mut portion).await.expect("an answer");
            assert!(length > 0, "{text}");
            text += &String::from_utf8_lossy(&portion[..length]);
        }
        text
    };
    let both = async {
        tokio::select! {
            text = answers => text,
            never = async { let _ = writing.write_all(all.as_bytes()).await; std::future::pending().await } => never,
        }
    };
    let text = deadline("the end of the stream", both).await;
    assert!(text.contains("text/event-stream"), "{text}");
}
