//! What operators ask and change: forms of answers, refusals of what makes no sense.

use std::collections::BTreeMap;

use super::*;
use crate::dependencies::{
    Answered, CommandTarget, ConfigurationSource, DenialSource, Explainer, LimitControl,
    LocalFuture, Piggyback, RequestDescription, SessionControl, StatisticsSource,
};

impl ConfigurationSource for Process {
    fn effective(&self) -> Value {
        json!({ "http_server": { "listen_addr": "127.0.0.1:1", "trusted_proxies": ["::1/128"] } })
    }
}

impl StatisticsSource for Process {
    fn hot_entities(&self) -> Map<String, Value> {
        json!({ "hotThings": 8 }).as_object().unwrap().clone()
    }

    fn hot_namespaces(&self) -> BTreeMap<&'static str, BTreeMap<String, u64>> {
        let things = [("acme", 7), ("", 1), ("zoo", 9)];
        let things = things.map(|(name, count)| (name.to_owned(), count));
        BTreeMap::from([("thing", BTreeMap::from(things))])
    }

    fn all_things(&self) -> Option<u64> {
        Some(4711)
    }
}

impl CommandTarget for Process {
    fn execute<'a>(&'a self, command: &'a Piggyback) -> LocalFuture<'a, Answered> {
        let answer = |service: &str| json!({ "type": command.command_type, "from": service });
        let answered = match command.target.as_str() {
            "/silent" => Answered::Silently,
            _ => Answered::By(vec![
                ("things", answer("things")),
                ("policies", answer("policies")),
            ]),
        };
        Box::pin(async { answered })
    }
}

impl SessionControl for Process {
    fn list(&self) -> Vec<Map<String, Value>> {
        let open = self.open.lock();
        open.iter().filter_map(|id| self.inspect_open(id)).collect()
    }

    fn inspect(&self, id: &str) -> Option<Map<String, Value>> {
        self.open
            .lock()
            .contains(&id)
            .then(|| self.inspect_open(id))?
    }

    fn cut(&self, id: &str, reason: &str) -> bool {
        self.calls.lock().push(format!("cut {id}: {reason}"));
        self.forget(id)
    }

    fn cut_subject(&self, subject: &str, _: &str) -> usize {
        usize::from(subject == "nginx:a" && self.forget("a"))
    }
}

impl LimitControl for Process {
    fn list(&self, _: Timestamp) -> Vec<Value> {
        self.open
            .lock()
            .iter()
            .map(|id| json!({ "id": id }))
            .collect()
    }

    fn unblock(&self, id: &str) -> bool {
        self.forget(id)
    }
}

impl IssuerSource for Process {
    fn issuers(&self) -> Vec<Value> {
        vec![json!({ "listener": "public", "name": "acme", "keys": 2, "usable": true })]
    }
}

impl DenialSource for Process {
    fn recent(&self) -> Vec<Value> {
        vec![json!({ "at": "2026-01-01T00:00:00Z", "status": 401, "correlationId": "c-1" })]
    }
}

impl Explainer for Process {
    fn explain<'a>(&'a self, request: &'a RequestDescription) -> LocalFuture<'a, Value> {
        Box::pin(async move { json!({ "asked": [request.method, request.path] }) })
    }
}

impl Process {
    fn inspect_open(&self, id: &str) -> Option<Map<String, Value>> {
        let kind = if id == "a" { "ws" } else { "sse" };
        let session = json!({ "id": id, "kind": kind, "subjects": [format!("nginx:{id}")] });
        session.as_object().cloned()
    }

    fn forget(&self, id: &str) -> bool {
        let mut open = self.open.lock();
        let before = open.len();
        open.retain(|each| *each != id);
        open.len() < before
    }
}

async fn ask(operator: &Operator, method: &str, path: &str, body: Option<Value>) -> Answer {
    let request = TestRequest::default()
        .method(method.parse().unwrap())
        .uri(path)
        .peer_addr(peer("192.0.2.7"));
    let request = match body {
        Some(body) => request.set_payload(body.to_string()),
        None => request,
    };
    operator
        .send(with(request, Some(basic(DEVOPS_PASSWORD))))
        .await
}

#[actix_web::test]
async fn configuration_is_shown_by_service_and_by_path() {
    let operator = Operator::start();
    let get = async |path| ask(&operator, "GET", path, None).await.json();
    let all = get("/devops/config").await;
    assert_eq!(all.as_object().unwrap().len(), 5);
    let one = get("/devops/config/gateway?path=http_server.listen_addr").await;
    assert_eq!(one["gateway"]["here"]["config"], "127.0.0.1:1");
    let inner = get("/devops/config/gateway/here?path=http_server.trusted_proxies.0").await;
    assert_eq!(inner["config"], "::1/128");
    assert_eq!(inner["type"], "common.responses:retrieveConfig");
    let unknown = get("/devops/config/gateway/here?path=no.such").await;
    assert_eq!(unknown["status"], 200);
    assert!(unknown["config"]["error"].is_string(), "{unknown}");
}

#[actix_web::test]
async fn commands_are_answered_by_service_or_alone() {
    let operator = Operator::start();
    let command = |headers: Value| json!({ "targetActorSelection": "/x", "headers": headers, "piggybackCommand": { "type": "t" } });
    let post = async |path, body| ask(&operator, "POST", path, Some(body)).await;
    let all = post("/devops/piggyback", command(json!({}))).await.json();
    assert_eq!(all["policies"]["here"]["from"], "policies");
    let things = post("/devops/piggyback/things", command(json!({})))
        .await
        .json();
    assert_eq!(
        things.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["things"]
    );
    for aggregate in [json!(false), json!("false")] {
        let first = post(
            "/devops/piggyback/policies",
            command(json!({ "aggregate": aggregate })),
        );
        assert_eq!(first.await.json()["from"], "policies");
    }
    let nobody = post("/devops/piggyback/gateway", command(json!({}))).await;
    nobody.assert_error(408, "command.timeout");
    post("/devops/piggyback/nosuch", command(json!({})))
        .await
        .assert_error(408, "command.timeout");
}

#[actix_web::test]
async fn commands_that_make_no_sense_are_refused() {
    let operator = Operator::start();
    let post = async |path: &str, body: Value| ask(&operator, "POST", path, Some(body)).await;
    let whole =
        json!({ "targetActorSelection": "/x", "headers": {}, "piggybackCommand": { "type": "t" } });
    for member in ["targetActorSelection", "headers", "piggybackCommand"] {
        let mut body = whole.clone();
        body.as_object_mut().unwrap().remove(member);
        post("/devops/piggyback", body)
            .await
            .assert_error(400, "json.field.missing");
    }
    let mut poison = whole.clone();
    poison["piggybackCommand"]["type"] = "poison-pill".into();
    post("/devops/piggyback", poison)
        .await
        .assert_error(400, "json.invalid");
    for (timeout, expected) in [
        ("10s", 200),
        ("0", 200),
        ("60s", 200),
        ("1m", 200),
        ("500ms", 200),
    ] {
        let answer = post(
            &format!("/devops/piggyback?timeout={timeout}"),
            whole.clone(),
        )
        .await;
        assert_eq!(answer.status, expected, "{timeout}");
    }
    for timeout in ["61s", "2m", "-1", "soon", "NaN"] {
        post(
            &format!("/devops/piggyback?timeout={timeout}"),
            whole.clone(),
        )
        .await
        .assert_error(400, "gateway:timeout.invalid");
    }
    let mut silent = whole.clone();
    silent["targetActorSelection"] = "/silent".into();
    post("/devops/piggyback", silent)
        .await
        .assert_error(408, "command.timeout");
    let put = ask(&operator, "PUT", "/devops/piggyback", Some(whole)).await;
    assert_eq!(
        (put.status.as_u16(), put.header("allow")),
        (405, Some("POST"))
    );
}

#[actix_web::test]
async fn sessions_are_listed_inspected_and_cut() {
    let operator = Operator::start();
    let get = async |path| ask(&operator, "GET", path, None).await;
    let delete = async |path| ask(&operator, "DELETE", path, None).await;
    let list = get("/devops/sessions?kind=sse").await.json();
    assert_eq!((&list["open"], &list["matching"]), (&json!(2), &json!(1)));
    let list = get("/devops/sessions?subject=nginx:a&limit=0").await.json();
    assert_eq!(
        (&list["matching"], &list["sessions"]),
        (&json!(1), &json!([]))
    );
    assert_eq!(get("/devops/sessions/a").await.json()["kind"], "ws");
    assert_eq!(
        delete("/devops/sessions/a?reason=maintenance").await.status,
        204
    );
    assert!(
        operator
            .process
            .calls
            .lock()
            .contains(&"cut a: maintenance".to_owned())
    );
    delete("/devops/sessions/a")
        .await
        .assert_error(404, "devops:notfound");
    get("/devops/sessions/a")
        .await
        .assert_error(404, "devops:notfound");
    delete("/devops/sessions")
        .await
        .assert_error(400, "gateway:query.invalid");
    let two_lines = "/devops/sessions/b?reason=a%0Ab";
    delete(two_lines)
        .await
        .assert_error(400, "gateway:query.invalid");
    let none = delete("/devops/sessions?subject=nginx:a").await;
    assert_eq!(none.json(), json!({ "cut": 0 }));
}

#[actix_web::test]
async fn revocations_come_and_go_with_who_made_them() {
    let operator = Operator::start();
    let body = json!({ "kind": "subject", "value": "acme:eve", "reason": "left" });
    let added = ask(&operator, "POST", "/devops/revocations", Some(body)).await;
    assert_eq!(added.status, 201);
    let added = added.json();
    assert_eq!(added["createdBy"], "devops");
    assert_eq!(added["issuedBefore"], "2026-01-01T00:00:00Z");
    let path = format!("/devops/revocations/{}", added["id"].as_str().unwrap());
    assert_eq!(ask(&operator, "GET", &path, None).await.json(), added);
    let all = ask(&operator, "GET", "/devops/revocations", None)
        .await
        .json();
    assert_eq!(all["revocations"], json!([added]));
    assert_eq!(ask(&operator, "DELETE", &path, None).await.status, 204);
    ask(&operator, "DELETE", &path, None)
        .await
        .assert_error(404, "devops:notfound");
}

#[actix_web::test]
async fn revocations_that_cannot_be_meant_are_refused() {
    let operator = Operator::start();
    for (body, code) in [
        (json!({ "value": "x" }), "json.field.missing"),
        (json!({ "kind": "jti" }), "json.field.missing"),
        (json!({ "kind": "user", "value": "x" }), "json.invalid"),
        (
            json!({ "kind": "subject", "value": "no-colon" }),
            "json.invalid",
        ),
        (json!({ "kind": "jti", "value": "" }), "json.invalid"),
        (
            json!({ "kind": "jti", "value": "x", "permanent": true }),
            "json.invalid",
        ),
        (
            json!({ "kind": "jti", "value": "x", "until": "soon" }),
            "json.invalid",
        ),
    ] {
        let answer = ask(&operator, "POST", "/devops/revocations", Some(body.clone())).await;
        assert_eq!(answer.status, 400, "{body}");
        answer.assert_error(400, code);
    }
}

#[actix_web::test]
async fn limits_are_shown_and_lifted() {
    let operator = Operator::start();
    let listed = ask(&operator, "GET", "/devops/limits", None).await.json();
    assert_eq!(listed, json!({ "limited": [{ "id": "a" }, { "id": "b" }] }));
    assert_eq!(
        ask(&operator, "DELETE", "/devops/limits/a", None)
            .await
            .status,
        204
    );
    ask(&operator, "DELETE", "/devops/limits/a", None)
        .await
        .assert_error(404, "devops:notfound");
}

#[actix_web::test]
async fn who_guesses_operators_passwords_is_shown_and_let_go() {
    let operator = Operator::start();
    let guess = get("/devops/logging").peer_addr(peer("2001:db8::7"));
    operator.send(with(guess, Some(basic("guess")))).await;
    let listed = ask(&operator, "GET", "/devops/limits", None).await.json();
    let guesser = &listed["limited"][2];
    assert_eq!(
        (&guesser["who"], &guesser["refused"]),
        (&json!("2001:db8::/64"), &json!(1))
    );
    let path = format!("/devops/limits/{}", guesser["id"].as_str().unwrap());
    assert_eq!(ask(&operator, "DELETE", &path, None).await.status, 204);
    assert_eq!(ask(&operator, "DELETE", &path, None).await.status, 404);
}

#[actix_web::test]
async fn decisions_are_explained_and_unknown_members_refused() {
    let operator = Operator::start();
    let asked = json!({ "path": "/api/2/things" });
    let explained = ask(&operator, "POST", "/devops/explain", Some(asked)).await;
    assert_eq!(
        explained.json(),
        json!({ "asked": ["GET", "/api/2/things"] })
    );
    let odd = json!({ "path": "/", "header": {} });
    ask(&operator, "POST", "/devops/explain", Some(odd))
        .await
        .assert_error(400, "json.invalid");
}

#[actix_web::test]
async fn statistics_count_by_namespace_the_fullest_first() {
    let operator = Operator::start();
    let get = async |path| ask(&operator, "GET", path, None).await;
    assert_eq!(get("/stats/things").await.json(), json!({ "hotThings": 8 }));
    assert_eq!(
        get("/stats/search").await.json(),
        json!({ "allThingsCount": 4711 })
    );
    let details = get("/stats/things/details?entity=thing").await;
    assert_eq!(
        details.body,
        r#"{"thingsNamespacesHotness":{"zoo":9,"acme":7,"<empty>":1}}"#
    );
    let some = get("/stats/things/details?entity=policy&namespace=acme&namespace=none").await;
    assert_eq!(
        some.body,
        r#"{"policiesNamespacesHotness":{"acme":0,"none":0}}"#
    );
    get("/stats/things/details?color=red")
        .await
        .assert_error(400, "gateway:query.invalid");
}
