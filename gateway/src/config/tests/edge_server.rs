//! Files of Ditto Edge Server start unchanged, and those of older generations are told apart.
//!
//! The shapes are those of the Ditto Edge Server documentation; names and values are our own.

use super::{EDGE_HASH, HASH, check_problem, loaded};
use crate::config::value::Period;

const FILE: &str = include_str!("edge_server.yaml");

#[test]
fn a_whole_file_starts_and_what_is_not_used_is_said() {
    let file = FILE
        .replace("<base64 hash>", HASH)
        .replace("<another hash>", EDGE_HASH);
    let loaded = loaded(&file, &[]);
    let config = loaded.config;
    assert_eq!(config.http_server.request_timeout, Period::from_secs(10));
    assert_eq!(config.logging.effective_level().as_filter(), "debug");
    let identities = &config.auth.providers().unwrap().identities;
    assert_eq!(
        identities["press-07"].effective_id("press-07"),
        "plant-3/press-07"
    );
    assert_eq!(identities["press-08"].effective_id("press-08"), "press-08");
    let says = |part: &str| loaded.announcements.iter().any(|a| a.contains(part));
    assert!(
        says("`database` is accepted"),
        "{:#?}",
        loaded.announcements
    );
    assert!(says("`logging.ditto_sdk`"), "{:#?}", loaded.announcements);
}

#[test]
fn dev_mode_alone_starts() {
    assert!(
        loaded("database: {}\nauth: dev_mode\n", &[])
            .config
            .auth
            .is_dev_mode()
    );
}

#[test]
fn switches_per_endpoint_are_understood() {
    loaded(
        "http_server: { http_api: { enable_execute: true, execute: { enabled: true, max_body_size_mb: 2 } } }\n",
        &[],
    );
}

#[test]
fn what_reaches_less_far_than_its_name_is_said() {
    let file = "http_server: { auth: [press-07] }\nauth:\n  pre_authenticated: { enabled: true }\n  permission_sets:\n    all: { permissions: full, full_includes_devops: true }\n    some: { permissions: [ws, 'search:read@org.acme', edge:logs] }\n  identities:\n    press-07: { credential: { api_key: HASH }, permissions: [all, some] }\n".replace("HASH", HASH);
    let announcements = loaded(&file, &[]).announcements;
    let says = |part: &str| announcements.iter().any(|sentence| sentence.contains(part));
    for part in [
        "`auth.permission_sets.all`: nothing here asks for `full_includes_devops`",
        "`auth.permission_sets.some`: nothing here asks for `search:read@org.acme`, `edge:logs`",
        "`http_server.auth` limits identities with API keys",
    ] {
        assert!(says(part), "{part} is not in {announcements:#?}");
    }
    assert_eq!(announcements.len(), 3, "{announcements:#?}");
}

#[test]
fn a_database_is_checked() {
    check_problem(
        "database: { device_name: a, auth: { small_peer_only: { offline_license_token: t } } }\n",
        &[],
        "the key `db_id` is missing",
    );
    check_problem(
        "database: { db_id: nonsense, device_name: a }\n",
        &[],
        "expected a UUID",
    );
    check_problem(
        "database: { db_id: 2f1c3d70-3c92-4d4a-9d0e-0a3d5f0c7a11, device_name: a, auth: {} }\n",
        &[],
        "`database.auth`: expected exactly one of",
    );
}

#[test]
fn an_older_generation_is_named() {
    check_problem("resources: {}\n", &[], "a file of an older Edge Server");
}
