//! A changed configuration takes effect while requests and sessions go on, or not at all.

mod sessions;

use std::fs;

use serde_json::{Value, json};
use tests::{Caller, OidcProvider, Socket, TestGateway, eventually, merged, open_settings};

use crate::given::given_lamp;

/// Writes another configuration as most editors do: a new file, moved over the old one.
pub(crate) fn configure(gateway: &TestGateway, overlay: Value) {
    write(gateway, &merged(open_settings(), overlay).to_string());
}

fn write(gateway: &TestGateway, text: &str) {
    let unfinished = gateway.folder().join("twinward.yaml.new");
    fs::write(&unfinished, text).expect("the configuration can be written");
    fs::rename(unfinished, gateway.folder().join("twinward.yaml")).expect("it can be moved");
}

/// Waits until `holds` of the status' member `configuration`.
async fn configured(gateway: &TestGateway, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let operator = gateway.as_operator();
    eventually(what, || async {
        let status = operator.get("/status").await.expect(200).json();
        let configuration = status["configuration"].clone();
        holds(&configuration).then_some(configuration)
    })
    .await
}

pub(crate) async fn epoch(gateway: &TestGateway, epoch: u64) -> Value {
    configured(gateway, "another configuration", |status| {
        status["epoch"] == epoch
    })
    .await
}

struct Key {
    key: String,
    hash: String,
}

/// A key as operators make one.
async fn generated(gateway: &TestGateway) -> Key {
    let output = gateway.command(&["api-key", "generate"]).await;
    let text = String::from_utf8(output.stdout).expect("text");
    let after = |label: &str| {
        let rest = text.split_once(label).expect("both lines").1;
        rest.lines().next().unwrap_or_default().trim().to_owned()
    };
    Key {
        key: after("Generated Private Key: "),
        hash: after("Secure Public Hash: "),
    }
}

fn identities(identities: Value) -> Value {
    json!({ "auth": {
        "permission_sets": { "all": { "permissions": "full" } },
        "identities": identities,
    } })
}

fn press(key: &Key) -> Value {
    json!({ "credential": { "api_key": key.hash }, "permissions": ["all"] })
}

async fn is_open(socket: &mut Socket) -> bool {
    let retrieve = json!({ "topic": "org.acme/lamp/things/twin/commands/retrieve", "headers": {}, "path": "/" });
    socket.command("still-there", retrieve).await["status"].is_number()
}

#[tokio::test]
async fn an_identity_that_is_removed_is_shut_out_and_its_streams_end() {
    let gateway = TestGateway::start().await;
    let (saw, mill) = (generated(&gateway).await, generated(&gateway).await);
    configure(
        &gateway,
        identities(json!({ "saw": press(&saw), "mill": press(&mill) })),
    );
    epoch(&gateway, 2).await;
    let (saw, staying) = (gateway.as_bearer(&saw.key), gateway.as_bearer(&mill.key));
    saw.get("/api/2/whoami").await.expect(200);
    let mut cut = saw.web_socket().await.expect("a WebSocket");
    let mut kept = staying.web_socket().await.expect("a WebSocket");

    configure(&gateway, identities(json!({ "mill": press(&mill) })));
    epoch(&gateway, 3).await;
    saw.get("/api/2/whoami").await.expect(401);
    assert_eq!(cut.closed().await.code, 1008);
    staying.get("/api/2/whoami").await.expect(200);
    assert!(is_open(&mut kept).await);
}

#[tokio::test]
async fn a_key_is_rotated_with_overlap_and_nobody_notices() {
    let gateway = TestGateway::start().await;
    let (old, new) = (generated(&gateway).await, generated(&gateway).await);
    let with = |credentials: Value| {
        identities(json!({ "saw": { "permissions": ["all"], "credentials": credentials } }))
    };
    configure(&gateway, with(json!([{ "api_key": old.hash }])));
    epoch(&gateway, 2).await;
    let (with_old, with_new) = (gateway.as_bearer(&old.key), gateway.as_bearer(&new.key));
    let mut socket = with_old.web_socket().await.expect("a WebSocket");
    with_new.get("/api/2/whoami").await.expect(401);

    configure(
        &gateway,
        with(json!([{ "api_key": old.hash }, { "api_key": new.hash }])),
    );
    epoch(&gateway, 3).await;
    with_old.get("/api/2/whoami").await.expect(200);
    with_new.get("/api/2/whoami").await.expect(200);
    assert!(is_open(&mut socket).await);
    let mut moved = with_new.web_socket().await.expect("a WebSocket");

    configure(&gateway, with(json!([{ "api_key": new.hash }])));
    epoch(&gateway, 4).await;
    with_old.get("/api/2/whoami").await.expect(401);
    socket.closed().await;
    assert!(is_open(&mut moved).await);
}

#[tokio::test]
async fn a_broken_file_keeps_what_was_and_says_why() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    for (broken, expected) in [
        ("{ not yaml", "twinward.yaml"),
        ("auht: {}", "auht"),
        (
            "auth: { identities: { saw: { credential: { api_key: nonsense }, permissions: [none] } } }",
            "saw",
        ),
    ] {
        write(&gateway, broken);
        let status = configured(&gateway, "a rejection", |status| {
            status["rejected"]["why"]
                .as_str()
                .is_some_and(|why| why.contains(expected))
        })
        .await;
        assert_eq!(status["epoch"], 1);
        alice.get("/api/2/whoami").await.expect(200);
    }
    assert!(is_open(&mut socket).await);
    assert!(
        gateway.log().contains("stays as it was"),
        "{}",
        gateway.log()
    );
    let audit = fs::read_to_string(gateway.data().join("audit.jsonl")).expect("an audit file");
    assert!(audit.contains("config.rejected"), "{audit}");
    let health = gateway
        .as_operator()
        .get("/status/health")
        .await
        .json()
        .to_string();
    assert!(health.contains("rejected"), "{health}");
    let metrics = gateway.as_operator().get("/metrics").await.body;
    assert!(metrics.contains("config_rejected 1"), "{metrics}");

    configure(&gateway, json!({}));
    let status = epoch(&gateway, 2).await;
    assert_eq!(status["rejected"], Value::Null);
}

#[tokio::test]
async fn sighup_reads_again_what_no_watched_file_shows() {
    let gateway = TestGateway::start().await;
    gateway.signal("HUP").await;
    epoch(&gateway, 2).await;
    gateway
        .as_subject("nginx:alice")
        .get("/api/2/whoami")
        .await
        .expect(200);
}

#[tokio::test]
async fn what_only_a_start_can_change_is_named() {
    let gateway = TestGateway::start().await;
    configure(
        &gateway,
        json!({ "store": { "path": "elsewhere" }, "http_server": { "listen_addr": "127.0.0.1:1" } }),
    );
    let status = epoch(&gateway, 2).await;
    let warnings = status["warnings"].to_string();
    for key in ["`store.path`", "`http_server.listen_addr`"] {
        assert!(warnings.contains(key), "{warnings}");
    }
    gateway
        .as_subject("nginx:alice")
        .get("/api/2/whoami")
        .await
        .expect(200);
    assert!(!gateway.folder().join("elsewhere").exists());
}

#[tokio::test]
async fn other_limits_and_log_levels_take_effect() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    configure(
        &gateway,
        json!({
            "limits": { "per_subject": { "requests": 1, "window": "60s", "burst": 2 } },
            "logging": { "level": "error" },
        }),
    );
    epoch(&gateway, 2).await;
    alice.get("/api/2/whoami").await.expect(200);
    alice.get("/api/2/whoami").await.expect(200);
    alice.get("/api/2/whoami").await.expect(429);
    let loggers = gateway
        .as_operator()
        .get("/devops/logging")
        .await
        .expect(200)
        .json()
        .to_string();
    assert!(loggers.contains("error"), "{loggers}");

    configure(&gateway, json!({ "limits": { "per_subject": false } }));
    epoch(&gateway, 3).await;
    alice.get("/api/2/whoami").await.expect(200);
}

#[tokio::test]
async fn a_pre_authenticated_header_counts_until_it_is_switched_off() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let mut events = alice.events("/api/2/things").await.expect("a stream");
    configure(
        &gateway,
        json!({ "auth": { "pre_authenticated": { "enabled": false } } }),
    );
    epoch(&gateway, 2).await;
    alice.get("/api/2/whoami").await.expect(401);
    assert_eq!(socket.closed().await.code, 1008);
    while events.next().await.is_some() {}
}

#[tokio::test]
async fn an_issuer_that_stays_keeps_its_keys() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let token = provider.token("alice").await;
    let alice = gateway.as_bearer(&token);
    alice.get("/api/2/whoami").await.expect(200);
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let fetches = provider.key_fetches().await;
    // Whoever asks it now gets no keys: they must be those of before.
    provider.answer_with(500).await;

    let other = json!({ "auth": { "oauth": { "openid_connect_issuers": {
        "other": { "issuer": "127.0.0.1:1", "audience": "any" }
    } } } });
    configure(&gateway, merged(provider.trusted(), other));
    epoch(&gateway, 2).await;
    alice.get("/api/2/whoami").await.expect(200);
    assert!(is_open(&mut socket).await);
    assert_eq!(provider.key_fetches().await, fetches);

    // How they are fetched and for which algorithms they count changes nothing about where they are from.
    let entry = |entry: Value| json!({ "openid_connect_issuers": { "acme": entry } });
    for (number, (change, ends)) in [
        (json!({ "keys": { "refresh": "9m" } }), false),
        (
            json!({ "keys": { "max_stale": "1h", "cool_down": "2s" } }),
            false,
        ),
        (entry(json!({ "algorithms": ["RS256", "PS256"] })), true),
        (entry(json!({ "jwks_hosts": ["keys.example"] })), true),
    ]
    .into_iter()
    .enumerate()
    {
        let mut socket = alice.web_socket().await.expect("a WebSocket");
        let change = json!({ "auth": { "oauth": change } });
        configure(&gateway, merged(provider.trusted(), change.clone()));
        epoch(&gateway, 3 + number as u64).await;
        let answer = alice.get("/api/2/whoami").await;
        assert_eq!(answer.status, 200, "{change}");
        if ends {
            socket.closed().await;
        } else {
            assert!(is_open(&mut socket).await, "{change}");
        }
    }

    let mut socket = alice.web_socket().await.expect("a WebSocket");
    configure(&gateway, json!({}));
    epoch(&gateway, 7).await;
    alice.get("/api/2/whoami").await.expect(401);
    socket.closed().await;
}

/// Asks without a pause until it is told to stop; returns what was not answered with 200.
async fn ask_on(caller: Caller, stop: std::sync::Arc<std::sync::atomic::AtomicBool>) -> Vec<u16> {
    let mut others = Vec::new();
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        let answer = caller.get("/api/2/whoami").await;
        if answer.status != 200 {
            others.push(answer.status);
        }
    }
    others
}

#[tokio::test]
async fn no_request_is_lost_while_configurations_change() {
    let unlimited = json!({ "limits": { "per_source": false, "per_subject": false } });
    let gateway = TestGateway::start_with(unlimited.clone()).await;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let callers: Vec<_> = (0..8)
        .map(|number| gateway.as_subject(&format!("nginx:{number}")))
        .map(|caller| tokio::spawn(ask_on(caller, std::sync::Arc::clone(&stop))))
        .collect();
    for round in 2..8 {
        gateway.signal("HUP").await;
        epoch(&gateway, round).await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for caller in callers {
        assert_eq!(caller.await.expect("it ends"), Vec::<u16>::new());
    }
}
