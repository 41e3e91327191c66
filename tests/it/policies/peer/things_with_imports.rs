//! Things whose policy imports another one: what they need to be created, and what becomes of them.

use serde_json::json;

use super::{Talk, entry, owner, policy};

#[tokio::test]
async fn things_follow_what_their_policy_imports() {
    let talk = Talk::start().await;
    let roles = json!({
        "users": entry(&["bob"], "+RW thing:/, -W thing:/attributes/serial"),
        "listeners": entry(&["bob"], "+R message:/"),
    });
    talk.put("alice a:roles", policy(roles, json!({})), "201")
        .await;
    creation(&talk).await;
    access(&talk).await;
    the_end_of_a_template(&talk).await;
}

async fn creation(talk: &Talk) {
    let importing = policy(json!({}), json!({ "a:roles": {} }));
    let by_body = json!({ "_policy": importing, "attributes": { "n": 1, "serial": "A" } });
    talk.put("alice /things/a:t", by_body, "201").await;
    talk.reads("alice a:t/imports", json!({ "a:roles": {} }))
        .await;
    // Whoever may not READ what is imported creates neither the thing nor the policy.
    let foreign = json!({
        "entries": { "owner": entry(&["carol"], "+RW policy:/, +RW thing:/") },
        "imports": { "a:roles": {} },
    });
    let stolen = json!({ "_policy": foreign });
    talk.put(
        "carol /things/a:stolen",
        stolen,
        "404 things:thing.notcreatable",
    )
    .await;
    talk.get("carol a:stolen", "404 policies:policy.notfound")
        .await;
    talk.get("carol /things/a:stolen", "404 things:thing.notfound")
        .await;
    let missing =
        json!({ "_policy": { "entries": { "owner": owner() }, "imports": { "a:none": {} } } });
    talk.put(
        "alice /things/a:missing",
        missing,
        "404 things:thing.notcreatable",
    )
    .await;
    // A policy that exists is enough, and what it imports may be what lets one create.
    talk.put(
        "alice a:shared",
        policy(
            json!({ "finders": entry(&["bob"], "+R policy:/") }),
            json!({ "a:roles": {} }),
        ),
        "201",
    )
    .await;
    let thing = json!({ "policyId": "a:shared" });
    talk.put(
        "carol /things/a:carols",
        thing.clone(),
        "404 policies:policy.notfound",
    )
    .await;
    talk.put(
        "bob /things/a:bobs",
        thing,
        "403 things:thing.notmodifiable",
    )
    .await;
    talk.delete(
        "alice a:roles/entries/users/resources/thing:/attributes/serial",
        "204",
    )
    .await;
    talk.put(
        "bob /things/a:bobs",
        json!({ "policyId": "a:shared" }),
        "201",
    )
    .await;
    let revoke = json!({ "grant": [], "revoke": ["WRITE"] });
    let path = "alice a:roles/entries/users/resources/thing:/attributes/serial";
    talk.put(path, revoke, "201").await;
}

async fn access(talk: &Talk) {
    talk.reads(
        "bob /things/a:t/attributes",
        json!({ "n": 1, "serial": "A" }),
    )
    .await;
    talk.put("bob /things/a:t/attributes/n", json!(2), "204")
        .await;
    let serial = "bob /things/a:t/attributes/serial";
    talk.put(serial, json!("B"), "403 things:attribute.notmodifiable")
        .await;
    talk.get("bob a:t", "404 policies:policy.notfound").await;
    // The nearest rule decides, wherever it stands.
    let own = entry(&["bob"], "-R thing:/attributes/n");
    talk.put("alice a:t/entries/own", own, "201").await;
    talk.reads("bob /things/a:t/attributes", json!({ "serial": "A" }))
        .await;
    talk.delete("alice a:t/entries/own", "204").await;
}

/// Deleting the template takes away what it gave: next time there is nothing to be found.
async fn the_end_of_a_template(talk: &Talk) {
    talk.get("bob /things/a:t", "200").await;
    talk.delete("alice a:roles", "204").await;
    talk.get("bob /things/a:t", "404 things:thing.notfound")
        .await;
    talk.put(
        "bob /things/a:t/attributes/n",
        json!(3),
        "403 things:attribute.notmodifiable",
    )
    .await;
    talk.get("alice /things/a:t", "200").await;
    // It is still imported, and counts again as soon as it is there.
    talk.reads("alice a:t/imports", json!({ "a:roles": {} }))
        .await;
    let users = json!({ "users": entry(&["bob"], "+R thing:/") });
    talk.put("alice a:roles", policy(users, json!({})), "201")
        .await;
    talk.get("bob /things/a:t", "200").await;
}
