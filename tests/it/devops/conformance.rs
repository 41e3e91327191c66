//! What scripts for Ditto's operator routes rely on, row by row; what is safer here is in docs/differences.md.

use serde_json::json;
use tests::{TestGateway, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::given::piggyback;

/// A gateway whose status has a password of its own, and that password.
async fn with_status_password() -> (TestGateway, String) {
    let maker = TestGateway::start().await;
    let (password, hash) = maker.new_password().await;
    let gateway =
        TestGateway::start_with(json!({ "devops": { "status_passwords": [hash] } })).await;
    (gateway, password)
}

#[tokio::test]
async fn realms_users_and_passwords() {
    let (gateway, status_password) = with_status_password().await;
    let (door, operator) = (gateway.operators_door(), gateway.as_operator());
    let challenge = |answer: &tests::Answer| answer.header("www-authenticate").to_owned();
    let refused = door.get("/devops/logging").await.expect(401);
    assert_eq!(
        challenge(&refused),
        "Basic realm=\"DITTO-DEVOPS\",charset=UTF-8"
    );
    let refused = door.get("/overall/status").await.expect(401);
    assert_eq!(
        challenge(&refused),
        "Basic realm=\"DITTO-STATUS\",charset=UTF-8"
    );
    let password = gateway.first_operator_password();
    let admin = door.basic("admin", &password);
    admin.get("/devops/logging").await.expect(401);
    let status = door.basic("devops", &status_password);
    for caller in [&status, &operator] {
        caller.get("/overall/status").await.expect(200);
    }
    status.get("/devops/logging").await.expect(401);
    status.get("/stats/things/details").await.expect(401);
    status.get("/stats/things").await.expect(200);
    operator.get("/stats/things/details").await.expect(200);
}

#[tokio::test]
async fn logging_and_configuration_nest_as_scripts_expect() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let get = async |path: &str| operator.get(path).await.expect(200).json();
    let instance = "twinward-0";
    let whole = get("/devops/logging").await;
    assert!(whole["things"][instance]["loggerConfigs"].is_array());
    let service = get("/devops/logging/gateway").await;
    assert!(service[instance]["loggerConfigs"].is_array(), "{service}");
    let one = get(&format!("/devops/logging/gateway/{instance}")).await;
    assert!(one["loggerConfigs"].is_array(), "{one}");
    let config = get("/devops/config/gateway?path=ditto.info").await;
    assert!(
        config["gateway"][instance]["config"].is_object(),
        "{config}"
    );
    let unknown = get(&format!("/devops/config/gateway/{instance}?path=no.such")).await;
    assert!(unknown["config"]["error"].is_string(), "{unknown}");
    let verbose = json!({ "logger": "ROOT", "level": "verbose" });
    operator
        .put("/devops/logging", &verbose)
        .await
        .expect_error(400, "json.invalid");
}

#[tokio::test]
async fn commands_answer_as_scripts_expect() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let retrieve = || {
        let headers = json!({ "aggregate": false, "ditto-sudo": true });
        let command =
            json!({ "type": "policies.commands:retrievePolicy", "policyId": "org.acme:no" });
        ("/system/sharding/policy", headers, command)
    };
    let (target, _, command) = retrieve();
    let bare = json!({ "targetActorSelection": target, "piggybackCommand": command });
    let wrong = operator.put("/devops/piggyback", &bare).await;
    wrong.expect_error(405, "gateway:method.notallowed");
    let without = operator.post("/devops/piggyback", &bare).await;
    without.expect_error(400, "json.field.missing");
    let answer = piggyback(&operator, "/policies/twinward-0", retrieve()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["status"], 404, "{}", answer.body);
    let nobody = piggyback(&operator, "/nosuch?timeout=1s", retrieve()).await;
    nobody.expect(408);
    let long = piggyback(&operator, "?timeout=61s", retrieve()).await;
    long.expect_error(400, "gateway:timeout.invalid");
}

#[tokio::test]
async fn health_is_what_was_found_last_and_not_asked_anew() {
    let gateway = TestGateway::start().await;
    let (public, door) = (gateway.anonymous(), gateway.operators_door());
    for caller in [&public, &public, &public, &door, &door] {
        let answer = caller.get("/health").await.expect(200);
        assert_eq!(answer.json(), json!({ "status": "UP" }));
    }
}

/// Lets a gateway's syncs to disk fail after so many of a thread. A start takes about a hundred, a write one.
fn with_a_disk_that_fails_after(syncs: u32) -> Vec<String> {
    let inject = format!("inject=fsync,fdatasync:error=EIO:when={syncs}+");
    [
        "strace",
        "-f",
        "-qq",
        "-e",
        "trace=fsync,fdatasync",
        "-e",
        &inject,
        "-o",
        "/dev/null",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Asks both listeners several times in a row; they say the same.
async fn check_health(gateway: &TestGateway, (status, word): (u16, &str)) {
    for caller in [gateway.anonymous(), gateway.operators_door()] {
        for _ in 0..3 {
            let answer = caller.get("/health").await.expect(status);
            assert_eq!(answer.json(), json!({ "status": word }));
        }
    }
}

#[tokio::test]
async fn health_follows_the_store() {
    let unlimited = json!({ "limits": { "per_source": false, "per_subject": false } });
    let gateway = TestGateway::start_under(with_a_disk_that_fails_after(250), unlimited).await;
    check_health(&gateway, (200, "UP")).await;
    let alice = gateway.as_subject("nginx:alice");
    let mut written = 0;
    let refused = loop {
        let lamp = format!("/api/2/things/org.acme:lamp-{written}");
        let answer = alice.put(&lamp, &json!({})).await;
        if answer.status != 201 {
            break answer;
        }
        written += 1;
        assert!(written < 1000, "the disk does not fail");
    };
    assert!(written > 0, "the disk failed at once");
    assert!(refused.status >= 500, "{}", refused.body);
    eventually("the failure is found", || async {
        let health = gateway.anonymous().get("/health").await;
        (health.status == 503).then_some(())
    })
    .await;
    check_health(&gateway, (503, "DOWN")).await;
    let (door, operator) = (gateway.operators_door(), gateway.as_operator());
    door.get("/alive").await.expect(500);
    let why = operator.get("/status/health").await.expect(503).body;
    assert!(why.contains("the store accepts no more writes"), "{why}");
    // Whoever only reads is served all the same.
    let lamp = "/api/2/things/org.acme:lamp-0";
    alice.get(lamp).await.expect(200);

    let gateway = gateway.restart().await;
    check_health(&gateway, (200, "UP")).await;
    let alice = gateway.as_subject("nginx:alice");
    for number in 0..written {
        let lamp = format!("/api/2/things/org.acme:lamp-{number}");
        alice.get(&lamp).await.expect(200);
    }
}

/// Lets the process write so many bytes into a file, or as many as it likes.
async fn limit_files(gateway: &TestGateway, bytes: &str) {
    let process = gateway.process_id().await.to_string();
    let limit = format!("--fsize={bytes}:");
    let mut prlimit = tokio::process::Command::new("prlimit");
    let limited = prlimit.args(["--pid", &process, &limit]).status();
    let limited = limited.await.expect("prlimit starts");
    assert!(limited.success());
}

#[tokio::test]
async fn health_notices_a_store_that_cannot_write_before_any_request_does() {
    let wrapper = ["env", "--ignore-signal=XFSZ"].map(str::to_owned).to_vec();
    let gateway = TestGateway::start_under(wrapper, json!({})).await;
    check_health(&gateway, (200, "UP")).await;
    limit_files(&gateway, "0").await;
    let is = async |status: u16| {
        let what = format!("health {status}");
        eventually(&what, || async {
            let health = gateway.operators_door().get("/health").await;
            (health.status == status).then_some(())
        })
        .await;
    };
    is(503).await;
    let operator = gateway.as_operator();
    let why = operator.get("/status/health").await.expect(503).body;
    assert!(why.contains("the store could not be written"), "{why}");
    limit_files(&gateway, "unlimited").await;
    is(200).await;
    let alice = gateway.as_subject("nginx:alice");
    let lamp = "/api/2/things/org.acme:lamp";
    alice.put(lamp, &json!({})).await.expect(201);
}

#[tokio::test]
async fn a_request_under_way_is_finished_and_nobody_else_is_let_in() {
    let gateway =
        TestGateway::start_with(json!({ "http_server": { "shutdown_timeout": "30s" } })).await;
    let public = gateway.endpoints().public.clone();
    let body = json!({ "attributes": { "on": true } }).to_string();
    let (begun, rest) = body.split_at(5);
    let mut slow = TcpStream::connect(&public).await.expect("it listens");
    let head = format!(
        "PUT /api/2/things/org.acme:slow HTTP/1.1\r\nhost: {public}\r\nconnection: close\r\n\
         x-ditto-pre-authenticated: nginx:alice\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.expect("it reads");
    let mut asked_on = [0; 25];
    slow.read_exact(&mut asked_on)
        .await
        .expect("a sign of life");
    assert_eq!(&asked_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    slow.write_all(begun.as_bytes()).await.expect("it reads");
    gateway.signal("TERM").await;
    eventually("a closed door", || async {
        TcpStream::connect(&public).await.is_err().then_some(())
    })
    .await;
    slow.write_all(rest.as_bytes())
        .await
        .expect("it still reads");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let stopped = gateway.ended().await;
    assert_eq!(stopped.code, Some(0));
    let again = stopped.again().await;
    let alice = again.as_subject("nginx:alice");
    alice.get("/api/2/things/org.acme:slow").await.expect(200);
}

#[tokio::test]
async fn requests_are_counted_under_the_paths_that_dashboards_know() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    let lamp = "/api/2/things/org.acme:lamp";
    alice.put(lamp, &json!({})).await.expect(201);
    alice.get(&format!("{lamp}/attributes")).await;
    alice
        .get("/api/2/things?ids=org.acme:lamp")
        .await
        .expect(200);
    alice.get("/api/2/whoami").await.expect(200);
    let metrics = gateway.as_operator().get("/metrics").await.expect(200).body;
    for path in [
        "/api/2/things/x",
        "/api/2/things/x/attributes/x",
        "/api/2/things",
        "/api/2/whoami",
    ] {
        let label = format!("ditto_request_path=\"{path}\"");
        let found = metrics
            .lines()
            .any(|line| line.starts_with("roundtrip_http_seconds_count{") && line.contains(&label));
        assert!(found, "{path}: {metrics}");
    }
}
