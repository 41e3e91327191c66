//! Enforcement as callers meet it: what a policy says about things, features, messages and about itself.

use serde_json::{Value, json};

use super::{Talk, entry, policy};

#[tokio::test]
async fn policies_decide_about_things_and_about_themselves() {
    let talk = Talk::start().await;
    on_things(&talk).await;
    on_themselves(&talk).await;
    of_several_subjects(&talk).await;
}

fn thing() -> Value {
    json!({
        "policyId": "a:t",
        "attributes": { "public": 1, "secret": { "pin": 2 } },
        "features": {
            "lamp": { "properties": { "on": true, "watts": 4 } },
            "door": { "properties": { "open": false } },
        },
    })
}

async fn on_things(talk: &Talk) {
    let entries = json!({
        "all but": entry(&["bob"], "+RW thing:/, -RW thing:/attributes/secret"),
        "lamp": entry(&["carol"], "+R thing:/features/lamp, +W thing:/features/lamp/properties/on"),
        "writer": entry(&["dave"], "+W thing:/"),
        "inbox": entry(&["erin"], "+W message:/features/lamp/inbox"),
    });
    talk.put("alice a:t", policy(entries, json!({})), "201")
        .await;
    talk.put("alice /things/a:t", thing(), "201").await;
    let mut seen = thing();
    seen["thingId"] = json!("a:t");
    seen["attributes"] = json!({ "public": 1 });
    talk.reads("bob /things/a:t", seen).await;
    let lamp = json!({ "lamp": { "properties": { "on": true, "watts": 4 } } });
    let seen = json!({ "thingId": "a:t", "features": lamp });
    let read = talk
        .read("carol /things/a:t?fields=thingId,features,attributes")
        .await;
    assert_eq!(read, seen);
    for (request, code) in [
        (
            "bob /things/a:t/attributes/secret",
            "404 things:attribute.notfound",
        ),
        (
            "bob /things/a:t/attributes/secret/pin",
            "404 things:attribute.notfound",
        ),
        (
            "carol /things/a:t/attributes",
            "404 things:attributes.notfound",
        ),
        (
            "carol /things/a:t/features/door",
            "404 things:feature.notfound",
        ),
        ("dave /things/a:t", "404 things:thing.notfound"),
        ("erin /things/a:t", "404 things:thing.notfound"),
        ("mallory /things/a:t", "404 things:thing.notfound"),
    ] {
        talk.get(request, code).await;
    }
    writes(talk).await;
}

async fn writes(talk: &Talk) {
    for (request, body, expected) in [
        ("bob /things/a:t/attributes/public", json!(2), "204"),
        (
            "bob /things/a:t/attributes/secret",
            json!(2),
            "403 things:attribute.notmodifiable",
        ),
        // What is revoked below protects what is above.
        (
            "bob /things/a:t/attributes",
            json!({}),
            "403 things:attributes.notmodifiable",
        ),
        ("bob /things/a:t", thing(), "403 things:thing.notmodifiable"),
        (
            "carol /things/a:t/features/lamp/properties/on",
            json!(false),
            "204",
        ),
        (
            "carol /things/a:t/features/lamp/properties/watts",
            json!(5),
            "403 things:feature.property.notmodifiable",
        ),
        ("dave /things/a:t/attributes/public", json!(3), "204"),
        (
            "erin /things/a:t/attributes/public",
            json!(3),
            "403 things:attribute.notmodifiable",
        ),
    ] {
        talk.put(request, body, expected).await;
    }
    for (request, expected) in [
        (
            "erin /things/a:t/features/lamp/inbox/messages/toggle?timeout=0",
            "202",
        ),
        (
            "erin /things/a:t/features/lamp/outbox/messages/toggle?timeout=0",
            "403 messages:send.notallowed",
        ),
        (
            "erin /things/a:t/inbox/messages/toggle?timeout=0",
            "403 messages:send.notallowed",
        ),
        (
            "bob /things/a:t/inbox/messages/toggle?timeout=0",
            "403 messages:send.notallowed",
        ),
    ] {
        talk.post(request, json!({}), expected).await;
    }
}

async fn on_themselves(talk: &Talk) {
    let entries = json!({
        "most": entry(&["bob"], "+RW policy:/, -W policy:/entries/owner"),
        "guest": entry(&["carol"], "+RW policy:/entries/guest"),
        "blind": entry(&["dave"], "+W policy:/entries/guest"),
        "reader": entry(&["erin"], "+R policy:/, -R policy:/entries/guest/resources/thing:/features"),
    });
    let mut whole = policy(entries, json!({}));
    whole["entries"]["guest"]["resources"]["thing:/features"] =
        json!({ "grant": ["READ"], "revoke": [] });
    talk.put("alice a:self", whole.clone(), "201").await;
    let subject = json!({ "type": "x" });
    for (request, body, expected) in [
        (
            "bob a:self",
            whole.clone(),
            "403 policies:policy.notmodifiable",
        ),
        (
            "bob a:self/entries",
            whole["entries"].clone(),
            "403 policies:policy.notmodifiable",
        ),
        (
            "bob a:self/entries/owner",
            whole["entries"]["owner"].clone(),
            "403 policies:entry.notmodifiable",
        ),
        (
            "bob a:self/entries/owner/subjects/x:y",
            subject.clone(),
            "403 policies:subject.notmodifiable",
        ),
        ("bob a:self/entries/new", entry(&["x"], ""), "201"),
        ("bob a:self/imports", json!({}), "204"),
        (
            "carol a:self/entries/guest/subjects/x:y",
            subject.clone(),
            "201",
        ),
        (
            "carol a:self/entries/new",
            entry(&["x"], ""),
            "403 policies:entry.notmodifiable",
        ),
        ("dave a:self/entries/guest/subjects/x:y", subject, "204"),
    ] {
        talk.put(request, body, expected).await;
    }
    seen_of_themselves(talk).await;
}

async fn seen_of_themselves(talk: &Talk) {
    let seen = talk.read("carol a:self").await;
    let members: Vec<_> = seen
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(members, ["policyId", "entries"], "{seen}");
    let labels = seen["entries"].as_object().map(serde_json::Map::len);
    assert_eq!(
        (labels, seen["entries"].get("guest").is_some()),
        (Some(1), true),
        "{seen}"
    );
    talk.get("dave a:self", "404 policies:policy.notfound")
        .await;
    talk.get("dave a:self/entries/guest", "404 policies:entry.notfound")
        .await;
    let hidden = "erin a:self/entries/guest/resources/thing:/features";
    talk.get(hidden, "404 policies:resource.notfound").await;
    let whole = talk.read("erin a:self").await;
    assert_eq!(
        whole["entries"]["guest"]["resources"].get("thing:/features"),
        None,
        "{whole}"
    );
    talk.delete("carol a:self", "403 policies:policy.notmodifiable")
        .await;
    talk.delete("bob a:self", "403 policies:policy.notmodifiable")
        .await;
}

/// All subjects of a caller count together: the nearest rule decides, and revoking wins where two are as near.
async fn of_several_subjects(talk: &Talk) {
    let entries = json!({
        "users": entry(&["user"], "+R thing:/"),
        "guests": entry(&["guest"], "-R thing:/attributes/secret"),
    });
    talk.put("alice a:t", policy(entries, json!({})), "204")
        .await;
    let reads = |talk_as: &str| talk.gateway.as_subject(talk_as);
    let both = reads("nginx:user,nginx:guest")
        .get("/api/2/things/a:t/attributes")
        .await
        .expect(200);
    assert_eq!(both.json().get("secret"), None, "{}", both.body);
    let one = reads("nginx:user")
        .get("/api/2/things/a:t/attributes")
        .await
        .expect(200);
    assert!(one.json().get("secret").is_some(), "{}", one.body);
}
