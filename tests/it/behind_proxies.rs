//! The public edge behind a real nginx and a real HAProxy that vouch for callers by path: what a client sends through them
//! makes nobody of it whom they did not mean.

mod hostile;

use tests::{Proxy, TestGateway, raw_exchange};

use crate::given::{given_lamp, owned_by};

/// What only `proxy:admin` may read.
const SECRET: &str = "/api/2/things/org.acme:secret";

/// Both proxies say `proxy:admin` under `/api/2/policies` and `proxy:guest` elsewhere, and pass paths on as they came.
async fn vouching(upstream: &str) -> [Proxy; 2] {
    let pass = format!(
        "proxy_pass http://{upstream}; proxy_http_version 1.1; proxy_set_header Connection '';\n\
         proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;"
    );
    let says =
        |subject: &str| format!("proxy_set_header x-ditto-pre-authenticated proxy:{subject};");
    let nginx = format!(
        "underscores_in_headers on; merge_slashes off;\n\
         location / {{ {pass} {} }}\n\
         location /api/2/policies {{ {pass} {} }}\n\
         location /admin {{ proxy_pass http://{upstream}/api/2/policies; {} }}\n",
        says("guest"),
        says("admin"),
        says("admin")
    );
    let haproxy = [
        "acl admins path_beg /api/2/policies",
        "http-request set-header x-ditto-pre-authenticated proxy:admin if admins",
        "http-request set-header x-ditto-pre-authenticated proxy:guest unless admins",
    ];
    [
        Proxy::nginx_with(&nginx).await,
        Proxy::haproxy_with(&haproxy, upstream).await,
    ]
}

/// The whole answer to a `GET` with these header lines.
async fn ask(proxy: &Proxy, target: &str, lines: &[&str]) -> String {
    request(proxy, &format!("GET {target}"), lines).await
}

/// The whole answer to a request that starts with `method_and_target`.
async fn request(proxy: &Proxy, method_and_target: &str, lines: &[&str]) -> String {
    let mut request = format!("{method_and_target} HTTP/1.1\r\nhost: gw.example\r\n");
    if !lines.iter().any(|line| line.starts_with("connection:")) {
        request += "connection: close\r\n";
    }
    for line in lines {
        request += line;
        request += "\r\n";
    }
    request += "\r\n";
    // A proxy that keeps the connection would be waited for in vain: the second request asks it to close.
    if !request.contains("connection: close") {
        request += "GET /health HTTP/1.1\r\nhost: gw.example\r\nconnection: close\r\n\r\n";
    }
    raw_exchange(proxy.address(), request.as_bytes()).await
}

#[track_caller]
fn check(proxy: &Proxy, what: &str, answer: &str, expected: &[u16]) {
    let status = answer.split(' ').nth(1).and_then(|text| text.parse().ok());
    assert!(
        status.is_some_and(|status: u16| expected.contains(&status)),
        "{}: {what}: {answer}",
        proxy.name()
    );
    assert!(
        !answer.contains("A-1") && !answer.contains("proxy:admin"),
        "{}: {what}: {answer}",
        proxy.name()
    );
}

#[tokio::test]
async fn a_second_spelling_of_the_identity_is_refused() {
    let gateway = TestGateway::start().await;
    for proxy in vouching(&gateway.endpoints().public).await {
        check(
            &proxy,
            "the control",
            &ask(&proxy, "/api/2/whoami", &[]).await,
            &[200],
        );
        for line in [
            "x_ditto_pre_authenticated: proxy:admin",
            "x-ditto-pre_authenticated: proxy:admin",
            "X_DITTO-Pre_Authenticated: proxy:admin",
            "x-ditto-pre-authenticated : proxy:admin",
            "x-ditto-pre-authenticated\t: proxy:admin",
        ] {
            let answer = ask(&proxy, "/api/2/whoami", &[line]).await;
            check(&proxy, line, &answer, &[400]);
        }
        for line in [
            "x-ditto-pre-authenticated: proxy:admin",
            "X-Ditto-Pre-Authenticated: proxy:admin",
        ] {
            let answer = ask(&proxy, "/api/2/whoami", &[line]).await;
            check(&proxy, line, &answer, &[200]);
            assert!(answer.contains("proxy:guest"), "{line}: {answer}");
        }
    }
}

#[tokio::test]
async fn no_hop_is_talked_into_taking_the_identity_away() {
    let gateway = TestGateway::start().await;
    for proxy in vouching(&gateway.endpoints().public).await {
        for line in [
            "connection: x-ditto-pre-authenticated",
            "connection: close, x-forwarded-for",
            "connection: keep-alive, X-Ditto-Pre-Authenticated, x-forwarded-for",
        ] {
            let lines = [line, "x-forwarded-for: 198.51.100.9"];
            let answer = ask(&proxy, "/api/2/whoami", &lines).await;
            check(&proxy, line, &answer, &[200, 400]);
            assert!(
                answer.starts_with("HTTP/1.1 400") || answer.contains("proxy:guest"),
                "{line}: {answer}"
            );
        }
    }
    let audit = std::fs::read_to_string(gateway.data().join("audit.jsonl"));
    let audit = audit.expect("an audit file");
    assert!(!audit.contains("198.51.100.9"), "{audit}");
}

#[tokio::test]
async fn no_path_is_served_under_the_trust_of_another_place() {
    let gateway = TestGateway::start().await;
    let admin = gateway.as_subject("proxy:admin");
    given_lamp(&admin, "org.acme:secret").await;
    let policy = "/api/2/policies/org.acme:own";
    admin
        .put(policy, &owned_by("proxy:admin"))
        .await
        .expect(201);
    assert!(admin.get(SECRET).await.expect(200).body.contains("A-1"));
    for proxy in vouching(&gateway.endpoints().public).await {
        let own = ask(&proxy, policy, &[]).await;
        assert!(own.starts_with("HTTP/1.1 200"), "the control: {own}");
        let guest = ask(&proxy, SECRET, &[]).await;
        check(&proxy, "the guest's own trust", &guest, &[404]);
        for target in [
            "/api/2/policies/../things/org.acme:secret",
            "/api/2/policies/%2e%2e/things/org.acme:secret",
            "/api/2/policies/.%2e/things/org.acme:secret",
            "/api/2/policies/..%2fthings/org.acme:secret",
            "/api/2/policies/..%2f..%2f2/things/org.acme:secret",
            "/api/2/policies%2f..%2fthings/org.acme:secret",
            "/api/2/policies/..;/things/org.acme:secret",
            "/api/2/policies/x/../../things/org.acme:secret",
            "/api/2/policies\\..\\things\\org.acme:secret",
            "/api/2/policies../things/org.acme:secret",
            "/api/2/policiesX/../things/org.acme:secret",
            "/api/2/policiesX",
            "/api/2/policies.json",
            "/api/2/things/..%2fpolicies/org.acme:own",
            "/api/2/things/org.acme:secret/..%2f..%2f..%2fpolicies",
            "/api/2/connections",
            "/api/2/connectionsX",
            "/api/2/connections/..%2fthings/org.acme:secret",
            "/status../api/2/things/org.acme:secret",
            "/health../api/2/things/org.acme:secret",
            "/admin../things/org.acme:secret",
            "/admin..%2fthings/org.acme:secret",
            "/admin/..%2fthings/org.acme:secret",
            "/admin/../things/org.acme:secret",
            "/adminX",
            "//api/2/policies/../things/org.acme:secret",
        ] {
            let answer = ask(&proxy, target, &[]).await;
            check(&proxy, target, &answer, &[400, 404]);
        }
    }
}

#[tokio::test]
async fn an_announced_address_is_no_request_and_no_identity() {
    let gateway = TestGateway::start().await;
    let public = &gateway.endpoints().public;
    let request = "GET /api/2/whoami HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                   x-ditto-pre-authenticated: proxy:admin\r\n\r\n";
    let binary: &[u8] =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\x12\x34\x1f\x90";
    let headers: [&[u8]; 3] = [
        b"PROXY TCP4 198.51.100.9 127.0.0.1 4660 8080\r\n",
        b"PROXY UNKNOWN\r\n",
        binary,
    ];
    for header in headers {
        let bytes = [header, request.as_bytes()].concat();
        let answer = raw_exchange(public, &bytes).await;
        assert!(
            !answer.contains(" 200 ") && !answer.contains("proxy:admin"),
            "{answer}"
        );
        for proxy in vouching(public).await {
            let answer = raw_exchange(proxy.address(), &bytes).await;
            assert!(
                !answer.contains("proxy:admin"),
                "{}: {answer}",
                proxy.name()
            );
        }
    }
    for option in ["send-proxy", "send-proxy-v2"] {
        let proxy = Proxy::haproxy_with(
            &["http-request set-header x-ditto-pre-authenticated proxy:guest"],
            &format!("{public} {option}"),
        )
        .await;
        let answer = ask(&proxy, "/api/2/whoami", &[]).await;
        check(&proxy, option, &answer, &[400, 502, 503]);
    }
    gateway
        .as_subject("nginx:alice")
        .get("/api/2/whoami")
        .await
        .expect(200);
}

#[tokio::test]
async fn what_follows_in_a_refused_body_is_no_request() {
    let gateway = TestGateway::start().await;
    for proxy in vouching(&gateway.endpoints().public).await {
        let second = "GET /api/2/policies/org.acme:own HTTP/1.1\r\nhost: x\r\n\r\n";
        let refused = format!(
            "PUT /api/2/connections HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{second}",
            second.len()
        );
        let last = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let answer = raw_exchange(proxy.address(), format!("{refused}{last}").as_bytes()).await;
        assert!(
            answer.matches("HTTP/1.1 ").count() <= 2 && !answer.contains("policies:"),
            "{}: {answer}",
            proxy.name()
        );
        assert!(
            answer.starts_with("HTTP/1.1 404"),
            "{}: {answer}",
            proxy.name()
        );
        let two = format!(
            "POST /api/2/connections HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\
             transfer-encoding: chunked\r\n\r\n0\r\n\r\n{second}"
        );
        let answer = raw_exchange(proxy.address(), format!("{two}{last}").as_bytes()).await;
        assert!(!answer.contains("policies:"), "{}: {answer}", proxy.name());
    }
}
