//! Every command to policies as a frame of a WebSocket: the same answers as over HTTP, and the same refusals.
//!
//! Source: Ditto documentation, page "Policies protocol specification".

use serde_json::{Value, json};
use tests::{Socket, TestGateway};

use super::peer::{entry, policy};

/// `alice`'s policy, which has one entry more.
const POLICY: &str = r#"{"entries":{"owner":{"subjects":{"nginx:alice":{"type":"test"}},"resources":{"policy:/":{"grant":["READ","WRITE"],"revoke":[]}},"importable":"never"},"crew":{"subjects":{"nginx:bob":{"type":"x"}},"resources":{"thing:/":{"grant":["READ"],"revoke":[]}}}}}"#;
const ENTRY: &str = r#"{"subjects":{"nginx:bob":{"type":"x"}},"resources":{}}"#;

/// Action, path, value, and after the arrow: a status, status and code of an error, or the value of a 200.
const WHOLE_AND_ENTRIES: [&str; 11] = [
    "create / POLICY -> 201",
    "create / POLICY -> 409 policies:policy.conflict",
    "modify / POLICY -> 204",
    r#"retrieve /entries/crew/subjects -> {"nginx:bob":{"type":"x"}}"#,
    "delete /entries/crew -> 204",
    "delete /entries/crew -> 404 policies:entry.notfound",
    "modify /entries/crew ENTRY -> 201",
    "modify /entries/crew ENTRY -> 204",
    "retrieve /entries/none -> 404 policies:entry.notfound",
    "modify /entries ENTRIES -> 204",
    r#"retrieve /entries/crew/importable -> "implicit""#,
];

const PARTS_OF_AN_ENTRY: [&str; 28] = [
    r#"modify /entries/crew/subjects {"nginx:bob":{"type":"x"}} -> 204"#,
    r#"modify /entries/crew/subjects/nginx:carol {"type":"x"} -> 201"#,
    r#"modify /entries/crew/subjects/nginx:carol {"type":"y"} -> 204"#,
    r#"retrieve /entries/crew/subjects/nginx:carol -> {"type":"y"}"#,
    "delete /entries/crew/subjects/nginx:carol -> 204",
    "retrieve /entries/crew/subjects/nginx:carol -> 404 policies:subject.notfound",
    r#"modify /entries/crew/subjects/https://id.example/realm:kim {"type":"x"} -> 201"#,
    r#"modify /entries/crew/resources {"thing:/":{"grant":["READ"],"revoke":[]}} -> 204"#,
    r#"modify /entries/crew/resources/thing:/features/lamp {"grant":["READ"],"revoke":[]} -> 201"#,
    r#"modify /entries/crew/resources/thing:/features/lamp {"grant":[],"revoke":["READ"]} -> 204"#,
    r#"retrieve /entries/crew/resources/thing:/features/lamp -> {"grant":[],"revoke":["READ"]}"#,
    r#"retrieve /entries/crew/resources/thing:/ -> {"grant":["READ"],"revoke":[]}"#,
    r#"retrieve /entries/crew/resources -> {"thing:/":{"grant":["READ"],"revoke":[]},"thing:/features/lamp":{"grant":[],"revoke":["READ"]}}"#,
    "delete /entries/crew/resources/thing:/features/lamp -> 204",
    "delete /entries/crew/resources/thing:/features/lamp -> 404 policies:resource.notfound",
    r#"modify /entries/crew/importable "explicit" -> 204"#,
    r#"retrieve /entries/crew/importable -> "explicit""#,
    "retrieve /entries/crew/namespaces -> 404 policies:entry.notfound",
    r#"modify /entries/crew/namespaces ["a"] -> 204"#,
    r#"retrieve /entries/crew/namespaces -> ["a"]"#,
    r#"modify /entries/crew/allowedAdditions ["subjects"] -> 204"#,
    r#"retrieve /entries/crew/allowedAdditions -> ["subjects"]"#,
    "delete /entries/crew/allowedAdditions -> 204",
    "modify /entries/user ENTRY -> 201",
    r#"modify /entries/user/references [{"entry":"crew"}] -> 201"#,
    r#"retrieve /entries/user/references -> [{"entry":"crew"}]"#,
    "delete /entries/crew -> 409 policies:entry.referenceconflict",
    "delete /entries/user/references -> 204",
];

const IMPORTS: [&str; 14] = [
    "retrieve /imports -> {}",
    r#"modify /imports {"a:roles":{}} -> 204"#,
    "delete /imports -> 204",
    "modify /imports/a:roles {} -> 201",
    "modify /imports/a:roles {} -> 204",
    "retrieve /imports/a:roles -> {}",
    r#"modify /imports/a:roles/entries ["role"] -> 204"#,
    r#"retrieve /imports/a:roles/entries -> ["role"]"#,
    r#"modify /imports/a:roles/transitiveImports ["a:x"] -> 204"#,
    r#"retrieve /imports/a:roles/transitiveImports -> ["a:x"]"#,
    "delete /imports/a:roles -> 204",
    "delete /imports/a:roles -> 404 policies:import.notfound",
    "modify /imports/a:p {} -> 400 policies:import.invalid",
    "modify /imports/a:none {} -> 404 policies:policy.notfound",
];

const REFUSALS: [&str; 14] = [
    "modify /entries/imported-x ENTRY -> 400 policies:label.invalid",
    r#"modify /entries/crew/subjects/nocolon {"type":"x"} -> 400 policies:subjectid.invalid"#,
    r#"modify /entries/crew/importable "sometimes" -> 400 policies:entry.invalid"#,
    "modify / [] -> 400 json.invalid",
    "modify /entries/crew -> 400 json.field.missing",
    "create /entries/crew {} -> 400 protocoladapter:unknown.path",
    "modify /nothing {} -> 400 protocoladapter:unknown.path",
    "retrieve /entries/crew/nothing -> 400 protocoladapter:unknown.path",
    "merge / {} -> 400 protocoladapter:unknown.command",
    r#"modify / {"entries":{}} -> 403 policies:policy.modificationinvalid"#,
    "delete /entries/owner -> 403 policies:entry.modificationinvalid",
    "delete / -> 204",
    "retrieve / -> 404 policies:policy.notfound",
    "modify / POLICY -> 201",
];

const OF_A_STRANGER: [&str; 18] = [
    "create / POLICY -> 409 policies:policy.conflict",
    "modify / POLICY -> 403 policies:policy.notmodifiable",
    "delete / -> 403 policies:policy.notmodifiable",
    "modify /entries ENTRIES -> 403 policies:policy.notmodifiable",
    "modify /entries/mine ENTRY -> 403 policies:entry.notmodifiable",
    "delete /entries/crew -> 403 policies:entry.notmodifiable",
    r#"modify /entries/crew/subjects/nginx:eve {"type":"x"} -> 403 policies:subject.notmodifiable"#,
    r#"modify /entries/crew/subjects {"nginx:eve":{"type":"x"}} -> 403 policies:subjects.notmodifiable"#,
    "modify /entries/crew/resources {} -> 403 policies:resources.notmodifiable",
    "delete /entries/crew/resources/thing:/ -> 403 policies:resource.notmodifiable",
    r#"modify /entries/crew/importable "never" -> 403 policies:entry.notmodifiable"#,
    "delete /entries/crew/references -> 403 policies:entry.notmodifiable",
    "modify /imports {} -> 403 policies:imports.notmodifiable",
    "delete /imports -> 403 policies:imports.notmodifiable",
    "retrieve / -> 404 policies:policy.notfound",
    "retrieve /entries/crew -> 404 policies:entry.notfound",
    "retrieve /entries/crew/subjects/nginx:bob -> 404 policies:subject.notfound",
    "retrieve /imports -> 404 policies:imports.notfound",
];

async fn socket(gateway: &TestGateway, subject: &str) -> Socket {
    let socket = gateway.as_subject(subject).web_socket().await;
    socket.expect("a WebSocket")
}

fn envelope(action: &str, path: &str, value: &Value) -> Value {
    let topic = format!("a/p/policies/commands/{action}");
    let mut envelope = json!({ "topic": topic, "headers": {}, "path": path });
    if !value.is_null() {
        envelope["value"] = value.clone();
    }
    envelope
}

/// Sends a row, and checks what comes back.
async fn check(socket: &mut Socket, row: &str) {
    let (command, expected) = row.split_once(" -> ").expect("an arrow");
    let mut words = command.splitn(3, ' ');
    let (action, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let answer = socket
        .command("c-1", envelope(action, path, &value(words.next())))
        .await;
    if expected.starts_with('4') {
        let told = format!("{} {}", answer["status"], answer["value"]["error"]);
        assert_eq!(told.replace('"', ""), expected, "{row}: {answer}");
        assert_eq!(
            (&answer["topic"], &answer["path"]),
            (&json!("a/p/policies/errors"), &json!("/")),
            "{row}"
        );
        return;
    }
    let topic = format!("a/p/policies/commands/{action}");
    assert_eq!(
        (&answer["topic"], &answer["path"]),
        (&json!(topic), &json!(path)),
        "{row}"
    );
    match serde_json::from_str(expected) {
        Ok(Value::Number(status)) => {
            assert_eq!(answer["status"], Value::Number(status), "{row}: {answer}")
        }
        Ok(value) => assert_eq!(
            (&answer["status"], &answer["value"]),
            (&json!(200), &value),
            "{row}"
        ),
        Err(error) => panic!("{error} in {row}"),
    }
}

/// The JSON in a row, or what its capitals stand for.
fn value(text: Option<&str>) -> Value {
    let policy: Value = serde_json::from_str(POLICY).expect("JSON");
    match text {
        None => Value::Null,
        Some("POLICY") => policy,
        Some("ENTRIES") => policy["entries"].clone(),
        Some("ENTRY") => serde_json::from_str(ENTRY).expect("JSON"),
        Some(json) => serde_json::from_str(json).expect("JSON"),
    }
}

#[tokio::test]
async fn every_command_has_its_frame() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    let roles = policy(json!({ "role": entry(&[], "+R thing:/") }), json!({}));
    alice
        .put("/api/2/policies/a:roles", &roles)
        .await
        .expect(201);
    let mut socket = socket(&gateway, "nginx:alice").await;
    let rows = [
        &WHOLE_AND_ENTRIES[..],
        &PARTS_OF_AN_ENTRY,
        &IMPORTS,
        &REFUSALS,
    ];
    for row in rows.concat() {
        check(&mut socket, row).await;
    }
}

/// What the policy does not grant is refused as over HTTP, whatever the frame asks for, and nothing changes.
#[tokio::test]
async fn frames_of_strangers_are_refused() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    alice
        .put("/api/2/policies/a:p", &value(Some("POLICY")))
        .await
        .expect(201);
    let mut bob = socket(&gateway, "nginx:bob").await;
    for row in OF_A_STRANGER {
        check(&mut bob, row).await;
    }
    let revision = alice
        .get("/api/2/policies/a:p?fields=_revision")
        .await
        .expect(200);
    assert_eq!(revision.json(), json!({ "_revision": 1 }));
}
