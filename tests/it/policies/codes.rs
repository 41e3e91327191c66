//! Every error code of policies that a client can meet, each from the request that leads to it.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Caller, TestGateway};

use crate::given::{owned_by, reader};

/// Who, method, path below `/api/2/policies/`, body, and the refusal.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const SUBJECT: &str = r#"{"type":"x"}"#;
const ENTRY: &str = r#"{"subjects":{},"resources":{}}"#;

const ROWS: [Row; 54] = [
    ("alice", "GET", "nocolon", "", "400 policies:id.invalid"),
    (
        "alice",
        "PUT",
        "a:p",
        r#"{"policyId":"a:q"}"#,
        "400 policies:id.notsettable",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/imported-x",
        ENTRY,
        "400 policies:label.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/nsimportedx",
        ENTRY,
        "400 policies:label.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/importable",
        r#""sometimes""#,
        "400 policies:entry.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/namespaces",
        r#"["*"]"#,
        "400 policies:entry.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/namespaces",
        "[7]",
        "400 policies:entry.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/allowedAdditions",
        r#"["x"]"#,
        "400 policies:entry.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/references",
        "[7]",
        "400 policies:entry.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/references",
        r#"[{"entry":"tpl"}]"#,
        "400 policies:entry.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/references",
        r#"[{"entry":"none"}]"#,
        "400 policies:entry.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/references",
        r#"[{"entry":"user"},{"entry":"user"}]"#,
        "400 policies:entry.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/references",
        r#"[{"entry":"secret"}]"#,
        "400 policies:entry.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/references",
        r#"[{"import":"","entry":"x"}]"#,
        "400 json.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/subjects/nocolon",
        SUBJECT,
        "400 policies:subjectid.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/subjects/a:b",
        "{}",
        "400 json.field.missing",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/subjects/a:b",
        r#"{"type":"x","expiry":"soon"}"#,
        "400 policies:subjectexpiry.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/subjects/a:b",
        r#"{"type":"x","expiry":"2001-01-01T00:00:00Z"}"#,
        "400 policies:subjectexpiry.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/subjects/a:b",
        r#"{"type":"x","announcement":{"beforeExpiry":"5ms"}}"#,
        "400 policies:subjectannouncement.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/subjects/%7B%7B%20header:x%20%7D%7D:y",
        SUBJECT,
        "400 placeholder:placeholder.notresolvable",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/resources/thing:%2F",
        r#"{"grant":[]}"#,
        "400 json.field.missing",
    ),
    (
        "alice",
        "PUT",
        "a:p/imports/a:p",
        "{}",
        "400 policies:import.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/imports/a:roles",
        r#"{"transitiveImports":[7]}"#,
        "400 policies:import.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/imports/a:roles",
        r#"{"transitiveImports":["a:p"]}"#,
        "400 policies:import.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/references",
        r#"[{"import":"a:roles","entry":"none"}]"#,
        "400 policies:import.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/references",
        r#"[{"import":"a:roles","entry":"owner"}]"#,
        "400 policies:import.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/references",
        r#"[{"import":"a:missing","entry":"x"}]"#,
        "404 policies:policy.notfound",
    ),
    (
        "alice",
        "PUT",
        "a:p/imports/a:missing",
        "{}",
        "404 policies:policy.notfound",
    ),
    (
        "alice",
        "PUT",
        "a:p/imports/a:bobs",
        "{}",
        "404 policies:policy.notfound",
    ),
    (
        "alice",
        "PUT",
        "a:p/imports",
        "ELEVEN",
        "400 policies:imports.toolarge",
    ),
    (
        "alice",
        "GET",
        "a:p?policy-view=effective",
        "",
        "400 policies:view.invalid",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/big",
        "BIG",
        "413 policies:policy.toolarge",
    ),
    ("carol", "GET", "a:p", "", "404 policies:policy.notfound"),
    (
        "alice",
        "GET",
        "a:p/entries/none",
        "",
        "404 policies:entry.notfound",
    ),
    (
        "alice",
        "GET",
        "a:p/entries/tpl/subjects/x:y",
        "",
        "404 policies:subject.notfound",
    ),
    (
        "alice",
        "GET",
        "a:p/entries/tpl/resources/thing:/x",
        "",
        "404 policies:resource.notfound",
    ),
    (
        "alice",
        "GET",
        "a:p/imports/a:none",
        "",
        "404 policies:import.notfound",
    ),
    (
        "carol",
        "GET",
        "a:p/entries/tpl/subjects",
        "",
        "404 policies:subjects.notfound",
    ),
    (
        "carol",
        "GET",
        "a:p/entries/tpl/resources",
        "",
        "404 policies:resources.notfound",
    ),
    (
        "carol",
        "GET",
        "a:p/imports",
        "",
        "404 policies:imports.notfound",
    ),
    (
        "carol",
        "PUT",
        "a:new",
        r#"{"entries":{}}"#,
        "403 policies:policy.notcreatable",
    ),
    (
        "carol",
        "DELETE",
        "a:p",
        "",
        "403 policies:policy.notmodifiable",
    ),
    (
        "carol",
        "PUT",
        "a:p/entries/tpl",
        ENTRY,
        "403 policies:entry.notmodifiable",
    ),
    (
        "carol",
        "PUT",
        "a:p/entries/tpl/subjects",
        "{}",
        "403 policies:subjects.notmodifiable",
    ),
    (
        "carol",
        "PUT",
        "a:p/entries/tpl/subjects/a:b",
        SUBJECT,
        "403 policies:subject.notmodifiable",
    ),
    (
        "carol",
        "PUT",
        "a:p/entries/tpl/resources",
        "{}",
        "403 policies:resources.notmodifiable",
    ),
    (
        "carol",
        "DELETE",
        "a:p/entries/tpl/resources/thing:/",
        "",
        "403 policies:resource.notmodifiable",
    ),
    (
        "carol",
        "DELETE",
        "a:p/imports",
        "",
        "403 policies:imports.notmodifiable",
    ),
    (
        "carol",
        "DELETE",
        "a:p/imports/a:roles",
        "",
        "403 policies:import.notmodifiable",
    ),
    (
        "alice",
        "PUT",
        "a:p",
        r#"{"entries":{}}"#,
        "403 policies:policy.modificationinvalid",
    ),
    (
        "alice",
        "DELETE",
        "a:p/entries/owner",
        "",
        "403 policies:entry.modificationinvalid",
    ),
    (
        "alice",
        "DELETE",
        "a:p/entries/tpl",
        "",
        "409 policies:entry.referenceconflict",
    ),
    (
        "alice",
        "PUT",
        "a:p/entries/tpl/importable",
        r#""never""#,
        "409 policies:entry.referenceconflict",
    ),
    (
        "alice",
        "DELETE",
        "a:p/imports/a:roles",
        "",
        "409 policies:import.referenceconflict",
    ),
];

async fn given_policies(gateway: &TestGateway) {
    let alice = gateway.as_subject("nginx:alice");
    let mut roles = owned_by("nginx:alice");
    roles["entries"]["owner"]["importable"] = json!("never");
    roles["entries"]["guest"] = reader("nginx:bob", "thing:/");
    put(&alice, "a:roles", &roles).await;
    put(
        &gateway.as_subject("nginx:bob"),
        "a:bobs",
        &owned_by("nginx:bob"),
    )
    .await;
    let mut policy = owned_by("nginx:alice");
    policy["imports"] = json!({ "a:roles": {} });
    let entries = &mut policy["entries"];
    entries["tpl"] = reader("nginx:dave", "thing:/");
    entries["secret"] = reader("nginx:dave", "thing:/");
    entries["secret"]["importable"] = json!("never");
    entries["user"] = reader("nginx:erin", "thing:/x");
    entries["user"]["references"] =
        json!([{ "entry": "tpl" }, { "import": "a:roles", "entry": "guest" }]);
    put(&alice, "a:p", &policy).await;
}

async fn put(caller: &Caller, id: &str, policy: &Value) {
    caller
        .put(&format!("/api/2/policies/{id}"), policy)
        .await
        .expect(201);
}

fn body_of(text: &str) -> String {
    match text {
        "ELEVEN" => {
            let imports = (0..11).map(|at| (format!("a:p{at}"), json!({})));
            Value::Object(imports.collect()).to_string()
        }
        "BIG" => {
            let subject = json!({ "type": "x".repeat(110_000) });
            json!({ "subjects": { "a:b": subject }, "resources": {} }).to_string()
        }
        other => other.to_owned(),
    }
}

#[tokio::test]
async fn every_code_has_its_request() {
    let gateway = TestGateway::start_with(json!({ "limits": { "per_source": false } })).await;
    given_policies(&gateway).await;
    let mut surprises = Vec::new();
    for (who, method, path, body, expected) in ROWS {
        let caller = gateway.as_subject(&format!("nginx:{who}"));
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let body = Some(body_of(body)).filter(|body| !body.is_empty());
        let json = [("content-type", "application/json")];
        let path = format!("/api/2/policies/{path}");
        let answer = caller.send(method.clone(), &path, &json, body).await;
        if answer.status_and_code() != expected {
            surprises.push(format!(
                "{who} {method} {path}: {} not {expected}",
                answer.body
            ));
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    let alice = gateway.as_subject("nginx:alice");
    let unchanged = alice.get("/api/2/policies/a:p").await.expect(200);
    assert_eq!(unchanged.header("etag"), "\"rev:1\"", "nothing was written");
    alice
        .with("if-none-match", "\"rev:1\"")
        .get("/api/2/policies/a:p")
        .await
        .expect(304);
    alice
        .with("if-match", "\"rev:9\"")
        .delete("/api/2/policies/a:p")
        .await
        .expect_error(412, "policies:precondition.failed");
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let create = json!({
        "topic": "a/p/policies/commands/create", "path": "/", "value": owned_by("nginx:alice")
    });
    let answer = socket.command("c", create).await;
    assert_eq!(
        answer["value"]["error"], "policies:policy.conflict",
        "{answer}"
    );
}
