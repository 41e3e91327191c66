//! The page, the dashboard and what is measured say the same.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;
use tests::{OidcProvider, TestGateway, eventually};

/// A file of the workspace.
fn text_of(file: &str) -> String {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    std::fs::read_to_string(root.join(file)).expect("a file")
}

/// The names in the tables of `docs/monitoring.md`.
fn described() -> BTreeSet<String> {
    let page = text_of("docs/monitoring.md");
    let rows = page
        .lines()
        .skip_while(|line| !line.starts_with("| metric |"));
    let rows = rows.take_while(|line| line.starts_with('|'));
    let words = rows.flat_map(|row| row.split('`').skip(1).step_by(2).map(str::to_owned));
    let is_name = |word: &String| {
        let letters = word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        letters && (word.contains('_') || word == "revocations")
    };
    words
        .filter(is_name)
        .filter(|word| word != "slow_consumer")
        .collect()
}

/// The names that the sources give to metrics.
fn declared() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in [
        "gateway/src/telemetry/metrics.rs",
        "gateway/src/telemetry/authentication.rs",
        "gateway/src/operator/issuers.rs",
    ] {
        let text = text_of(file);
        for macro_name in ["counter!(", "gauge!(", "histogram!("] {
            let calls = text.split(macro_name).skip(1);
            let names =
                calls.filter_map(|call| call.trim_start().strip_prefix('"')?.split('"').next());
            found.extend(names.map(str::to_owned));
        }
    }
    found
}

/// What a scraper is told, by name.
fn measured(metrics: &str) -> BTreeSet<String> {
    let types = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let names = types.filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn every_metric_is_described_and_no_other() {
    let (declared, described) = (declared(), described());
    assert!(declared.len() > 25, "the sources name {declared:?}");
    assert_eq!(declared, described);
}

#[tokio::test]
async fn what_dashboard_and_page_name_is_measured() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(json!({
        "auth": { "oauth": provider.trusted()["auth"]["oauth"] },
        "logging": { "otlp_endpoint": "http://127.0.0.1:9" },
    }))
    .await;
    let alice = gateway.as_subject("nginx:alice");
    let mut socket = alice.web_socket().await.expect("a socket");
    socket.control("START-SEND-EVENTS").await;
    alice
        .put("/api/2/things/org.acme:lamp", &json!({}))
        .await
        .expect(201);
    socket.text().await;
    let operator = gateway.as_operator();
    let sessions = "/devops/sessions?subject=nginx:alice";
    operator.delete(sessions).await;
    socket.closed().await;
    let metrics = eventually("the end of the session", || async {
        let metrics = operator.get("/metrics").await.expect(200).body;
        metrics
            .contains("streaming_closes_total")
            .then_some(metrics)
    })
    .await;
    let measured = measured(&metrics);
    let described = described();
    let undescribed: Vec<_> = measured.difference(&described).collect();
    assert!(
        undescribed.is_empty(),
        "the page leaves out {undescribed:?}"
    );
    for name in names_of_metrics(&text_of("deploy/grafana/twinward.json")) {
        assert!(
            declared().contains(&name),
            "the dashboard asks for `{name}`"
        );
    }
    // Only what did not happen here is not measured.
    let rare = [
        "config_reloads_total",
        "streaming_publisher_behind_total",
        "streaming_refreshes_total",
        "streaming_throttled_total",
        "streaming_undecided_total",
        "tls_certificate_expiry_timestamp_seconds",
    ];
    let missing: Vec<_> = declared().difference(&measured).cloned().collect();
    let missing: Vec<_> = missing
        .iter()
        .filter(|name| !rare.contains(&name.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "{missing:?} are not measured: {metrics}"
    );
}

/// Words of our metrics' endings; what Prometheus makes of a histogram counts as the histogram.
fn names_of_metrics(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let words = words.map(|word| {
        let is_histogram = word.ends_with("_seconds_count") || word.ends_with("_bucket");
        let name = word.rsplit_once('_').filter(|_| is_histogram);
        name.map_or(word, |(name, _)| name)
    });
    let is_name = |word: &&str| {
        let ends = [
            "_seconds",
            "_total",
            "limit_keys",
            "streaming_sessions_count",
        ];
        word.contains('_') && ends.iter().any(|end| word.ends_with(end))
    };
    words.filter(is_name).map(str::to_owned).collect()
}
