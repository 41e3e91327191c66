//! Policies over HTTP: their life, their parts, and that they decide at once.

mod announcements;
mod catalogue;
mod codes;
mod creation;
mod expiry;
mod fence;
mod frames;
mod history;
mod hostile;
mod open_streams;
mod peer;
mod walkthrough;

use reqwest::Method;
use serde_json::{Value, json};
use tests::TestGateway;

use crate::given::{given_lamp, owned_by, reader};

const POLICY: &str = "/api/2/policies/org.acme:p";

#[tokio::test]
async fn a_policy_lives_from_put_to_delete() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");

    let created = alice
        .put(POLICY, &owned_by("nginx:alice"))
        .await
        .expect(201);
    assert_eq!(created.header("etag"), "\"rev:1\"");
    assert!(
        created.header("location").ends_with(POLICY),
        "{:?}",
        created.headers
    );
    assert_eq!(created.json()["policyId"], "org.acme:p");

    let modified = alice
        .put(POLICY, &owned_by("nginx:alice"))
        .await
        .expect(204);
    assert_eq!(modified.header("etag"), "\"rev:2\"");
    let read = alice.get(POLICY).await.expect(200);
    assert_eq!(read.header("etag"), "\"rev:2\"");
    assert_eq!(read.json()["imports"], json!({}));
    assert_eq!(read.json()["entries"]["owner"]["importable"], "implicit");

    alice.delete(POLICY).await.expect(204);
    alice
        .get(POLICY)
        .await
        .expect_error(404, "policies:policy.notfound");
    alice
        .put(POLICY, &owned_by("nginx:alice"))
        .await
        .expect(201);
    let revision = alice
        .get(&format!("{POLICY}?fields=_revision"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        revision,
        json!({ "_revision": 4 }),
        "a recreated policy continues its count"
    );
}

#[tokio::test]
async fn a_policy_without_an_id_gets_one() {
    let gateway = TestGateway::start().await;
    let created = gateway
        .as_subject("nginx:alice")
        .post("/api/2/policies", &owned_by("nginx:alice"))
        .await
        .expect(201);
    let policy_id = created.json()["policyId"]
        .as_str()
        .map(str::to_owned)
        .unwrap_or_default();
    assert!(policy_id.starts_with("org.eclipse.ditto:"), "{policy_id}");
    assert!(
        created
            .header("location")
            .ends_with(&format!("/api/2/policies/{policy_id}")),
        "{:?}",
        created.headers
    );
}

#[tokio::test]
async fn every_part_of_a_policy_can_be_written() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    alice
        .put(POLICY, &owned_by("nginx:alice"))
        .await
        .expect(201);
    let parts = [
        (
            "entries/crew",
            reader("nginx:bob", "thing:/attributes"),
            201,
        ),
        ("entries/crew", reader("nginx:bob", "thing:/features"), 204),
        (
            "entries/crew/subjects/nginx:carol",
            json!({ "type": "x" }),
            201,
        ),
        (
            "entries/crew/subjects/nginx:carol",
            json!({ "type": "y" }),
            204,
        ),
        (
            "entries/crew/subjects",
            json!({ "nginx:dave": { "type": "x" } }),
            204,
        ),
        (
            "entries/crew/resources/thing:/features/lamp",
            json!({ "grant": ["READ"], "revoke": [] }),
            201,
        ),
        (
            "entries/crew/resources/thing:/features/lamp",
            json!({ "grant": [], "revoke": ["READ"] }),
            204,
        ),
        ("entries/crew/importable", json!("never"), 204),
        ("imports", json!({}), 204),
    ];
    for (path, value, status) in parts {
        let path = format!("{POLICY}/{path}");
        let written = alice.put(&path, &value).await;
        assert_eq!(written.status, status, "{path}: {}", written.body);
        assert_eq!(
            alice.get(&path).await.expect(200).json(),
            value_as_read(&path, value),
            "{path}"
        );
    }
    alice
        .delete(&format!(
            "{POLICY}/entries/crew/resources/thing:/features/lamp"
        ))
        .await
        .expect(204);
    alice
        .delete(&format!("{POLICY}/entries/crew/subjects/nginx:dave"))
        .await
        .expect(204);
    alice
        .delete(&format!("{POLICY}/entries/crew"))
        .await
        .expect(204);
    alice
        .get(&format!("{POLICY}/entries/crew"))
        .await
        .expect_error(404, "policies:entry.notfound");
}

/// An entry is read with the member that says who may import it.
fn value_as_read(path: &str, mut value: Value) -> Value {
    if path.ends_with("/entries/crew") {
        value["importable"] = json!("implicit");
    }
    value
}

#[tokio::test]
async fn nobody_locks_himself_out() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    alice
        .put(POLICY, &owned_by("nginx:bob"))
        .await
        .expect_error(403, "policies:policy.notcreatable");
    alice
        .put(POLICY, &owned_by("nginx:alice"))
        .await
        .expect(201);
    let nobody = json!({ "entries": { "crew": reader("nginx:bob", "thing:/") } });
    alice
        .put(POLICY, &nobody)
        .await
        .expect_error(403, "policies:policy.modificationinvalid");
    let entry = format!("{POLICY}/entries/owner");
    alice
        .delete(&entry)
        .await
        .expect_error(403, "policies:entry.modificationinvalid");
    alice
        .delete(&format!("{entry}/subjects/nginx:alice"))
        .await
        .expect(403);
    alice
        .delete(&format!("{entry}/resources/policy:/"))
        .await
        .expect(403);
    assert_eq!(
        alice.get(POLICY).await.expect(200).header("etag"),
        "\"rev:1\"",
        "nothing was written"
    );
}

/// What is written below [`POLICY`], the body, and the refusal.
const NONSENSE: [(&str, &str, &str); 10] = [
    (
        "",
        r#"{"policyId":"org.acme:other","entries":{}}"#,
        "400 policies:id.notsettable",
    ),
    (
        "/entries/imported-x",
        r#"{"subjects":{},"resources":{}}"#,
        "400 policies:label.invalid",
    ),
    (
        "/entries/x/importable",
        r#""sometimes""#,
        "400 policies:entry.invalid",
    ),
    (
        "/entries/owner/importable",
        r#""sometimes""#,
        "400 policies:entry.invalid",
    ),
    (
        "/entries/owner/subjects/nocolon",
        r#"{"type":"x"}"#,
        "400 policies:subjectid.invalid",
    ),
    (
        "/entries/owner/subjects/a:b",
        "{}",
        "400 json.field.missing",
    ),
    (
        "/entries/owner/subjects/a:b",
        r#"{"type":"x","expiry":"soon"}"#,
        "400 policies:subjectexpiry.invalid",
    ),
    (
        "/entries/owner/subjects/a:b",
        r#"{"type":"x","expiry":"2001-01-01T00:00:00Z"}"#,
        "400 policies:subjectexpiry.invalid",
    ),
    ("/imports/org.acme:p", "{}", "400 policies:import.invalid"),
    (
        "/imports/org.acme:missing",
        "{}",
        "404 policies:policy.notfound",
    ),
];

#[tokio::test]
async fn nonsense_is_refused_with_its_code() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    alice
        .put(POLICY, &owned_by("nginx:alice"))
        .await
        .expect(201);
    let json = [("content-type", "application/json")];
    for (path, body, expected) in NONSENSE {
        let answer = alice
            .send(
                Method::PUT,
                &format!("{POLICY}{path}"),
                &json,
                Some(body.to_owned()),
            )
            .await;
        assert_eq!(
            answer.status_and_code(),
            expected,
            "{path} {body}: {}",
            answer.body
        );
    }
    let no_id = alice
        .put("/api/2/policies/no-colon", &owned_by("nginx:alice"))
        .await;
    no_id.expect_error(400, "policies:id.invalid");
    let cut_off = alice
        .send(Method::PUT, POLICY, &json, Some("{".to_owned()))
        .await;
    cut_off.expect_error(400, "json.invalid");
    let text = [("content-type", "text/plain")];
    let body = Some(owned_by("nginx:alice").to_string());
    alice
        .send(Method::PUT, POLICY, &text, body)
        .await
        .expect_error(415, "mediatype.unsupported");
    assert_eq!(
        alice.get(POLICY).await.expect(200).header("etag"),
        "\"rev:1\"",
        "nothing was written"
    );
}

#[tokio::test]
async fn preconditions_guard_a_policy() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    alice
        .put(POLICY, &owned_by("nginx:alice"))
        .await
        .expect(201);
    let stale = alice
        .with("if-match", "\"rev:7\"")
        .put(POLICY, &owned_by("nginx:alice"))
        .await;
    stale.expect_error(412, "policies:precondition.failed");
    let unchanged = alice
        .with("if-none-match", "\"rev:1\"")
        .get(POLICY)
        .await
        .expect(304);
    assert_eq!(
        (unchanged.body.as_str(), unchanged.header("etag")),
        ("", "\"rev:1\"")
    );
    alice
        .with("if-match", "\"rev:1\"")
        .put(POLICY, &owned_by("nginx:alice"))
        .await
        .expect(204);
}

#[tokio::test]
async fn a_change_of_policy_takes_effect_on_the_next_request() {
    let gateway = TestGateway::start().await;
    let (alice, bob) = (
        gateway.as_subject("nginx:alice"),
        gateway.as_subject("nginx:bob"),
    );
    given_lamp(&alice, "org.acme:lamp").await;
    let guest = "/api/2/policies/org.acme:lamp/entries/guest";
    for _ in 0..20 {
        bob.get("/api/2/things/org.acme:lamp")
            .await
            .expect_error(404, "things:thing.notfound");
        alice
            .put(guest, &reader("nginx:bob", "thing:/"))
            .await
            .expect(201);
        bob.get("/api/2/things/org.acme:lamp").await.expect(200);
        alice.delete(guest).await.expect(204);
    }
}

#[tokio::test]
async fn an_import_takes_effect_and_follows_its_source() {
    let gateway = TestGateway::start().await;
    let (alice, bob) = (
        gateway.as_subject("nginx:alice"),
        gateway.as_subject("nginx:bob"),
    );
    given_lamp(&alice, "org.acme:lamp").await;
    let mut roles = owned_by("nginx:alice");
    roles["entries"]["owner"]["importable"] = json!("never");
    roles["entries"]["guest"] = reader("nginx:bob", "thing:/attributes");
    alice
        .put("/api/2/policies/org.acme:roles", &roles)
        .await
        .expect(201);

    alice
        .put(
            "/api/2/policies/org.acme:lamp/imports/org.acme:roles",
            &json!({}),
        )
        .await
        .expect(201);
    let seen = bob
        .get("/api/2/things/org.acme:lamp")
        .await
        .expect(200)
        .json();
    assert_eq!(
        seen,
        json!({ "thingId": "org.acme:lamp", "attributes": { "site": { "hall": 3 }, "serial": "A-1" } })
    );

    alice
        .delete("/api/2/policies/org.acme:roles/entries/guest")
        .await
        .expect(204);
    bob.get("/api/2/things/org.acme:lamp")
        .await
        .expect_error(404, "things:thing.notfound");
}
