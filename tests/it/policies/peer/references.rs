//! Entries that take over what other entries have: of the same policy, of imported ones, and of several.

use serde_json::{Value, json};

use super::{Talk, entry, policy, with};

fn referring(who: &[&str], references: Value) -> Value {
    with(entry(who, ""), json!({ "references": references }))
}

/// What READ, WRITE and EXECUTE `who` has on `resource` of the thing `a:t`.
async fn has(talk: &Talk, who: &str, resource: &str, expected: &str) {
    let mut questions = json!({});
    for (letter, name) in [("R", "READ"), ("W", "WRITE"), ("X", "EXECUTE")] {
        questions[letter] =
            json!({ "resource": resource, "entityId": "a:t", "hasPermissions": [name] });
    }
    let request = format!("{who} /checkPermissions");
    let answer = talk.post(&request, questions, "200").await.json();
    let letters: String = ["R", "W", "X"]
        .into_iter()
        .filter(|it| answer[it] == true)
        .collect();
    assert_eq!(letters, expected, "{who} on {resource}");
}

async fn given_thing(talk: &Talk, entries: Value, imports: Value) {
    talk.put("alice a:t", policy(entries, imports), "201").await;
    talk.put("alice /things/a:t", json!({ "policyId": "a:t" }), "201")
        .await;
}

#[tokio::test]
async fn the_list_of_references_has_a_life_of_its_own() {
    let talk = Talk::start().await;
    talk.put(
        "alice a:tpl",
        policy(json!({ "role": entry(&[], "+R thing:/") }), json!({})),
        "201",
    )
    .await;
    let entries = json!({ "x": entry(&["bob"], ""), "y": entry(&[], "+R thing:/") });
    talk.put("alice a:p", policy(entries, json!({ "a:tpl": {} })), "201")
        .await;
    let list = "alice a:p/entries/x/references";
    talk.reads(list, json!([])).await;
    let both = json!([{ "import": "a:tpl", "entry": "role" }, { "entry": "y" }]);
    let created = talk.put(list, both.clone(), "201").await;
    assert_eq!(created.json(), both);
    talk.put(list, both.clone(), "204").await;
    talk.reads(list, both.clone()).await;
    let read = talk.read("alice a:p/entries/x").await;
    assert_eq!(read["references"], both);
    talk.put(list, json!([]), "204").await;
    talk.reads(list, json!([])).await;
    talk.put(list, both, "201").await;
    talk.delete(list, "204").await;
    talk.delete(list, "204").await;
    talk.reads(list, json!([])).await;
    let missing = "404 policies:entry.notfound";
    talk.get("alice a:p/entries/none/references", missing).await;
    talk.put("alice a:p/entries/none/references", json!([]), missing)
        .await;
    talk.delete("alice a:p/entries/none/references", missing)
        .await;
    let denied = "403 policies:entry.notmodifiable";
    talk.put("bob a:p/entries/x/references", json!([]), denied)
        .await;
    talk.delete("bob a:p/entries/x/references", denied).await;
    talk.get("bob a:p/entries/x/references", missing).await;
    malformed(&talk).await;
}

async fn malformed(talk: &Talk) {
    let (entry, import) = ("400 policies:entry.invalid", "400 policies:import.invalid");
    for (body, expected) in [
        (json!({}), "400 json.invalid"),
        (json!([7]), entry),
        (json!([{}]), "400 json.field.missing"),
        (
            json!([{ "entry": "y", "import": null }]),
            "400 json.invalid",
        ),
        (json!([{ "entry": "y", "import": 7 }]), "400 json.invalid"),
        (json!([{ "entry": "y", "import": "" }]), "400 json.invalid"),
        (json!([{ "entry": "y" }, { "entry": "y" }]), entry),
        (json!([{ "entry": "x" }]), entry),
        (json!([{ "entry": "none" }]), entry),
        (json!([{ "entry": "owner" }]), entry),
        (json!([{ "import": "a:tpl", "entry": "none" }]), import),
        (json!([{ "import": "a:tpl", "entry": "owner" }]), import),
        (
            json!([{ "import": "a:none", "entry": "x" }]),
            "404 policies:policy.notfound",
        ),
    ] {
        let found = talk.gateway.as_subject("nginx:alice");
        let path = "/api/2/policies/a:p/entries/x/references";
        let answer = found.put(path, &body).await;
        assert_eq!(
            answer.status_and_code(),
            expected,
            "{body}: {}",
            answer.body
        );
    }
    // It exists, and is not imported.
    talk.put(
        "alice a:other",
        policy(json!({ "role": self::entry(&[], "") }), json!({})),
        "201",
    )
    .await;
    let undeclared = json!([{ "import": "a:other", "entry": "role" }]);
    talk.put("alice a:p/entries/x/references", undeclared.clone(), entry)
        .await;
    let with_it = json!({ "x": referring(&["bob"], undeclared) });
    talk.put("alice a:p/entries/x", with_it["x"].clone(), entry)
        .await;
    talk.put("alice a:new", policy(with_it, json!({})), import)
        .await;
    talk.get("alice a:new", "404 policies:policy.notfound")
        .await;
    talk.reads("alice a:p/entries/x/references", json!([]))
        .await;
}

#[tokio::test]
async fn entries_of_the_same_policy_lend_what_they_have() {
    let talk = Talk::start().await;
    let entries = json!({
        "deep": entry(&[], "+W thing:/"),
        "base": referring(&["carol"], json!([{ "entry": "deep" }])),
        "user": referring(&["bob"], json!([{ "entry": "base" }])),
    });
    let mut entries = entries;
    entries["base"]["resources"] = entry(&[], "+R thing:/")["resources"].clone();
    given_thing(&talk, entries, json!({})).await;
    has(&talk, "carol", "thing:/", "RW").await;
    // One level: what the base refers to itself does not come along.
    has(&talk, "bob", "thing:/", "R").await;
    talk.put(
        "alice a:t/entries/base/resources/thing:/",
        json!({ "grant": ["EXECUTE"], "revoke": [] }),
        "204",
    )
    .await;
    has(&talk, "bob", "thing:/", "X").await;
    let conflict = "409 policies:entry.referenceconflict";
    talk.delete("alice a:t/entries/base", conflict).await;
    talk.put(
        "alice a:t/entries/base/importable",
        json!("never"),
        conflict,
    )
    .await;
    let never = with(entry(&["carol"], ""), json!({ "importable": "never" }));
    talk.put(
        "alice a:t/entries/base",
        never,
        "400 policies:entry.invalid",
    )
    .await;
    talk.delete("alice a:t/entries/user/references", "204")
        .await;
    has(&talk, "bob", "thing:/", "").await;
    talk.delete("alice a:t/entries/base", "204").await;
    talk.delete("alice a:t/entries/deep", "204").await;
}

#[tokio::test]
async fn entries_of_an_imported_policy_are_templates() {
    let talk = Talk::start().await;
    let explicit = with(
        entry(&[], "+W thing:/"),
        json!({ "importable": "explicit" }),
    );
    let adding = |what: Value| {
        with(
            entry(&[], "+R thing:/features"),
            json!({ "allowedAdditions": what }),
        )
    };
    let templates = json!({
        "free": entry(&[], "+R thing:/features"), "people": adding(json!(["subjects"])),
        "closed": adding(json!([])), "asked": explicit,
        "denying": entry(&[], "-W thing:/features"),
    });
    talk.put("alice a:tpl", policy(templates, json!({})), "201")
        .await;
    let reference = |to: &str| json!([{ "import": "a:tpl", "entry": to }]);
    let own = |to: &str| {
        let own = entry(&["bob"], "+W thing:/");
        json!({ "x": with(own, json!({ "references": reference(to) })) })
    };
    given_thing(&talk, own("free"), json!({ "a:tpl": {} })).await;
    for (to, on_features, on_all) in [
        ("free", "RW", "W"),
        ("people", "R", ""),
        ("closed", "", ""),
        ("denying", "", ""),
    ] {
        talk.put("alice a:t/entries/x/references", reference(to), "204")
            .await;
        has(&talk, "bob", "thing:/features", on_features).await;
        has(&talk, "bob", "thing:/", on_all).await;
    }
    // What is not listed in the import is not there to refer to.
    talk.put(
        "alice a:t/entries/x",
        referring(&["bob"], reference("asked")),
        "204",
    )
    .await;
    has(&talk, "bob", "thing:/", "").await;
    talk.put("alice a:t/imports/a:tpl/entries", json!(["asked"]), "204")
        .await;
    has(&talk, "bob", "thing:/", "W").await;
    protected(&talk).await;
    // The template goes, and takes along what it lent.
    talk.delete("alice a:tpl", "204").await;
    has(&talk, "bob", "thing:/", "").await;
}

async fn protected(talk: &Talk) {
    let conflict = "409 policies:import.referenceconflict";
    talk.delete("alice a:t/imports/a:tpl", conflict).await;
    talk.delete("alice a:t/imports", conflict).await;
    talk.put("alice a:t/imports", json!({}), conflict).await;
    talk.put("alice a:t/imports/a:tpl/entries", json!([]), conflict)
        .await;
    talk.put("alice a:t/imports/a:tpl", json!({}), conflict)
        .await;
    talk.put(
        "alice a:t/imports",
        json!({ "a:tpl": { "entries": [] } }),
        conflict,
    )
    .await;
    talk.reads(
        "alice a:t/imports",
        json!({ "a:tpl": { "entries": ["asked"] } }),
    )
    .await;
    let bobs = json!({ "entries": { "owner": entry(&["bob"], "+RW policy:/") } });
    talk.put("bob a:bobs", bobs, "201").await;
    let foreign = json!({
        "imports": { "a:tpl": {} },
        "entries": {
            "owner": entry(&["bob"], "+RW policy:/"),
            "x": referring(&["bob"], json!([{ "import": "a:tpl", "entry": "free" }])),
        },
    });
    talk.put(
        "bob a:bobs",
        foreign.clone(),
        "404 policies:policy.notfound",
    )
    .await;
    let entry = foreign["entries"]["x"].clone();
    talk.put(
        "bob a:bobs/entries/x",
        entry,
        "404 policies:policy.notfound",
    )
    .await;
}

#[tokio::test]
async fn several_references_are_as_strict_as_the_strictest() {
    let talk = Talk::start().await;
    let adding =
        |rights: &str, what: Value| with(entry(&[], rights), json!({ "allowedAdditions": what }));
    let template =
        json!({ "role": adding("+R thing:/features", json!(["subjects", "resources"])) });
    talk.put("alice a:tpl", policy(template, json!({})), "201")
        .await;
    let lamp = "+R thing:/attributes";
    let entries = json!({
        "free": entry(&["dave"], lamp), "subjects": adding(lamp, json!(["subjects"])),
        "resources": adding(lamp, json!(["resources"])),
        "x": entry(&["bob"], "+W thing:/"),
    });
    given_thing(&talk, entries, json!({ "a:tpl": {} })).await;
    let role = json!({ "import": "a:tpl", "entry": "role" });
    let list = "alice a:t/entries/x/references";
    let local = |label: &str| json!({ "entry": label });
    talk.put(list, json!([role, local("free")]), "201").await;
    for (who, resource, rights) in [
        ("bob", "thing:/features", "RW"),
        ("bob", "thing:/attributes", "RW"),
        ("bob", "thing:/", "W"),
        // Whoever stands in what is referred to is in it, too.
        ("dave", "thing:/features", "RW"),
    ] {
        has(&talk, who, resource, rights).await;
    }
    talk.put(list, json!([role, local("subjects")]), "204")
        .await;
    has(&talk, "bob", "thing:/features", "R").await;
    has(&talk, "bob", "thing:/attributes", "R").await;
    has(&talk, "bob", "thing:/", "").await;
    talk.put(list, json!([role, local("resources")]), "204")
        .await;
    has(&talk, "bob", "thing:/features", "").await;
    talk.put(list, json!([local("subjects"), local("resources")]), "204")
        .await;
    has(&talk, "bob", "thing:/attributes", "").await;
    let resolved = talk.read("alice a:t?policy-view=resolved").await;
    assert_eq!(
        resolved["entries"]["x"]["allowedAdditions"],
        json!([]),
        "{resolved}"
    );
}
