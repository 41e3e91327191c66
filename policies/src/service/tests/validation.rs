//! Rules that no write may break.

use serde_json::{Value, json};

use super::{Fixture, admin, entry, with};
use crate::PolicyLimits;

#[track_caller]
fn check(found: String, expected: &str, what: &str) {
    assert_eq!(found, expected, "{what}");
}

async fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let body = json!({"entries": {"owner": admin(), "crew": entry(&["a"], "+R thing:/")}});
    check(
        fixture.put("t:admin", "x:p", body).await,
        "created",
        "policy",
    );
    fixture
}

#[tokio::test]
async fn malformed_policies_are_refused() {
    let fixture = Fixture::new();
    for (body, expected) in [
        (json!([]), "UnexpectedJson"),
        (json!({"entries": []}), "UnexpectedJson"),
        (json!({"policyId": "x:other"}), "IdNotSettable"),
        (json!({"policyId": "nocolon"}), "InvalidId"),
        (json!({"entries": {"imported-x": {}}}), "InvalidLabel"),
        (json!({"entries": {"a/b": {}}}), "InvalidEntry"),
        (
            json!({"entries": {"a": {"importable": "x"}}}),
            "InvalidEntry",
        ),
        (
            json!({"entries": {"a": {"namespaces": ["*"]}}}),
            "InvalidEntry",
        ),
        (
            json!({"entries": {"a": {"namespaces": [1]}}}),
            "InvalidEntry",
        ),
        (
            json!({"entries": {"a": {"allowedAdditions": ["x"]}}}),
            "InvalidEntry",
        ),
    ] {
        check_body(&fixture, body, expected).await;
    }
}

#[tokio::test]
async fn malformed_parts_are_refused() {
    let fixture = Fixture::new();
    for (body, expected) in [
        (
            json!({"entries": {"a": {"references": ["b"]}}}),
            "InvalidEntry",
        ),
        (
            json!({"entries": {"a": {"references": [{"import": null, "entry": "b"}]}}}),
            "UnexpectedJson",
        ),
        (
            json!({"entries": {"a": {"references": [{"import": "x:y"}]}}}),
            "MissingField",
        ),
        (
            json!({"entries": {"a": {"subjects": {"kim": {"type": "x"}}}}}),
            "InvalidSubjectId",
        ),
        (
            json!({"entries": {"a": {"subjects": {"t:x": {}}}}}),
            "MissingField",
        ),
        (
            json!({"entries": {"a": {"subjects": {"t:x": {"type": ""}}}}}),
            "UnexpectedJson",
        ),
        (
            json!({"entries": {"a": {"resources": {"thing": {}}}}}),
            "InvalidResourceKey",
        ),
        (
            json!({"entries": {"a": {"resources": {"thing:/": {"grant": []}}}}}),
            "MissingField",
        ),
        (
            json!({"entries": {"a": {"subjects": {"t:x": {"type": "\u{0}"}}}}}),
            "NulCharacter",
        ),
        (json!({"imports": {"x:p": {}}}), "InvalidImport"),
        (
            json!({"imports": {"x:q": {"transitiveImports": ["x:p"]}}}),
            "InvalidImport",
        ),
        (
            json!({"imports": {"x:q": {"transitiveImports": [1]}}}),
            "InvalidImport",
        ),
        (
            json!({"imports": {"x:q": {"entries": ["imported-x"]}}}),
            "InvalidLabel",
        ),
    ] {
        check_body(&fixture, body, expected).await;
    }
}

async fn check_body(fixture: &Fixture, body: Value, expected: &str) {
    let what = body.to_string();
    let found = fixture.put("t:admin", "x:p", body).await;
    check(found, expected, &what);
}

#[tokio::test]
async fn times_of_subjects_are_checked_and_rounded() {
    let mut fixture = fixture().await;
    let path = "x:p/entries/crew/subjects/t:b";
    let subject = |members: Value| with(json!({"type": "x"}), members);
    let announce = |before: &str| subject(json!({"announcement": {"beforeExpiry": before}}));
    for (value, expected) in [
        (
            subject(json!({"expiry": "tomorrow"})),
            "InvalidSubjectExpiry",
        ),
        (
            subject(json!({"expiry": "2031-01-01T00:00:00+01:00"})),
            "InvalidSubjectExpiry",
        ),
        (
            subject(json!({"expiry": "2030-06-15T11:00:00Z"})),
            "SubjectExpired",
        ),
        (announce("5ms"), "InvalidAnnouncement"),
        (announce("1d"), "InvalidAnnouncement"),
        (announce("soon"), "InvalidAnnouncement"),
    ] {
        let what = value.to_string();
        check(fixture.put("t:admin", path, value).await, expected, &what);
    }
    let value =
        subject(json!({"expiry": "2030-06-15T12:10:00Z", "announcement": {"beforeExpiry": "90s"}}));
    check(fixture.put("t:admin", path, value).await, "created", path);
    check(
        fixture.get("t:admin", path).await,
        r#"{"type":"x","expiry":"2030-06-15T13:00:00Z","announcement":{"beforeExpiry":"120s","whenDeleted":false}}"#,
        path,
    );
    assert_eq!(fixture.rights("t:b", "x:p", "x", "thing:/"), "R");
    fixture.now = "2030-06-15T13:00:00Z".parse().unwrap();
    assert_eq!(fixture.rights("t:b", "x:p", "x", "thing:/"), "");
    check(fixture.get("t:admin", path).await, "subject.notfound", path);
    let other = "x:p/entries/crew/subjects/t:c";
    check(
        fixture.put("t:admin", other, json!({"type": "x"})).await,
        "created",
        other,
    );
}

#[tokio::test]
async fn the_writer_can_be_named_by_a_placeholder() {
    let fixture = fixture().await;
    let subject = json!({"type": "x", "expiry": "2031-01-01T00:00:00Z"});
    let path = "x:p/entries/crew/subjects";
    for placeholder in ["{{ request:subjectId }}", "${request.subjectId}"] {
        let one = format!("{path}/{placeholder}");
        fixture.delete("t:admin", &format!("{path}/t:admin")).await;
        check(
            fixture.put("t:admin", &one, subject.clone()).await,
            "created",
            placeholder,
        );
        check(
            fixture.get("t:admin", &format!("{path}/t:admin")).await,
            &subject.to_string(),
            placeholder,
        );
        let all = json!({ placeholder: subject });
        check(
            fixture.put("t:admin", path, all).await,
            "modified",
            placeholder,
        );
    }
    let unknown = json!({"{{ header:x }}:y": subject});
    check(
        fixture.put("t:admin", path, unknown).await,
        "UnresolvablePlaceholder",
        "unknown",
    );
}

#[tokio::test]
async fn nobody_is_locked_out() {
    let fixture = fixture().await;
    let expiring = json!({"t:admin": {"type": "x", "expiry": "2031-01-01T00:00:00Z"}});
    let owner = with(admin(), json!({ "subjects": expiring.clone() }));
    check(
        fixture
            .put(
                "t:admin",
                "x:new",
                json!({"entries": {"owner": owner.clone()}}),
            )
            .await,
        "Lockout",
        "create",
    );
    let revoke = json!({"owner": admin(), "other": entry(&["admin"], "-W policy:/")});
    for (path, value, expected) in [
        ("x:p", json!({"entries": {"owner": owner}}), "Lockout"),
        ("x:p/entries", revoke, "Lockout"),
        (
            "x:p/entries/owner",
            entry(&["admin"], "+R policy:/"),
            "Lockout of entry",
        ),
        ("x:p/entries/owner/subjects", json!({}), "Lockout of entry"),
        (
            "x:p/entries/owner/subjects/t:admin",
            expiring["t:admin"].clone(),
            "Lockout of entry",
        ),
        ("x:p/entries/owner/resources", json!({}), "Lockout of entry"),
        (
            "x:p/entries/owner/resources/policy:/",
            json!({"grant": ["READ"], "revoke": []}),
            "Lockout of entry",
        ),
    ] {
        check(fixture.put("t:admin", path, value).await, expected, path);
    }
    for path in [
        "x:p/entries/owner",
        "x:p/entries/owner/subjects/t:admin",
        "x:p/entries/owner/resources/policy:/",
    ] {
        check(
            fixture.delete("t:admin", path).await,
            "Lockout of entry",
            path,
        );
    }
    // Imports count as far as they grant.
    fixture
        .given("x:admins", json!({"a": admin()}), json!({}))
        .await;
    let body = |imports: Value| json!({"entries": {}, "imports": imports});
    check(
        fixture
            .put("t:admin", "x:q", body(json!({"x:admins": {}})))
            .await,
        "created",
        "import",
    );
    check(
        fixture.delete("t:admin", "x:q/imports").await,
        "Lockout",
        "imports",
    );
    check(
        fixture.delete("t:admin", "x:q/imports/x:admins").await,
        "Lockout",
        "import",
    );
}

#[tokio::test]
async fn size_and_number_of_imports_are_limited() {
    let limits = PolicyLimits {
        policy_size_max: 700,
        imports_max: 1,
        ..PolicyLimits::default()
    };
    let fixture = Fixture::with_limits(limits);
    fixture.given("x:a", json!({}), json!({})).await;
    fixture.given("x:b", json!({}), json!({})).await;
    let body = json!({"entries": {"owner": admin()}});
    check(
        fixture.put("t:admin", "x:p", body.clone()).await,
        "created",
        "small",
    );
    let large = with(admin(), json!({"x": "y".repeat(700)}));
    check(
        fixture.put("t:admin", "x:p/entries/e", large).await,
        "TooLarge",
        "payload",
    );
    let name = "n".repeat(200);
    let many = entry(&[&name, "b"], "");
    check(
        fixture.put("t:admin", "x:p/entries/e", many.clone()).await,
        "created",
        "fits",
    );
    check(
        fixture.put("t:admin", "x:p/entries/f", many).await,
        "TooLarge",
        "together",
    );
    let path = "x:p/imports/x:a";
    check(
        fixture.put("t:admin", path, json!({})).await,
        "created",
        path,
    );
    check(
        fixture.put("t:admin", "x:p/imports/x:b", json!({})).await,
        "TooManyImports",
        "one by one",
    );
    let two = json!({"x:a": {}, "x:b": {}});
    check(
        fixture.put("t:admin", "x:p/imports", two).await,
        "TooManyImports",
        "at once",
    );
}

#[tokio::test]
async fn references_name_something() {
    let fixture = fixture().await;
    let path = "x:p/entries/crew/references";
    for (value, expected) in [
        (json!([{"entry": "crew"}]), "InvalidEntry"),
        (json!([{"entry": "none"}]), "InvalidEntry"),
        (
            json!([{"entry": "owner"}, {"entry": "owner"}]),
            "InvalidEntry",
        ),
        (
            json!([{"import": "x:none", "entry": "a"}]),
            "policy.notfound",
        ),
    ] {
        let what = value.to_string();
        check(fixture.put("t:admin", path, value).await, expected, &what);
    }
    let owner = json!([{"entry": "owner"}]);
    check(fixture.put("t:admin", path, owner).await, "created", path);
    let importable = "x:p/entries/owner/importable";
    check(
        fixture.put("t:admin", importable, json!("never")).await,
        "EntryReferenced",
        importable,
    );
    check(
        fixture.put("t:admin", importable, json!("explicit")).await,
        "modified",
        importable,
    );
    check(
        fixture.delete("t:admin", "x:p/entries/owner").await,
        "EntryReferenced",
        "delete",
    );
    let never = with(admin(), json!({"importable": "never"}));
    check(
        fixture.put("t:admin", "x:p/entries/owner", never).await,
        "InvalidEntry",
        "put",
    );
}
