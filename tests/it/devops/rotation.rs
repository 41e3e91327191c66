//! Operators' credentials and certificate are replaced while operators are at work, and nobody notices who should not.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tests::{Authority, Caller, TestGateway, eventually};

/// Writes another configuration, and waits until the gateway says that it counts.
async fn configure(gateway: &TestGateway, devops: Value) {
    let reloads = || {
        let log = gateway.log();
        log.matches("Another configuration is in force").count()
    };
    let before = reloads();
    gateway.configure(json!({ "devops": devops }));
    eventually("another configuration in force", || async {
        (reloads() > before).then_some(())
    })
    .await;
}

/// Asks until told to stop; whatever was not 200.
pub(super) async fn ask_on(caller: Caller, stop: Arc<AtomicBool>) -> (usize, Vec<u16>) {
    let (mut answered, mut others) = (0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        match caller.get("/devops/logging").await.status {
            200 => answered += 1,
            status => others.push(status),
        }
    }
    (answered, others)
}

#[tokio::test]
async fn a_password_is_replaced_with_overlap_and_no_good_request_is_refused() {
    let gateway = TestGateway::start().await;
    let (old, old_hash) = gateway.new_password().await;
    let (new, new_hash) = gateway.new_password().await;
    let door = gateway.operators_door();
    let (with_old, with_new) = (door.basic("devops", &old), door.basic("devops", &new));
    configure(&gateway, json!({ "devops_passwords": [old_hash] })).await;
    with_old.get("/devops/logging").await.expect(200);
    with_new.get("/devops/logging").await.expect(401);

    let (stop_old, stop_new) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let users_of_old =
        [(); 3].map(|()| tokio::spawn(ask_on(with_old.clone(), Arc::clone(&stop_old))));
    let both = json!({ "devops_passwords": [
        { "hash": old_hash, "expires_at": "2099-01-01T00:00:00Z" }, new_hash,
    ] });
    configure(&gateway, both).await;
    with_new.get("/devops/logging").await.expect(200);
    let users_of_new =
        [(); 3].map(|()| tokio::spawn(ask_on(with_new.clone(), Arc::clone(&stop_new))));
    // Everybody has moved to the new one before the old one ends.
    stop_old.store(true, Ordering::Relaxed);
    for user in users_of_old {
        let (answered, others) = user.await.expect("it ends");
        assert!(answered > 0, "the load must have been there");
        assert_eq!(others, Vec::<u16>::new());
    }
    let ended = json!({ "devops_passwords": [
        { "hash": old_hash, "expires_at": "2020-01-01T00:00:00Z" }, new_hash,
    ] });
    configure(&gateway, ended).await;
    with_old.get("/devops/logging").await.expect(401);
    configure(&gateway, json!({ "devops_passwords": [new_hash] })).await;
    with_old.get("/devops/logging").await.expect(401);
    stop_new.store(true, Ordering::Relaxed);
    for user in users_of_new {
        let (answered, others) = user.await.expect("it ends");
        assert!(answered > 0, "the load must have been there");
        assert_eq!(others, Vec::<u16>::new());
    }
    let log = gateway.log();
    for secret in [&old, &new, &old_hash, &new_hash] {
        assert!(!log.contains(secret.as_str()), "{log}");
    }
}

#[tokio::test]
async fn the_console_is_switched_off_and_on_without_a_restart() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    operator.get("/console").await.expect(200);
    configure(&gateway, json!({ "console": { "enabled": false } })).await;
    eventually("no console", || async {
        (operator.get("/console").await.status == 404).then_some(())
    })
    .await;
    configure(&gateway, json!({ "console": { "enabled": true } })).await;
    eventually("a console", || async {
        (operator.get("/console").await.status == 200).then_some(())
    })
    .await;
    let status = operator.get("/status").await.expect(200).json();
    assert_eq!(status["configuration"]["warnings"], json!([]), "{status}");
}

#[tokio::test]
async fn the_operators_certificate_is_renewed_under_load() {
    const HOST: &str = "ops.example";
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    authority.issue(folder.path(), "ops", HOST);
    let tls =
        json!({ "cert": folder.path().join("ops.pem"), "key": folder.path().join("ops.key") });
    let devops =
        json!({ "tls_config": tls, "strict_transport_security": "30d", "force_https": true });
    let gateway = TestGateway::start_with(json!({ "devops": devops })).await;
    let password = gateway.first_operator_password();
    let connect = || {
        Caller::secure(&gateway.endpoints().devops, HOST, &authority.pem())
            .basic("devops", &password)
    };
    let shown = async || {
        let answer = connect().get("/status").await.expect(200);
        let strictness = answer.header("strict-transport-security");
        assert_eq!(strictness, "max-age=2592000");
        answer.json()["certificates"]["devops"].clone()
    };
    let first = shown().await;
    assert_eq!(first["names"], json!([HOST]), "{first}");
    let stop = Arc::new(AtomicBool::new(false));
    let load = [(); 4].map(|()| tokio::spawn(ask_on(connect(), Arc::clone(&stop))));
    let names = vec![HOST.to_owned(), "ops2.example".to_owned()];
    let renewal = rcgen::CertificateParams::new(names).expect("parameters");
    authority.issue_with(folder.path(), "ops", renewal);
    eventually("a record of the renewal", || async {
        let audit = fs::read_to_string(gateway.data().join("audit.jsonl")).unwrap_or_default();
        audit.contains("\"tls.reloaded\"").then_some(())
    })
    .await;
    let renewed = shown().await;
    assert_ne!(first, renewed);
    stop.store(true, Ordering::Relaxed);
    for client in load {
        let (answered, others) = client.await.expect("no request was lost");
        assert!(answered > 0, "the load must have been there");
        assert_eq!(others, Vec::<u16>::new());
    }
    let metrics = connect().get("/metrics").await.expect(200).body;
    let expiry = "tls_certificate_expiry_timestamp_seconds{listener=\"devops\"}";
    assert!(metrics.contains(expiry), "{metrics}");
    let probed = gateway.command(&["probe", "ready", "--data", "data"]).await;
    assert!(probed.status.success(), "{probed:?}");
}
