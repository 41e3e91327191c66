//! Whose sessions end after which change, and whose do not.

use std::collections::BTreeMap;
use std::sync::Arc;

use policies::Credential;

use authentication::api_key::KeyVerifier;

use super::*;
use crate::config::{Environment, Flags, LoadOptions, load};

/// Two keys, made with `twinward api-key generate`.
const OLD: &str = "OLD";
const NEW: &str = "NEW";

struct Keys {
    old: (String, String),
    new: (String, String),
}

fn keys() -> Keys {
    let make = || {
        let made =
            authentication::api_key::generate("tww", authentication::api_key::Environment::Live);
        let verifier = KeyVerifier::parse(&made.verifier, None).unwrap();
        (verifier.key_id().to_owned(), made.verifier)
    };
    Keys {
        old: make(),
        new: make(),
    }
}

fn loaded(yaml: &str) -> crate::config::Loaded {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("twinward.yaml");
    std::fs::write(&file, yaml).unwrap();
    load(&LoadOptions {
        file: Some(file),
        environment: Environment::default(),
        flags: Flags::default(),
    })
    .unwrap()
}

fn principal(provider: ProviderKind, name: &str, key_id: &str) -> Principal {
    let credential = Credential {
        name: Some(name.into()),
        key_id: Some(key_id.into()),
        permission_sets: Arc::new(["operators".into()]),
        ..Credential::default()
    };
    Principal::new(provider, Vec::new(), None, credential)
}

fn api_key(name: &str, key_id: &str) -> Principal {
    principal(ProviderKind::ApiKey, name, key_id)
}

#[track_caller]
fn check(old: &str, new: &str, principal: &Principal, expected: bool) {
    let keys = keys();
    let with_hashes = |yaml: &str| {
        yaml.replace("$OLD", &keys.old.1)
            .replace("$NEW", &keys.new.1)
    };
    let (old, new) = (loaded(&with_hashes(old)), loaded(&with_hashes(new)));
    let withdrawn = Withdrawn::between((&old.config, &old.values), (&new.config, &new.values));
    let ids = BTreeMap::from([(OLD, &keys.old.0), (NEW, &keys.new.0)]);
    let credential = principal.credential();
    let key_id = credential.key_id.as_deref().unwrap_or_default();
    let real = ids.get(key_id).map_or(key_id, |id| id.as_str());
    let name = credential.name.as_deref().unwrap_or_default();
    let principal = self::principal(principal.provider(), name, real);
    assert_eq!(withdrawn.concerns(&principal), expected, "{withdrawn:?}");
}

const SETS: &str = "auth: { permission_sets: { operators: { permissions: full } }, identities: ";

fn identities(text: &str) -> String {
    format!("{SETS}{{ {text} }} }}")
}

const PRESS: &str = "press: { permissions: [operators], credential: { api_key: \"$OLD\" } }";

#[test]
fn an_identity_that_is_gone_or_changed_is_withdrawn() {
    let old = identities(PRESS);
    check(&old, &old, &api_key("press", OLD), false);
    let other = "saw: { permissions: [operators], credential: { api_key: \"$NEW\" } }";
    check(&old, &identities(other), &api_key("press", OLD), true);
    let both = identities(&format!("{PRESS}, {other}"));
    check(&old, &both, &api_key("press", OLD), false);
    let disabled =
        "press: { permissions: [operators], disabled: true, credential: { api_key: \"$OLD\" } }";
    check(&old, &identities(disabled), &api_key("press", OLD), true);
}

#[test]
fn a_key_that_is_gone_takes_only_its_own_sessions_along() {
    let rotating = "press: { permissions: [operators], credentials: [{ api_key: \"$OLD\" }, { api_key: \"$NEW\" }] }";
    let rotated = "press: { permissions: [operators], credentials: [{ api_key: \"$NEW\" }] }";
    check(
        &identities(PRESS),
        &identities(rotating),
        &api_key("press", OLD),
        false,
    );
    check(
        &identities(rotating),
        &identities(rotated),
        &api_key("press", OLD),
        true,
    );
    check(
        &identities(rotating),
        &identities(rotated),
        &api_key("press", NEW),
        false,
    );
    let ending = "press: { permissions: [operators], credentials: [{ api_key: \"$OLD\", expires_at: 2030-01-01T00:00:00Z }, { api_key: \"$NEW\" }] }";
    check(
        &identities(rotating),
        &identities(ending),
        &api_key("press", OLD),
        true,
    );
    check(
        &identities(rotating),
        &identities(ending),
        &api_key("press", NEW),
        false,
    );
}

fn issuers(text: &str) -> String {
    format!("auth: {{ oauth: {{ {text} }} }}")
}

#[test]
fn an_issuer_that_is_changed_takes_its_own_sessions_along() {
    let acme = "acme: { issuer: id.acme.example, audience: any }";
    let other = "other: { issuer: id.other.example, audience: any }";
    let both = issuers(&format!("openid_connect_issuers: {{ {acme}, {other} }}"));
    let one = issuers(&format!("openid_connect_issuers: {{ {acme} }}"));
    let token = |name| principal(ProviderKind::Jwt, name, "k");
    check(&both, &one, &token("acme"), false);
    check(&both, &one, &token("other"), true);
    let narrower = issuers(
        "openid_connect_issuers: { acme: { issuer: id.acme.example, audience: [twinward] } }",
    );
    check(&one, &narrower, &token("acme"), true);
    let shorter = issuers(&format!(
        "max_token_lifetime: 1h, openid_connect_issuers: {{ {acme} }}"
    ));
    check(&one, &shorter, &token("acme"), true);
    let fetching = issuers(&format!(
        "keys: {{ refresh: 5m }}, openid_connect_issuers: {{ {acme} }}"
    ));
    check(&one, &fetching, &token("acme"), false);
}

#[test]
fn a_method_that_is_switched_off_takes_its_sessions_along() {
    let proxy = principal(ProviderKind::PreAuthenticated, "", "");
    let on = "auth: { pre_authenticated: { enabled: true } }";
    check(on, on, &proxy, false);
    check(
        on,
        "auth: { pre_authenticated: { enabled: false } }",
        &proxy,
        true,
    );
    let narrower = "auth: { pre_authenticated: { enabled: true, subject_prefixes: [nginx] } }";
    check(on, narrower, &proxy, true);
    let token = principal(ProviderKind::Jwt, "acme", "k");
    check(
        "auth: { chain: [jwt, api_key] }",
        "auth: { chain: [api_key] }",
        &token,
        true,
    );
    check(
        "auth: dev_mode",
        "auth: {}",
        &principal(ProviderKind::DevMode, "", ""),
        true,
    );
}

#[test]
fn limits_take_nobody_along() {
    let other = "limits: { per_source: false }\nstreaming: { sse: { heartbeat: 5s } }";
    check(
        "{}",
        other,
        &principal(ProviderKind::Jwt, "acme", "k"),
        false,
    );
}

/// `press` as an entry of these words, with the old key and what is said of it.
fn press(entry: &str, credential: &str) -> String {
    identities(&format!(
        "press: {{ permissions: [operators], {entry} credential: {{ api_key: \"$OLD\"{credential} }} }}"
    ))
}

#[test]
fn remarks_take_nobody_along() {
    let plain = press("", "");
    for (entry, credential) in [
        ("description: a press,", ""),
        ("owner: mill,", ""),
        ("created_at: 2026-01-01T00:00:00Z,", ""),
        ("rate_limit: { max_requests: 5, window_secs: 1 },", ""),
        ("", ", comment: spare"),
        ("", ", created_at: 2026-01-01T00:00:00Z"),
    ] {
        let other = press(entry, credential);
        check(&plain, &other, &api_key("press", OLD), false);
        check(&other, &plain, &api_key("press", OLD), false);
    }
}

/// Narrowed in one direction, widened in the other.
#[track_caller]
fn check_narrower(wide: &str, narrow: &str, principal: &Principal) {
    check(wide, narrow, principal, true);
    check(narrow, wide, principal, false);
}

#[test]
fn an_identity_that_may_do_less_takes_its_sessions_along_and_one_that_may_do_more_does_not() {
    let key = api_key("press", OLD);
    let later = "expires_at: 2040-01-01T00:00:00Z,";
    let sooner = "expires_at: 2039-01-01T00:00:00Z,";
    check_narrower(&press("", ""), &press(later, ""), &key);
    check_narrower(&press(later, ""), &press(sooner, ""), &key);
    let not_before = "not_before: 2020-01-01T00:00:00Z,";
    check_narrower(&press("", ""), &press(not_before, ""), &key);
    let ending = ", expires_at: 2040-01-01T00:00:00Z";
    check_narrower(&press("", ""), &press("", ending), &key);
    let (all, half) = ("allow_from: [10.0.0.0/8],", "allow_from: [10.0.0.0/9],");
    check_narrower(&press("", ""), &press(all, ""), &key);
    check_narrower(&press(all, ""), &press(half, ""), &key);
    let subjects = "subjects: [\"integration:press\"],";
    check_narrower(&press(subjects, ""), &press("", ""), &key);
    check(&press("", ""), &press("id: plant-3/press,", ""), &key, true);
}

#[test]
fn a_set_that_allows_less_takes_its_sessions_along_and_one_that_allows_more_does_not() {
    let sets = |permissions: &str| {
        format!("auth: {{ permission_sets: {{ operators: {{ permissions: {permissions} }} }} }}")
    };
    let key = api_key("press", OLD);
    let (one, both) = (sets("[\"things:read\"]"), sets("[\"things:read\", ws]"));
    check_narrower(&both, &one, &key);
    check_narrower(&sets("full"), &both, &key);
    check_narrower(&one, &sets("[\"things:read@org.acme\"]"), &key);
    check(&one, "auth: { permission_sets: {} }", &key, true);
}

#[test]
fn settings_of_keys_that_decide_about_none_take_nobody_along() {
    let with = |settings: &str| format!("auth: {{ api_keys: {{ {settings} }} }}");
    let key = api_key("press", OLD);
    for harmless in [
        "shared_above: 3",
        "unused_after: 5d",
        "max_unhinted_legacy: 3",
        "slow_lane: { threads: 2 }",
        "brand: tww",
    ] {
        check(&with(""), &with(harmless), &key, false);
    }
    for other in ["brand: xyz", "env: test", "subject_prefix: plant"] {
        check(&with(""), &with(other), &key, true);
    }
}

#[test]
fn a_proxy_that_may_do_less_takes_its_sessions_along_and_one_that_may_do_more_does_not() {
    let with =
        |settings: &str| format!("auth: {{ pre_authenticated: {{ enabled: true, {settings} }} }}");
    let proxy = principal(ProviderKind::PreAuthenticated, "", "");
    let (two, one) = (
        with("trusted_proxies: [10.0.0.1, 10.0.0.2]"),
        with("trusted_proxies: [10.0.0.1]"),
    );
    check_narrower(&two, &one, &proxy);
    let (two, one) = (
        with("subject_prefixes: [nginx, envoy]"),
        with("subject_prefixes: [nginx]"),
    );
    check_narrower(&two, &one, &proxy);
    check_narrower(&with(""), &with("single_subject: true"), &proxy);
    let proof = "assertion: { secret: 0123456789abcdef0123456789abcdef }";
    check_narrower(&with(""), &with(proof), &proxy);
}
