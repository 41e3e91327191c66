//! Ditto's behaviour on things as its clients know it, where no other test says it already.

use reqwest::Method;
use serde_json::json;
use tests::TestGateway;

use super::{THING, with_lamp};
use crate::given::{given_lamp, lamp, owned_by};

#[tokio::test]
async fn a_recreated_thing_goes_on_counting() {
    let (_gateway, alice) = with_lamp().await;
    alice.put(THING, &lamp()).await.expect(204);
    alice.delete(THING).await.expect(204);
    let implicit = alice.put(THING, &lamp()).await;
    implicit.expect_error(400, "things:thing.notcreatable");
    let created = alice
        .put(THING, &json!({ "policyId": "org.acme:lamp" }))
        .await
        .expect(201);
    assert_eq!(
        (created.header("etag"), created.header("entity-revision")),
        ("\"rev:4\"", "4")
    );
    assert!(
        created.header("location").ends_with(THING),
        "{:?}",
        created.headers
    );
}

#[tokio::test]
async fn one_of_several_things_is_missing() {
    let (_gateway, alice) = with_lamp().await;
    given_lamp(&alice, "org.acme:b").await;
    let answer = alice
        .get("/api/2/things?ids=org.acme:b&ids=x:missing,org.acme:lamp")
        .await
        .expect(200)
        .json();
    assert_eq!(answer[0]["thingId"], "org.acme:b");
    assert_eq!(answer[1]["thingId"], "org.acme:lamp");
    assert_eq!(answer.as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn the_policy_is_embedded_for_those_who_may_read_it() {
    let (gateway, alice) = with_lamp().await;
    let answer = alice
        .get(&format!("{THING}?fields=thingId,_policy"))
        .await
        .expect(200)
        .json();
    assert_eq!(answer["_policy"]["policyId"], "org.acme:lamp");
    let guest = crate::given::reader("nginx:bob", "thing:/");
    alice
        .put("/api/2/policies/org.acme:lamp/entries/guest", &guest)
        .await
        .expect(201);
    let answer = gateway
        .as_subject("nginx:bob")
        .get(&format!("{THING}?fields=thingId,_policy"))
        .await;
    assert_eq!(
        answer.expect(200).json(),
        json!({ "thingId": "org.acme:lamp" })
    );
}

#[tokio::test]
async fn special_fields_are_shown_to_those_who_name_them() {
    let (_gateway, alice) = with_lamp().await;
    let fields = "_namespace,_revision,_created,_modified,__lifecycle,_metadata";
    let answer = alice
        .get(&format!("{THING}?fields={fields}"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&answer["_namespace"], &answer["_revision"]),
        (&json!("org.acme"), &json!(1))
    );
    assert_eq!(answer["__lifecycle"], "ACTIVE");
    assert_eq!(answer["_created"], answer["_modified"]);
    assert!(answer.get("_metadata").is_none(), "{answer}");
}

#[tokio::test]
async fn a_patch_removes_keys_by_pattern() {
    let (_gateway, alice) = with_lamp().await;
    let log = format!("{THING}/features/log/properties");
    alice
        .patch(&log, &json!({ "2022-01": 1, "2022-02": 2, "2023-01": 9 }))
        .await
        .expect(204);
    alice
        .patch(&log, &json!({ "{{ ~2022-.*~ }}": null, "2022-12": 7 }))
        .await
        .expect(204);
    assert_eq!(
        alice.get(&log).await.expect(200).json(),
        json!({ "2023-01": 9, "2022-12": 7 })
    );
}

#[tokio::test]
async fn a_revoke_on_the_policy_id_blocks_the_whole() {
    let (gateway, alice) = with_lamp().await;
    let mut entry = crate::given::reader("nginx:bob", "thing:/");
    entry["resources"]["thing:/"]["grant"] = json!(["READ", "WRITE"]);
    entry["resources"]["thing:/policyId"] = json!({ "grant": [], "revoke": ["WRITE"] });
    alice
        .put("/api/2/policies/org.acme:lamp/entries/bob", &entry)
        .await
        .expect(201);
    let bob = gateway.as_subject("nginx:bob");
    bob.put(THING, &lamp())
        .await
        .expect_error(403, "things:thing.notmodifiable");
    bob.patch(THING, &json!({ "attributes": { "a": 1 } }))
        .await
        .expect(204);
    bob.patch(THING, &json!({ "policyId": "a:b" }))
        .await
        .expect_error(403, "things:thing.notmodifiable");
}

#[tokio::test]
async fn a_thing_waits_for_its_policy() {
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
async fn a_write_may_be_sent_without_waiting() {
    let (_gateway, alice) = with_lamp().await;
    let serial = format!("{THING}/attributes/serial");
    for query in [
        "timeout=0",
        "response-required=false",
        "response-required=false&requested-acks=twin-persisted",
    ] {
        let answer = alice
            .put(&format!("{serial}?{query}"), &json!(query))
            .await
            .expect(202);
        assert_eq!(answer.body, "", "{query}");
        assert_eq!(alice.get(&serial).await.expect(200).json(), query);
    }
    for query in [
        "requested-acks=twin-persisted",
        "requested-acks=",
        "requested-acks=%5B%22twin-persisted%22%5D",
        "timeout=10s",
    ] {
        alice
            .put(&format!("{serial}?{query}"), &json!(query))
            .await
            .expect(204);
    }
}

#[tokio::test]
async fn metadata_goes_beside_the_thing() {
    let (_gateway, alice) = with_lamp().await;
    let watts = format!("{THING}/features/lamp/properties/watts");
    let noting = alice.with("put-metadata", r#"[{"key":"unit","value":"W €"}]"#);
    noting.put(&watts, &json!(5)).await.expect(204);
    let read = alice
        .with("get-metadata", "unit")
        .get(&watts)
        .await
        .expect(200);
    assert_eq!(
        (read.body.as_str(), read.header("ditto-metadata")),
        ("5", r#"{"unit":"W \u20ac"}"#)
    );
    let fields = alice
        .get(&format!("{THING}?fields=_metadata"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        fields["_metadata"]["features"]["lamp"]["properties"]["watts"]["unit"],
        "W €"
    );
    alice.delete(&watts).await.expect(204);
    let read = alice.with("get-metadata", "*").get(THING).await.expect(200);
    assert_eq!(read.header("ditto-metadata"), "{}");
}

#[tokio::test]
async fn the_past_is_read_by_revision_and_time() {
    let (gateway, alice) = with_lamp().await;
    let serial = format!("{THING}/attributes/serial");
    alice.put(&serial, &json!("B-2")).await.expect(204);
    let past = alice
        .get(&format!("{serial}?at-historical-revision=1"))
        .await
        .expect(200);
    assert_eq!(
        (past.body.as_str(), past.header("entity-revision")),
        ("\"A-1\"", "1")
    );
    let whole = alice
        .with("at-historical-revision", "1")
        .get(THING)
        .await
        .expect(200);
    assert_eq!(
        (whole.header("etag"), &whole.json()["attributes"]["serial"]),
        ("\"rev:1\"", &json!("A-1"))
    );
    let modified = alice
        .get(&format!("{THING}?fields=_modified"))
        .await
        .expect(200)
        .json()["_modified"]
        .clone();
    let time = modified.as_str().unwrap_or_default();
    let past = alice
        .get(&format!("{serial}?at-historical-timestamp={time}"))
        .await
        .expect(200);
    assert_eq!(past.json(), "A-1");
    gateway
        .as_subject("nginx:bob")
        .get(&format!("{THING}?at-historical-revision=1"))
        .await
        .expect_error(404, "things:thing.notfound");
}

#[tokio::test]
async fn what_is_older_than_configured_is_gone() {
    let gateway = TestGateway::start_with(json!({ "history": { "max_revisions": 2 } })).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    for number in 2..5 {
        alice
            .put(&format!("{THING}/attributes/serial"), &json!(number))
            .await
            .expect(204);
    }
    let at = |revision: u32| format!("{THING}/attributes/serial?at-historical-revision={revision}");
    assert_eq!(alice.get(&at(3)).await.expect(200).json(), 3);
    alice
        .get(&at(2))
        .await
        .expect_error(404, "things:thing.history.notfound");
}

#[tokio::test]
async fn a_definition_is_migrated_or_rehearsed() {
    let (_gateway, alice) = with_lamp().await;
    let path = format!("{THING}/migrateDefinition");
    let body = json!({
        "thingDefinitionUrl": "https://models.example/lamp-2",
        "migrationPayload": { "attributes": { "was": "{{ thing-json:attributes/serial }}" } },
    });
    let patch =
        json!({ "definition": "https://models.example/lamp-2", "attributes": { "was": "A-1" } });
    let rehearsed = alice
        .post(&format!("{path}?dry-run=true"), &body)
        .await
        .expect(202)
        .json();
    assert_eq!(
        rehearsed,
        json!({ "thingId": "org.acme:lamp", "patch": patch, "mergeStatus": "DRY_RUN" })
    );
    alice.get(&format!("{THING}/definition")).await.expect(404);
    let applied = alice.post(&path, &body).await.expect(200);
    assert_eq!(
        (applied.header("etag"), &applied.json()["mergeStatus"]),
        ("\"rev:2\"", &json!("APPLIED"))
    );
    let thing = alice.get(THING).await.expect(200).json();
    assert_eq!(
        (&thing["definition"], &thing["attributes"]["was"]),
        (&patch["definition"], &json!("A-1"))
    );
}

#[tokio::test]
async fn a_web_socket_knows_the_same_headers() {
    let (_gateway, alice) = with_lamp().await;
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let mut watcher = alice.web_socket().await.expect("a WebSocket");
    watcher.control("START-SEND-EVENTS").await;
    let modify = |headers: serde_json::Value| {
        json!({
            "topic": "org.acme/lamp/things/twin/commands/modify", "path": "/attributes/serial", "value": "C-3", "headers": headers,
        })
    };
    let refused = socket
        .command(
            "c-1",
            modify(json!({ "condition": "eq(attributes/serial,'Z')" })),
        )
        .await;
    assert_eq!(
        (&refused["status"], &refused["value"]["error"]),
        (&json!(412), &json!("things:condition.failed"))
    );
    let headers = json!({ "condition": "eq(attributes/serial,'A-1')", "put-metadata": [{ "key": "by", "value": "me" }] });
    let done = socket.command("c-2", modify(headers)).await;
    assert_eq!(done["status"], 204);
    let event = watcher.json().await;
    assert_eq!(
        event["metadata"],
        json!({ "attributes": { "serial": { "by": "me" } } })
    );
    let retrieve = |headers: serde_json::Value| {
        json!({
            "topic": "org.acme/lamp/things/twin/commands/retrieve", "path": "/attributes/serial", "headers": headers,
        })
    };
    let past = socket
        .command("c-3", retrieve(json!({ "at-historical-revision": 1 })))
        .await;
    assert_eq!(
        (&past["value"], &past["status"]),
        (&json!("A-1"), &json!(200))
    );
    let noted = socket
        .command("c-4", retrieve(json!({ "get-metadata": "by" })))
        .await;
    assert_eq!(noted["headers"]["ditto-metadata"], json!({ "by": "me" }));
    let rehearsal = socket
        .command("c-5", modify(json!({ "dry-run": true })))
        .await;
    assert_eq!(rehearsal["value"]["error"], "command.headers.invalid");
}

#[tokio::test]
async fn a_minimal_merge_tells_only_what_changes() {
    let (_gateway, alice) = with_lamp().await;
    let mut watcher = alice.web_socket().await.expect("a WebSocket");
    watcher.control("START-SEND-EVENTS").await;
    let patch = json!({ "on": true, "watts": 4.5 });
    let minimal = alice.with("if-equal", "skip-minimizing-merge");
    minimal
        .patch(&format!("{THING}/features/lamp/properties"), &patch)
        .await
        .expect(204);
    let event = watcher.json().await;
    assert_eq!(event["value"], json!({ "on": true }));
    assert_eq!(event["topic"], "org.acme/lamp/things/twin/events/merged");
}

#[tokio::test]
async fn every_route_names_its_methods() {
    let (_gateway, alice) = with_lamp().await;
    for (method, path, allowed) in [
        ("HEAD", THING.to_owned(), "GET, PUT, PATCH, DELETE"),
        ("POST", THING.to_owned(), "GET, PUT, PATCH, DELETE"),
        ("DELETE", format!("{THING}/policyId"), "GET, PUT, PATCH"),
        ("GET", format!("{THING}/migrateDefinition"), "POST"),
        ("PUT", "/api/2/things".to_owned(), "GET, POST"),
        (
            "POST",
            format!("{THING}/features/lamp/properties/on"),
            "GET, PUT, PATCH, DELETE",
        ),
    ] {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let answer = alice.send(method.clone(), &path, &[], None).await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, allowed),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn one_trailing_slash_is_tolerated() {
    let (_gateway, alice) = with_lamp().await;
    for tail in ["/", "/features/", "/attributes/", "/features/lamp/"] {
        alice.get(&format!("{THING}{tail}")).await.expect(200);
    }
    alice
        .get(&format!("{THING}/features//"))
        .await
        .expect_error(400, "json.pointer.invalid");
}

#[tokio::test]
async fn pointers_are_escaped_once() {
    let (_gateway, alice) = with_lamp().await;
    let deep = format!("{THING}/attributes/a%20b/%7E0c/d+e/%E2%82%AC");
    alice.put(&deep, &json!(1)).await.expect(201);
    let expected = json!({ "a b": { "~c": { "d+e": { "€": 1 } } } });
    let attributes = alice
        .get(&format!("{THING}/attributes?fields=a%20b"))
        .await
        .expect(200)
        .json();
    assert_eq!(attributes, expected);
    assert_eq!(
        alice
            .get(&format!("{THING}/attributes/a%20b%2F~0c/d+e/€"))
            .await
            .expect(200)
            .json(),
        1
    );
}
