//! Who gets through which door.

use super::*;

/// Every route, and the status it answers to: nobody, a wrong password, the status password, the devops password, the
/// metrics token.
const ROUTES: [(&str, [u16; 5]); 13] = [
    ("GET /health", [200, 200, 200, 200, 200]),
    ("GET /alive", [200, 200, 200, 200, 200]),
    ("GET /ready", [200, 200, 200, 200, 200]),
    ("GET /status", [401, 401, 200, 200, 401]),
    ("GET /status/health", [401, 401, 200, 200, 401]),
    ("GET /overall/status", [401, 401, 200, 200, 401]),
    ("GET /overall/status/health", [401, 401, 200, 200, 401]),
    ("GET /metrics", [401, 401, 200, 200, 200]),
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
        (method, _) => panic!("no such method: {method}"),
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
    let operator = Operator::start_with(DevopsSettings {
        devops_passwords: vec![PasswordHashSettings {
            expires_at: Some(end),
            ..hashed(DEVOPS_PASSWORD)
        }],
        ..settings()
    });
    let before = operator.get("/status", Some(basic(DEVOPS_PASSWORD))).await;
    operator.pass(Duration::from_secs(60));
    let after = operator.get("/status", Some(basic(DEVOPS_PASSWORD))).await;
    assert_eq!((before.status.as_u16(), after.status.as_u16()), (200, 401));
}

#[actix_web::test]
async fn without_passwords_and_token_nobody_gets_in() {
    let operator = Operator::start_with(DevopsSettings {
        brute_force: None,
        ..DevopsSettings::default()
    });
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
