//! Certificates that work, and every way in which they do not.

use std::{fs, path::Path};

use jiff::Timestamp;

use super::Certificate;
use crate::config::server::{TlsConfig, TlsFiles};

const CERTIFICATE: &str = include_str!("tests/certificate.pem");
const KEY: &str = include_str!("tests/key.pem");
const OTHER_KEY: &str = include_str!("tests/other_key.pem");

/// Inside the certificate's validity, 2026 to 2036.
const VALID: &str = "2030-01-01T00:00:00Z";

fn load(folder: &Path, now: &str) -> Result<Option<rustls::ServerConfig>, String> {
    let files = TlsFiles {
        cert: folder.join("c.pem"),
        key: folder.join("k.pem"),
        base: folder.to_owned(),
    };
    let now: Timestamp = now.parse().unwrap();
    Certificate::open(&TlsConfig::Files(files), now)
        .map(|certificate| certificate.map(|certificate| certificate.server_config()))
        .map_err(|error| error.to_string())
}

#[track_caller]
fn check(certificate: &str, key: &str, now: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.pem"), certificate).unwrap();
    fs::write(folder.path().join("k.pem"), key).unwrap();
    let error = load(folder.path(), now).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_pair_is_loaded_for_http_1_1_only() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.pem"), CERTIFICATE).unwrap();
    fs::write(folder.path().join("k.pem"), KEY).unwrap();
    let config = load(folder.path(), VALID).unwrap().unwrap();
    assert_eq!(config.alpn_protocols, [b"http/1.1".to_vec()]);
}

#[test]
fn a_missing_file_is_named_with_base_and_user() {
    let folder = tempfile::tempdir().unwrap();
    let error = load(folder.path(), VALID).unwrap_err();
    let base = folder.path().display();
    for part in [
        format!("`{base}/c.pem`"),
        format!("(relative paths start at `{base}`)"),
        "by user ".to_owned(),
        "No such file".to_owned(),
    ] {
        assert!(error.contains(&part), "{part}: {error}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    check("hello", KEY, VALID, "c.pem` is not PEM");
    check(
        KEY,
        KEY,
        VALID,
        "c.pem` is PEM, but holds no readable certificate",
    );
    check(
        CERTIFICATE,
        CERTIFICATE,
        VALID,
        "k.pem` is PEM, but holds no readable private key",
    );
    check(
        CERTIFICATE,
        OTHER_KEY,
        VALID,
        "does not belong to the first certificate",
    );
}

#[test]
fn a_certificate_out_of_its_time_is_refused_with_the_date() {
    check(CERTIFICATE, KEY, "2046-01-01T00:00:00Z", "expired on 20");
    check(
        CERTIFICATE,
        KEY,
        "2020-01-01T00:00:00Z",
        "is not valid before 20",
    );
}
