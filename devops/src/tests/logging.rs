//! Showing and changing log levels.

use super::*;

async fn show(operator: &Operator, path: &str) -> Answer {
    operator.get(path, Some(basic(DEVOPS_PASSWORD))).await
}

async fn change(operator: &Operator, path: &str, body: &str) -> Answer {
    operator
        .send(with(put(path, body), Some(basic(DEVOPS_PASSWORD))))
        .await
}

fn level_of(process: &Process, logger: &str) -> Option<LogLevel> {
    let loggers = process.levels();
    let found = loggers.iter().find(|found| found.logger.as_str() == logger);
    found.and_then(|found| found.level)
}

#[actix_web::test]
async fn loggers_are_shown_by_service_and_instance() {
    let operator = Operator::start();
    let own = json!({
        "type": "devops.responses:retrieveLoggerConfig",
        "status": 200,
        "serviceName": "things",
        "instance": "here",
        "loggerConfigs": [
            { "level": "info", "logger": "ROOT" },
            { "level": "info", "logger": "org.eclipse.ditto" },
        ],
    });
    for path in ["/devops/logging", "/devops/logging/"] {
        let all = show(&operator, path).await.json();
        assert_eq!(all["things"]["here"], own, "{path}");
        assert_eq!(all.as_object().unwrap().len(), 5, "{path}");
    }
    let service = show(&operator, "/devops/logging/things").await.json();
    assert_eq!(service, json!({ "here": own }));
    let instance = show(&operator, "/devops/logging/things/here").await.json();
    assert_eq!(instance, own);
    let escaped = show(&operator, "/devops/logging/thi%6Egs/here")
        .await
        .json();
    assert_eq!(escaped, own);
}

#[actix_web::test]
async fn nothing_is_done_that_cannot_be_recorded() {
    let operator = Operator::start();
    let root = level_of(&operator.process, "ROOT");
    operator
        .process
        .is_record_full
        .store(true, Ordering::Relaxed);
    let body = r#"{ "level": "trace" }"#;
    let refused = change(&operator, "/devops/logging", body).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.json()["error"], "gateway:service.unavailable");
    assert_eq!(level_of(&operator.process, "ROOT"), root);
    let refused = show(&operator, "/devops/logging").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    let status = operator
        .get("/status/health", Some(basic(DEVOPS_PASSWORD)))
        .await;
    assert_eq!(status.status, StatusCode::OK, "the way to find out why");
    operator
        .process
        .is_record_full
        .store(false, Ordering::Relaxed);
    let done = change(&operator, "/devops/logging", body).await;
    assert_eq!(done.status, StatusCode::OK);
    assert_ne!(level_of(&operator.process, "ROOT"), root);
}

#[actix_web::test]
async fn disabled_loggers_are_shown_on_demand() {
    let operator = Operator::start();
    let path = "/devops/logging/gateway/here?includeDisabledLoggers";
    let shown = show(&operator, &format!("{path}=true")).await.json();
    let hidden = show(&operator, &format!("{path}=false")).await.json();
    let disabled = json!({ "level": "off", "logger": "org.eclipse.ditto.gateway" });
    let has = |json: &Value| {
        json["loggerConfigs"]
            .as_array()
            .unwrap()
            .contains(&disabled)
    };
    assert!(has(&shown) && !has(&hidden));
    let answer = show(&operator, &format!("{path}=maybe")).await;
    answer.assert_error(400, "gateway:query.invalid");
}

#[actix_web::test]
async fn a_change_reaches_the_process() {
    let operator = Operator::start();
    let body = r#"{"logger":"org.eclipse.ditto.gateway","level":"DEBUG"}"#;
    let answer = change(&operator, "/devops/logging/gateway/here", body).await;
    assert_eq!(
        answer.json(),
        json!({
            "type": "devops.responses:changeLogLevel",
            "status": 200,
            "serviceName": "gateway",
            "instance": "here",
            "successful": true,
        })
    );
    let logger = "org.eclipse.ditto.gateway";
    assert_eq!(level_of(&operator.process, logger), Some(LogLevel::Debug));
}

#[actix_web::test]
async fn without_a_logger_the_root_is_changed() {
    let operator = Operator::start();
    let answer = change(&operator, "/devops/logging", r#"{"level":"trace"}"#).await;
    assert_eq!(answer.json()["policies"]["here"]["successful"], true);
    assert_eq!(level_of(&operator.process, "ROOT"), Some(LogLevel::Trace));
}

#[actix_web::test]
async fn a_change_that_failed_says_so() {
    let operator = Operator::start();
    for number in 0..LogLevels::LOGGERS_MAX {
        let name = format!("x{number}").parse().unwrap();
        operator
            .process
            .set_level(&name, LogLevel::Info, None)
            .unwrap();
    }
    let body = r#"{"logger":"one_more","level":"info"}"#;
    let answer = change(&operator, "/devops/logging/gateway/here", body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["status"], 500);
    assert_eq!(answer.json()["successful"], false);
}

#[actix_web::test]
async fn a_body_that_says_nothing_clear_changes_nothing() {
    let operator = Operator::start();
    for (body, code) in [
        ("", "json.invalid"),
        ("{", "json.invalid"),
        ("[]", "json.invalid"),
        (r#""debug""#, "json.invalid"),
        ("{}", "json.field.missing"),
        (r#"{"logger":"ROOT"}"#, "json.field.missing"),
        (r#"{"level":null}"#, "json.field.missing"),
        (r#"{"level":7}"#, "json.invalid"),
        (r#"{"level":"verbose"}"#, "json.invalid"),
        (r#"{"level":"debug","level":"off"}"#, "json.invalid"),
        (r#"{"logger":"a,b=trace","level":"debug"}"#, "json.invalid"),
        (r#"{"logger":"","level":"debug"}"#, "json.invalid"),
    ] {
        let before = operator.process.levels();
        let answer = change(&operator, "/devops/logging", body).await;
        answer.assert_error(400, code);
        assert_eq!(operator.process.levels(), before, "{body}");
    }
}

#[actix_web::test]
async fn strangers_do_not_answer_and_change_nothing() {
    let operator = Operator::start();
    let body = r#"{"level":"trace"}"#;
    for path in [
        "/devops/logging/nosuch",
        "/devops/logging/gateway/elsewhere",
    ] {
        show(&operator, path)
            .await
            .assert_error(408, "command.timeout");
        change(&operator, path, body)
            .await
            .assert_error(408, "command.timeout");
    }
    assert_eq!(level_of(&operator.process, "ROOT"), Some(LogLevel::Info));
}

#[actix_web::test]
async fn without_the_devops_password_nothing_changes() {
    let operator = Operator::start();
    for authorization in [None, Some(basic(STATUS_PASSWORD)), Some(basic("guess"))] {
        let request = put("/devops/logging", r#"{"level":"trace"}"#);
        let answer = operator.send(with(request, authorization)).await;
        assert_eq!(answer.status, 401);
    }
    assert_eq!(level_of(&operator.process, "ROOT"), Some(LogLevel::Info));
}

#[actix_web::test]
async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read() {
    let operator = Operator::start();
    let padded = |bytes: usize| {
        let body = r#"{"level":"debug"}"#;
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    let over = change(&operator, "/devops/logging", &padded(64 * 1024 + 1)).await;
    over.assert_error(413, "gateway:body.toolarge");
    assert_eq!(level_of(&operator.process, "ROOT"), Some(LogLevel::Info));
    let at = change(&operator, "/devops/logging", &padded(64 * 1024)).await;
    assert_eq!(at.status, 200);
    assert_eq!(level_of(&operator.process, "ROOT"), Some(LogLevel::Debug));
}

#[actix_web::test]
async fn a_level_with_an_end_shows_it_and_gives_way() {
    let operator = Operator::start();
    let body = r#"{"logger":"gateway","level":"trace","until":"2026-01-01T00:10:00Z"}"#;
    let change = with(put("/devops/logging", body), Some(basic(DEVOPS_PASSWORD)));
    assert_eq!(operator.send(change).await.status, 200);
    let shown = operator
        .get("/devops/logging/gateway/here", Some(basic(DEVOPS_PASSWORD)))
        .await
        .json();
    let gateway = json!({
        "level": "trace", "logger": "org.eclipse.ditto.gateway", "until": "2026-01-01T00:10:00Z"
    });
    assert!(
        shown["loggerConfigs"]
            .as_array()
            .unwrap()
            .contains(&gateway),
        "{shown}"
    );
    operator
        .process
        .expire("2026-01-01T00:10:00Z".parse().unwrap())
        .unwrap();
    assert_eq!(
        *operator.process.levels.lock(),
        LogLevels::new(LogLevel::Info)
    );
}

#[actix_web::test]
async fn an_end_that_has_passed_is_refused() {
    let operator = Operator::start();
    let body = r#"{"level":"trace","until":"2025-12-31T23:59:59Z"}"#;
    let change = with(put("/devops/logging", body), Some(basic(DEVOPS_PASSWORD)));
    let answer = operator.send(change).await;
    answer.assert_error(400, "json.invalid");
}
