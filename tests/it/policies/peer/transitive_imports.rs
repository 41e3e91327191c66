//! Imports of imports: listed at every hop, or not followed.

use serde_json::{Value, json};

use super::{Talk, entry, policy};

fn template() -> Value {
    policy(
        json!({ "reader": entry(&["bob"], "+R thing:/") }),
        json!({}),
    )
}

#[tokio::test]
async fn imports_of_imports_are_followed_where_they_are_listed() {
    let talk = Talk::start().await;
    talk.put("alice a:c", template(), "201").await;
    talk.put("alice a:b", policy(json!({}), json!({ "a:c": {} })), "201")
        .await;
    talk.put("alice a:a", policy(json!({}), json!({ "a:b": {} })), "201")
        .await;
    let thing = json!({ "policyId": "a:a", "attributes": { "n": 1 } });
    talk.put("alice /things/a:a", thing, "201").await;
    the_list(&talk).await;
    effects(&talk).await;
    longer_chains(&talk).await;
}

async fn the_list(talk: &Talk) {
    let list = "alice a:a/imports/a:b/transitiveImports";
    talk.reads(list, json!([])).await;
    talk.reads("alice a:a/imports/a:b", json!({})).await;
    for (body, expected) in [
        (json!(["a:a"]), "400 policies:import.invalid"),
        (json!([7]), "400 policies:import.invalid"),
        (json!(["nocolon"]), "400 policies:id.invalid"),
        (json!({}), "400 json.invalid"),
    ] {
        talk.put(list, body, expected).await;
    }
    let import = json!({ "transitiveImports": ["a:a"] });
    talk.put(
        "alice a:a/imports/a:b",
        import.clone(),
        "400 policies:import.invalid",
    )
    .await;
    let whole = policy(json!({}), json!({ "a:b": import }));
    talk.put("alice a:a", whole, "400 policies:import.invalid")
        .await;
    let missing = "alice a:a/imports/a:none/transitiveImports";
    talk.put(missing, json!([]), "404 policies:import.notfound")
        .await;
    talk.get(missing, "404 policies:import.notfound").await;
    talk.reads(list, json!([])).await;
}

async fn effects(talk: &Talk) {
    let (thing, hidden) = ("bob /things/a:a", "404 things:thing.notfound");
    let list = "alice a:a/imports/a:b/transitiveImports";
    talk.get(thing, hidden).await;
    // What B does not import is not followed, whoever lists it.
    talk.put(list, json!(["a:none"]), "204").await;
    talk.get(thing, hidden).await;
    talk.put(list, json!(["a:c"]), "204").await;
    talk.reads(list, json!(["a:c"])).await;
    talk.reads(
        "alice a:a/imports/a:b",
        json!({ "entries": [], "transitiveImports": ["a:c"] }),
    )
    .await;
    talk.get(thing, "200").await;
    let resolved = talk.read("alice a:a?policy-view=resolved").await;
    let label = "imported-a:b-imported-a:c-reader";
    assert!(resolved["entries"].get(label).is_some(), "{resolved}");
    talk.put(
        "alice a:c/entries/reader/importable",
        json!("explicit"),
        "204",
    )
    .await;
    talk.get(thing, hidden).await;
    talk.put(
        "alice a:c/entries/reader/importable",
        json!("implicit"),
        "204",
    )
    .await;
    talk.get(thing, "200").await;
    talk.delete("alice a:c", "204").await;
    talk.get(thing, hidden).await;
    talk.put("alice a:c", template(), "201").await;
    talk.get(thing, "200").await;
    talk.delete("alice a:b/imports", "204").await;
    talk.get(thing, hidden).await;
}

/// D reaches A only if B's own import of C lists it.
async fn longer_chains(talk: &Talk) {
    talk.put("alice a:d", template(), "201").await;
    talk.put("alice a:c", policy(json!({}), json!({ "a:d": {} })), "204")
        .await;
    talk.put("alice a:b", policy(json!({}), json!({ "a:c": {} })), "204")
        .await;
    let list = "alice a:a/imports/a:b/transitiveImports";
    talk.put(list, json!(["a:c", "a:d"]), "204").await;
    talk.get("bob /things/a:a", "404 things:thing.notfound")
        .await;
    talk.put(
        "alice a:b/imports/a:c/transitiveImports",
        json!(["a:d"]),
        "204",
    )
    .await;
    talk.get("bob /things/a:a", "404 things:thing.notfound")
        .await;
    talk.put(list, json!(["a:c"]), "204").await;
    talk.get("bob /things/a:a", "200").await;
}
