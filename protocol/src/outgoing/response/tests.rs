//! Answers as senders receive them.

use serde_json::json;

use super::*;

#[track_caller]
fn check(envelope: &Bytes, expected: &str) {
    assert_eq!(std::str::from_utf8(envelope), Ok(expected));
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().expect("headers are an object").clone()
}

fn topic(text: &str) -> TopicPath {
    text.parse().unwrap()
}

fn request_headers() -> Map<String, Value> {
    map(json!({
        "correlation-id": "c-1",
        "response-required": true,
        "requested-acks": ["twin-persisted", "acme:archived"],
        "ditto-originator": "acme:ops",
        "content-type": "application/merge-patch+json",
        "etag": "\"forged\"",
    }))
}

#[test]
fn a_retrieved_thing_is_copied_as_it_is_stored() {
    let response = ThingResponse::Retrieved {
        body: RetrievedBody::Json(Bytes::from_static(b"{\"thingId\": \"com.acme:pump-7\"}")),
        etag: Some(EntityTag::Revision(12)),
        revision: 12,
        metadata: None,
    };
    check(
        &Envelope::thing_response(
            &topic("com.acme/pump-7/things/twin/commands/retrieve"),
            "/",
            &request_headers(),
            &response,
        ),
        r#"{"topic":"com.acme/pump-7/things/twin/commands/retrieve","headers":{"correlation-id":"c-1","requested-acks":["acme:archived"],"ditto-originator":"acme:ops","response-required":false,"version":2,"content-type":"application/json","etag":"\"rev:12\"","entity-revision":12},"path":"/","value":{"thingId": "com.acme:pump-7"},"status":200}"#,
    );
}

#[test]
fn a_change_is_answered_without_value_and_a_creation_with_one() {
    #[track_caller]
    fn check_response(response: &ThingResponse, status: u16, value: Option<Value>) {
        let topic = topic("com.acme/pump-7/things/twin/commands/modify");
        let bytes = Envelope::thing_response(&topic, "/attributes/a", &Map::new(), response);
        let envelope = Envelope::parse(&bytes).unwrap();
        assert_eq!(envelope.topic, topic.to_string());
        assert_eq!(envelope.path, "/attributes/a");
        assert_eq!(envelope.status, Some(status));
        assert_eq!(envelope.value, value);
        let headers = envelope.headers.unwrap();
        assert_eq!(headers.get("entity-revision"), Some(&json!(3)));
        assert_eq!(headers.contains_key("content-type"), value.is_some());
    }
    let etag = Some(EntityTag::Hash(0x5f));
    check_response(&ThingResponse::Modified { etag, revision: 3 }, 204, None);
    check_response(&ThingResponse::Deleted { revision: 3 }, 204, None);
    let created = ThingResponse::Created {
        thing_id: "com.acme:pump-7".parse().unwrap(),
        value: json!("a"),
        etag,
        revision: 3,
    };
    check_response(&created, 201, Some(json!("a")));
    let retrieved = ThingResponse::Retrieved {
        body: RetrievedBody::Value(json!({"a": 1})),
        etag,
        revision: 3,
        metadata: None,
    };
    check_response(&retrieved, 200, Some(json!({"a": 1})));
}

#[test]
fn several_things_are_answered_as_a_list() {
    check(
        &Envelope::things_response(
            &topic("_/_/things/twin/commands/retrieve"),
            "/",
            &map(json!({"correlation-id": "r-1"})),
            &[
                json!({"thingId": "com.acme:pump-7"}),
                json!({"thingId": "com.acme:pump-8"}),
            ],
        ),
        r#"{"topic":"_/_/things/twin/commands/retrieve","headers":{"correlation-id":"r-1","response-required":false,"version":2,"content-type":"application/json"},"path":"/","value":[{"thingId":"com.acme:pump-7"},{"thingId":"com.acme:pump-8"}],"status":200}"#,
    );
}

#[test]
fn policies_and_questions_are_answered_alike() {
    let topic_path = topic("com.acme/fleet/policies/commands/modify");
    let policy = |response: &PolicyResponse| {
        let bytes = Envelope::policy_response(&topic_path, "/entries/ops", &Map::new(), response);
        let envelope = Envelope::parse(&bytes).unwrap();
        (envelope.status, envelope.value)
    };
    let etag = None;
    assert_eq!(
        policy(&PolicyResponse::Modified { etag, revision: 2 }),
        (Some(204), None)
    );
    assert_eq!(
        policy(&PolicyResponse::Deleted { etag, revision: 2 }),
        (Some(204), None)
    );
    let value = json!({"a": 1});
    let created = PolicyResponse::Created {
        value: value.clone(),
        etag,
        revision: 1,
        policy_id: "com.acme:fleet".parse().unwrap(),
    };
    assert_eq!(policy(&created), (Some(201), Some(value.clone())));
    let retrieved = PolicyResponse::Retrieved {
        value: value.clone(),
        etag,
        revision: 1,
    };
    assert_eq!(policy(&retrieved), (Some(200), Some(value)));
    check(
        &Envelope::answer(
            &topic("_/_/policies/commands/checkPermissions"),
            "/",
            &map(json!({"correlation-id": "q-1"})),
            &json!({"may": true}),
        ),
        r#"{"topic":"_/_/policies/commands/checkPermissions","headers":{"correlation-id":"q-1","response-required":false,"version":2,"content-type":"application/json"},"path":"/","value":{"may":true},"status":200}"#,
    );
}
