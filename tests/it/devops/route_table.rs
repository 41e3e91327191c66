//! Two listeners, two tables of routes: nothing of one answers on the other, `/health` apart.

use reqwest::Method;
use serde_json::json;
use tests::{Caller, TestGateway};

/// The table of crate `devops`, whose own tests hold it to its sources: lines such as `("GET /status", [401, …]),`.
const TABLE: &str = include_str!("../../../devops/src/tests/access.rs");

/// The paths of the operators' routes.
fn operators_routes() -> Vec<&'static str> {
    let quoted = TABLE.split('"').skip(1).step_by(2);
    let paths = quoted.filter_map(|text| {
        let (method, path) = text.split_once(' ')?;
        let is_route = ["GET", "PUT", "POST", "DELETE"].contains(&method);
        (is_route && path.starts_with('/')).then_some(path)
    });
    let paths: Vec<_> = paths.collect();
    assert!(paths.len() > 30, "{paths:?}");
    paths
}

/// Every caller that the public listener knows, and one that operators' listener knows.
fn callers(gateway: &TestGateway) -> [Caller; 3] {
    let nobody = gateway.anonymous();
    let password = gateway.first_operator_password();
    let operator = nobody.basic("devops", &password);
    [nobody, gateway.as_subject("nginx:alice"), operator]
}

/// Asks with every method; nothing is there.
async fn check_absent(caller: &Caller, path: &str) {
    for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
        let json = [("content-type", "application/json")];
        let body = (method != Method::GET).then(|| json!({}).to_string());
        let answer = caller.send(method.clone(), path, &json, body).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.body);
    }
}

#[tokio::test]
async fn no_route_of_operators_is_public() {
    let gateway = TestGateway::start().await;
    for caller in callers(&gateway) {
        for path in operators_routes() {
            if path != "/health" {
                check_absent(&caller, path).await;
            }
        }
        for path in ["/devops", "/devopsX", "/devops/loggingA/x"] {
            check_absent(&caller, path).await;
        }
    }
}

#[tokio::test]
async fn no_public_route_is_of_operators() {
    let docs = json!({ "http_server": { "serve_docs": true } });
    let gateway = TestGateway::start_with(docs).await;
    let described = gateway.anonymous().get("/openapi.json").await.expect(200);
    let described = described.json();
    let public = described["paths"].as_object().expect("paths").keys();
    let public: Vec<_> = public.filter(|path| *path != "/health").collect();
    assert!(public.len() > 30, "{public:?}");
    let (door, operator) = (gateway.operators_door(), gateway.as_operator());
    for path in public.into_iter().map(|path| path.replace(['{', '}'], "")) {
        for caller in [&door, &operator] {
            check_absent(caller, &path).await;
        }
    }
    for path in ["/ws/2", "/openapi.json", "/docs"] {
        check_absent(&operator, path).await;
    }
}
