//! Envelopes as subscribers and senders receive them, byte for byte.

use serde_json::json;
use things::EventHeaders;

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

fn event() -> ThingEvent {
    ThingEvent {
        thing_id: "com.acme:pump-7".parse().unwrap(),
        policy_id: "com.acme:fleet".parse().unwrap(),
        action: Change::Modified,
        path: "/features/motor/properties/rpm".parse().unwrap(),
        value: Some(json!(1450)),
        metadata: None,
        revision: 12,
        timestamp: "2026-08-18T10:00:00.123Z".parse().unwrap(),
        headers: EventHeaders {
            correlation_id: "c-1".into(),
            originator: "acme:ops".parse().ok(),
            requested_acks: vec!["acme:archived".into()],
            custom: vec![
                ("my-header".into(), "x".into()),
                ("ditto-sudo".into(), "true".into()),
                ("cookie".into(), "session=1".into()),
            ],
            origin: None,
        },
    }
}

#[test]
fn an_event_tells_what_changed_and_who_changed_it() {
    check(
        &Envelope::thing_event(&event()),
        r#"{"topic":"com.acme/pump-7/things/twin/events/modified","headers":{"correlation-id":"c-1","ditto-originator":"acme:ops","response-required":false,"version":2,"my-header":"x"},"path":"/features/motor/properties/rpm","value":1450,"revision":12,"timestamp":"2026-08-18T10:00:00.123Z"}"#,
    );
}

#[test]
fn an_event_asks_each_subscriber_for_its_own_labels() {
    let asked = Envelope::requesting_thing_event(&event(), None, &["acme:archived"]);
    let envelope = Envelope::parse(&asked).unwrap();
    let labels = &envelope.headers.unwrap()["requested-acks"];
    assert_eq!(*labels, json!(["acme:archived"]));
}

#[test]
fn a_deletion_has_no_value_and_an_empty_namespace_is_a_placeholder() {
    let deletion = ThingEvent {
        thing_id: ":pump-7".parse().unwrap(),
        action: Change::Deleted,
        path: "/".parse().unwrap(),
        value: None,
        headers: EventHeaders {
            correlation_id: "c-2".into(),
            ..EventHeaders::default()
        },
        ..event()
    };
    check(
        &Envelope::thing_event(&deletion),
        r#"{"topic":"_/pump-7/things/twin/events/deleted","headers":{"correlation-id":"c-2","response-required":false,"version":2},"path":"/","revision":12,"timestamp":"2026-08-18T10:00:00.123Z"}"#,
    );
}

#[test]
fn a_merged_null_is_a_value() {
    let merged = ThingEvent {
        action: Change::Merged,
        path: "/attributes/a~1b".parse().unwrap(),
        value: Some(Value::Null),
        ..event()
    };
    let envelope = Envelope::parse(&Envelope::thing_event(&merged)).unwrap();
    assert_eq!(envelope.topic, "com.acme/pump-7/things/twin/events/merged");
    assert_eq!(envelope.path, "/attributes/a~1b");
    assert_eq!(envelope.value, Some(Value::Null));
}

#[test]
fn an_enriched_event_has_extra_before_its_revision() {
    let extra = map(json!({"attributes": {"site": "Delft"}}));
    let created = ThingEvent {
        action: Change::Created,
        headers: EventHeaders::default(),
        ..event()
    };
    check(
        &Envelope::enriched_thing_event(&created, &extra),
        r#"{"topic":"com.acme/pump-7/things/twin/events/created","headers":{"correlation-id":"","response-required":false,"version":2},"path":"/features/motor/properties/rpm","value":1450,"extra":{"attributes":{"site":"Delft"}},"revision":12,"timestamp":"2026-08-18T10:00:00.123Z"}"#,
    );
}

#[test]
fn an_error_keeps_the_headers_that_clients_may_see() {
    let headers = map(json!({
        "correlation-id": "c-3",
        "content-type": "application/merge-patch+json",
        "authorization": "Bearer x",
        "ditto-auth-context": "{}",
        "if-match": "\"rev:1\"",
        "requested-acks": ["twin-persisted"],
        "my-header": "x",
    }));
    check(
        &Envelope::error(
            Some(&topic("com.acme/pump-7/things/twin/commands/modify")),
            &headers,
            404,
            &json!({"status": 404, "error": "things:thing.notfound"}),
        ),
        r#"{"topic":"com.acme/pump-7/things/twin/errors","headers":{"correlation-id":"c-3","my-header":"x","content-type":"application/json"},"path":"/","value":{"status":404,"error":"things:thing.notfound"},"status":404}"#,
    );
}

#[test]
fn an_error_without_topic_is_about_the_unknown() {
    check(
        &Envelope::error(None, &Map::new(), 400, &json!({"status": 400})),
        r#"{"topic":"unknown/unknown/things/twin/errors","headers":{"content-type":"application/json"},"path":"/","value":{"status":400},"status":400}"#,
    );
}

#[test]
fn an_announcement_is_not_about_a_path() {
    check(
        &Envelope::announcement(
            &TopicPath::session_announcement("expiring"),
            &map(json!({"correlation-id": "a-1"})),
            &json!({"secondsLeft": 30}),
        ),
        r#"{"topic":"_/_/sessions/announcements/expiring","headers":{"correlation-id":"a-1","version":2},"path":"/","value":{"secondsLeft":30}}"#,
    );
}
