//! Every error code of things, produced by a request that deserves it; nothing changes by any of them.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Caller, TestGateway};

use super::THING;
use crate::given::{lamp, owned_by};

/// Who asks.
#[derive(Debug, Clone, Copy)]
enum Who {
    Owner,
    /// May read everything, write nothing.
    Reader,
    Stranger,
}
use Who::{Owner, Reader, Stranger};

type Row = (
    Who,
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

/// Who, method, path (`@` is the thing), body, headers, status and code.
const ROWS: &[Row] = &[
    (
        Owner,
        "GET",
        "/api/1/things/a:b",
        "",
        &[],
        "404 api.version.notsupported",
    ),
    (
        Owner,
        "GET",
        "/api/2/things/nope",
        "",
        &[],
        "400 things:id.invalid",
    ),
    (
        Owner,
        "GET",
        "/api/2/things?ids=",
        "",
        &[],
        "400 things:id.invalid",
    ),
    (
        Owner,
        "GET",
        "/api/2/things",
        "",
        &[],
        "400 things:things.ids.missing",
    ),
    (
        Owner,
        "PUT",
        "@/attributes/a?requested-acks=search-persisted",
        "1",
        &[],
        "400 command.headers.invalid",
    ),
    (
        Owner,
        "POST",
        "@/features/ä/inbox/messages/x",
        "1",
        &[],
        "400 messages:featureid.invalid",
    ),
    // UTF-16 has an even number of bytes.
    (
        Owner,
        "POST",
        "@/inbox/messages/x",
        "abc",
        &[("content-type", "text/plain; charset=utf-16")],
        "400 messages:payload.invalid",
    ),
    (Owner, "GET", "@//x", "", &[], "400 json.pointer.invalid"),
    (
        Owner,
        "GET",
        "@?fields=a(",
        "",
        &[],
        "400 json.fieldselector.invalid",
    ),
    (
        Owner,
        "GET",
        "@",
        "",
        &[("get-metadata", "a(")],
        "400 json.fieldselector.invalid",
    ),
    (
        Owner,
        "GET",
        "@?timeout=61",
        "",
        &[],
        "400 gateway:timeout.invalid",
    ),
    (Owner, "GET", "@?timeout=x", "", &[], "400 timeout.invalid"),
    (
        Owner,
        "GET",
        "@?correlation-id=b",
        "",
        &[("correlation-id", "a")],
        "400 gateway:duplicate.header.field",
    ),
    (
        Owner,
        "GET",
        "@",
        "",
        &[("if-match", "rev:1")],
        "400 header.invalid",
    ),
    (
        Owner,
        "PUT",
        "@/attributes/a?timeout=0&requested-acks=twin-persisted",
        "1",
        &[],
        "400 header.invalid",
    ),
    (
        Owner,
        "PUT",
        "@/attributes/a",
        "1",
        &[("requested-acks", "ä")],
        "400 header.invalid",
    ),
    (
        Owner,
        "PUT",
        "@/attributes/a?requested-acks=a%20b",
        "1",
        &[],
        "400 acknowledgement:label.invalid",
    ),
    (
        Owner,
        "PUT",
        "@/attributes?dry-run=true",
        "{}",
        &[],
        "400 command.headers.invalid",
    ),
    (
        Owner,
        "GET",
        "@?response-required=false",
        "",
        &[],
        "400 command.headers.invalid",
    ),
    (
        Owner,
        "GET",
        "/api/2/things?ids=a:b&at-historical-revision=1",
        "",
        &[],
        "400 command.headers.invalid",
    ),
    (Owner, "PUT", "@/attributes", "{", &[], "400 json.invalid"),
    (Owner, "PUT", "@/attributes", "1", &[], "400 json.invalid"),
    (
        Owner,
        "PATCH",
        "@",
        r#"{"attributes":1}"#,
        &[],
        "400 json.invalid",
    ),
    (
        Owner,
        "PUT",
        "@/attributes",
        r#"{"a/b":1}"#,
        &[],
        "400 json.key.invalid",
    ),
    (
        Owner,
        "PUT",
        "@/features/ä",
        "{}",
        &[],
        "400 json.key.invalid",
    ),
    (
        Owner,
        "POST",
        "@/migrateDefinition",
        "{}",
        &[],
        "400 json.field.missing",
    ),
    (
        Owner,
        "POST",
        "@/attributes",
        "{}",
        &[],
        "405 gateway:method.notallowed",
    ),
    (
        Owner,
        "DELETE",
        "@/policyId",
        "",
        &[],
        "405 gateway:method.notallowed",
    ),
    (
        Owner,
        "PUT",
        "@/attributes/a",
        "1",
        &[("content-type", "text/plain")],
        "415 mediatype.unsupported",
    ),
    (
        Owner,
        "PATCH",
        "@",
        "{}",
        &[("content-type", "application/json")],
        "415 mediatype.unsupported",
    ),
    (
        Owner,
        "GET",
        "@?condition=eq(attributes//v,1)",
        "",
        &[],
        "400 things:condition.invalid",
    ),
    (
        Owner,
        "GET",
        "@?condition=eq(attributes/v",
        "",
        &[],
        "400 things:condition.invalid",
    ),
    (
        Owner,
        "GET",
        "@?condition=eq(nope,1)",
        "",
        &[],
        "400 rql.expression.invalid",
    ),
    (
        Owner,
        "PATCH",
        "@",
        r#"{"attributes":{"a":1}}"#,
        &[(
            "merge-thing-patch-conditions",
            r#"{"attributes/a":"eq(nope,1)"}"#,
        )],
        "400 rql.expression.invalid",
    ),
    (
        Owner,
        "GET",
        "@?condition=eq(attributes/serial,1)",
        "",
        &[],
        "412 things:condition.failed",
    ),
    (
        Stranger,
        "PUT",
        "@/attributes/a?condition=exists(thingId)",
        "1",
        &[],
        "412 things:condition.failed",
    ),
    (
        Owner,
        "POST",
        "/api/2/things",
        r#"{"thingId":"a:b"}"#,
        &[],
        "400 things:id.notsettable",
    ),
    (
        Owner,
        "PUT",
        "@",
        r#"{"thingId":"a:b"}"#,
        &[],
        "400 things:id.notsettable",
    ),
    (
        Owner,
        "PATCH",
        "@",
        r#"{"thingId":null}"#,
        &[],
        "400 things:id.notdeletable",
    ),
    (
        Owner,
        "PATCH",
        "@",
        r#"{"{{ ~.*Id~ }}":null}"#,
        &[],
        "400 things:id.notdeletable",
    ),
    (
        Owner,
        "PATCH",
        "@/policyId",
        "null",
        &[],
        "400 things:policyId.notdeletable",
    ),
    (
        Owner,
        "PUT",
        "@/policyId",
        r#""nope""#,
        &[],
        "400 policies:id.invalid",
    ),
    (
        Owner,
        "PUT",
        "/api/2/things/a:new",
        r#"{"_policy":{},"_copyPolicyFrom":"a:p"}"#,
        &[],
        "400 things:policy.conflicting",
    ),
    (
        Owner,
        "PUT",
        "/api/2/things/a:new",
        r#"{"_policy":{"entries":{}}}"#,
        &[],
        "400 things:policy.invalid",
    ),
    (
        Owner,
        "PUT",
        "/api/2/things/org.acme:orphan",
        "{}",
        &[],
        "400 things:thing.notcreatable",
    ),
    (
        Owner,
        "PUT",
        "/api/2/things/a:new",
        r#"{"policyId":"a:nope"}"#,
        &[],
        "404 policies:policy.notfound",
    ),
    (
        Owner,
        "PUT",
        "/api/2/things/a:new",
        r#"{"_copyPolicyFrom":"{{ ref:policies/a:b/policyId }}"}"#,
        &[],
        "400 placeholder:placeholder.reference.notsupported",
    ),
    (
        Owner,
        "PUT",
        "/api/2/things/a:new",
        r#"{"_copyPolicyFrom":"{{ ref:things/org.acme:lamp/attributes/site }}"}"#,
        &[],
        "400 placeholder:placeholder.reference.unknownfield",
    ),
    (
        Owner,
        "PUT",
        "/api/2/things/a:new",
        r#"{"_copyPolicyFrom":"{{ ref:things/org.acme:lamp/attributes/nope }}"}"#,
        &[],
        "400 placeholder:placeholder.reference.unknownfield",
    ),
    (
        Owner,
        "PUT",
        "/api/2/things/a:new",
        r#"{"_copyPolicyFrom":"{{ ref:things/org.acme:nope/policyId }}"}"#,
        &[],
        "404 things:thing.notfound",
    ),
    (
        Owner,
        "POST",
        "@/migrateDefinition",
        r#"{"thingDefinitionUrl":"https://m/m","migrationPayload":{"attributes":{"a":"{{ thing-json:attributes/nope }}"}}}"#,
        &[],
        "400 placeholder:unresolved",
    ),
    (
        Owner,
        "POST",
        "@/migrateDefinition",
        r#"{"thingDefinitionUrl":"https://m/m","initializeMissingPropertiesFromDefaults":true}"#,
        &[],
        "400 wot:skeleton.generation.failed",
    ),
    (
        Owner,
        "PUT",
        "@/definition",
        r#""nope""#,
        &[],
        "400 things:definition.identifier.invalid",
    ),
    (
        Owner,
        "PUT",
        "@/features/lamp/definition",
        "[]",
        &[],
        "400 things:feature.definition.empty",
    ),
    (Owner, "PATCH", "@", "{}", &[], "400 things:merge.invalid"),
    (
        Owner,
        "PATCH",
        "@/attributes",
        r#"{"{{ ~(~ }}":null}"#,
        &[],
        "400 things:merge.invalid",
    ),
    (
        Owner,
        "GET",
        "@",
        "",
        &[("put-metadata", "[]")],
        "400 things:metadata.headersconflict",
    ),
    (
        Owner,
        "PUT",
        "/api/2/things/a:new",
        r#"{"_metadata":{"a":1}}"#,
        &[("put-metadata", r#"[{"key":"a","value":1}]"#)],
        "400 things:metadata.notmodifiable",
    ),
    (
        Owner,
        "GET",
        "@/attributes",
        "",
        &[("get-metadata", "features/*/properties/*/unit")],
        "400 header.notsupported",
    ),
    (
        Owner,
        "GET",
        "@?at-historical-revision=99",
        "",
        &[],
        "404 things:thing.history.notfound",
    ),
    (
        Owner,
        "GET",
        "/api/2/things/a:nope",
        "",
        &[],
        "404 things:thing.notfound",
    ),
    (Stranger, "GET", "@", "", &[], "404 things:thing.notfound"),
    (
        Stranger,
        "GET",
        "@/policyId",
        "",
        &[],
        "404 things:policyId.notfound",
    ),
    (
        Owner,
        "GET",
        "@/definition",
        "",
        &[],
        "404 things:definition.notfound",
    ),
    (
        Owner,
        "DELETE",
        "@/definition",
        "",
        &[],
        "404 things:definition.notfound",
    ),
    (
        Stranger,
        "GET",
        "@/attributes",
        "",
        &[],
        "404 things:attributes.notfound",
    ),
    (
        Owner,
        "GET",
        "@/attributes/nope",
        "",
        &[],
        "404 things:attribute.notfound",
    ),
    (
        Stranger,
        "GET",
        "@/features",
        "",
        &[],
        "404 things:features.notfound",
    ),
    (
        Owner,
        "GET",
        "@/features/nope",
        "",
        &[],
        "404 things:feature.notfound",
    ),
    (
        Owner,
        "PUT",
        "@/features/nope/properties/a",
        "1",
        &[],
        "404 things:feature.notfound",
    ),
    (
        Owner,
        "GET",
        "@/features/lamp/definition",
        "",
        &[],
        "404 things:feature.definition.notfound",
    ),
    (
        Stranger,
        "GET",
        "@/features/lamp/properties",
        "",
        &[],
        "404 things:feature.properties.notfound",
    ),
    (
        Owner,
        "GET",
        "@/features/lamp/properties/nope",
        "",
        &[],
        "404 things:feature.property.notfound",
    ),
    (
        Owner,
        "GET",
        "@/features/lamp/desiredProperties",
        "",
        &[],
        "404 things:feature.desiredProperties.notfound",
    ),
    (
        Owner,
        "GET",
        "@/features/lamp/desiredProperties/nope",
        "",
        &[],
        "404 things:feature.desiredProperty.notfound",
    ),
    (
        Reader,
        "PUT",
        "@",
        "{}",
        &[],
        "403 things:thing.notmodifiable",
    ),
    (
        Reader,
        "PATCH",
        "@/features/lamp/properties/on",
        "true",
        &[],
        "403 things:thing.notmodifiable",
    ),
    (
        Reader,
        "POST",
        "@/migrateDefinition",
        r#"{"thingDefinitionUrl":"https://m/m"}"#,
        &[],
        "403 things:thing.notmodifiable",
    ),
    (
        Owner,
        "PUT",
        "/api/2/things/a:orphaned/attributes/a",
        "1",
        &[],
        "403 things:thing.notmodifiable",
    ),
    (
        Reader,
        "DELETE",
        "@",
        "",
        &[],
        "403 things:thing.notdeletable",
    ),
    (
        Reader,
        "PUT",
        "@/policyId",
        r#""a:b""#,
        &[],
        "403 things:policyId.notmodifiable",
    ),
    (
        Reader,
        "PUT",
        "@/definition",
        r#""a:b:1""#,
        &[],
        "403 things:definition.notmodifiable",
    ),
    (
        Reader,
        "PUT",
        "@/attributes",
        "{}",
        &[],
        "403 things:attributes.notmodifiable",
    ),
    (
        Reader,
        "DELETE",
        "@/attributes/serial",
        "",
        &[],
        "403 things:attribute.notmodifiable",
    ),
    (
        Reader,
        "DELETE",
        "@/features",
        "",
        &[],
        "403 things:features.notmodifiable",
    ),
    (
        Reader,
        "PUT",
        "@/features/lamp",
        "{}",
        &[],
        "403 things:feature.notmodifiable",
    ),
    (
        Reader,
        "PUT",
        "@/features/lamp/definition",
        r#"["a:b:1"]"#,
        &[],
        "403 things:feature.definition.notmodifiable",
    ),
    (
        Reader,
        "PUT",
        "@/features/lamp/properties",
        "{}",
        &[],
        "403 things:feature.properties.notmodifiable",
    ),
    (
        Reader,
        "PUT",
        "@/features/lamp/properties/on",
        "true",
        &[],
        "403 things:feature.property.notmodifiable",
    ),
    (
        Reader,
        "PUT",
        "@/features/lamp/desiredProperties",
        "{}",
        &[],
        "403 things:feature.desiredProperties.notmodifiable",
    ),
    (
        Reader,
        "PUT",
        "@/features/lamp/desiredProperties/on",
        "true",
        &[],
        "403 things:feature.desiredProperty.notmodifiable",
    ),
    (
        Owner,
        "PUT",
        "@",
        "{}",
        &[("if-none-match", "*")],
        "412 things:precondition.failed",
    ),
    (
        Owner,
        "PUT",
        "@/attributes/serial",
        r#""A-1""#,
        &[("if-equal", "skip")],
        "412 things:precondition.failed",
    ),
    (Owner, "GET", "@", "", &[("if-none-match", "*")], "304"),
];

#[tokio::test]
async fn every_code_is_produced_and_nothing_changes() {
    let gateway = TestGateway::start().await;
    let owner = gateway.as_subject("nginx:owner");
    given(&owner).await;
    let before = state(&owner).await;
    let (reader, stranger) = (
        gateway.as_subject("nginx:reader"),
        gateway.as_subject("nginx:stranger"),
    );
    let mut surprises = Vec::new();
    for row @ (who, method, path, body, headers, expected) in ROWS {
        let caller = match who {
            Owner => &owner,
            Reader => &reader,
            Stranger => &stranger,
        };
        let path = path.replace('@', THING);
        let media_type = if *method == "PATCH" {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let mut sent = headers.to_vec();
        if !body.is_empty() && !sent.iter().any(|(name, _)| *name == "content-type") {
            sent.push(("content-type", media_type));
        }
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let body = (!body.is_empty()).then(|| (*body).to_owned());
        let answer = caller.send(method, &path, &sent, body).await;
        if answer.status_and_code() != *expected {
            surprises.push(format!("{row:?}: {} {}", answer.status, answer.body));
        }
        assert!(
            answer.body.is_empty() || answer.json()["message"].is_string(),
            "{}",
            answer.body
        );
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert_eq!(state(&owner).await, before);
}

async fn given(owner: &Caller) {
    let mut policy = owned_by("nginx:owner");
    policy["entries"]["reader"] = json!({
        "subjects": { "nginx:reader": { "type": "test" } },
        "resources": { "thing:/": { "grant": ["READ"], "revoke": [] } },
    });
    owner
        .put("/api/2/policies/org.acme:lamp", &policy)
        .await
        .expect(201);
    owner
        .put("/api/2/policies/org.acme:orphan", &owned_by("nginx:owner"))
        .await
        .expect(201);
    let mut thing = lamp();
    thing["policyId"] = json!("org.acme:lamp");
    owner.put(THING, &thing).await.expect(201);
    owner
        .put("/api/2/things/a:orphaned", &json!({}))
        .await
        .expect(201);
    owner.delete("/api/2/policies/a:orphaned").await.expect(204);
}

async fn state(owner: &Caller) -> Value {
    let fields = "thingId,attributes,features,_revision,_metadata,_policy";
    let thing = owner.get(&format!("{THING}?fields={fields}")).await;
    thing.expect(200).json()
}

#[test]
fn the_table_has_every_code_of_things() {
    let produced: BTreeSet<&str> = ROWS
        .iter()
        .filter_map(|row| row.5.split(' ').nth(1))
        .collect();
    let source = include_str!("../../../gateway/src/error/things.rs");
    let codes = source
        .split('"')
        .filter(|text| text.starts_with("things:") && !text.contains(['{', ' ']));
    // `limits.rs` has the one that needs a large thing, the unit tests of the table those that no single request causes.
    let elsewhere = [
        "things:thing.toomanymodifyingrequests",
        "things:thing.toolarge",
        "things:thing.conflict",
        "things:precondition.notmodified",
    ];
    let missing: Vec<&str> = codes
        .filter(|code| !produced.contains(code) && !elsewhere.contains(code))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
