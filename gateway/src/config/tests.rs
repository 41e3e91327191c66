//! Loading as an operator sees it: a file, an environment, flags, and what comes back.

use std::{fs, path::Path};

use super::{
    ConfigError, Environment, Flags, LoadOptions, Loaded,
    authentication::Provider,
    load,
    server::{PlainHttp, TlsConfig},
    value::{Period, Size},
};

mod edge_server;
mod identities;
mod issuers;
mod operators;
mod refusals;

/// The hash of a key of ours.
const HASH: &str = "aHMyNTYkdj0xJGtpZD0wMUlZVDBYTFdSJEVCRVNFeFFWRmhjWUdSb2JIQjBlSHckNjVvdjF2M3lVR0tnQTBKK1RVTjB1U2g3cmRpYnAyN204NUFtSVBKRmRIMA==";
/// The hash of a key of Edge Server.
const EDGE_HASH: &str = "c2NyeXB0JGxuPTE2LHI9OCxwPTEkQUFFQ0F3UUZCZ2NJQ1FvTERBME9EdyR6NDNUTUwxVHRNajVpSmY5OUI0b3hXbUZEWHJNbVFGNGVqdXl4RDlJbXhN";

/// A file whose identities are `entries`, from line 4 on, and that has one permission set, `operators`.
fn identities(entries: &str) -> String {
    format!(
        "auth:\n  permission_sets: {{ operators: {{ permissions: full }} }}\n  identities:\n{entries}"
    )
}

/// What a load says about `yaml` written to `twinward.yaml`.
fn load_with(
    yaml: &str,
    environment: &[(&str, &str)],
    flags: Flags,
) -> Result<Loaded, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    load_in(folder.path(), yaml, environment, flags)
}

fn load_in(
    folder: &Path,
    yaml: &str,
    environment: &[(&str, &str)],
    flags: Flags,
) -> Result<Loaded, ConfigError> {
    let file = folder.join("twinward.yaml");
    fs::write(&file, yaml).unwrap();
    load(&LoadOptions {
        file: Some(file),
        environment: variables(environment),
        flags,
    })
}

fn variables(environment: &[(&str, &str)]) -> Environment {
    environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// The problems of `yaml`, each as `line:column key: message`.
fn problems(yaml: &str, environment: &[(&str, &str)]) -> Vec<String> {
    match load_with(yaml, environment, Flags::default()) {
        Ok(_) => Vec::new(),
        Err(error) => error
            .problems()
            .iter()
            .map(|problem| {
                let text = problem.to_string();
                text.split_once("twinward.yaml:")
                    .map_or(text.clone(), |(_, rest)| rest.to_owned())
            })
            .collect(),
    }
}

#[track_caller]
fn check_problem(yaml: &str, environment: &[(&str, &str)], expected: &str) {
    let problems = problems(yaml, environment);
    assert!(
        problems.len() == 1 && problems[0].contains(expected),
        "expected one problem with {expected:?}, got {problems:#?}"
    );
}

#[track_caller]
fn loaded(yaml: &str, environment: &[(&str, &str)]) -> Loaded {
    load_with(yaml, environment, Flags::default()).unwrap()
}

#[test]
fn nothing_at_all_is_a_configuration() {
    let loaded = load(&LoadOptions::default()).unwrap();
    let config = loaded.config;
    assert_eq!(config.http_server.listen_addr.to_string(), "127.0.0.1:8080");
    assert_eq!(config.devops.listen_addr.to_string(), "127.0.0.1:8081");
    assert_eq!(config.limits.thing_size, Size::from_bytes(102_400));
    assert_eq!(
        config.store.path,
        std::env::current_dir().unwrap().join("data")
    );
    let chain = config.auth.providers().unwrap().chain();
    assert_eq!(chain, [Provider::Jwt, Provider::ApiKey]);
    assert!(
        loaded.announcements.is_empty(),
        "{:?}",
        loaded.announcements
    );
}

#[test]
fn an_empty_file_and_empty_sections_are_defaults() {
    loaded("", &[]);
    loaded("# nothing but a remark\n", &[]);
    loaded("streaming:\n  sse:\nlimits:\n", &[]);
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_spelling() {
    check_problem(
        "http_server:\n  listen_adr: \"127.0.0.1:1\"\n",
        &[],
        "2:3: `http_server.listen_adr`: this key is unknown; did you mean `listen_addr`?",
    );
    check_problem(
        "htp_server: {}\n",
        &[],
        "1:1: `htp_server`: this key is unknown; did you mean `http_server`?",
    );
}

#[test]
fn unknown_keys_inside_maps_with_names_of_the_user_are_found() {
    check_problem(
        "auth:\n  oauth:\n    openid_connect_issuers:\n      acme: { issuer: a.example, audience: any, auth_subject: [] }\n",
        &[],
        "4:49: `auth.oauth.openid_connect_issuers.acme.auth_subject`: this key is unknown; did you mean `auth_subjects`?",
    );
    check_problem(
        "devops:\n  devops_passwords:\n    - { hash: x, expire_at: \"2027-01-01T00:00:00Z\" }\n",
        &[],
        "3:18: `devops.devops_passwords.0.expire_at`: this key is unknown; did you mean `expires_at`?",
    );
}

#[test]
fn a_duplicate_key_is_named_with_its_line() {
    check_problem(
        "store:\n  path: a\n  path: b\n",
        &[],
        "3:3: the key `path` stands here a second time",
    );
}

#[test]
fn every_problem_is_reported_at_once() {
    let problems = problems("limits: { thing_size: big, x: 1 }\nstreaming: 3\n", &[]);
    assert_eq!(problems.len(), 3, "{problems:#?}");
}

#[test]
fn wrong_types_say_what_was_expected() {
    check_problem(
        "http_server: { public_hosts: a }\n",
        &[],
        "1:30: `http_server.public_hosts`: expected a list, found a text",
    );
    check_problem(
        "http_server: { request_timeout: soon }\n",
        &[],
        "expected a duration such as `60s`",
    );
    check_problem(
        "http_server: { trusted_proxies: [proxy] }\n",
        &[],
        "expected a network such as `10.0.0.0/8`",
    );
    check_problem(
        "http_server: { listen_addr: 8080 }\n",
        &[],
        "expected an address such as `127.0.0.1:8080`, found a number",
    );
    check_problem(
        "http_server: { tls_config: dev-mode }\n",
        &[],
        "found `dev-mode`; did you mean `dev_mode`?",
    );
    check_problem(
        "http_server: { max_connections: 0 }\n",
        &[],
        "expected at least 1, found 0",
    );
    check_problem(
        "http_server: { tls_config: { cert: a.pem } }\n",
        &[],
        "the key `key` is missing",
    );
    check_problem(
        "limits: { per_source: true }\n",
        &[],
        "`limits.per_source`: expected",
    );
    check_problem(
        "auth:\n",
        &[],
        "`auth`: expected `dev_mode` or a block of keys, found nothing",
    );
}

#[test]
fn what_is_not_yaml_is_said_with_its_line() {
    check_problem("a: [1\nb: 2\n", &[], "2:2: this is not YAML");
    check_problem(
        "a: 1\n---\nb: 2\n",
        &[],
        "a second YAML document begins here",
    );
}

#[test]
fn a_missing_file_is_named() {
    let options = LoadOptions {
        file: Some("/nowhere/twinward.yaml".into()),
        ..LoadOptions::default()
    };
    let error = load(&options).unwrap_err().to_string();
    assert!(
        error.contains("`/nowhere/twinward.yaml` cannot be read"),
        "{error}"
    );
}

#[test]
fn layers_win_in_order() {
    let yaml =
        "http_server: { listen_addr: \"127.0.0.1:1\", request_timeout: 1s, max_body_size: 1k }\n";
    let environment = [
        ("PORT", "2"),
        ("REQUEST_TIMEOUT", "2000"),
        ("TWINWARD__HTTP_SERVER__LISTEN_ADDR", "127.0.0.1:3"),
    ];
    let flags = Flags {
        listen: Some("127.0.0.1:4".to_owned()),
        ..Flags::default()
    };
    let server = load_with(yaml, &environment, flags)
        .unwrap()
        .config
        .http_server;
    assert_eq!(server.listen_addr.to_string(), "127.0.0.1:4");
    assert_eq!(server.request_timeout, Period::from_secs(2));
    assert_eq!(server.max_body_size, Size::from_kibibytes(1));
    assert_eq!(
        loaded(yaml, &environment)
            .config
            .http_server
            .listen_addr
            .to_string(),
        "127.0.0.1:3"
    );
    assert_eq!(
        loaded(yaml, &environment[..2])
            .config
            .http_server
            .listen_addr
            .to_string(),
        "127.0.0.1:2"
    );
    assert_eq!(
        loaded(yaml, &[]).config.http_server.listen_addr.to_string(),
        "127.0.0.1:1"
    );
}

#[test]
fn ditto_names_are_understood() {
    let config = loaded(
        "devops: { oauth: { openid_connect_issuers: { ops: { issuer: \"127.0.0.1:1\", audience: any } } } }",
        &[
            ("BIND_HOSTNAME", "::1"),
            ("HTTP_PORT", "9"),
            ("HOSTNAME", "pod-7"),
            ("ENABLE_PRE_AUTHENTICATION", "TRUE"),
            ("GATEWAY_WEBSOCKET_THROTTLING_ENABLED", "true"),
            ("GATEWAY_WEBSOCKET_THROTTLING_REJECTION_FACTOR", "2"),
            ("LIMITS_THINGS_MAX_SIZE", "1k"),
            ("POLICY_SUBJECT_EXPIRY_GRANULARITY", "2h"),
            ("POLICY_ANNOUNCEMENT_GRACE_PERIOD", "90000"),
            ("POLICY_ANNOUNCEMENT_MAX_TIMEOUT", "5s"),
            ("POLICY_ENABLE_ANNOUNCEMENTS_WHEN_DELETED", "False"),
            ("POLICY_ANNOUNCEMENT_BACKOFF_MAX", "1m"),
            ("POLICY_ANNOUNCEMENT_BACKOFF_RANDOM_FACTOR", "0.5"),
            ("CLEANUP_HISTORY_RETENTION_DURATION", "3d"),
            ("LOG_LEVEL", "DEBUG"),
            ("STATUS_AUTHENTICATION_METHOD", "OAuth2"),
            ("STATUS_OAUTH2_SUBJECTS", "a:b, c:d"),
            ("DEVOPS_OAUTH2_PROTOCOL", "http"),
        ],
    )
    .config;
    assert_eq!(config.http_server.listen_addr.to_string(), "[::1]:9");
    assert!(
        config
            .auth
            .providers()
            .unwrap()
            .chain()
            .contains(&Provider::PreAuthenticated)
    );
    assert!(config.streaming.websocket.throttling.enabled);
    assert!((config.streaming.websocket.throttling.rejection_factor - 2.0).abs() < f64::EPSILON);
    assert_eq!(config.limits.thing_size, Size::from_kibibytes(1));
    let policies = &config.policies;
    assert_eq!(policies.subject_expiry_granularity, Period::from_secs(7200));
    let announcement = &policies.announcement;
    assert_eq!(announcement.grace_period, Period::from_secs(90));
    assert_eq!(announcement.max_timeout, Period::from_secs(5));
    assert!(!announcement.enable_announcements_when_deleted);
    assert_eq!(announcement.backoff.max, Period::from_secs(60));
    assert!((announcement.backoff.random_factor - 0.5).abs() < f64::EPSILON);
    assert_eq!(config.history.retention, Period::from_secs(3 * 86_400));
    assert_eq!(config.logging.effective_level().as_filter(), "debug");
    assert_eq!(config.devops.status_oauth2_subjects, ["a:b", "c:d"]);
}

#[test]
fn passwords_of_the_environment_become_hashes() {
    let devops = loaded("", &[("DEVOPS_PASSWORD", "swordfish")])
        .config
        .devops;
    assert!(devops.names_operator());
    assert!(
        devops.devops_passwords[0]
            .hash()
            .expose()
            .starts_with("$argon2id$")
    );
}

#[test]
fn lists_and_blocks_come_from_the_environment_too() {
    let environment = [
        ("TWINWARD__AUTH__CHAIN", "[api_key]"),
        ("TWINWARD__HTTP_SERVER__TLS_CONFIG", "terminated_by_proxy"),
        ("TWINWARD__LIMITS__PER_SOURCE", "false"),
    ];
    let config = loaded("", &environment).config;
    assert_eq!(config.auth.providers().unwrap().chain(), [Provider::ApiKey]);
    assert_eq!(
        config.http_server.tls_config,
        TlsConfig::Plain(PlainHttp::TerminatedByProxy)
    );
    assert!(config.limits.per_source.settings().is_none());
}

#[test]
fn unknown_names_of_ours_are_refused() {
    check_problem(
        "",
        &[("TWINWARD__STORE__PAHT", "x")],
        "environment variable TWINWARD__STORE__PAHT: `store.paht`: the key `paht` is unknown; did you mean `path`?",
    );
    check_problem(
        "",
        &[("TWINWARD__AUTH__IDENTITIES__A__ID", "x")],
        "the environment sets fixed keys only",
    );
    check_problem(
        "",
        &[("TWINWARD__LIMITS__THING_SIZE", "big")],
        "environment variable TWINWARD__LIMITS__THING_SIZE: `limits.thing_size`: expected a size",
    );
}

#[test]
fn secrets_come_from_files_and_variables() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("pepper");
    fs::write(&secret, "from-file\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let yaml = "auth: { api_keys: { pepper: { file: pepper } } }\ndevops: { metrics_token: { env: TOKEN } }\n";
    let loaded = load_in(
        folder.path(),
        yaml,
        &[("TOKEN", "from-env-thirty-two-bytes-or-more")],
        Flags::default(),
    )
    .unwrap();
    let providers = loaded.config.auth.providers().unwrap();
    assert_eq!(
        providers.api_keys.pepper.as_ref().unwrap().expose(),
        "from-file"
    );
    assert_eq!(
        loaded
            .config
            .devops
            .metrics_token
            .as_ref()
            .unwrap()
            .expose(),
        "from-env-thirty-two-bytes-or-more"
    );
    assert!(
        !format!("{loaded:?}").contains("from-"),
        "a secret was shown"
    );

    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let error = load_in(folder.path(), yaml, &[("TOKEN", "x")], Flags::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("every user of this machine may read the file"),
        "{error}"
    );
}

#[test]
fn a_token_of_a_scraper_that_can_be_guessed_is_refused() {
    for short in [String::new(), "x".repeat(31)] {
        check_problem(
            &format!("devops: {{ metrics_token: \"{short}\" }}\n"),
            &[],
            "`devops.metrics_token`: a token of less than 32 bytes can be guessed",
        );
    }
    let enough = format!("devops: {{ metrics_token: {} }}\n", "x".repeat(32));
    assert!(loaded(&enough, &[]).config.devops.metrics_token.is_some());
}

#[test]
fn a_secret_that_points_nowhere_is_refused() {
    check_problem(
        "devops: { metrics_token: { env: NOPE } }\n",
        &[],
        "`devops.metrics_token`: the environment variable `NOPE` is not set",
    );
    check_problem(
        "devops: { metrics_token: { file: nope } }\n",
        &[],
        "nope` cannot be read",
    );
}

#[test]
fn relative_paths_start_at_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "store: { path: twins }\nhttp_server: { tls_config: { cert: c.pem, key: k.pem } }\n";
    let config = load_in(folder.path(), yaml, &[], Flags::default())
        .unwrap()
        .config;
    assert_eq!(config.store.path, folder.path().join("twins"));
    let TlsConfig::Files(files) = config.http_server.tls_config else {
        panic!("expected files");
    };
    assert_eq!(files.cert, folder.path().join("c.pem"));
    assert_eq!(files.base, folder.path());
}

#[test]
fn what_has_no_effect_is_announced() {
    let announcements =
        loaded("logging: { ditto_sdk: info }\n", &[("SERVER_HEADER", "x")]).announcements;
    for part in ["`logging.ditto_sdk`", "SERVER_HEADER"] {
        assert!(
            announcements.iter().any(|a| a.contains(part)),
            "{part}: {announcements:#?}"
        );
    }
    assert_eq!(announcements.len(), 2, "{announcements:#?}");
}

#[test]
fn tokens_that_open_both_listeners_are_announced() {
    let check = |callers: &str, operators: &str, is_shared: bool| {
        let text = format!(
            "auth: {{ oauth: {{ openid_connect_issuers: {{ a: {{ issuer: id.example, audience: {callers} }} }} }} }}\n\
             devops: {{ oauth: {{ openid_connect_issuers: {{ ops: {{ issuers: [id.example], audience: {operators} }} }} }} }}\n"
        );
        let announcements = loaded(&text, &[]).announcements;
        let shared = announcements
            .iter()
            .any(|a| a.contains("accept the same tokens"));
        assert_eq!(shared, is_shared, "{text}{announcements:#?}");
    };
    check("[twinward]", "[operators]", false);
    check("[twinward, operators]", "[operators]", true);
    check("any", "[operators]", true);
    check("[twinward]", "any", true);
}

#[test]
fn a_variable_that_only_looks_like_a_setting_is_announced_with_what_was_meant() {
    let yaml = "devops: { metrics_token: { env: TWINWARD_SCRAPE } }\n";
    let environment = [
        ("TWINWARD_SCRAPE", "canary-of-thirty-two-bytes-or-more"),
        ("OAUTH_ALLOWED_CLOCK_SKEWS", "canary"),
        ("HOME", "/root"),
    ];
    let announcements = loaded(yaml, &environment).announcements;
    let [announced] = announcements.as_slice() else {
        panic!("{announcements:#?}");
    };
    assert!(
        announced.contains("OAUTH_ALLOWED_CLOCK_SKEWS ")
            && announced.contains("`OAUTH_ALLOWED_CLOCK_SKEW`")
            && !announced.contains("canary"),
        "{announced}"
    );
}

#[test]
fn properties_of_dittos_virtual_machine_are_announced_by_name() {
    let options = "-XX:+UseG1GC -Dditto.gateway.authentication.devops.password=canary -Dother=1";
    let announcements = loaded("{}\n", &[("JAVA_TOOL_OPTIONS", options)]).announcements;
    let [announced] = announcements.as_slice() else {
        panic!("{announcements:#?}");
    };
    assert!(announced.contains("ditto.gateway.authentication.devops.password in"));
    assert!(!announced.contains("canary"), "{announced}");
}

#[test]
fn the_example_in_deploy_loads() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/twinward.yaml");
    let loaded = load(&LoadOptions {
        file: Some(file),
        ..LoadOptions::default()
    });
    assert!(loaded.is_ok(), "{}", loaded.unwrap_err());
}

#[test]
fn the_documentation_names_every_key() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = fs::read_to_string(page).unwrap();
    let schema = super::json_schema();
    let definitions = schema["$defs"].as_object().unwrap().values();
    for object in definitions.chain([schema]) {
        for name in object["properties"]
            .as_object()
            .into_iter()
            .flat_map(|p| p.keys())
        {
            assert!(
                page.contains(name.as_str()),
                "docs/configuration.md does not mention `{name}`"
            );
        }
    }
}
