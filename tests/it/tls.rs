//! Certificates: what is wrong with one is said, and a renewed one is shown without losing a connection.

mod texts;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rcgen::KeyPair;
use reqwest::tls::TlsInfo;
use reqwest::{Certificate, Client};
use serde_json::{Value, json};
use tests::{Authority, TestGateway, eventually, raw_exchange, write_private};
use tokio::process::Command;

const HOST: &str = "gw.example";

fn client(authority: &Authority, gateway: &TestGateway) -> Client {
    let address: SocketAddr = gateway.endpoints().public.parse().expect("an address");
    let root = Certificate::from_pem(authority.pem().as_bytes()).expect("PEM");
    Client::builder()
        .no_proxy()
        .tls_certs_only([root])
        .tls_info(true)
        .resolve(HOST, address)
        .build()
        .expect("a client")
}

fn with_certificate(folder: &Path) -> Value {
    json!({
        "http_server": {
            "tls_config": { "cert": folder.join("gw.pem"), "key": folder.join("gw.key") },
            "public_hosts": [HOST],
            "strict_transport_security": "30d",
        },
        "limits": { "per_source": false, "per_subject": false },
    })
}

fn whoami(gateway: &TestGateway) -> String {
    let (_, port) = gateway.endpoints().public.rsplit_once(':').expect("a port");
    format!("https://{HOST}:{port}/api/2/whoami")
}

/// The certificate that a new connection is shown; `None` if it was not answered.
async fn shown(client: &Client, url: &str) -> Option<Vec<u8>> {
    let request = client
        .get(url)
        .header("x-ditto-pre-authenticated", "nginx:alice");
    let response = request.send().await.ok()?;
    assert_eq!(response.status(), 200);
    let info = response.extensions().get::<TlsInfo>()?;
    info.peer_certificate().map(<[u8]>::to_vec)
}

#[tokio::test]
async fn a_certificate_is_renewed_under_load_and_nobody_notices() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    authority.issue(folder.path(), "gw", HOST);
    let gateway = TestGateway::start_with(with_certificate(folder.path())).await;
    let url = whoami(&gateway);
    let first = shown(&client(&authority, &gateway), &url)
        .await
        .expect("an answer");
    let (stop, answered) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (client, url) = (client(&authority, &gateway), url.clone());
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            tokio::spawn(async move {
                // One connection, kept from before the renewal until after it.
                while !stop.load(Ordering::Relaxed) {
                    let certificate = shown(&client, &url).await;
                    assert!(certificate.is_some(), "a request was not answered");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    authority.issue(folder.path(), "gw", HOST);
    let second = eventually("another certificate", || async {
        let now = shown(&client(&authority, &gateway), &url).await;
        now.filter(|now| *now != first)
    })
    .await;
    assert_ne!(first, second);
    let before = answered.load(Ordering::Relaxed);
    eventually("more answers", || {
        let more = answered.load(Ordering::Relaxed) > before + 20;
        std::future::ready(more.then_some(()))
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    for client in load {
        client.await.expect("every request is answered");
    }
    let audit = fs::read_to_string(gateway.data().join("audit.jsonl")).expect("an audit file");
    assert!(audit.contains("\"tls.reloaded\""), "{audit}");
    let status = gateway
        .as_operator()
        .get("/status")
        .await
        .expect(200)
        .json();
    assert_eq!(status["certificates"]["public"]["names"], json!([HOST]));
    let metrics = gateway.as_operator().get("/metrics").await.body;
    assert!(
        metrics.contains("tls_certificate_expiry_timestamp_seconds{listener=\"public\"}"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_not_shown() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    authority.issue(folder.path(), "gw", HOST);
    let gateway = TestGateway::start_with(with_certificate(folder.path())).await;
    let url = whoami(&gateway);
    let first = shown(&client(&authority, &gateway), &url)
        .await
        .expect("an answer");
    let other = KeyPair::generate().expect("a key");
    write_private(&folder.path().join("gw.key"), &other.serialize_pem());
    let operator = gateway.as_operator();
    eventually("a rejection", || async {
        let status = operator.get("/status").await.expect(200).json();
        let why = status["configuration"]["rejected"]["why"]
            .as_str()
            .map(str::to_owned);
        why.filter(|why| why.contains("does not belong to the first certificate"))
    })
    .await;
    assert_eq!(
        shown(&client(&authority, &gateway), &url).await,
        Some(first)
    );
}

#[tokio::test]
async fn browsers_are_bound_to_https_over_https_only() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    authority.issue(folder.path(), "gw", HOST);
    let gateway = TestGateway::start_with(with_certificate(folder.path())).await;
    let request = client(&authority, &gateway).get(whoami(&gateway));
    let response = request.send().await.expect("an answer");
    assert_eq!(
        response.headers()["strict-transport-security"],
        "max-age=2592000"
    );

    let plain = TestGateway::start_with(json!({ "http_server": {
        "strict_transport_security": "30d", "force_https": true,
        "trusted_proxies": ["127.0.0.0/8"],
    } }))
    .await;
    let nobody = plain.anonymous();
    let refused = nobody
        .get("/api/2/whoami")
        .await
        .expect_error(404, "gateway:https.required");
    assert_eq!(refused.header("strict-transport-security"), "");
    nobody.get("/health").await.expect(200);
    let behind_proxy = plain
        .as_subject("nginx:alice")
        .with("x-forwarded-proto", "https");
    let answer = behind_proxy.get("/api/2/whoami").await.expect(200);
    assert_eq!(
        answer.header("strict-transport-security"),
        "max-age=2592000"
    );
}

#[tokio::test]
async fn only_a_trusted_proxy_can_say_that_a_client_spoke_https() {
    let gateway = TestGateway::start_with(json!({ "http_server": {
        "force_https": true, "redirect_to_https": true, "trusted_proxies": ["192.0.2.1"],
    } }))
    .await;
    let liar = gateway.anonymous().with("x-forwarded-proto", "https");
    liar.get("/api/2/whoami")
        .await
        .expect_error(404, "gateway:https.required");
    let redirected = liar.get("/openapi.json?x=1").await.expect(301);
    assert_eq!(
        redirected.header("location"),
        "https://127.0.0.1/openapi.json?x=1"
    );
    let forged = "GET /openapi.json HTTP/1.1\r\nHost: evil.example/\r\nConnection: close\r\n\r\n";
    let answer = raw_exchange(&gateway.endpoints().public, forged.as_bytes()).await;
    assert!(
        !answer.to_ascii_lowercase().contains("location"),
        "{answer}"
    );
}

#[tokio::test]
async fn http_2_is_not_offered() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    authority.issue(folder.path(), "gw", HOST);
    let gateway = TestGateway::start_with(with_certificate(folder.path())).await;
    let curl = async |arguments: &[&str]| {
        let output = Command::new("curl").args(arguments).output().await;
        String::from_utf8(output.expect("`tests/run` installs curl").stdout).expect("text")
    };
    let able = curl(&["--version"]).await;
    assert!(able.contains("HTTP2"), "curl could speak it: {able}");
    let (_, port) = gateway.endpoints().public.rsplit_once(':').expect("a port");
    let resolved = format!("{HOST}:{port}:127.0.0.1");
    let url = whoami(&gateway);
    let spoken = "%{http_version} %{http_code}";
    let ask = [
        "-sk",
        "--http2",
        "--resolve",
        &resolved,
        "-o",
        "/dev/null",
        "-w",
        spoken,
        &url,
    ];
    assert_eq!(curl(&ask).await, "1.1 401");
    let ask = [
        "-sk",
        "--http2-prior-knowledge",
        "--resolve",
        &resolved,
        "-o",
        "/dev/null",
        "-w",
        spoken,
        &url,
    ];
    let insisted = curl(&ask).await;
    assert!(
        ["1.1 401", "0 000"].contains(&insisted.as_str()),
        "{insisted}"
    );
}
