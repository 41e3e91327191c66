//! Combinations that must not start, each with what to write instead.

use std::{fs, os::unix::fs::PermissionsExt};

use super::{check_problem, load_in, load_with, loaded};
use crate::config::Flags;

#[test]
fn plain_http_stays_on_this_machine() {
    let yaml = "http_server: { listen_addr: \"0.0.0.0:8080\" }\n";
    check_problem(
        yaml,
        &[],
        "`http_server.tls_config`: `dev_mode` is plain HTTP, and `0.0.0.0:8080` is reachable",
    );
    check_problem(
        "",
        &[("BIND_HOSTNAME", "0.0.0.0")],
        "`dev_mode` is plain HTTP",
    );
    check_problem(
        "devops: { listen_addr: \"[::]:8081\" }\n",
        &[],
        "`devops.tls_config`: `dev_mode` is plain HTTP",
    );
    loaded(
        "http_server: { listen_addr: \"0.0.0.0:8080\", tls_config: terminated_by_proxy }\n",
        &[],
    );
}

#[test]
fn no_authentication_stays_on_this_machine() {
    check_problem(
        "auth: dev_mode\nhttp_server: { listen_addr: \"10.0.0.1:1\", tls_config: terminated_by_proxy }\n",
        &[],
        "1:1: `auth`: `dev_mode` asks nobody for a credential",
    );
    assert!(loaded("auth: dev_mode\n", &[]).config.auth.is_dev_mode());
}

#[test]
fn dev_mode_does_not_mix_with_settings_of_providers() {
    check_problem(
        "auth: dev_mode\n",
        &[("ENABLE_PRE_AUTHENTICATION", "true")],
        "the file says `auth: dev_mode`",
    );
}

#[test]
fn pre_authentication_and_the_chain_agree() {
    check_problem(
        "auth: { chain: [jwt], pre_authenticated: { enabled: true } }\n",
        &[],
        "`auth.chain` does not ask it",
    );
    check_problem(
        "auth: { chain: [pre_authenticated, jwt] }\n",
        &[],
        "`pre_authenticated`, which is not enabled",
    );
    let flags = Flags {
        enable_pre_authentication: true,
        ..Flags::default()
    };
    assert!(load_with("auth: { chain: [jwt] }\n", &[], flags.clone()).is_err());
    assert!(load_with("auth: { chain: [pre_authenticated, jwt] }\n", &[], flags).is_ok());
}

#[test]
fn a_chain_names_each_provider_once() {
    check_problem("auth: { chain: [jwt, jwt] }\n", &[], "`jwt` stands twice");
    check_problem("auth: { chain: [] }\n", &[], "an empty chain admits nobody");
}

#[test]
fn settings_of_ditto_that_cannot_be_honoured_safely_are_refused() {
    for (name, value) in [
        ("DEVOPS_SECURED", "false"),
        ("DEVOPS_STATUS_SECURED", "FALSE"),
        ("ENABLE_CORS", "true"),
        ("ENABLE_DUMMY_AUTH", "true"),
        ("DEVOPS_PASSWORD", "foobar"),
        ("DEVOPS_PASSWORD", "status"),
        ("STATUS_PASSWORD", "foobar"),
        ("STATUS_PASSWORD", "status"),
        ("DEVOPS_PASSWORD", ""),
        ("THING_EVENT_PARTIAL_ACCESS_EVENTS_ENABLED", "false"),
        ("DITTO_DEVOPS_FEATURE_HISTORICAL_APIS_ENABLED", "false"),
        ("DITTO_DEVOPS_FEATURE_MERGE_THINGS_ENABLED", "False"),
    ] {
        check_problem(
            "",
            &[(name, value)],
            &format!("environment variable {name}: "),
        );
    }
    for (name, value) in [
        ("DEVOPS_SECURED", "true"),
        ("ENABLE_CORS", "false"),
        ("THING_EVENT_PARTIAL_ACCESS_EVENTS_ENABLED", "true"),
    ] {
        let announcements = loaded("", &[(name, value)]).announcements;
        assert!(announcements.is_empty(), "{announcements:?}");
    }
}

#[test]
fn nobody_trusts_everybody() {
    check_problem(
        "http_server: { trusted_proxies: [\"0.0.0.0/0\"] }\n",
        &[],
        "`http_server.trusted_proxies.0`: this network, alone or with others of the list, is wider",
    );
    check_problem(
        "auth: { pre_authenticated: { trusted_proxies: [\"::1\", \"128.0.0.0/1\"] } }\n",
        &[],
        "`auth.pre_authenticated.trusted_proxies.1`: ",
    );
    check_problem(
        "auth: { pre_authenticated: { trusted_proxies: [\"::/1\"] } }\n",
        &[],
        "`auth.pre_authenticated.trusted_proxies.0`: ",
    );
    check_problem(
        "devops: { trusted_proxies: [\"::1\", \"::/0\"] }\n",
        &[],
        "`devops.trusted_proxies.1`: ",
    );
    check_problem(
        "auth: { pre_authenticated: { trusted_proxies: [\"::/0\"] } }\n",
        &[],
        "`auth.pre_authenticated.trusted_proxies.0`: ",
    );
}

#[test]
fn a_key_that_everybody_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("k.pem");
    fs::write(&key, "x").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let yaml = "http_server: { tls_config: { cert: c.pem, key: k.pem } }\n";
    let error = load_in(folder.path(), yaml, &[], Flags::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("every user of this machine may read the private key"),
        "{error}"
    );
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    load_in(folder.path(), yaml, &[], Flags::default()).unwrap();
}

#[test]
fn rules_and_templates_that_cannot_be_meant_do_not_start() {
    for (yaml, message) in [
        (
            "auth: { namespace_access: [{ allowed_namespaces: [\"a|b\"] }] }\n",
            "namespace pattern `a|b`",
        ),
        (
            "auth: { namespace_access: [{ conditions: [\"{{ jwt:sub\"] }] }\n",
            "malformed",
        ),
        (
            "auth: { namespace_access: [{ conditions: [\"{{ header:authorization }}\"] }] }\n",
            "holds a secret",
        ),
        (
            "auth: { oauth: { token_integration_subject: \"{{ time:now }}\" } }\n",
            "is not known here",
        ),
    ] {
        check_problem(yaml, &[], message);
    }
}

#[test]
fn a_restriction_that_would_come_to_nothing_does_not_start() {
    let throttle = |rule: &str| format!("http_server: {{ limits: {{ throttle: [{rule}] }} }}\n");
    let ip = "{ scope: ip, max_requests: 300, window_secs: 60 }";
    for (yaml, message) in [
        (
            "http_server: { http_api: { exceute: false } }\n".to_owned(),
            "did you mean `execute`",
        ),
        (
            "http_server: { http_api: { things: false } }\n".to_owned(),
            "give it a permission set",
        ),
        (
            throttle("{ scope: route, route: /x, max_requests: 1, window_secs: 1 }"),
            "not limited by route",
        ),
        (
            throttle("{ scope: ip, max_requests: 0, window_secs: 1 }"),
            "at least 1",
        ),
        (throttle(&format!("{ip}, {ip}")), "set more than once"),
        (
            throttle(ip) + "limits: { per_source: { requests: 1, window: 1s } }\n",
            "set more than once",
        ),
        (
            "auth: { identities: {} }\n".to_owned(),
            "it is empty, and nothing else",
        ),
    ] {
        check_problem(&yaml, &[], message);
    }
    loaded(&throttle(ip), &[]);
    loaded(
        "auth: { identities: {}, pre_authenticated: { enabled: true } }\n",
        &[],
    );
}

#[test]
fn listeners_do_not_share_an_address() {
    check_problem(
        "devops: { listen_addr: \"127.0.0.1:8080\" }\n",
        &[],
        "the operator service needs one of its own",
    );
}

#[test]
fn one_timeout_is_enough() {
    check_problem(
        "http_server: { request_timeout: 1s, request_timeout_ms: 5 }\n",
        &[],
        "`request_timeout` is the same setting",
    );
}

#[test]
fn origins_are_whole() {
    check_problem(
        "http_server: { allowed_origins: [\"*\"] }\n",
        &[],
        "would admit pages that cannot be told apart",
    );
    check_problem(
        "http_server: { allowed_origins: [\"null\"] }\n",
        &[],
        "would admit pages",
    );
}
