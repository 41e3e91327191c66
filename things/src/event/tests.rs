//! Tests of events.

use serde_json::json;

use super::*;

fn event(action: EventAction, path: &str, value: Option<Value>) -> ThingEvent {
    ThingEvent {
        thing_id: "org.acme:t".parse().unwrap(),
        policy_id: "org.acme:p".parse().unwrap(),
        action,
        path: path.parse().unwrap(),
        value,
        metadata: None,
        revision: 7,
        timestamp: "2026-08-18T09:20:00.5Z".parse().unwrap(),
        headers: EventHeaders {
            correlation_id: "c-1".into(),
            originator: Some("nginx:alice".parse().unwrap()),
            requested_acks: vec!["my:ack".into()],
            custom: vec![("x-a".into(), "b".into())],
            origin: None,
        },
    }
}

#[track_caller]
fn check_round_trip(event: &ThingEvent) {
    assert_eq!(wire::decode(&event.encode()).as_ref(), Ok(event));
}

#[test]
fn events_survive_the_journal() {
    check_round_trip(&event(
        EventAction::Modified,
        "/attributes/a",
        Some(json!(1)),
    ));
    check_round_trip(&event(EventAction::Merged, "/", Some(json!({"a": null}))));
    check_round_trip(&event(
        EventAction::Merged,
        "/attributes",
        Some(json!(null)),
    ));
    check_round_trip(&event(EventAction::Deleted, "/", None));
    let bare = ThingEvent {
        headers: EventHeaders::default(),
        ..event(EventAction::Deleted, "/features/f", None)
    };
    check_round_trip(&bare);
}

#[test]
fn damaged_signals_are_an_error() {
    assert!(wire::decode(b"{}").is_err());
    let mut bytes = event(EventAction::Deleted, "/", None).encode();
    bytes.truncate(bytes.len() - 1);
    assert!(wire::decode(&bytes).is_err());
}

#[track_caller]
fn check_thing_json(event: &ThingEvent, expected: Value) {
    assert_eq!(event.to_thing_json(), expected);
}

#[test]
fn an_event_becomes_a_partial_thing() {
    check_thing_json(
        &event(
            EventAction::Modified,
            "/features/f/properties/on",
            Some(json!(true)),
        ),
        json!({"thingId": "org.acme:t", "features": {"f": {"properties": {"on": true}}},
            "_namespace": "org.acme", "_revision": 7, "_modified": "2026-08-18T09:20:00.5Z"}),
    );
    check_thing_json(
        &event(EventAction::Deleted, "/attributes/a", None),
        json!({"thingId": "org.acme:t",
            "_namespace": "org.acme", "_revision": 7, "_modified": "2026-08-18T09:20:00.5Z"}),
    );
    check_thing_json(
        &event(
            EventAction::Created,
            "/",
            Some(json!({"thingId": "org.acme:t", "policyId": "a:p"})),
        ),
        json!({"thingId": "org.acme:t", "policyId": "a:p", "_namespace": "org.acme", "_revision": 7,
            "_created": "2026-08-18T09:20:00.5Z", "_modified": "2026-08-18T09:20:00.5Z"}),
    );
}
