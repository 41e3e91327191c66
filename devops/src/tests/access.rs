//! Who gets through which door.

use super::*;

/// Every route, and the status it answers to: nobody, a wrong password, the status password, the devops password, the
/// metrics token.
const ROUTES: [(&str, [u16; 5]); 35] = [
    ("GET /health", [200, 200, 200, 200, 200]),
    ("GET /alive", [200, 200, 200, 200, 200]),
    ("GET /ready", [200, 200, 200, 200, 200]),
    ("GET /status", [401, 401, 200, 200, 401]),
    ("GET /status/health", [401, 401, 200, 200, 401]),
    ("GET /status/cluster", [401, 401, 200, 200, 401]),
    ("GET /overall/status/cluster", [401, 401, 200, 200, 401]),
    ("GET /overall/status", [401, 401, 200, 200, 401]),
    ("GET /overall/status/health", [401, 401, 200, 200, 401]),
    ("GET /metrics", [401, 401, 200, 200, 200]),
    ("GET /stats/things", [401, 401, 200, 200, 401]),
    ("GET /stats/search", [401, 401, 200, 200, 401]),
    ("GET /stats/things/details", [401, 401, 401, 200, 401]),
    ("GET /devops/console/events", [401, 401, 401, 200, 401]),
    ("GET /console", [401, 401, 401, 200, 401]),
    ("GET /console/app.js", [401, 401, 401, 200, 401]),
    ("GET /console/style.css", [401, 401, 401, 200, 401]),
    ("GET /console/login.json", [401, 401, 401, 200, 401]),
    ("GET /devops/config", [401, 401, 401, 200, 401]),
    ("POST /devops/piggyback", [401, 401, 401, 400, 401]),
    ("GET /devops/sessions", [401, 401, 401, 200, 401]),
    ("GET /devops/sessions/a", [401, 401, 401, 200, 401]),
    ("DELETE /devops/sessions/a", [401, 401, 401, 204, 401]),
    ("GET /devops/revocations", [401, 401, 401, 200, 401]),
    ("POST /devops/revocations", [401, 401, 401, 400, 401]),
    ("DELETE /devops/revocations/x", [401, 401, 401, 404, 401]),
    ("GET /devops/limits", [401, 401, 401, 200, 401]),
    ("DELETE /devops/limits/b", [401, 401, 401, 204, 401]),
    ("POST /devops/backup", [401, 401, 401, 200, 401]),
    ("POST /devops/explain", [401, 401, 401, 400, 401]),
    ("GET /devops/logging", [401, 401, 401, 200, 401]),
    ("GET /devops/logging/gateway", [401, 401, 401, 200, 401]),
    (
        "GET /devops/logging/gateway/here",
        [401, 401, 401, 200, 401],
    ),
    ("PUT /devops/logging", [401, 401, 401, 200, 401]),
    (
        "PUT /devops/logging/gateway/here",
        [401, 401, 401, 200, 401],
    ),
];

fn credentials() -> [Option<String>; 5] {
    [
        None,
        Some(basic("guess")),
        Some(basic(STATUS_PASSWORD)),
        Some(basic(DEVOPS_PASSWORD)),
        Some(format!("Bearer {METRICS_TOKEN}")),
    ]
}

fn request(route: &str) -> TestRequest {
    match route.split_once(' ').unwrap() {
        ("GET", path) => get(path),
        ("PUT", path) => put(path, r#"{"level":"info"}"#),
        (method, path) => TestRequest::default()
            .method(method.parse().unwrap())
            .uri(path)
            .peer_addr(peer("192.0.2.7"))
            .set_payload(r#"{"level":"info"}"#),
    }
}

#[actix_web::test]
async fn every_route_opens_to_its_credentials_only() {
    let operator = Operator::start_with(DevopsSettings {
        brute_force: None,
        ..settings()
    });
    for (route, expected) in ROUTES {
        for (authorization, expected) in credentials().into_iter().zip(expected) {
            let shown = authorization.clone();
            let answer = operator.send(with(request(route), authorization)).await;
            assert_eq!(answer.status, expected, "{route} with {shown:?}");
            if expected == 401 {
                answer.assert_error(401, "gateway:authentication.failed");
            }
        }
    }
}

#[actix_web::test]
async fn challenges_name_the_realm_of_the_surface() {
    let operator = Operator::start();
    for (path, realm) in [
        ("/devops/logging", "DITTO-DEVOPS"),
        ("/status", "DITTO-STATUS"),
        ("/overall/status/health", "DITTO-STATUS"),
        ("/metrics", "DITTO-STATUS"),
    ] {
        let answer = operator.get(path, None).await;
        let expected = format!("Basic realm=\"{realm}\",charset=UTF-8");
        assert_eq!(
            answer.header("www-authenticate"),
            Some(expected.as_str()),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn no_and_wrong_credentials_read_alike() {
    let operator = Operator::start();
    let nobody = operator.get("/devops/logging", None).await;
    for authorization in [
        basic("guess"),
        STANDARD.encode("devops:correct horse"),
        format!(
            "Basic {}",
            STANDARD.encode(format!("admin:{DEVOPS_PASSWORD}"))
        ),
    ] {
        let wrong = operator.get("/devops/logging", Some(authorization)).await;
        assert_eq!(wrong.body, nobody.body);
    }
}

#[actix_web::test]
async fn each_of_several_passwords_opens() {
    let operator = Operator::start();
    for password in ["an older password", DEVOPS_PASSWORD] {
        let answer = operator.get("/devops/logging", Some(basic(password))).await;
        assert_eq!(answer.status, 200, "{password}");
    }
}

#[actix_web::test]
async fn an_expired_password_opens_nothing_though_it_was_remembered() {
    let end = "2026-01-01T00:01:00Z".parse().unwrap();
    let operator = Operator::start_for(
        settings(),
        AccessSettings {
            devops: Admission::Passwords(vec![PasswordHashSettings {
                expires_at: Some(end),
                ..hashed(DEVOPS_PASSWORD)
            }]),
            ..access()
        },
    );
    let before = operator.get("/status", Some(basic(DEVOPS_PASSWORD))).await;
    operator.pass(Duration::from_secs(60));
    let after = operator.get("/status", Some(basic(DEVOPS_PASSWORD))).await;
    assert_eq!((before.status.as_u16(), after.status.as_u16()), (200, 401));
}

#[actix_web::test]
async fn without_passwords_and_token_nobody_gets_in() {
    let settings = DevopsSettings {
        brute_force: None,
        ..DevopsSettings::default()
    };
    let operator = Operator::start_for(settings, AccessSettings::default());
    for authorization in [
        basic(""),
        basic("devops"),
        "Bearer ".to_owned(),
        "Bearer x".to_owned(),
    ] {
        for path in ["/devops/logging", "/status", "/metrics"] {
            let answer = operator.get(path, Some(authorization.clone())).await;
            assert_eq!(answer.status, 401, "{path} with {authorization}");
        }
    }
}

#[actix_web::test]
async fn two_authorization_headers_are_refused() {
    let operator = Operator::start();
    let request = get("/devops/logging")
        .append_header(("authorization", basic(DEVOPS_PASSWORD)))
        .append_header(("authorization", basic(DEVOPS_PASSWORD)));
    let answer = operator.send(request).await;
    answer.assert_error(400, "gateway:duplicate.header.field");
}

#[actix_web::test]
async fn headers_of_the_public_edge_open_nothing() {
    let operator = Operator::start();
    for (name, value) in [
        ("x-ditto-pre-authenticated", "nginx:devops"),
        ("x-original-url", "/health"),
        ("x-http-method-override", "OPTIONS"),
        ("user-agent", "kube-probe/1.30"),
    ] {
        let answer = operator
            .send(get("/devops/logging").insert_header((name, value)))
            .await;
        assert_eq!(answer.status, 401, "{name}: {value}");
    }
}

#[actix_web::test]
async fn answers_are_not_stored_or_sniffed() {
    let operator = Operator::start();
    for path in ["/health", "/devops/logging", "/nowhere", "//"] {
        let answer = operator.get(path, None).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn every_call_is_on_record_with_who_made_it() {
    let operator = Operator::start();
    operator.get("/health", None).await;
    operator.get("/devops/logging", None).await;
    operator.get("/devops/logging", Some(basic("guess"))).await;
    operator.get("/status", Some(basic(STATUS_PASSWORD))).await;
    let change = put("/devops/logging", r#"{"level":"info"}"#);
    operator
        .send(with(change, Some(basic(DEVOPS_PASSWORD))))
        .await;
    assert_eq!(
        *operator.process.calls.lock(),
        [
            "nobody none no_credential GET /devops/logging 401",
            "nobody none rejected GET /devops/logging 401",
            "devops status_password granted GET /status 200",
            "devops devops_password granted PUT /devops/logging 200",
        ]
    );
}

#[actix_web::test]
async fn a_page_of_another_site_changes_nothing() {
    let operator = Operator::start();
    let change = put("/devops/logging", r#"{"level":"off"}"#)
        .insert_header(("host", "ops:8081"))
        .insert_header(("origin", "https://evil.example"));
    let answer = operator
        .send(with(change, Some(basic(DEVOPS_PASSWORD))))
        .await;
    answer.assert_error(403, "gateway:origin.notallowed");
    assert_eq!(
        *operator.process.levels.lock(),
        LogLevels::new(LogLevel::Info)
    );
    assert_eq!(
        *operator.process.calls.lock(),
        ["devops devops_password forbidden PUT /devops/logging 403"]
    );
}

#[actix_web::test]
async fn credentials_are_replaced_all_at_once_and_a_broken_set_changes_nothing() {
    let operator = Operator::start();
    let open = async |password: &str| {
        let answer = operator.get("/devops/logging", Some(basic(password))).await;
        answer.status.as_u16()
    };
    assert_eq!(
        (open(DEVOPS_PASSWORD).await, open("a newer one").await),
        (200, 401)
    );
    let broken = AccessSettings {
        devops: Admission::Passwords(vec![PasswordHashSettings {
            hash: "in the clear".to_owned(),
            expires_at: None,
        }]),
        ..access()
    };
    assert!(operator.operations.access.replace(broken).is_err());
    assert_eq!(open(DEVOPS_PASSWORD).await, 200);
    let newer = AccessSettings {
        devops: Admission::Passwords(vec![hashed("a newer one")]),
        ..access()
    };
    operator.operations.access.replace(newer).unwrap();
    assert_eq!(
        (open(DEVOPS_PASSWORD).await, open("a newer one").await),
        (401, 200)
    );
}

#[actix_web::test]
async fn where_tokens_are_asked_for_a_password_opens_nothing() {
    let settings = AccessSettings {
        devops: Admission::Subjects(Vec::new()),
        status: Admission::Passwords(vec![hashed(STATUS_PASSWORD)]),
        ..access()
    };
    let operator = Operator::start_for(settings_without_guard(), settings);
    let denied = operator
        .get("/devops/logging", Some(basic(DEVOPS_PASSWORD)))
        .await;
    denied.assert_error(401, "gateway:authentication.failed");
    assert_eq!(
        denied.header("www-authenticate"),
        Some("Bearer realm=\"DITTO-DEVOPS\"")
    );
    let status = operator.get("/status", None).await;
    assert_eq!(
        status.header("www-authenticate"),
        Some("Basic realm=\"DITTO-STATUS\",charset=UTF-8, Bearer realm=\"DITTO-STATUS\"")
    );
    let token = operator
        .get("/devops/logging", Some("Bearer a.b.c".to_owned()))
        .await;
    token.assert_error(401, "gateway:authentication.failed");
    assert_eq!(
        token.header("www-authenticate"),
        Some("Bearer realm=\"DITTO-DEVOPS\",error=\"invalid_token\"")
    );
}

fn settings_without_guard() -> DevopsSettings {
    DevopsSettings {
        brute_force: None,
        ..settings()
    }
}

/// What operators read about: every route by its path, with `{id}` for what varies.
#[test]
fn every_route_is_documented() {
    let page = include_str!("../../../docs/operator-api.md");
    let missing: Vec<&str> = ROUTES
        .iter()
        .map(|(route, _)| *route)
        .filter(|route| {
            let path = route.split_once(' ').unwrap().1;
            !page.contains(&documented(path))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The table above lacks none of the resources that the routes register.
#[test]
fn every_resource_is_in_the_table() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/routes");
    for file in std::fs::read_dir(folder).unwrap() {
        let source = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let resources = source.split("resource(\"").skip(1);
        for resource in resources.filter_map(|rest| rest.split('"').next()) {
            let literal = resource.split('{').next().unwrap();
            let is_here = ROUTES.iter().any(|(route, _)| route.contains(literal));
            assert!(is_here, "{resource}");
        }
    }
}

/// The path as the page writes it: with `{id}` for what varies; services of loggers and files of the console are many.
fn documented(path: &str) -> String {
    for parent in ["/devops/logging", "/console"] {
        if path.starts_with(parent) {
            return parent.to_owned();
        }
    }
    match path.rsplit_once('/') {
        Some((above, last)) if last.len() == 1 => format!("{above}/{{id}}"),
        _ => path.to_owned(),
    }
}
