//! What is written about each request, and what never is.

use std::io;

use tracing::instrument::WithSubscriber;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// Keeps what is logged.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Sends a request and returns the events of the access log.
async fn log_of(operator: &Operator, request: TestRequest) -> Vec<Value> {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(lines.clone())
        .finish();
    operator.send(request).with_subscriber(subscriber).await;
    let text = String::from_utf8(lines.0.lock().clone()).unwrap();
    for secret in [
        DEVOPS_PASSWORD,
        STATUS_PASSWORD,
        METRICS_TOKEN,
        "guess",
        "canary",
    ] {
        assert!(!text.contains(secret), "{text}");
        assert!(
            !text.contains(&STANDARD.encode(format!("devops:{secret}"))),
            "{text}"
        );
    }
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["target"] == "devops::access")
        .collect()
}

/// Compares surface, outcome, credential, status and source of the one event of a request.
async fn check(operator: &Operator, request: TestRequest, expected: Value) {
    let events = log_of(operator, request).await;
    let [event] = events.as_slice() else {
        panic!("expected one event: {events:?}");
    };
    let fields = &event["fields"];
    let found = json!([
        fields["operator.surface"],
        fields["operator.outcome"],
        fields["operator.credential"],
        fields["http.route"],
        fields["http.status"],
        fields["source"],
    ]);
    assert_eq!(found, expected);
    assert!(fields["duration_ms"].as_f64() > Some(0.0), "{fields}");
}

#[actix_web::test]
async fn every_outcome_leaves_one_event() {
    let operator = Operator::start();
    let from = "192.0.2.7";
    let logging = "/devops/logging";
    check(
        &operator,
        with(get(logging), Some(basic(DEVOPS_PASSWORD))),
        json!(["devops", "granted", "devops_password", logging, 200, from]),
    )
    .await;
    check(
        &operator,
        with(get("/status"), Some(basic(STATUS_PASSWORD))),
        json!(["status", "granted", "status_password", "/status", 200, from]),
    )
    .await;
    check(
        &operator,
        with(get("/metrics"), Some(format!("Bearer {METRICS_TOKEN}"))),
        json!(["metrics", "granted", "metrics_token", "/metrics", 200, from]),
    )
    .await;
    check(
        &operator,
        get(logging),
        json!(["devops", "no_credential", "none", logging, 401, from]),
    )
    .await;
    check(
        &operator,
        get("/health"),
        json!(["open", "open", "none", "/health", 200, from]),
    )
    .await;
    for _ in 0..3 {
        check(
            &operator,
            with(get(logging), Some(basic("guess"))),
            json!(["devops", "rejected", "none", logging, 401, from]),
        )
        .await;
    }
    check(
        &operator,
        with(get(logging), Some(basic("guess"))),
        json!(["devops", "throttled", "none", logging, 429, from]),
    )
    .await;
}

#[actix_web::test]
async fn what_a_client_writes_into_the_path_is_not_logged() {
    let operator = Operator::start();
    for (path, status) in [("/canary?canary", 404), ("//canary", 400)] {
        let request = get(path).method("CANARY".parse().unwrap());
        check(
            &operator,
            request,
            json!(["open", "open", "none", "none", status, "192.0.2.7"]),
        )
        .await;
    }
}
