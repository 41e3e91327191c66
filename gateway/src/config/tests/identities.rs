//! Identities, their hashes and permission sets: what does not start, where it stands, and what to write instead.

use super::{EDGE_HASH, HASH, check_problem, identities, load_in, loaded};
use crate::config::{Flags, LoadOptions, load_without_hashes};

/// One identity `a` with this credential and the set `operators`, in line 4.
fn with_hash(hash: &str) -> String {
    identities(&format!(
        "    a: {{ permissions: [operators], credential: {{ api_key: \"{hash}\" }} }}\n"
    ))
}

/// One identity `a` with a good credential, the set `operators` and `more`, in line 4.
fn with(more: &str) -> String {
    identities(&format!(
        "    a: {{ credential: {{ api_key: \"{HASH}\" }}, permissions: [operators], {more} }}\n"
    ))
}

#[track_caller]
fn check_all(cases: &[(String, &str)]) {
    for (yaml, expected) in cases {
        check_problem(yaml, &[], expected);
    }
}

#[test]
fn a_hash_that_cannot_be_read_is_named_with_its_place() {
    let place = "4:50: `auth.identities.a.credential.api_key`: ";
    for (hash, expected) in [
        (
            &*format!("{HASH} "),
            "hash.whitespace: the hash has white space at byte 124; write it on one line",
        ),
        (
            "YOUR_HASH",
            "hash.placeholder: the hash is a placeholder; run `twinward api-key generate --yaml`",
        ),
        ("<base64 hash>", "hash.whitespace"),
        ("", "hash.placeholder"),
        (
            "c2Nye!B0",
            "hash.not_base64: the hash is not base64: see byte 5; copy it again as a whole",
        ),
        (
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "hash.algorithm: algorithm `` is not supported for API keys; expected `hs256`",
        ),
        (
            "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
            "hash.algorithm: algorithm `2b`",
        ),
        (
            "$argon2i$v=19$m=65536,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
            "hash.algorithm: algorithm `argon2i`",
        ),
        (
            "scrypt$ln=16,r=8,p=1$abcdefghijklmnopqrstuvwxyz",
            "hash.missing_tag: the hash has no tag; copy it again as a whole",
        ),
        (
            "scrypt$ln=20,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$z43TML1TtMj5iJf99B4oxWmFDXrMmQF4ejuyxD9ImxM",
            "hash.bounds: `ln` of the hash is out of bounds, expected 10 to 18",
        ),
        (
            "scrypt$ln=18,r=16,p=1$AAECAwQFBgcICQoLDA0ODw$z43TML1TtMj5iJf99B4oxWmFDXrMmQF4ejuyxD9ImxM",
            "expected at most 256 MiB of memory",
        ),
        (
            "argon2id$v=19$m=1048576,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$z43TML1TtMj5iJf99B4oxWmFDXrMmQF4ejuyxD9ImxM",
            "hash.bounds: `m` of the hash is out of bounds, expected 8192 to 262144 KiB",
        ),
        (
            "hs256$v=2$kid=01IYT0XLWR$EBESExQVFhcYGRobHB0eHw$9QT2aTRwuWnnRWKDIFPmQ4tySgDwxCjXVNex7SyJ2wE",
            "hash.missing_pepper: the hash was made with a pepper, and none is configured; write the pepper",
        ),
    ] {
        check_problem(&with_hash(hash), &[], expected);
        check_problem(&with_hash(hash), &[], place);
    }
}

#[test]
fn the_second_of_two_credentials_is_named() {
    let listed = format!(
        "    a:\n      permissions: [operators]\n      credentials:\n        - {{ api_key: \"{HASH}\" }}\n        - {{ api_key: \"nothing!\" }}\n"
    );
    let expected = "8:13: `auth.identities.a.credentials.1.api_key`: hash.not_base64";
    check_problem(&identities(&listed), &[], expected);
}

#[test]
fn a_credential_stands_once() {
    let one = |name: &str, hash: &str| {
        format!(
            "    {name}: {{ credential: {{ api_key: \"{hash}\" }}, permissions: [operators] }}\n"
        )
    };
    let same_key_id = "hs256$v=1$kid=01IYT0XLWR$AAECAwQFBgcICQoLDA0ODw$65ov1v3yUGKgA0J+TUN0uSh7rdibp27m85AmIPJFdH0";
    for other in [HASH, HASH.trim_end_matches('='), same_key_id] {
        check_problem(
            &identities(&(one("a", HASH) + &one("b", other))),
            &[],
            "5:24: `auth.identities.b.credential.api_key`: this credential, or another one with its id `01IYT0XLWR`, is also that of `a`; run `twinward api-key generate`",
        );
    }
    let twice = format!(
        "    a: {{ permissions: [operators], credentials: [{{ api_key: \"{EDGE_HASH}\" }}, {{ api_key: \"{EDGE_HASH}$\" }}] }}\n"
    );
    check_problem(&identities(&twice), &[], "is also that of `a`");
    check_problem(
        &identities("    a: { permissions: [operators] }\n"),
        &[],
        "4:5: `auth.identities.a`: `credential` is missing; run `twinward api-key generate`",
    );
    let id = |name: &str, hash: &str| {
        one(name, hash).replace("permissions:", "id: plant-3, permissions:")
    };
    loaded(&identities(&(id("a", HASH) + &id("b", EDGE_HASH))), &[]);
}

#[test]
fn few_slow_hashes_are_without_a_hint() {
    let slow = |hint: &str| {
        identities(&format!(
            "    a: {{ credential: {{ api_key: \"{EDGE_HASH}\"{hint} }}, permissions: [operators] }}\n  api_keys: {{ max_unhinted_legacy: 0 }}\n"
        ))
    };
    let expected = "3:3: `auth.identities`: 1 slow hashes have no `key_hint`, 0 may: every unknown key costs a run of each; run `twinward api-key hint`";
    check_problem(&slow(""), &[], expected);
    loaded(&slow(", key_hint: a6e6ef3d"), &[]);
}

#[test]
fn an_identity_is_whole() {
    check_all(&[
        (
            identities(&format!(
                "    a: {{ credential: {{ api_key: \"{HASH}\" }} }}\n"
            )),
            "4:8: `auth.identities.a`: the key `permissions` is missing",
        ),
        (
            identities("    a: { permissions: [operators], credential: {} }\n"),
            "the key `api_key` is missing",
        ),
        (
            with("credentials: [{ api_key: x }]")
                .replace("api_key: x", &format!("api_key: \"{EDGE_HASH}\"")),
            "`credential` and `credentials` both stand here; keep the list",
        ),
        (
            with("secret: x"),
            "`auth.identities.a.secret`: this key is unknown",
        ),
        (
            with("id: \"a b\""),
            "`auth.identities.a.id`: expected 1 to 128 letters",
        ),
        (
            with("id: \"a\\nb\""),
            "`auth.identities.a.id`: expected 1 to 128 letters",
        ),
        (
            with("x: 1")
                .replace("    a:", "    \"press 7\":")
                .replace(", x: 1", ""),
            "4:5: `auth.identities.press 7`: its name makes no subject",
        ),
    ]);
}

#[test]
fn what_bounds_an_identity_has_its_type() {
    check_all(&[
        (
            with("expires_at: tomorrow"),
            "`auth.identities.a.expires_at`: expected",
        ),
        (
            with("not_before: 2026-13-01T00:00:00Z"),
            "`auth.identities.a.not_before`: expected",
        ),
        (
            with("created_at: 7"),
            "`auth.identities.a.created_at`: expected",
        ),
        (
            with("allow_from: [factory]"),
            "`auth.identities.a.allow_from.0`: expected a network",
        ),
        (
            with("rate_limit: { max_requests: 0, window_secs: 1 }"),
            "`auth.identities.a.rate_limit.max_requests`: expected at least 1",
        ),
        (
            with("rate_limit: { max_requests: 1 }"),
            "the key `window_secs` is missing",
        ),
        (
            with("disabled: maybe"),
            "`auth.identities.a.disabled`: expected",
        ),
        (
            with("subjects: [alice]"),
            "`auth.identities.a.subjects.0`: a subject is written `<issuer>:<id>`, e.g. `integration:a`",
        ),
        (
            with("subjects: [\"{{ jwt:sub\"]"),
            "`auth.identities.a.subjects.0`: nothing is filled in here",
        ),
        (
            with("subjects: [\"x:y\", \"edge:${request.subjectId}\"]"),
            "`auth.identities.a.subjects.1`: nothing is filled in here",
        ),
        (
            identities(&format!(
                "    a: {{ credential: {{ api_key: \"{EDGE_HASH}\", key_hint: A6E6EF3D }}, permissions: [operators] }}\n"
            )),
            "`auth.identities.a.credential.key_hint`: expected the 8 hexadecimal digits that `twinward api-key hint` prints",
        ),
    ]);
}

#[test]
fn permission_sets_exist_and_say_what_they_permit() {
    let set = |permissions: &str| {
        format!("auth: {{ permission_sets: {{ s: {{ permissions: {permissions} }} }} }}\n")
    };
    check_all(&[
        (
            identities(&format!(
                "    a: {{ credential: {{ api_key: \"{HASH}\" }}, permissions: [operator] }}\n"
            )),
            "`auth.identities.a.permissions.0`: no permission set is named `operator`; did you mean `operators`?",
        ),
        (
            identities(&format!(
                "    a: {{ credential: {{ api_key: \"{HASH}\" }}, permissions: operators }}\n"
            )),
            "`auth.identities.a.permissions`: expected a list, found a text",
        ),
        (set("fool"), "did you mean `full`?"),
        (
            "auth: { permission_sets: { s: {} } }\n".to_owned(),
            "the key `permissions` is missing",
        ),
        (
            set("[\"thing:read\"]"),
            "`auth.permission_sets.s.permissions.0`: the scope `thing:read` is unknown; did you mean `things:read`?",
        ),
        (set("[\"ws@org.acme\"]"), "the scope `ws` has no namespaces"),
        (
            set("[\"things:read@org..acme\"]"),
            "`org..acme` is no namespace",
        ),
    ]);
}

#[test]
fn keys_have_a_brand_and_subjects_of_their_own() {
    let keys = |text: &str| format!("auth: {{ api_keys: {{ {text} }} }}\n");
    let vouched = |prefix: &str| {
        format!(
            "auth: {{ pre_authenticated: {{ enabled: true, subject_prefixes: [nginx, \"{prefix}\"] }}, oauth: {{ openid_connect_issuers: {{ acme: {{ issuer: id.example, audience: any }} }} }} }}\n"
        )
    };
    check_all(&[
        (
            keys("brand: T"),
            "`auth.api_keys.brand`: expected two to eight lower-case letters",
        ),
        (
            keys("brand: 7up"),
            "`auth.api_keys.brand`: expected two to eight",
        ),
        (keys("env: staging"), "`auth.api_keys.env`: expected"),
        (
            keys("subject_prefix: \"a:b\""),
            "`auth.api_keys.subject_prefix`: expected a text",
        ),
        (
            keys("subject_prefix: \"\""),
            "`auth.api_keys.subject_prefix`: expected a text",
        ),
        (
            keys("slow_lane: { threads: 0 }"),
            "`auth.api_keys.slow_lane.threads`: expected at least 1",
        ),
        (
            vouched("edge"),
            "`auth.pre_authenticated.subject_prefixes.1`: subject prefix `edge:` belongs to another provider: tokens",
        ),
        (
            vouched("acme:team-"),
            "`auth.pre_authenticated.subject_prefixes.1`: ",
        ),
        (
            "auth: { pre_authenticated: { enabled: true, assertion: { secret: short } } }\n"
                .to_owned(),
            "`auth.pre_authenticated.assertion.secret`: the secret of the assertion has fewer than 32 bytes; `openssl rand -hex 32`",
        ),
    ]);
    loaded(&vouched("haproxy"), &[]);
}

#[test]
fn identities_of_the_server_exist() {
    let yaml = format!(
        "{}http_server: {{ auth: [b] }}\n",
        with("owner: x").replace("    a:", "    press:")
    );
    let expected = "5:23: `http_server.auth.0`: no identity is named `b`";
    check_problem(&yaml, &[], expected);
    check_problem(
        &yaml.replace("[b]", "[pres]"),
        &[],
        "no identity is named `pres`; did you mean `press`?",
    );
}

#[test]
fn commands_that_replace_a_hash_read_the_file_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = with_hash("YOUR_HASH");
    assert!(load_in(folder.path(), &yaml, &[], Flags::default()).is_err());
    let options = LoadOptions {
        file: Some(folder.path().join("twinward.yaml")),
        ..LoadOptions::default()
    };
    assert!(load_without_hashes(&options).is_ok());
}
