//! Policies as documents: their life, their limits, what conditions and views do.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Talk, entry, owner, policy, with};

#[tokio::test]
async fn policies_are_documents() {
    let talk = Talk::start().await;
    life(&talk).await;
    sizes(&talk).await;
    placeholders(&talk).await;
    lockout(&talk).await;
    conditions(&talk).await;
    views(&talk).await;
    methods(&talk).await;
}

async fn life(talk: &Talk) {
    let created = talk
        .post("alice /policies", policy(json!({}), json!({})), "201")
        .await;
    let id = created.json()["policyId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(id.starts_with("org.eclipse.ditto:"), "{id}");
    talk.reads(&format!("alice {id}/imports"), json!({})).await;
    let named = with(policy(json!({}), json!({})), json!({ "policyId": "a:p" }));
    talk.post(
        "alice /policies",
        named.clone(),
        "400 policies:id.notsettable",
    )
    .await;
    talk.put(
        "alice a:other",
        named.clone(),
        "400 policies:id.notsettable",
    )
    .await;
    talk.put("alice a:p", named.clone(), "201").await;
    talk.put("alice a:p/", named, "204").await;
    let special = talk
        .read("alice a:p?fields=policyId,_revision,_namespace,__lifecycle")
        .await;
    let expected = json!({
        "policyId": "a:p", "_revision": 2, "_namespace": "a", "__lifecycle": "ACTIVE"
    });
    assert_eq!(special, expected);
    talk.delete("bob a:p", "403 policies:policy.notmodifiable")
        .await;
    talk.delete("alice a:p", "204").await;
    talk.delete("alice a:p", "404 policies:policy.notfound")
        .await;
    talk.get("alice a:p/entries", "404 policies:policy.notfound")
        .await;
}

/// What is larger than allowed is refused as a whole and as a part, also if only the sum is too large.
async fn sizes(talk: &Talk) {
    let large = |bytes: usize| json!({ "type": "x".repeat(bytes) });
    let subjects = |bytes| json!({ "nginx:big": large(bytes) });
    let big = json!({ "subjects": subjects(110_000), "resources": {} });
    talk.put("alice a:size", policy(json!({}), json!({})), "201")
        .await;
    let whole = policy(json!({ "big": big }), json!({}));
    for (path, body) in [
        ("a:size", whole.clone()),
        ("a:larger", whole.clone()),
        ("a:size/entries", whole["entries"].clone()),
        ("a:size/entries/big", big.clone()),
        ("a:size/entries/owner/subjects", subjects(110_000)),
        ("a:size/entries/owner/subjects/nginx:big", large(110_000)),
    ] {
        let request = format!("alice {path}");
        talk.put(&request, body, "413 policies:policy.toolarge")
            .await;
    }
    let half = json!({ "subjects": subjects(60_000), "resources": {} });
    talk.put("alice a:size/entries/one", half.clone(), "201")
        .await;
    let request = "alice a:size/entries/two";
    talk.put(request, half, "413 policies:policy.toolarge")
        .await;
    talk.get("alice a:larger", "404 policies:policy.notfound")
        .await;
}

async fn placeholders(talk: &Talk) {
    let mut own = policy(json!({}), json!({}));
    own["entries"]["owner"]["subjects"] = json!({ "{{ request:subjectId }}": { "type": "me" } });
    talk.put("kim a:own", own, "201").await;
    talk.reads(
        "kim a:own/entries/owner/subjects",
        json!({ "nginx:kim": { "type": "me" } }),
    )
    .await;
    let legacy = "kim a:own/entries/owner/subjects/$%7Brequest.subjectId%7D";
    talk.put(legacy, json!({ "type": "again" }), "204").await;
    let unknown = json!({ "{{ request:unknown }}": { "type": "x" } });
    let invalid = "400 placeholder:placeholder.notresolvable";
    let with_unknown = json!({ "subjects": unknown, "resources": {} });
    let whole = policy(json!({ "x": with_unknown }), json!({}));
    talk.put("kim a:own/entries/x", with_unknown, invalid).await;
    talk.put("kim a:own/entries/owner/subjects", unknown, invalid)
        .await;
    talk.put("kim a:own/entries", whole["entries"].clone(), invalid)
        .await;
    talk.put("kim a:own", whole.clone(), invalid).await;
    talk.post("kim /policies", whole, invalid).await;
}

/// Neither on purpose nor by the way can the last one who may WRITE the policy go.
async fn lockout(talk: &Talk) {
    let crew = entry(&["bob"], "+R policy:/, +RW thing:/");
    let start = policy(json!({ "crew": crew }), json!({}));
    talk.put("alice a:lock", start, "201").await;
    let of_entry = "403 policies:entry.modificationinvalid";
    let whole = "403 policies:policy.modificationinvalid";
    talk.delete("alice a:lock/entries/owner", of_entry).await;
    talk.delete("alice a:lock/entries/owner/subjects/nginx:alice", of_entry)
        .await;
    talk.delete("alice a:lock/entries/owner/resources/policy:/", of_entry)
        .await;
    let at = "alice a:lock/entries/owner";
    talk.put(at, entry(&["alice"], "+R policy:/"), of_entry)
        .await;
    talk.put(&format!("{at}/subjects"), json!({}), of_entry)
        .await;
    talk.put(&format!("{at}/resources"), json!({}), of_entry)
        .await;
    let passing = json!({ "type": "x", "expiry": "2999-01-01T00:00:00Z" });
    talk.put(&format!("{at}/subjects/nginx:alice"), passing, of_entry)
        .await;
    let revoking = entry(&["alice"], "-W policy:/");
    talk.put("alice a:lock/entries/no", revoking, of_entry)
        .await;
    let without = json!({ "crew": crew_of("bob") });
    talk.put("alice a:lock/entries", without.clone(), whole)
        .await;
    talk.put("alice a:lock", json!({ "entries": without }), whole)
        .await;
    talk.put(
        "bob a:nobody",
        json!({ "entries": {} }),
        "403 policies:policy.notcreatable",
    )
    .await;
    let leave = "bob a:nobody?allow-policy-lockout=true";
    talk.put(leave, json!({ "entries": {} }), whole).await;
    talk.put(leave, policy(json!({}), json!({})), "201").await;
    talk.reads("alice a:lock?fields=_revision", json!({ "_revision": 1 }))
        .await;
}

fn crew_of(who: &str) -> Value {
    entry(&[who], "+RW thing:/")
}

async fn conditions(talk: &Talk) {
    talk.put(
        "alice a:tag",
        policy(json!({ "crew": crew_of("bob") }), json!({})),
        "201",
    )
    .await;
    let alice = talk.gateway.as_subject("nginx:alice");
    let path = |part: &str| format!("/api/2/policies/a:tag{part}");
    for part in [
        "",
        "/entries",
        "/entries/crew",
        "/entries/crew/subjects",
        "/imports",
    ] {
        let read = alice.get(&path(part)).await.expect(200);
        let tag = read.header("etag").to_owned();
        let kind = if part.is_empty() { "\"rev:" } else { "\"hash:" };
        assert!(tag.starts_with(kind), "{part}: {tag}");
        let unchanged = alice
            .with("if-none-match", &tag)
            .get(&path(part))
            .await
            .expect(304);
        assert_eq!(
            (unchanged.body.as_str(), unchanged.header("etag")),
            ("", &*tag)
        );
        let failed = "policies:precondition.failed";
        let body = read.json();
        let stale = alice
            .with("if-match", "\"rev:77\"")
            .put(&path(part), &body)
            .await;
        stale.expect_error(412, failed);
        let exists = alice
            .with("if-none-match", "*")
            .put(&path(part), &body)
            .await;
        exists.expect_error(412, failed);
        alice
            .with("if-match", &tag)
            .put(&path(part), &body)
            .await
            .expect(204);
        let equal = alice.with("if-equal", "skip").put(&path(part), &body).await;
        equal.expect_error(412, failed);
    }
    let missing = alice
        .with("if-match", "*")
        .put(&path("/entries/new"), &crew_of("bob"))
        .await;
    missing.expect_error(412, "policies:precondition.failed");
    let new = alice
        .with("if-none-match", "*")
        .put(&path("/entries/new"), &crew_of("bob"))
        .await;
    new.expect(201);
}

async fn views(talk: &Talk) {
    talk.put("alice a:view", policy(json!({}), json!({})), "201")
        .await;
    let alice = talk.gateway.as_subject("nginx:alice");
    let path = "/api/2/policies/a:view?policy-view=";
    for (view, has_tag) in [
        ("original", true),
        ("", true),
        ("Resolved", false),
        ("RESOLVED", false),
    ] {
        let read = alice
            .with("if-none-match", "\"rev:9\"")
            .get(&format!("{path}{view}"))
            .await;
        assert_eq!(
            read.expect(200).headers.contains_key("etag"),
            has_tag,
            "{view}"
        );
    }
    let matching = alice.with("if-none-match", "\"rev:1\"");
    matching.get(&format!("{path}original")).await.expect(304);
    matching.get(&format!("{path}resolved")).await.expect(200);
    let by_header = matching
        .with("policy-view", "resolved")
        .get("/api/2/policies/a:view")
        .await;
    by_header.expect(200);
    talk.get(
        "alice a:view?policy-view=effective",
        "400 policies:view.invalid",
    )
    .await;
}

async fn methods(talk: &Talk) {
    let alice = talk.gateway.as_subject("nginx:alice");
    let not_allowed = "gateway:method.notallowed";
    for (method, path) in [
        (Method::GET, "/api/2/policies"),
        (Method::PATCH, "/api/2/policies/a:view"),
        (Method::POST, "/api/2/policies/a:view"),
        (Method::DELETE, "/api/2/policies/a:view/entries"),
        (
            Method::DELETE,
            "/api/2/policies/a:view/entries/owner/subjects",
        ),
        (
            Method::DELETE,
            "/api/2/policies/a:view/entries/owner/importable",
        ),
        (
            Method::DELETE,
            "/api/2/policies/a:view/entries/owner/namespaces",
        ),
    ] {
        let answer = alice
            .send(method, path, &[], Some(json!({}).to_string()))
            .await;
        answer.expect_error(405, not_allowed);
    }
    let text = [("content-type", "text/plain")];
    let body = Some(policy(json!({ "x": owner() }), json!({})).to_string());
    let refused = alice
        .send(Method::PUT, "/api/2/policies/a:view", &text, body)
        .await;
    refused.expect_error(415, "mediatype.unsupported");
    let quiet = "alice a:view/entries/quiet?response-required=false";
    let accepted = talk.put(quiet, crew_of("bob"), "202").await;
    assert_eq!(accepted.body, "");
}
