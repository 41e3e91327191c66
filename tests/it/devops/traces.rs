//! Traces over OTLP, against a collector on this machine.

use serde_json::{Value, json};
use tests::{Collector, TestGateway, eventually};

use super::given::refused_start;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The span of a caller.
const PARENT: &str = "00f067aa0ba902b7";

fn traced(collector: &Collector, share: f64) -> Value {
    json!({ "logging": { "otlp_endpoint": collector.url(), "otlp_sampling": share } })
}

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

/// The number of spans with this outcome.
async fn counted(gateway: &TestGateway, outcome: &str) -> u64 {
    let metrics = gateway.as_operator().get("/metrics").await.expect(200);
    let name = format!("trace_spans_total{{outcome=\"{outcome}\"}} ");
    let value = metrics
        .body
        .lines()
        .find_map(|line| line.strip_prefix(&name));
    let value = value.unwrap_or_else(|| panic!("{name}: {}", metrics.body));
    value.parse().expect("a number")
}

#[tokio::test]
async fn a_request_leaves_a_span_that_goes_on_with_the_callers_trace() {
    let collector = Collector::start().await;
    let gateway = TestGateway::start_with(traced(&collector, 0.0)).await;
    let alice = gateway.as_subject("nginx:alice");
    let caller = alice
        .with("traceparent", &traceparent("01"))
        .with("tracestate", &format!("v={}", "canary".repeat(100)))
        .with("baggage", "canary=1")
        .with("cookie", "canary")
        .with("correlation-id", "trace-me")
        .with("authorization", "Basic Y2FuYXJ5OmNhbmFyeQ==");
    let answer = caller
        .get("/api/2/things/org.acme:canary?fields=canary")
        .await
        .expect(404);
    let own = answer.header("traceparent");
    assert!(own.starts_with(&format!("00-{TRACE}-")), "{own}");
    assert!(own.ends_with("-01"), "{own}");
    assert!(!own.contains(PARENT), "a span of its own: {own}");
    // A caller that decided against it, and one that decided nothing while the share is nothing.
    let unsampled = alice.with("traceparent", &traceparent("00"));
    for other in [&unsampled, &alice] {
        let other = other.get("/api/2/whoami").await.expect(200);
        let own = other.header("traceparent");
        assert!(own.ends_with("-00"), "{own}");
    }

    assert_eq!(gateway.stop().await.code, Some(0));
    let spans = collector.spans();
    assert_eq!(spans.len(), 1, "{spans:?}");
    let span = &spans[0];
    assert_eq!(span.trace_id, TRACE);
    assert_eq!(span.parent_id, PARENT);
    assert_eq!(span.name, "GET /api/2/things/x");
    let expected = [
        ("auth.provider", "pre_authenticated"),
        ("ditto.correlationId", "trace-me"),
        ("http.request.method", "GET"),
        ("http.response.status_code", "404"),
        ("http.route", "/api/2/things/x"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(span.attributes, expected.into(), "nothing else is told");
    assert_eq!(span.resource["service.name"], "twinward");
    let told = span.whole.clone() + &collector.heads();
    for secret in ["canary", "Y2Fu"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}

#[tokio::test]
async fn every_request_is_traced_if_the_share_is_all() {
    let collector = Collector::start().await;
    let gateway = TestGateway::start_with(traced(&collector, 1.0)).await;
    gateway.anonymous().get("/api/2/whoami").await.expect(401);
    let nonsense = gateway.anonymous().with("traceparent", "nonsense");
    nonsense.get("/health").await.expect(200);
    gateway.anonymous().get("/x//canary").await.expect(400);
    gateway.stop().await;
    let spans = collector.spans();
    let mut seen: Vec<_> = spans
        .iter()
        .map(|span| {
            let status = &span.attributes["http.response.status_code"];
            assert_eq!(span.parent_id, "", "{span:?}");
            assert!(!span.whole.contains("canary"), "{span:?}");
            format!("{} {status}", span.name)
        })
        .collect();
    seen.sort();
    assert_eq!(
        seen,
        ["GET /api/2/whoami 401", "GET /health 200", "GET /other 400"]
    );
}

#[tokio::test]
async fn a_collector_that_is_away_is_told_of_and_harms_nobody() {
    let collector = Collector::start().await;
    let settings = traced(&collector, 1.0);
    drop(collector);
    let gateway = TestGateway::start_with(settings).await;
    assert_eq!(counted(&gateway, "lost").await, 0);
    for _ in 0..20 {
        gateway.anonymous().get("/health").await.expect(200);
    }
    eventually("the loss is counted", || async {
        (counted(&gateway, "lost").await == 20).then_some(())
    })
    .await;
    assert_eq!(counted(&gateway, "sent").await, 0);
    let log = gateway.log();
    assert_eq!(log.matches("Traces are lost").count(), 1, "{log}");
    assert_eq!(gateway.stop().await.code, Some(0));
}

#[tokio::test]
async fn a_credential_for_the_collector_is_shown_to_nobody_else() {
    let collector = Collector::start().await;
    let headers = "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20canary";
    let wrapper = vec!["/usr/bin/env".to_owned(), headers.to_owned()];
    let gateway = TestGateway::start_under(wrapper, traced(&collector, 1.0)).await;
    gateway.anonymous().get("/health").await.expect(200);
    let operator = gateway.as_operator();
    for path in ["/devops/config", "/devops/config?path=ditto.info"] {
        let shown = operator.get(path).await.expect(200);
        assert!(!shown.body.contains("canary"), "{path}: {}", shown.body);
    }
    let stopped = gateway.stop().await;
    let heads = collector.heads();
    assert!(heads.contains("authorization: Bearer canary"), "{heads}");
    assert!(!stopped.log().contains("canary"), "{}", stopped.log());
}

#[tokio::test]
async fn without_a_collector_nothing_is_traced() {
    let gateway = TestGateway::start().await;
    let caller = gateway.anonymous().with("traceparent", &traceparent("01"));
    let answer = caller.get("/health").await.expect(200);
    assert_eq!(answer.header("traceparent"), "");
    let metrics = gateway.as_operator().get("/metrics").await.expect(200);
    assert!(!metrics.body.contains("trace_spans"), "{}", metrics.body);
}

#[tokio::test]
async fn what_cannot_be_a_collector_or_a_share_is_refused() {
    let collector = "http://127.0.0.1:4318";
    for (endpoint, share) in [
        ("http://user:canary@127.0.0.1:4318", 1.0),
        ("http://canary@127.0.0.1:4318", 1.0),
        ("http://127.0.0.1:4318?token=canary", 1.0),
        ("127.0.0.1:4318", 1.0),
        ("ftp://x", 1.0),
        ("", 1.0),
        (collector, 1.5),
        (collector, -0.5),
    ] {
        let logging = json!({ "otlp_endpoint": endpoint, "otlp_sampling": share });
        let said = refused_start(&json!({ "logging": logging })).await;
        assert!(said.contains("logging.otlp_"), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
}
