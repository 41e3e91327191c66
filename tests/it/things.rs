//! Things over HTTP: their life, their parts, views and preconditions.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Caller, TestGateway};

use crate::given::{given_lamp, lamp, owned_by, reader};

const THING: &str = "/api/2/things/org.acme:lamp";

async fn with_lamp() -> (TestGateway, Caller) {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    (gateway, alice)
}

#[tokio::test]
async fn a_thing_without_an_id_gets_one_and_a_policy() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    let created = alice.post("/api/2/things", &json!({})).await.expect(201);
    let thing_id = created.json()["thingId"]
        .as_str()
        .map(str::to_owned)
        .unwrap_or_default();
    assert!(thing_id.starts_with("org.eclipse.ditto:"), "{thing_id}");
    assert!(
        created
            .header("location")
            .ends_with(&format!("/api/2/things/{thing_id}")),
        "{:?}",
        created.headers
    );
    assert_eq!(created.header("etag"), "\"rev:1\"");
    let policy = alice
        .get(&format!("/api/2/policies/{thing_id}"))
        .await
        .expect(200)
        .json();
    let subjects = &policy["entries"]["DEFAULT"]["subjects"];
    assert!(subjects.get("nginx:alice").is_some(), "{policy}");
    let named = alice
        .post("/api/2/things?namespace=org.acme", &json!({}))
        .await
        .expect(201)
        .json();
    assert!(
        named["thingId"]
            .as_str()
            .is_some_and(|id| id.starts_with("org.acme:")),
        "{named}"
    );
    alice
        .post("/api/2/things", &json!({ "thingId": "a:b" }))
        .await
        .expect_error(400, "things:id.notsettable");
}

#[tokio::test]
async fn put_creates_and_then_replaces() {
    let (_gateway, alice) = with_lamp().await;
    let modified = alice
        .put(THING, &json!({ "attributes": { "x": 1 } }))
        .await
        .expect(204);
    assert_eq!(
        (modified.body.as_str(), modified.header("etag")),
        ("", "\"rev:2\"")
    );
    let expected = json!({ "thingId": "org.acme:lamp", "policyId": "org.acme:lamp", "attributes": { "x": 1 } });
    assert_eq!(alice.get(THING).await.expect(200).json(), expected);
    alice
        .put(THING, &json!({ "thingId": "org.acme:other" }))
        .await
        .expect_error(400, "things:id.notsettable");
}

#[tokio::test]
async fn a_policy_survives_its_thing() {
    let (_gateway, alice) = with_lamp().await;
    alice.delete(THING).await.expect(204);
    alice
        .get(THING)
        .await
        .expect_error(404, "things:thing.notfound");
    alice
        .put(THING, &lamp())
        .await
        .expect_error(400, "things:thing.notcreatable");
    let mut again = lamp();
    again["policyId"] = json!("org.acme:lamp");
    alice.put(THING, &again).await.expect(201);
    let revision = alice
        .get(&format!("{THING}?fields=_revision"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        revision,
        json!({ "_revision": 3 }),
        "a recreated thing continues its count"
    );
}

/// A part of [`THING`], its new value, the status of writing it in this order, and the code once it is gone.
const PARTS: [(&str, &str, u16, &str); 13] = [
    (
        "attributes/serial",
        r#""B-2""#,
        204,
        "things:attribute.notfound",
    ),
    (
        "attributes/a/b/c",
        r#"[1,{"x":null}]"#,
        201,
        "things:attribute.notfound",
    ),
    ("attributes/a/n", "null", 201, "things:attribute.notfound"),
    (
        "definition",
        r#""org.acme:Lamp:1.0.0""#,
        201,
        "things:definition.notfound",
    ),
    (
        "features/lamp/definition",
        r#"["org.acme:Lamp:1.0.0"]"#,
        201,
        "things:feature.definition.notfound",
    ),
    (
        "features/lamp/properties/on",
        "true",
        204,
        "things:feature.property.notfound",
    ),
    (
        "features/lamp/properties/x/y",
        "1.5",
        201,
        "things:feature.property.notfound",
    ),
    (
        "features/lamp/properties",
        r#"{"on":1}"#,
        204,
        "things:feature.properties.notfound",
    ),
    (
        "features/lamp/desiredProperties/on",
        "false",
        201,
        "things:feature.desiredProperty.notfound",
    ),
    (
        "features/lamp/desiredProperties",
        "{}",
        204,
        "things:feature.desiredProperties.notfound",
    ),
    (
        "features/meter",
        r#"{"properties":{"kwh":7}}"#,
        201,
        "things:feature.notfound",
    ),
    (
        "features",
        r#"{"meter":{}}"#,
        204,
        "things:features.notfound",
    ),
    (
        "attributes",
        r#"{"x":1}"#,
        204,
        "things:attributes.notfound",
    ),
];

#[tokio::test]
async fn every_part_can_be_written_read_and_deleted() {
    let (_gateway, alice) = with_lamp().await;
    for (part, value, status, code) in PARTS {
        let path = format!("{THING}/{part}");
        let value: Value = serde_json::from_str(value).unwrap();
        let written = alice.put(&path, &value).await;
        assert_eq!(written.status, status, "PUT {part}: {}", written.body);
        let read = alice.get(&path).await.expect(200);
        assert_eq!(read.json(), value, "GET {part}");
        assert!(
            read.header("etag").starts_with("\"hash:"),
            "{part}: {:?}",
            read.headers
        );
        assert_eq!(read.header("etag"), written.header("etag"), "{part}");

        let whole = alice.get(THING).await.expect(200).json();
        alice.delete(&path).await.expect(204);
        alice.get(&path).await.expect_error(404, code);
        alice.delete(&path).await.expect_error(404, code);
        alice.put(THING, &whole).await.expect(204);
    }
}

#[tokio::test]
async fn parents_stay_when_a_leaf_goes() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    alice.put(THING, &json!({})).await.expect(201);
    alice
        .put(&format!("{THING}/attributes/a/b/c"), &json!(1))
        .await
        .expect(201);
    alice
        .delete(&format!("{THING}/attributes/a/b/c"))
        .await
        .expect(204);
    assert_eq!(
        alice
            .get(&format!("{THING}/attributes"))
            .await
            .expect(200)
            .json(),
        json!({ "a": { "b": {} } })
    );
}

#[tokio::test]
async fn null_is_a_value_for_put() {
    let (_gateway, alice) = with_lamp().await;
    alice
        .put(&format!("{THING}/features"), &Value::Null)
        .await
        .expect(204);
    assert_eq!(
        alice
            .get(&format!("{THING}/features"))
            .await
            .expect(200)
            .json(),
        Value::Null
    );
}

#[tokio::test]
async fn a_part_needs_what_it_belongs_to() {
    let (_gateway, alice) = with_lamp().await;
    let missing = "/api/2/things/org.acme:missing/attributes/x";
    alice
        .put(missing, &json!(1))
        .await
        .expect_error(404, "things:thing.notfound");
    let property = format!("{THING}/features/missing/properties/x");
    alice
        .put(&property, &json!(1))
        .await
        .expect_error(404, "things:feature.notfound");
    alice.patch(&property, &json!(1)).await.expect(204);
    assert_eq!(alice.get(&property).await.expect(200).json(), json!(1));
}

#[tokio::test]
async fn fields_select_what_is_read() {
    let (_gateway, alice) = with_lamp().await;
    let cases = [
        ("", json!({})),
        ("thingId", json!({ "thingId": "org.acme:lamp" })),
        (
            "attributes/site/hall,_revision",
            json!({ "attributes": { "site": { "hall": 3 } }, "_revision": 1 }),
        ),
        (
            "features/lamp/properties(on,watts)",
            json!({ "features": { "lamp": { "properties": { "on": false, "watts": 4.5 } } } }),
        ),
        (
            "features/*/properties/on",
            json!({ "features": { "lamp": { "properties": { "on": false } } } }),
        ),
    ];
    for (fields, expected) in cases {
        let answer = alice
            .get(&format!("{THING}?fields={fields}"))
            .await
            .expect(200);
        assert_eq!(answer.json(), expected, "fields={fields}");
    }
    let answer = alice.get(&format!("{THING}?fields=attributes(")).await;
    answer.expect_error(400, "json.fieldselector.invalid");
}

#[tokio::test]
async fn several_things_come_in_the_order_asked_for() {
    let (gateway, alice) = with_lamp().await;
    given_lamp(&alice, "org.acme:b").await;
    given_lamp(&gateway.as_subject("nginx:bob"), "org.acme:bobs").await;
    let path =
        "/api/2/things?ids=org.acme:b,org.acme:missing,org.acme:bobs,org.acme:lamp&fields=thingId";
    let expected = json!([{ "thingId": "org.acme:b" }, { "thingId": "org.acme:lamp" }]);
    assert_eq!(alice.get(path).await.expect(200).json(), expected);
    alice
        .get("/api/2/things?ids=")
        .await
        .expect_error(400, "things:id.invalid");
}

#[tokio::test]
async fn a_patch_merges() {
    let (_gateway, alice) = with_lamp().await;
    let patch = json!({ "attributes": { "serial": null, "site": { "row": 7 } }, "features": { "meter": {} } });
    let merged = alice.patch(THING, &patch).await.expect(204);
    assert_eq!(merged.header("etag"), "\"rev:2\"");
    let read = alice.get(THING).await.expect(200).json();
    assert_eq!(
        read["attributes"],
        json!({ "site": { "hall": 3, "row": 7 } })
    );
    assert_eq!(read["features"]["meter"], json!({}));
    assert_eq!(read["features"]["lamp"], lamp()["features"]["lamp"]);
    alice
        .patch(&format!("{THING}/attributes/site"), &Value::Null)
        .await
        .expect(204);
    assert_eq!(
        alice
            .get(&format!("{THING}/attributes"))
            .await
            .expect(200)
            .json(),
        json!({})
    );
}

#[tokio::test]
async fn a_patch_that_makes_no_thing_is_refused() {
    let (_gateway, alice) = with_lamp().await;
    let cases = [
        (json!({}), "400 things:merge.invalid"),
        (Value::Null, "400 things:merge.invalid"),
        (json!({ "thingId": null }), "400 things:id.notdeletable"),
        (json!({ "thingId": "a:b" }), "400 things:id.notsettable"),
        (
            json!({ "policyId": null }),
            "400 things:policyId.notdeletable",
        ),
        (json!({ "attributes": 7 }), "400 json.invalid"),
    ];
    for (patch, expected) in cases {
        let answer = alice.patch(THING, &patch).await;
        assert_eq!(
            answer.status_and_code(),
            expected,
            "{patch}: {}",
            answer.body
        );
    }
    let body = Some(json!({ "attributes": {} }).to_string());
    let answer = alice
        .send(
            Method::PATCH,
            THING,
            &[("content-type", "application/json")],
            body,
        )
        .await;
    answer.expect_error(415, "mediatype.unsupported");
    assert_eq!(
        alice.get(THING).await.expect(200).header("etag"),
        "\"rev:1\"",
        "nothing was written"
    );
}

#[tokio::test]
async fn a_patch_creates_a_missing_thing_but_no_part_of_one() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    alice
        .patch(&format!("{THING}/attributes"), &json!({ "x": 1 }))
        .await
        .expect_error(404, "things:thing.notfound");
    alice
        .patch(THING, &json!({ "attributes": { "x": 1, "gone": null } }))
        .await
        .expect(201);
    assert_eq!(
        alice
            .get(&format!("{THING}/attributes"))
            .await
            .expect(200)
            .json(),
        json!({ "x": 1 })
    );
}

#[tokio::test]
async fn preconditions_guard_a_thing() {
    let (_gateway, alice) = with_lamp().await;
    let existing = alice.with("if-none-match", "*").put(THING, &lamp()).await;
    assert_eq!(existing.header("etag"), "\"rev:1\"");
    existing.expect_error(412, "things:precondition.failed");
    let other = "/api/2/things/org.acme:other";
    let missing = alice.with("if-match", "*").put(other, &lamp()).await;
    assert_eq!(missing.header("etag"), "");
    missing.expect_error(412, "things:precondition.failed");
    alice
        .get("/api/2/policies/org.acme:other")
        .await
        .expect_error(404, "policies:policy.notfound");

    let unchanged = alice
        .with("if-none-match", "\"rev:1\"")
        .get(THING)
        .await
        .expect(304);
    assert_eq!(
        (unchanged.body.as_str(), unchanged.header("etag")),
        ("", "\"rev:1\"")
    );
    let hall = format!("{THING}/attributes/site/hall");
    let tag = alice.get(&hall).await.expect(200).header("etag").to_owned();
    alice
        .with("if-match", &tag)
        .put(&hall, &json!(4))
        .await
        .expect(204);
    alice
        .with("if-match", &tag)
        .put(&hall, &json!(5))
        .await
        .expect_error(412, "things:precondition.failed");
    alice
        .with("if-match", "rev:1")
        .get(THING)
        .await
        .expect_error(400, "header.invalid");
    alice
        .with("if-match", "\"rev:1\"")
        .delete(THING)
        .await
        .expect(412);
}

#[tokio::test]
async fn an_equal_value_can_be_skipped() {
    let (_gateway, alice) = with_lamp().await;
    let skipping = alice.with("if-equal", "skip");
    let serial = format!("{THING}/attributes/serial");
    skipping
        .put(&serial, &json!("A-1"))
        .await
        .expect_error(412, "things:precondition.failed");
    skipping.put(&serial, &json!("A-2")).await.expect(204);
    assert_eq!(
        alice.get(THING).await.expect(200).header("etag"),
        "\"rev:2\""
    );
}

#[tokio::test]
async fn a_partial_reader_sees_his_part() {
    let (gateway, alice) = with_lamp().await;
    let mut guest = reader("nginx:bob", "thing:/attributes/serial");
    guest["resources"]["thing:/features/lamp/properties/watts"] =
        json!({ "grant": ["READ"], "revoke": [] });
    alice
        .put("/api/2/policies/org.acme:lamp/entries/guest", &guest)
        .await
        .expect(201);
    let bob = gateway.as_subject("nginx:bob");
    let expected = json!({
        "thingId": "org.acme:lamp",
        "attributes": { "serial": "A-1" },
        "features": { "lamp": { "properties": { "watts": 4.5 } } }
    });
    assert_eq!(bob.get(THING).await.expect(200).json(), expected);
    bob.get(&format!("{THING}/attributes/site"))
        .await
        .expect_error(404, "things:attribute.notfound");
    bob.put(&format!("{THING}/attributes/serial"), &json!(1))
        .await
        .expect_error(403, "things:attribute.notmodifiable");
}

#[tokio::test]
async fn a_revoke_below_blocks_the_whole() {
    let (_gateway, alice) = with_lamp().await;
    let revoked = json!({ "grant": [], "revoke": ["WRITE"] });
    alice
        .put(
            "/api/2/policies/org.acme:lamp/entries/DEFAULT/resources/thing:/policyId",
            &revoked,
        )
        .await
        .expect(201);
    alice
        .put(THING, &lamp())
        .await
        .expect_error(403, "things:thing.notmodifiable");
    alice
        .put(&format!("{THING}/attributes"), &json!({}))
        .await
        .expect(204);
}

#[tokio::test]
async fn a_thing_is_out_of_reach_while_its_policy_is_gone() {
    let (_gateway, alice) = with_lamp().await;
    alice
        .delete("/api/2/policies/org.acme:lamp")
        .await
        .expect(204);
    alice
        .get(THING)
        .await
        .expect_error(404, "things:thing.notfound");
    alice
        .put(THING, &lamp())
        .await
        .expect_error(403, "things:thing.notmodifiable");
    alice
        .put("/api/2/policies/org.acme:lamp", &owned_by("nginx:alice"))
        .await
        .expect(201);
    alice.get(THING).await.expect(200);
}

#[tokio::test]
async fn an_inline_policy_is_created_with_its_thing() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    alice
        .put(THING, &json!({ "_policy": owned_by("nginx:alice") }))
        .await
        .expect(201);
    alice.get("/api/2/policies/org.acme:lamp").await.expect(200);
    let foreign = json!({ "_policy": owned_by("nginx:bob") });
    let refused = alice.put("/api/2/things/org.acme:other", &foreign).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    gateway
        .as_subject("nginx:bob")
        .get("/api/2/policies/org.acme:other")
        .await
        .expect(404);
    let missing = json!({ "policyId": "org.acme:missing" });
    alice
        .put("/api/2/things/org.acme:third", &missing)
        .await
        .expect_error(404, "policies:policy.notfound");
}

#[tokio::test]
async fn ids_and_keys_have_a_grammar() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    for thing_id in [
        "no-colon",
        "1a:b",
        "org..acme:b",
        "org.acme:%C3%A4",
        "org.acme:",
    ] {
        let answer = alice
            .put(&format!("/api/2/things/{thing_id}"), &json!({}))
            .await;
        assert_eq!(
            answer.status_and_code(),
            "400 things:id.invalid",
            "{thing_id}: {}",
            answer.body
        );
    }
    for thing_id in [":b", "a:b:c", "org.acme:%E2%82%AC", "org-acme.x_1:b"] {
        let answer = alice
            .put(&format!("/api/2/things/{thing_id}"), &json!({}))
            .await;
        assert_eq!(answer.status, 201, "{thing_id}: {}", answer.body);
    }
    alice
        .put(THING, &json!({ "attributes": { "a/b": 1 } }))
        .await
        .expect_error(400, "json.key.invalid");
    alice.put(THING, &json!({})).await.expect(201);
    alice
        .put(&format!("{THING}/attributes/a//b"), &json!(1))
        .await
        .expect_error(400, "json.pointer.invalid");
    alice
        .put(&format!("{THING}/definition"), &json!("x"))
        .await
        .expect_error(400, "things:definition.identifier.invalid");
    alice
        .put(&format!("{THING}/features/x/definition"), &json!([]))
        .await
        .expect(400);
}

#[tokio::test]
async fn a_correlation_id_comes_back() {
    let (_gateway, alice) = with_lamp().await;
    assert_eq!(
        alice
            .with("correlation-id", "c-1")
            .get(THING)
            .await
            .expect(200)
            .header("correlation-id"),
        "c-1"
    );
    assert_eq!(
        alice
            .with("x-correlation-id", "c-2")
            .get(THING)
            .await
            .expect(200)
            .header("correlation-id"),
        "c-2"
    );
    assert!(
        !alice
            .get(THING)
            .await
            .expect(200)
            .header("correlation-id")
            .is_empty()
    );
    let diverging = alice
        .with("correlation-id", "a")
        .get(&format!("{THING}?correlation-id=b"))
        .await;
    diverging.expect_error(400, "gateway:duplicate.header.field");
}
