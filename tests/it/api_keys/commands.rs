//! `twinward api-key` as scripts meet it: what it prints, where, and its exit code.

use std::process::Output;

use tests::TestGateway;

use super::{EDGE_HASH, EDGE_KEY, HASH, KEY};

/// What a command prints is `out`, what it says besides contains `said`.
#[track_caller]
fn check(output: &Output, (code, out): (i32, &str), said: &str) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    assert_eq!(stdout, out);
    assert!(stderr.contains(said), "{said:?} is not in {stderr:?}");
    assert!(
        !stderr.contains(KEY) && !stderr.contains(EDGE_KEY),
        "{stderr}"
    );
}

#[tokio::test]
async fn a_key_is_valid_invalid_or_malformed() {
    let gateway = TestGateway::start().await;
    let validate = async |key: &str, hash: &str| {
        let arguments = ["api-key", "validate", "--key", key, "--hash", hash];
        gateway.command(&arguments).await
    };
    let warning = "other users of this machine can see a key given as an argument";
    let (valid, invalid) = ((0, "Key is valid\n"), (1, "Key is invalid\n"));
    check(&validate(KEY, HASH).await, valid, warning);
    check(&validate(EDGE_KEY, EDGE_HASH).await, valid, warning);
    let dollar = format!("{EDGE_HASH}$");
    check(
        &validate(EDGE_KEY, &dollar).await,
        valid,
        "hash.trailing_dollar",
    );
    check(&validate(EDGE_KEY, HASH).await, invalid, warning);
    for (key, hash, said) in [
        (
            KEY,
            &*format!("{HASH}\n"),
            "hash.whitespace: the hash has white space at byte 124",
        ),
        (KEY, "SECURE_PUBLIC_HASH", "hash.placeholder"),
        (
            KEY,
            "c2Nye!B0",
            "hash.not_base64: the hash is not base64: see byte 5",
        ),
        (KEY, "$2b$10$N9qo8uLOickgx2ZMRZoMye", "hash.algorithm"),
        (
            KEY,
            "scrypt$ln=16,r=8,p=1$abcdefghijklmnopqrstuvwxyz",
            "hash.missing_tag",
        ),
        (
            KEY,
            "scrypt$ln=30,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$z43TML1TtMj5iJf99B4oxWmFDXrMmQF4ejuyxD9ImxM",
            "hash.bounds",
        ),
        (
            &format!("{KEY} "),
            HASH,
            "key.whitespace: the key has white space at byte 69",
        ),
    ] {
        check(&validate(key, hash).await, (2, ""), said);
    }
}

#[tokio::test]
async fn a_file_with_a_hash_that_is_none_is_told_with_its_place() {
    let gateway = TestGateway::start().await;
    let file = gateway.folder().join("other.yaml");
    let yaml = "auth:\n  permission_sets: { all: { permissions: full } }\n  identities:\n    a: { permissions: [all], credential: { api_key: YOUR_HASH } }\n";
    std::fs::write(&file, yaml).expect("a file");
    let file = file.to_str().expect("a path");
    let checked = gateway
        .command(&["config", "check", "--config", file])
        .await;
    check(
        &checked,
        (78, ""),
        "other.yaml:4:44: `auth.identities.a.credential.api_key`: hash.placeholder: the hash is a placeholder; run `twinward api-key generate --yaml`",
    );
    let arguments = ["api-key", "validate", "--key", KEY, "--config", file];
    check(
        &gateway.command(&arguments).await,
        (2, ""),
        "hash.placeholder",
    );
    let made = gateway
        .command(&["api-key", "generate", "--config", file])
        .await;
    assert!(made.status.success(), "{made:?}");
}
