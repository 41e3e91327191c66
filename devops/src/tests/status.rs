//! What the status routes and the probes say.

use super::*;

async fn show(operator: &Operator, path: &str) -> Answer {
    operator.get(path, Some(basic(STATUS_PASSWORD))).await
}

#[actix_web::test]
async fn probes_follow_health_and_readiness() {
    let operator = Operator::start();
    let health = operator.get("/health", None).await;
    assert_eq!(health.body, r#"{"status":"UP"}"#);
    for path in ["/alive", "/ready"] {
        assert_eq!(operator.get(path, None).await.body, "OK", "{path}");
    }

    operator.process.break_down();
    let health = operator.get("/health", None).await;
    assert_eq!(
        (health.status.as_u16(), health.body.as_str()),
        (503, r#"{"status":"DOWN"}"#)
    );
    operator
        .get("/alive", None)
        .await
        .assert_error(500, "devops:unhealthy");
    assert_eq!(operator.get("/ready", None).await.status, 200);
}

#[actix_web::test]
async fn probes_give_no_detail_away() {
    let operator = Operator::start();
    operator.process.break_down();
    for path in ["/health", "/alive"] {
        let answer = operator.get(path, None).await;
        assert!(!answer.body.contains("disk"), "{path}: {}", answer.body);
    }
}

#[actix_web::test]
async fn who_is_not_ready_says_why() {
    let operator = Operator::start();
    *operator.process.readiness.lock() = Readiness::NotReady {
        reason: "The store is being opened.".to_owned(),
    };
    let answer = operator.get("/ready", None).await;
    answer.assert_error(500, "devops:notready");
    assert_eq!(answer.json()["message"], "The store is being opened.");
    assert_eq!(operator.get("/alive", None).await.status, 200);
}

#[actix_web::test]
async fn status_tells_what_this_process_is() {
    let operator = Operator::start();
    let status = show(&operator, "/status").await.json();
    assert_eq!(status, Value::Object(operator.process.static_status()));
}

#[actix_web::test]
async fn overall_status_lists_every_role() {
    let operator = Operator::start();
    let status = show(&operator, "/overall/status").await.json();
    assert_eq!(status["service"], "gateway");
    for role in ["policies", "things", "search", "gateway", "connectivity"] {
        assert_eq!(status["roles"][role]["here"]["service"], role);
        assert_eq!(status["roles"][role]["here"]["service-version"], "0.1.0");
    }
}

#[actix_web::test]
async fn health_is_a_tree_and_down_is_503() {
    let operator = Operator::start();
    let up = show(&operator, "/status/health").await;
    assert_eq!(up.status, 200);
    let journal = json!({ "label": "journal", "status": "UP" });
    assert_eq!(up.json(), json!({ "status": "UP", "children": [journal] }));

    operator.process.break_down();
    let down = show(&operator, "/status/health").await;
    assert_eq!(down.status, 503);
    assert_eq!(
        down.json()["details"],
        json!([{ "ERROR": "comes from: journal" }])
    );
}

#[actix_web::test]
async fn overall_health_points_from_the_roles_to_the_cause() {
    let operator = Operator::start();
    let up = show(&operator, "/overall/status/health").await;
    assert_eq!(up.status, 200);
    let up = up.json();
    assert_eq!(
        (&up["label"], &up["status"]),
        (&json!("roles"), &json!("UP"))
    );
    assert_eq!(up["children"][0]["label"], "expected-roles");
    assert_eq!(
        up["children"][0]["details"],
        json!([{ "INFO": { "missing-roles": [], "extra-roles": [] } }])
    );

    operator.process.break_down();
    let down = show(&operator, "/overall/status/health").await;
    assert_eq!(down.status, 503);
    let things = &down.json()["children"][2];
    assert_eq!(
        (&things["label"], &things["status"]),
        (&json!("things"), &json!("DOWN"))
    );
    assert_eq!(things["children"][0]["label"], "here");
    assert_eq!(
        things["children"][0]["children"][0]["details"],
        json!([{ "ERROR": "disk full" }])
    );
}

#[actix_web::test]
async fn metrics_are_in_the_text_format_of_prometheus() {
    let operator = Operator::start();
    let metrics = show(&operator, "/metrics").await;
    assert_eq!(metrics.body, "streaming_sessions_count 3\n");
    assert_eq!(
        metrics.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
}
