//! Imports: what they take over, who may import, and that they follow what they import.

use serde_json::{Value, json};

use super::{Talk, entry, policy, with};

/// Roles for everybody, roles that must be asked for, and some that stay at home.
fn roles() -> Value {
    let explicit = with(
        entry(&["bob"], "+W thing:/"),
        json!({ "importable": "explicit" }),
    );
    let never = with(
        entry(&["bob"], "+R policy:/"),
        json!({ "importable": "never" }),
    );
    let entries =
        json!({ "reader": entry(&["bob"], "+R thing:/"), "writer": explicit, "boss": never });
    policy(entries, json!({}))
}

#[tokio::test]
async fn imports_take_over_what_their_policy_lends() {
    let talk = Talk::start().await;
    talk.put("alice a:roles", roles(), "201").await;
    life(&talk).await;
    what_is_stored(&talk).await;
    refusals(&talk).await;
    permission(&talk).await;
    effects(&talk).await;
}

async fn life(talk: &Talk) {
    talk.put("alice a:p", policy(json!({}), json!({})), "201")
        .await;
    talk.reads("alice a:p/imports", json!({})).await;
    let created = talk
        .put("alice a:p/imports/a:roles", json!({}), "201")
        .await;
    assert!(
        created
            .header("location")
            .ends_with("/api/2/policies/a:p/imports/a:roles")
    );
    assert_eq!(created.json(), json!({}));
    talk.put("alice a:p/imports/a:roles", json!({}), "204")
        .await;
    talk.reads("alice a:p/imports", json!({ "a:roles": {} }))
        .await;
    talk.delete("alice a:p/imports/a:roles", "204").await;
    let missing = "404 policies:import.notfound";
    talk.delete("alice a:p/imports/a:roles", missing).await;
    talk.get("alice a:p/imports/a:roles", missing).await;
    talk.get("alice a:p/imports/a:roles/entries", missing).await;
    talk.put("alice a:p/imports/a:roles/entries", json!([]), missing)
        .await;
    talk.put("alice a:p/imports", json!({ "a:roles": {} }), "204")
        .await;
    talk.delete("alice a:p/imports", "204").await;
    talk.reads("alice a:p/imports", json!({})).await;
}

async fn what_is_stored(talk: &Talk) {
    let import = json!({ "entries": ["writer"], "unknown": 1 });
    talk.put("alice a:p/imports/a:roles", import, "201").await;
    talk.reads(
        "alice a:p/imports/a:roles",
        json!({ "entries": ["writer"] }),
    )
    .await;
    talk.reads("alice a:p/imports/a:roles/entries", json!(["writer"]))
        .await;
    talk.put("alice a:p/imports/a:roles/entries", json!([]), "204")
        .await;
    talk.reads("alice a:p/imports/a:roles", json!({ "entries": [] }))
        .await;
    let whole = talk.read("alice a:p").await;
    assert_eq!(whole["imports"], json!({ "a:roles": { "entries": [] } }));
    let entries = whole["entries"].as_object().map(serde_json::Map::len);
    assert_eq!(entries, Some(1), "what is imported is not stored: {whole}");
}

async fn refusals(talk: &Talk) {
    let before = talk.read("alice a:p").await;
    let invalid = "400 policies:import.invalid";
    let gone = "404 policies:policy.notfound";
    let eleven = (0..11).map(|at| (format!("a:n{at}"), json!({})));
    let eleven = Value::Object(eleven.collect());
    for (path, body, expected) in [
        ("a:p/imports/a:p", json!({}), invalid),
        ("a:p/imports", json!({ "a:p": {} }), invalid),
        ("a:p", policy(json!({}), json!({ "a:p": {} })), invalid),
        ("a:p/imports/a:none", json!({}), gone),
        ("a:p/imports", json!({ "a:none": {} }), gone),
        ("a:p", policy(json!({}), json!({ "a:none": {} })), gone),
        ("a:new", policy(json!({}), json!({ "a:none": {} })), gone),
        (
            "a:p/imports",
            eleven.clone(),
            "400 policies:imports.toolarge",
        ),
        (
            "a:p",
            policy(json!({}), eleven),
            "400 policies:imports.toolarge",
        ),
        ("a:p/imports/nocolon", json!({}), "400 policies:id.invalid"),
        ("a:p/imports/a:roles", json!([]), "400 json.invalid"),
        (
            "a:p/imports/a:roles",
            json!({ "entries": ["imported-x"] }),
            "400 policies:label.invalid",
        ),
    ] {
        talk.put(&format!("alice {path}"), body, expected).await;
    }
    talk.reads("alice a:p", before).await;
    talk.get("alice a:new", gone).await;
}

/// Who imports must be able to READ what it takes over; who may not write the importing policy imports nothing.
async fn permission(talk: &Talk) {
    let gone = "404 policies:policy.notfound";
    let carols = json!({ "entries": { "owner": entry(&["carol"], "+RW policy:/") } });
    talk.put("carol a:carols", carols.clone(), "201").await;
    talk.put("carol a:carols/imports/a:roles", json!({}), gone)
        .await;
    let leave = entry(
        &["carol"],
        "+R policy:/entries/reader, +R policy:/entries/visitor",
    );
    let leave = with(leave, json!({ "importable": "never" }));
    talk.put("alice a:roles/entries/visitor", leave, "201")
        .await;
    talk.put("carol a:carols/imports/a:roles", json!({}), "201")
        .await;
    for (path, body) in [
        ("", json!({ "entries": ["writer"] })),
        ("/entries", json!(["writer"])),
        ("", json!({ "entries": ["nothing"] })),
    ] {
        let request = format!("carol a:carols/imports/a:roles{path}");
        talk.put(&request, body, gone).await;
    }
    let one = "403 policies:import.notmodifiable";
    let all = "403 policies:imports.notmodifiable";
    talk.put("bob a:p/imports/a:roles", json!({}), one).await;
    talk.put("bob a:p/imports/a:roles/entries", json!([]), one)
        .await;
    talk.put("bob a:p/imports/a:roles/transitiveImports", json!([]), one)
        .await;
    talk.delete("bob a:p/imports/a:roles", one).await;
    talk.put("bob a:p/imports", json!({}), all).await;
    talk.delete("bob a:p/imports", all).await;
    talk.get("bob a:p/imports", "404 policies:imports.notfound")
        .await;
    for part in ["", "/entries", "/transitiveImports"] {
        let request = format!("bob a:p/imports/a:roles{part}");
        talk.get(&request, "404 policies:import.notfound").await;
    }
}

async fn effects(talk: &Talk) {
    let own = json!({ "owner": entry(&["alice"], "+RW policy:/, +RW thing:/") });
    let of = |import: Value| json!({ "entries": own, "imports": { "a:roles": import } });
    talk.put("alice a:t", of(json!({})), "201").await;
    talk.put(
        "alice /things/a:t",
        json!({ "policyId": "a:t", "attributes": { "n": 1 } }),
        "201",
    )
    .await;
    let write = "bob /things/a:t/attributes/n";
    let denied = "403 things:attribute.notmodifiable";
    talk.reads("bob /things/a:t/attributes", json!({ "n": 1 }))
        .await;
    talk.put(write, json!(2), denied).await;
    talk.put(
        "alice a:t/imports/a:roles/entries",
        json!(["writer", "boss"]),
        "204",
    )
    .await;
    talk.put(write, json!(2), "204").await;
    talk.get("bob a:t", "404 policies:policy.notfound").await;
    talk.put(
        "alice a:roles/entries/writer/importable",
        json!("never"),
        "204",
    )
    .await;
    talk.put(write, json!(3), denied).await;
    talk.delete("alice a:roles/entries/reader", "204").await;
    talk.get("bob /things/a:t", "404 things:thing.notfound")
        .await;
    talk.put("alice a:roles", roles(), "204").await;
    talk.put(write, json!(3), "204").await;
    talk.delete("alice a:t/imports", "204").await;
    talk.get("bob /things/a:t", "404 things:thing.notfound")
        .await;
}
