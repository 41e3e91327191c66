//! What imports, references, namespaces and root policies grant, and who may set them up.

use serde_json::{Value, json};

use super::{Fixture, admin, entry, with};

/// Stores `x:a` with these entries and imports, and an admin.
async fn given_a(fixture: &Fixture, entries: Value, imports: Value) {
    let entries = with(json!({"owner": admin()}), entries);
    fixture.given("x:a", entries, imports).await;
}

#[track_caller]
fn check(fixture: &Fixture, subject: &str, resource: &str, expected: &str) {
    let found = fixture.rights(subject, "x:a", "x", resource);
    assert_eq!(found, expected, "{subject} at {resource}");
}

async fn three_importables() -> Fixture {
    let fixture = Fixture::new();
    let entries = json!({
        "E1": entry(&["b"], "+R thing:/"),
        "E2": with(entry(&["b"], "+W thing:/"), json!({"importable": "explicit"})),
        "E3": with(entry(&["c"], "+R thing:/"), json!({"importable": "never"})),
    });
    fixture.given("x:b", entries, json!({})).await;
    fixture
}

#[tokio::test]
async fn implicit_entries_are_imported_explicit_ones_if_listed() {
    let fixture = three_importables().await;
    given_a(&fixture, json!({}), json!({"x:b": {}})).await;
    check(&fixture, "t:b", "thing:/", "R");
    given_a(
        &fixture,
        json!({}),
        json!({"x:b": {"entries": ["E2", "E3"]}}),
    )
    .await;
    check(&fixture, "t:b", "thing:/", "RW");
    check(&fixture, "t:c", "thing:/", "");
}

#[tokio::test]
async fn changes_of_imported_policies_are_in_force_at_once() {
    let fixture = three_importables().await;
    given_a(&fixture, json!({}), json!({"x:b": {}, "x:later": {}})).await;
    check(&fixture, "t:b", "thing:/", "R");
    fixture.given("x:b", json!({}), json!({})).await;
    check(&fixture, "t:b", "thing:/", "");
    let late = json!({"e": entry(&["late"], "+R thing:/")});
    fixture.given("x:later", late, json!({})).await;
    check(&fixture, "t:late", "thing:/", "R");
}

#[tokio::test]
async fn imports_of_imports_need_a_list_at_every_hop() {
    let fixture = Fixture::new();
    let c = json!({"e": entry(&["c"], "+R thing:/")});
    let d = json!({"e": entry(&["d"], "+R thing:/")});
    fixture.given("x:d", d, json!({})).await;
    fixture.given("x:c", c, json!({"x:d": {}})).await;
    fixture.given("x:b", json!({}), json!({"x:c": {}})).await;
    given_a(&fixture, json!({}), json!({"x:b": {}})).await;
    check(&fixture, "t:c", "thing:/", "");
    let both = json!({"x:b": {"transitiveImports": ["x:c", "x:d"]}});
    given_a(&fixture, json!({}), both.clone()).await;
    check(&fixture, "t:c", "thing:/", "R");
    check(&fixture, "t:d", "thing:/", "");
    fixture
        .given(
            "x:b",
            json!({}),
            json!({"x:c": {"transitiveImports": ["x:d"]}}),
        )
        .await;
    // `x:d` was on the way already when `x:c` was followed, so it is not followed again.
    check(&fixture, "t:d", "thing:/", "");
    given_a(
        &fixture,
        json!({}),
        json!({"x:b": {"transitiveImports": ["x:c"]}}),
    )
    .await;
    check(&fixture, "t:d", "thing:/", "R");
}

#[tokio::test]
async fn loops_of_imports_end() {
    let fixture = Fixture::new();
    for (id, next, after_next) in [("b", "c", "d"), ("c", "d", "b"), ("d", "b", "c")] {
        let entries = json!({"e": entry(&[id], "+R thing:/")});
        let import = json!({ "transitiveImports": [format!("x:{after_next}")] });
        let imports = json!({ format!("x:{next}"): import });
        fixture.given(&format!("x:{id}"), entries, imports).await;
    }
    let imports = json!({"x:b": {"transitiveImports": ["x:c"]}});
    given_a(&fixture, json!({}), imports).await;
    for subject in ["t:b", "t:c", "t:d"] {
        check(&fixture, subject, "thing:/", "R");
    }
}

#[tokio::test]
async fn lattices_of_imports_are_followed_so_far_and_refused_when_written() {
    let fixture = Fixture::new();
    let id = |layer: usize, at: usize| format!("x:l{layer}-{at}");
    for layer in 0..9 {
        let imports: serde_json::Map<String, Value> = (0..6)
            .map(|at| {
                let next: Vec<String> = (0..6).map(|next| id(layer + 2, next)).collect();
                (id(layer + 1, at), json!({ "transitiveImports": next }))
            })
            .collect();
        for at in 0..6 {
            fixture
                .given(&id(layer, at), json!({}), json!(imports))
                .await;
        }
    }
    let policy_id = id(0, 0).parse().unwrap();
    let found = fixture.policies.enforcer(&policy_id, "x", fixture.now);
    assert!(found.is_ok(), "whoever imports it must not be locked out");
    let policy = fixture.policies.load(&policy_id).unwrap().unwrap();
    let written = fixture.policies.imported_entries(&policy.stored.policy);
    assert!(matches!(written, Err(crate::Error::InvalidImport { .. })));
}

/// What `t:a` may read of `thing:/features` and write of `thing:/` by a referencing entry, given what the template and a
/// second, local target allow to add.
async fn with_template(allowed: Option<Value>, local: Option<Value>) -> (String, String) {
    let fixture = Fixture::new();
    let mut template = entry(&[], "+R thing:/features");
    if let Some(allowed) = allowed {
        template["allowedAdditions"] = allowed;
    }
    fixture
        .given("x:b", json!({"tpl": template}), json!({}))
        .await;
    let mut references = vec![json!({"import": "x:b", "entry": "tpl"})];
    let mut entries = json!({});
    if let Some(local) = local {
        entries["y"] = with(entry(&[], ""), json!({"allowedAdditions": local}));
        references.push(json!({"entry": "y"}));
    }
    entries["x"] = with(
        entry(&["a"], "+W thing:/"),
        json!({"references": references}),
    );
    given_a(&fixture, entries, json!({"x:b": {}})).await;
    (
        fixture.rights("t:a", "x:a", "x", "thing:/features"),
        fixture.rights("t:a", "x:a", "x", "thing:/"),
    )
}

#[tokio::test]
async fn templates_limit_what_is_added() {
    let rights = |features: &str, all: &str| (features.to_owned(), all.to_owned());
    assert_eq!(
        with_template(Some(json!(["subjects"])), None).await,
        rights("R", "")
    );
    assert_eq!(with_template(None, None).await, rights("RW", "W"));
    assert_eq!(with_template(Some(json!([])), None).await, rights("", ""));
    let resources = Some(json!(["resources"]));
    assert_eq!(
        with_template(Some(json!(["subjects"])), resources).await,
        rights("", "")
    );
}

#[tokio::test]
async fn a_template_that_revokes_wins() {
    let fixture = Fixture::new();
    let template = json!({"tpl": entry(&[], "-W thing:/features")});
    fixture.given("x:b", template, json!({})).await;
    let references = json!({"references": [{"import": "x:b", "entry": "tpl"}]});
    let x = with(entry(&["a"], "+W thing:/features"), references);
    given_a(&fixture, json!({ "x": x }), json!({"x:b": {}})).await;
    check(&fixture, "t:a", "thing:/features", "");
}

#[tokio::test]
async fn local_references_resolve_one_level() {
    let fixture = Fixture::new();
    let entries = json!({
        "Z": entry(&[], "+W thing:/"),
        "X": with(entry(&["a"], "+R thing:/"), json!({"references": [{"entry": "Z"}]})),
        "Y": with(entry(&["b"], ""), json!({"references": [{"entry": "X"}]})),
    });
    given_a(&fixture, entries, json!({})).await;
    check(&fixture, "t:b", "thing:/", "R");
    check(&fixture, "t:a", "thing:/", "RW");
}

#[tokio::test]
async fn entries_hold_in_their_namespaces() {
    let fixture = Fixture::new();
    let limited = with(
        entry(&["a"], "+R thing:/"),
        json!({"namespaces": ["acme.*"]}),
    );
    given_a(&fixture, json!({ "limited": limited }), json!({})).await;
    for (namespace, expected) in [
        ("acme.x", "R"),
        ("acme", ""),
        ("acmex", ""),
        ("acme.x", "R"),
    ] {
        let found = fixture.rights("t:a", "x:a", namespace, "thing:/");
        assert_eq!(found, expected, "{namespace}");
    }
    let enforcer = fixture
        .policies
        .policy_enforcer(&"x:a".parse().unwrap(), fixture.now);
    let enforcer = enforcer.unwrap().unwrap();
    let subjects = ["t:a".parse().unwrap()];
    let root = crate::Pointer::root();
    let (thing, read) = (crate::ResourceType::Thing, crate::Permission::READ);
    assert!(enforcer.unrestricted(&subjects, &thing, &root, &read));
}

#[tokio::test]
async fn root_policies_add_to_every_policy_of_a_namespace() {
    let fixture = Fixture::new().with_roots("acme.*", "ops:root");
    let root = json!({
        "AUD": entry(&["o"], "+R thing:/"),
        "explicit": with(entry(&["e"], "+R thing:/"), json!({"importable": "explicit"})),
    });
    fixture
        .given(
            "acme.x:p",
            json!({"AUD": entry(&["z"], "+W thing:/")}),
            json!({}),
        )
        .await;
    let rights = |subject: &str| fixture.rights(subject, "acme.x:p", "acme.x", "thing:/");
    assert_eq!(rights("t:o"), "");
    fixture.given("ops:root", root, json!({})).await;
    assert_eq!(
        [rights("t:o"), rights("t:z"), rights("t:e")],
        ["R", "W", ""]
    );
}

#[tokio::test]
async fn importing_needs_read_on_what_is_imported() {
    let fixture = three_importables().await;
    given_a(&fixture, json!({}), json!({})).await;
    let import = |value: Value| fixture.put("t:admin", "x:a/imports/x:b", value);
    assert_eq!(import(json!({})).await, "ImportNotAccessible");
    let found = fixture
        .put("t:admin", "x:a/imports/x:none", json!({}))
        .await;
    assert_eq!(found, "policy.notfound");
    let body = json!({"entries": {"owner": admin()}, "imports": {"x:b": {}}});
    assert_eq!(
        fixture.put("t:admin", "x:a", body.clone()).await,
        "ImportNotAccessible"
    );
    assert_eq!(
        fixture.put("t:admin", "x:new", body).await,
        "ImportNotAccessible"
    );
    let entries = json!({
        "E1": entry(&["b"], "+R thing:/"),
        "E2": with(entry(&["b"], "+W thing:/"), json!({"importable": "explicit"})),
        "r": with(entry(&["admin"], "+R policy:/entries/E1"), json!({"importable": "never"})),
    });
    fixture.given("x:b", entries, json!({})).await;
    assert_eq!(import(json!({})).await, "created");
    assert_eq!(
        import(json!({"entries": ["E2"]})).await,
        "ImportNotAccessible"
    );
    let found = fixture
        .put("t:admin", "x:a/imports/x:b/entries", json!(["E2"]))
        .await;
    assert_eq!(found, "ImportNotAccessible");
}

#[tokio::test]
async fn referencing_needs_read_on_what_is_referenced() {
    let fixture = Fixture::new();
    let entries = json!({
        "open": with(entry(&[], "+R thing:/"), json!({"importable": "explicit"})),
        "shut": with(entry(&[], "+R thing:/"), json!({"importable": "explicit"})),
        "never": with(entry(&[], "+R thing:/"), json!({"importable": "never"})),
        "r": with(entry(&["admin"], "+R policy:/entries/open"), json!({"importable": "never"})),
    });
    fixture.given("x:b", entries, json!({})).await;
    given_a(
        &fixture,
        json!({"x": entry(&["a"], "")}),
        json!({"x:b": {"entries": ["open"]}}),
    )
    .await;
    let path = "x:a/entries/x/references";
    let reference = |label: &str| json!([{"import": "x:b", "entry": label}]);
    for (label, expected) in [
        ("none", "InvalidImport"),
        ("never", "InvalidImport"),
        ("shut", "ImportNotAccessible"),
        ("open", "created"),
    ] {
        let found = fixture.put("t:admin", path, reference(label)).await;
        assert_eq!(found, expected, "{label}");
    }
    check(&fixture, "t:a", "thing:/", "R");
    for (path, value) in [
        ("x:a/imports/x:b/entries", json!([])),
        ("x:a/imports", json!({})),
    ] {
        assert_eq!(
            fixture.put("t:admin", path, value).await,
            "ImportReferenced",
            "{path}"
        );
    }
    for path in ["x:a/imports/x:b", "x:a/imports"] {
        assert_eq!(
            fixture.delete("t:admin", path).await,
            "ImportReferenced",
            "{path}"
        );
    }
    let undeclared = json!({"entries": {"owner": admin(), "x": {"references": reference("open")}}});
    assert_eq!(
        fixture.put("t:admin", "x:a", undeclared).await,
        "InvalidImport"
    );
}
