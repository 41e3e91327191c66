//! What operators are told when TLS does not work: enough to mend it without looking anything up.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use tests::{Authority, TestGateway, write_private};

use super::{HOST, with_certificate};

/// What a start says that ends at once.
async fn refusal(overlay: Value) -> String {
    let failure = TestGateway::try_start(overlay).await;
    failure.expect_err("it does not start").stderr
}

fn params(host: &str) -> CertificateParams {
    CertificateParams::new(vec![host.to_owned()]).expect("parameters")
}

/// Puts a certificate that nobody else vouches for, and its key, into `folder`.
fn self_signed(folder: &Path) {
    let key = KeyPair::generate().expect("a key");
    let certificate = params("other.example")
        .self_signed(&key)
        .expect("a certificate");
    write_private(&folder.join("gw.pem"), &certificate.pem());
    write_private(&folder.join("gw.key"), &key.serialize_pem());
}

#[tokio::test]
async fn a_missing_file_is_named_in_full_with_base_fault_and_user() {
    let user = fs::metadata("/proc/self").expect("our own entry").uid();
    let folder = tempfile::tempdir().expect("a folder");
    Authority::new().issue(folder.path(), "gw", HOST);
    let there = folder.path().join("gw.pem");
    for (listener, cert, missing) in [
        ("http_server", Path::new("tls/gw.pem"), "tls/gw.pem"),
        ("http_server", &there, "tls/gw.key"),
        ("devops", Path::new("tls/gw.pem"), "tls/gw.pem"),
        ("devops", &there, "tls/gw.key"),
    ] {
        let mut overlay = json!({});
        overlay[listener] = json!({ "tls_config": { "cert": cert, "key": "tls/gw.key" } });
        let told = refusal(overlay).await;
        let base = told.split_once("(relative paths start at `");
        let base = base.and_then(|(_, rest)| rest.split_once('`'));
        let (base, _) = base.unwrap_or_else(|| panic!("{told}"));
        assert!(base.starts_with('/'), "{told}");
        for part in [
            format!("`{base}/{missing}`"),
            format!("cannot be read by user {user}: No such file"),
        ] {
            assert!(told.contains(&part), "{part}: {told}");
        }
    }
}

#[tokio::test]
async fn an_unusable_certificate_is_told_by_its_fault() {
    let authority = Authority::new();
    let other = KeyPair::generate().expect("a key").serialize_pem();
    let mut expired = params(HOST);
    expired.not_after = date_time_ymd(2024, 2, 29);
    let mut early = params(HOST);
    early.not_before = date_time_ymd(2090, 1, 31);
    for (params, replaced, expected) in [
        (params(HOST), Some(("gw.pem", "hello")), "is not PEM"),
        (
            params(HOST),
            Some(("gw.pem", other.as_str())),
            "is PEM, but holds no readable certificate",
        ),
        (
            params(HOST),
            Some(("gw.key", other.as_str())),
            "does not belong to the first certificate",
        ),
        (expired, None, "expired on 2024-02-29"),
        (early, None, "is not valid before 2090-01-31"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        authority.issue_with(folder.path(), "gw", params);
        if let Some((name, text)) = replaced {
            write_private(&folder.path().join(name), text);
        }
        let told = refusal(with_certificate(folder.path())).await;
        assert!(told.contains(expected), "{expected}: {told}");
        assert!(!told.contains("PRIVATE KEY"), "{told}");
    }
}

#[tokio::test]
async fn a_port_of_somebody_else_is_told_from_a_listener_without_tls() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    for listener in ["http_server", "devops"] {
        let mut overlay = json!({});
        overlay[listener] = json!({ "listen_addr": address });
        let told = refusal(overlay).await;
        let expected = format!("cannot listen on {address}: another process does already");
        assert!(told.contains(&expected), "{told}");
    }
    let plain = TestGateway::start().await;
    let log = plain.log();
    for whom in ["clients", "operators"] {
        let expected = format!("Listening for {whom}, TLS is off (dev_mode)");
        assert!(log.contains(&expected), "{log}");
    }
    let public = &plain.endpoints().public;
    let refused = reqwest::get(format!("https://{public}/health")).await;
    refused.expect_err("nobody speaks TLS there");
}

#[tokio::test]
async fn what_browsers_will_not_trust_is_told_with_every_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = async || {
        TestGateway::start_with(with_certificate(folder.path()))
            .await
            .log()
    };
    let check = |log: String, parts: &[&str]| {
        for part in parts {
            assert!(log.contains(part), "{part}: {log}");
        }
    };
    self_signed(folder.path());
    check(
        told().await,
        &[
            "it is self-signed",
            "`gw.example` of `http_server.public_hosts` is none of its names",
            "it is for other.example",
        ],
    );
    let mut issued = params(HOST);
    issued.distinguished_name = DistinguishedName::new();
    issued.distinguished_name.push(DnType::CommonName, HOST);
    Authority::new().issue_with(folder.path(), "gw", issued);
    let chain = fs::read_to_string(folder.path().join("gw.pem")).expect("a chain");
    let end = "-----END CERTIFICATE-----";
    let (leaf, _) = chain.split_once(end).expect("a certificate");
    write_private(&folder.path().join("gw.pem"), &format!("{leaf}{end}\n"));
    check(
        told().await,
        &[
            "the file holds only the certificate itself",
            "it is for gw.example",
        ],
    );
}
