//! Attributes, features and patches: every part of a thing, and what no thing can become.

use reqwest::Method;
use serde_json::{Value, json};
use tests::TestGateway;

use super::{THING, with_lamp};
use crate::given::lamp;

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
