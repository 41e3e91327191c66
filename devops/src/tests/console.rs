//! The operators' page: what it may do, who gets it, what it is told.

use super::*;

async fn page(operator: &Operator, path: &str) -> Answer {
    operator.get(path, Some(basic(DEVOPS_PASSWORD))).await
}

fn by_tokens() -> Operator {
    let access = AccessSettings {
        devops: Admission::Subjects(vec!["ops:alice".to_owned()]),
        ..access()
    };
    Operator::start_for(settings(), access)
}

#[actix_web::test]
async fn the_page_may_load_nothing_from_elsewhere_and_run_nothing_inline() {
    let operator = Operator::start();
    for path in ["/console", "/console/app.js", "/console/style.css"] {
        let answer = page(&operator, path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'"),
            "{policy}"
        );
        for word in ["unsafe-inline", "unsafe-eval", "*"] {
            assert!(!policy.contains(word), "{policy}");
        }
    }
    let html = page(&operator, "/console").await.body;
    for inline in [
        "<style",
        "style=",
        "onclick",
        "onload",
        "javascript:",
        "//cdn",
        "https://",
    ] {
        assert!(!html.contains(inline), "{inline}");
    }
    let script = page(&operator, "/console/app.js").await.body;
    for sink in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "localStorage",
    ] {
        assert!(!script.contains(sink), "{sink}");
    }
}

#[actix_web::test]
async fn where_tokens_are_asked_for_only_its_files_are_open() {
    let operator = by_tokens();
    for path in [
        "/console",
        "/console/app.js",
        "/console/style.css",
        "/console/login.json",
    ] {
        assert_eq!(operator.get(path, None).await.status, 200, "{path}");
    }
    let login = operator.get("/console/login.json", None).await.json();
    assert_eq!(login["clientId"], "console");
    assert_eq!(login["issuer"], "https://id.example/realms/ops");
    let files = operator.get("/console", None).await;
    let policy = files.header("content-security-policy").unwrap();
    assert!(
        policy.contains("connect-src 'self' https://id.example;"),
        "{policy}"
    );
    assert_eq!(
        operator.get("/devops/console/events", None).await.status,
        401
    );
}

#[actix_web::test]
async fn switched_off_there_is_no_page() {
    let off = AccessSettings {
        console: None,
        ..access()
    };
    let operator = Operator::start_for(settings(), off);
    for path in ["/console", "/console/app.js", "/console/login.json"] {
        page(&operator, path)
            .await
            .assert_error(404, "gateway:route.notfound");
    }
}

#[actix_web::test]
async fn the_stream_begins_with_everything_that_is_shown() {
    let operator = Operator::start();
    let events = page(&operator, "/devops/console/events").await;
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    let data = events.body.strip_prefix("data: ").unwrap().trim_end();
    let state: Value = serde_json::from_str(data).unwrap();
    assert_eq!(state["health"]["status"], "UP");
    assert_eq!(state["sessions"]["open"], 2);
    assert_eq!(state["denials"][0]["correlationId"], "c-1");
    assert_eq!(state["issuers"][0]["name"], "acme");
    assert_eq!(state["limited"][0]["id"], "a");
    assert!(state["loggers"][0]["level"].is_string());
    assert!(!events.body.contains("$argon2"));
}

#[actix_web::test]
async fn who_has_to_wait_at_this_door_is_shown_too() {
    let operator = Operator::start();
    for _ in 0..5 {
        let guess = get("/devops/logging").peer_addr(peer("192.0.2.1"));
        operator.send(with(guess, Some(basic("guess")))).await;
    }
    let events = page(&operator, "/devops/console/events").await;
    let state = events.body.strip_prefix("data: ").unwrap().trim_end();
    let state: Value = serde_json::from_str(state).unwrap();
    let limited = state["limited"].as_array().unwrap();
    let waiting = limited
        .iter()
        .find(|limited| limited["limit"] == "failed operator")
        .unwrap();
    assert!(waiting["waitSeconds"].as_f64().unwrap() >= 1.0, "{waiting}");
    assert!(waiting["id"].as_str().unwrap().starts_with("operator~"));
}
