//! Paths and methods that are nobody's.

use super::*;
use crate::https::HttpsPolicy;

#[track_caller]
fn as_operator(request: TestRequest) -> TestRequest {
    with(request, Some(basic(DEVOPS_PASSWORD)))
}

#[actix_web::test]
async fn unknown_paths_are_not_found() {
    let operator = Operator::start();
    for path in [
        "/",
        "/nowhere",
        "/healthz",
        "/health/",
        "/statusx",
        "/status/health/more",
        "/overall",
        "/metrics/x",
        "/devops",
        "/devopsX",
        "/devops/loggingA/x",
        "/devops/logging/gateway/here/deeper",
        "/api/2/things",
        "/ws/2",
        "/Status",
    ] {
        let answer = operator.send(as_operator(get(path))).await;
        assert_eq!(answer.status, 404, "{path}");
        answer.assert_error(404, "gateway:route.notfound");
    }
}

#[actix_web::test]
async fn behind_a_door_unknown_paths_ask_for_credentials_first() {
    let operator = Operator::start();
    for path in ["/devops", "/devops/nowhere", "/status/nowhere", "/overall"] {
        assert_eq!(operator.get(path, None).await.status, 401, "{path}");
    }
    for path in ["/", "/nowhere", "/devopsX", "/statusx"] {
        assert_eq!(operator.get(path, None).await.status, 404, "{path}");
    }
}

#[actix_web::test]
async fn wrong_methods_are_told_the_right_ones() {
    let operator = Operator::start();
    for (request, allowed) in [
        (TestRequest::post().uri("/health"), "GET, HEAD"),
        (TestRequest::put().uri("/status"), "GET, HEAD"),
        (TestRequest::delete().uri("/metrics"), "GET, HEAD"),
        (TestRequest::post().uri("/overall/status"), "GET, HEAD"),
        (TestRequest::post().uri("/devops/logging"), "GET, HEAD, PUT"),
        (
            TestRequest::patch().uri("/devops/logging/gateway"),
            "GET, HEAD, PUT",
        ),
    ] {
        let answer = operator.send(as_operator(request)).await;
        answer.assert_error(405, "gateway:method.notallowed");
        assert_eq!(answer.header("allow"), Some(allowed));
    }
}

#[actix_web::test]
async fn head_is_get_without_a_body() {
    let operator = Operator::start();
    let request = get("/health").method(actix_web::http::Method::HEAD);
    assert_eq!(operator.send(request).await.status, 200);
}

#[actix_web::test]
async fn ambiguous_paths_are_refused_before_credentials_count() {
    let operator = Operator::start();
    for path in [
        "//health",
        "/health/../devops/logging",
        "/./health",
        "/%68ealth",
        "/status%2Fhealth",
        "/status;x=1",
        "/%64evops/logging",
        "/devops//logging",
        "/devops/logging/a%2Fb",
        "/devops/logging/a%252Fb",
        "/devops/logging/%2e%2e",
        "/devops/logging/%00",
        "/devops/logging/%ff",
        "/nowhere/%2e%2e/health",
        "http://other.example/health",
    ] {
        for request in [get(path), as_operator(get(path))] {
            let answer = operator.send(request).await;
            assert_eq!(answer.status, 400, "{path}");
            answer.assert_error(400, "gateway:path.ambiguous");
        }
    }
}

#[actix_web::test]
async fn a_long_target_is_refused() {
    let operator = Operator::start();
    let answer = operator
        .get(&format!("/health?{}", "x".repeat(9 * 1024)), None)
        .await;
    answer.assert_error(414, "gateway:uri.toolong");
}

#[actix_web::test]
async fn more_header_fields_than_anybody_needs_are_refused() {
    let operator = Operator::start();
    let many = (0..64).fold(get("/ready"), |request, index| {
        request.insert_header((format!("x-{index}"), "1"))
    });
    assert_eq!(operator.send(many).await.status, 200);
    let too_many = (0..65).fold(get("/ready"), |request, index| {
        request.insert_header((format!("x-{index}"), "1"))
    });
    let answer = operator.send(too_many).await;
    answer.assert_error(431, "headers.too.large");
    let long = get("/ready").insert_header(("x-long", "1".repeat(16 * 1024 + 1)));
    let answer = operator.send(long).await;
    answer.assert_error(431, "headers.too.large");
    let name = get("/ready").insert_header(("x".repeat(65), "1"));
    operator
        .send(name)
        .await
        .assert_error(431, "headers.too.large");
}

/// A service that wants nothing but HTTPS, behind a proxy at 10.0.0.7.
fn only_https() -> Operator {
    Operator::start_with(DevopsSettings {
        https: HttpsPolicy {
            is_forced: true,
            redirects: true,
            strict_for: Some(Duration::from_secs(60)),
        },
        trusted_proxies: vec!["10.0.0.7/32".parse().expect("a network")],
        ..settings()
    })
}

#[actix_web::test]
async fn plain_http_is_refused_where_only_https_is_wanted() {
    let operator = only_https();
    let refused = operator.send(as_operator(get("/devops/logging"))).await;
    refused.assert_error(404, "gateway:https.required");
    assert_eq!(refused.header("strict-transport-security"), None);
    let page = as_operator(get("/console")).insert_header(("host", "ops.example:8081"));
    let redirected = operator.send(page).await;
    assert_eq!(redirected.status, 301);
    assert_eq!(
        redirected.header("location"),
        Some("https://ops.example/console")
    );
    for probe in ["/ready", "/alive", "/health"] {
        assert_eq!(operator.get(probe, None).await.status, 200, "{probe}");
    }
}

#[actix_web::test]
async fn only_a_trusted_proxy_can_say_that_an_operator_spoke_https() {
    let operator = only_https();
    let from = |peer: &str, protocols: &[&str]| {
        let peer = format!("{peer}:4711").parse().expect("an address");
        let asked = as_operator(get("/devops/logging")).peer_addr(peer);
        protocols.iter().fold(asked, |asked, protocol| {
            asked.append_header(("x-forwarded-proto", *protocol))
        })
    };
    let answer = operator.send(from("10.0.0.7", &["https"])).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("strict-transport-security"),
        Some("max-age=60")
    );
    for (peer, protocols) in [
        ("10.0.0.8", &["https"][..]),
        ("10.0.0.7", &["http"]),
        ("10.0.0.7", &["https", "http"]),
        ("10.0.0.7", &[]),
    ] {
        let refused = operator.send(from(peer, protocols)).await;
        refused.assert_error(404, "gateway:https.required");
        assert_eq!(refused.header("strict-transport-security"), None, "{peer}");
    }
}

#[actix_web::test]
async fn where_a_proxy_ends_tls_nobody_gets_past_it() {
    let operator = Operator::start_with(DevopsSettings {
        only_trusted_peers: true,
        trusted_proxies: vec!["10.0.0.7/32".parse().expect("a network")],
        ..settings()
    });
    let from = |path: &str, peer: &str| {
        as_operator(get(path)).peer_addr(format!("{peer}:4711").parse().expect("an address"))
    };
    let refused = operator.send(from("/devops/logging", "10.0.0.8")).await;
    refused.assert_error(403, "gateway:peer.nottrusted");
    let forged = from("/devops/logging", "10.0.0.8").insert_header(("x-forwarded-for", "10.0.0.7"));
    operator
        .send(forged)
        .await
        .assert_error(403, "gateway:peer.nottrusted");
    assert_eq!(
        *operator.process.calls.lock(),
        ["nobody none not_trusted GET /devops/logging 403"; 2]
    );
    let answer = operator.send(from("/devops/logging", "10.0.0.7")).await;
    assert_eq!(answer.status, 200);
    for probe in ["/ready", "/alive", "/health"] {
        let answer = operator.send(from(probe, "10.0.0.8")).await;
        assert_eq!(answer.status, 200, "{probe}");
    }
}
