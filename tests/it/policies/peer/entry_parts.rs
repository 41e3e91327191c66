//! The small members of an entry: who may import it, what may be added to it, where it counts.

use serde_json::{Value, json};

use super::{Talk, entry, policy};

#[tokio::test]
async fn who_may_import_an_entry_and_what_may_be_added() {
    let talk = Talk::start().await;
    talk.put(
        "alice a:p",
        policy(json!({ "x": entry(&["bob"], "+R thing:/") }), json!({})),
        "201",
    )
    .await;
    importable(&talk).await;
    additions(&talk).await;
    denied(&talk).await;
}

async fn importable(talk: &Talk) {
    let path = "alice a:p/entries/x/importable";
    talk.reads(path, json!("implicit")).await;
    for value in ["explicit", "never", "implicit"] {
        talk.put(path, json!(value), "204").await;
        talk.reads(path, json!(value)).await;
        let entry = talk.read("alice a:p/entries/x").await;
        assert_eq!(entry["importable"], value);
    }
    for value in [json!("sometimes"), json!("Never"), json!("")] {
        talk.put(path, value, "400 policies:entry.invalid").await;
    }
    let unquoted = [("content-type", "application/json")];
    let alice = talk.gateway.as_subject("nginx:alice");
    let path = "/api/2/policies/a:p/entries/x/importable";
    let answer = alice
        .send(
            reqwest::Method::PUT,
            path,
            &unquoted,
            Some("never".to_owned()),
        )
        .await;
    answer.expect_error(400, "json.invalid");
    talk.reads("alice a:p/entries/x/importable", json!("implicit"))
        .await;
}

async fn additions(talk: &Talk) {
    let path = "alice a:p/entries/x/allowedAdditions";
    let tag = async || talk.get(path, "200").await.header("etag").to_owned();
    let revision = async || talk.read("alice a:p?fields=_revision").await["_revision"].clone();
    talk.reads(path, json!([])).await;
    let absent = tag().await;
    let before = revision().await;
    talk.delete(path, "204").await;
    assert_eq!(revision().await, before, "what is not there is not deleted");
    talk.put(path, json!([]), "204").await;
    talk.reads(path, json!([])).await;
    let none = tag().await;
    talk.put(path, json!(["subjects", "resources", "subjects"]), "204")
        .await;
    talk.reads(path, json!(["subjects", "resources"])).await;
    let some = tag().await;
    assert!(
        absent != none && none != some && absent != some,
        "{absent} {none} {some}"
    );
    let entry = talk.read("alice a:p/entries/x").await;
    assert_eq!(entry["allowedAdditions"], json!(["subjects", "resources"]));
    talk.delete(path, "204").await;
    assert_eq!(tag().await, absent);
    let entry = talk.read("alice a:p/entries/x").await;
    assert_eq!(entry.get("allowedAdditions"), None);
    for (value, expected) in [
        (json!(["everything"]), "400 policies:entry.invalid"),
        (json!([7]), "400 policies:entry.invalid"),
        (json!({}), "400 json.invalid"),
        (json!("subjects"), "400 json.invalid"),
    ] {
        talk.put(path, value, expected).await;
    }
}

async fn denied(talk: &Talk) {
    let values = [
        ("importable", json!("never")),
        ("allowedAdditions", json!([])),
        ("references", json!([])),
        ("namespaces", json!([])),
    ];
    for (part, value) in values {
        let (of_bob, of_none) = (
            format!("bob a:p/entries/x/{part}"),
            format!("alice a:p/entries/none/{part}"),
        );
        talk.put(&of_bob, value.clone(), "403 policies:entry.notmodifiable")
            .await;
        talk.get(&of_bob, "404 policies:entry.notfound").await;
        talk.put(&of_none, value, "404 policies:entry.notfound")
            .await;
        talk.get(&of_none, "404 policies:entry.notfound").await;
    }
    let additions = "bob a:p/entries/x/allowedAdditions";
    talk.delete(additions, "403 policies:entry.notmodifiable")
        .await;
}

#[tokio::test]
async fn an_entry_counts_in_its_namespaces() {
    let talk = Talk::start().await;
    talk.put(
        "alice acme:p",
        policy(json!({ "x": entry(&["bob"], "+R thing:/") }), json!({})),
        "201",
    )
    .await;
    for id in ["acme:t", "acme.x:t", "acme.x.y:t", "acmex:t"] {
        let thing = json!({ "policyId": "acme:p", "attributes": {} });
        talk.put(&format!("alice /things/{id}"), thing, "201").await;
    }
    let path = "alice acme:p/entries/x/namespaces";
    talk.get(path, "404 policies:entry.notfound").await;
    for (value, seen) in [
        (json!(["acme.*"]), "acme.x:t acme.x.y:t"),
        (json!(["acme"]), "acme:t"),
        (json!(["acme", "acme.x", "acme"]), "acme:t acme.x:t"),
        (json!([]), "acme:t acme.x:t acme.x.y:t acmex:t"),
        (json!(["other"]), ""),
    ] {
        talk.put(path, value.clone(), "204").await;
        assert_eq!(seen_by_bob(&talk).await, seen, "{value}");
    }
    talk.put(path, json!(["acme", "acme.*", "acme"]), "204")
        .await;
    talk.reads(path, json!(["acme", "acme.*"])).await;
    let invalid = "400 policies:entry.invalid";
    for value in ["", "*", "a*", "a.*.b", ".*", "*.a", "acme..x", "acme/*"] {
        talk.put(path, json!([value]), invalid).await;
    }
    talk.put(path, json!([7]), invalid).await;
    talk.put(path, json!({}), "400 json.invalid").await;
    // Who asks what he may is not told of namespaces.
    talk.put(path, json!(["other"]), "204").await;
    let check = json!({ "resource": "thing:/", "entityId": "acme:t", "hasPermissions": ["READ"] });
    let answer = talk
        .post("bob /checkPermissions", json!({ "may": check }), "200")
        .await;
    assert_eq!(answer.json(), json!({ "may": true }));
    talk.get("bob /things/acme:t", "404 things:thing.notfound")
        .await;
}

async fn seen_by_bob(talk: &Talk) -> String {
    let bob = talk.gateway.as_subject("nginx:bob");
    let mut seen = Vec::new();
    for id in ["acme:t", "acme.x:t", "acme.x.y:t", "acmex:t"] {
        let answer = bob.get(&format!("/api/2/things/{id}")).await;
        match answer.status {
            200 => seen.push(id),
            _ => drop(answer.expect_error(404, "things:thing.notfound")),
        }
    }
    seen.join(" ")
}

/// A whole entry brings its small members along, and leaves those out that it does not have.
#[tokio::test]
async fn small_members_come_and_go_with_their_entry() {
    let talk = Talk::start().await;
    let small = json!({
        "namespaces": ["acme"], "allowedAdditions": [], "importable": "explicit",
        "references": [{ "entry": "y" }],
    });
    let x = super::with(entry(&["bob"], ""), small.clone());
    let entries = json!({ "x": x, "y": entry(&[], "") });
    talk.put("alice a:p", policy(entries, json!({})), "201")
        .await;
    let read = talk.read("alice a:p/entries/x").await;
    for (member, value) in small.as_object().into_iter().flatten() {
        assert_eq!(read[member], *value, "{read}");
    }
    talk.put("alice a:p/entries/x", entry(&["bob"], ""), "204")
        .await;
    let read = talk.read("alice a:p/entries/x").await;
    let members: Vec<&str> = read
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _): (&String, &Value)| name.as_str())
        .collect();
    assert_eq!(members, ["subjects", "resources", "importable"]);
}
