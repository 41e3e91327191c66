//! Envelopes understood, refused and set aside.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{SearchAction, StreamingAction};

fn incoming(topic: &str, path: &str, more: Value) -> Result<Incoming, Error> {
    let mut envelope = json!({"topic": topic, "path": path});
    if let (Some(envelope), Value::Object(more)) = (envelope.as_object_mut(), more) {
        envelope.extend(more);
    }
    Incoming::from_envelope(Envelope::parse(envelope.to_string().as_bytes()).unwrap())
}

#[track_caller]
fn check_thing(action: &str, path: &str, more: Value, expected: &str) {
    let topic = format!("com.acme/pump-7/things/twin/commands/{action}");
    match incoming(&topic, path, more) {
        Ok(Incoming::Thing(command)) => {
            assert_eq!(command.thing_id.as_str(), "com.acme:pump-7");
            let understood = format!("{:?} {:?}", command.resource, command.action);
            assert_eq!(understood, expected, "{action} {path}");
        }
        other => panic!("{other:?} for {action} {path}"),
    }
}

#[test]
fn commands_to_twins() {
    check_thing(
        "create",
        "/",
        json!({"value": {}}),
        "Thing Create(Object {})",
    );
    check_thing("retrieve", "", json!({}), "Thing Retrieve { fields: None }");
    check_thing(
        "modify",
        "/attributes/a",
        json!({"value": 1}),
        "Attribute(Pointer([\"a\"])) Modify(Number(1))",
    );
    check_thing(
        "merge",
        "/features/f",
        json!({"value": null}),
        "Feature(\"f\") Merge(Null)",
    );
    check_thing("delete", "/definition", json!({}), "Definition Delete");
}

#[test]
fn fields_are_parsed() {
    let retrieve = incoming(
        "com.acme/pump-7/things/twin/commands/retrieve",
        "/",
        json!({"fields": "thingId,attributes(site)"}),
    );
    let Ok(Incoming::Thing(ThingCommand {
        action: ThingAction::Retrieve {
            fields: Some(fields),
        },
        ..
    })) = retrieve
    else {
        panic!("{retrieve:?}");
    };
    assert_eq!(fields, "thingId,attributes(site)".parse().unwrap());
}

#[test]
fn several_things_are_retrieved_by_a_topic_without_name() {
    for topic in [
        "_/_/things/twin/commands/retrieve",
        "com.acme/_/things/twin/commands/retrieve",
    ] {
        let value =
            json!({"value": {"thingIds": ["com.acme:a", "com.acme:b"]}, "fields": "thingId"});
        let Ok(Incoming::Things { thing_ids, fields }) = incoming(topic, "/", value) else {
            panic!("{topic}");
        };
        let ids: Vec<&str> = thing_ids.iter().map(ThingId::as_str).collect();
        assert_eq!(ids, ["com.acme:a", "com.acme:b"]);
        assert!(fields.is_some());
    }
}

#[track_caller]
fn check_policy(action: &str, path: &str, more: Value, expected: &str) {
    let topic = format!("com.acme/fleet/policies/commands/{action}");
    match incoming(&topic, path, more) {
        Ok(Incoming::Policy(command)) => {
            assert_eq!(command.policy_id.as_str(), "com.acme:fleet");
            let understood = format!("{} {:?}", command.resource.pointer(), command.action);
            assert_eq!(understood, expected, "{action} {path}");
        }
        other => panic!("{other:?} for {action} {path}"),
    }
}

#[test]
fn commands_to_policies() {
    check_policy("create", "/", json!({"value": {}}), "/ Create(Object {})");
    check_policy(
        "retrieve",
        "/entries/",
        json!({}),
        "/entries Retrieve { fields: None }",
    );
    check_policy(
        "modify",
        "/imports",
        json!({"value": {}}),
        "/imports Modify(Object {})",
    );
    check_policy("delete", "/entries/ops", json!({}), "/entries/ops Delete");
}

#[test]
fn subjects_and_resource_keys_may_hold_slashes() {
    #[track_caller]
    fn check_resource(path: &str, expected: &PolicyResource) {
        match incoming("com.acme/fleet/policies/commands/delete", path, json!({})) {
            Ok(Incoming::Policy(command)) => assert_eq!(&command.resource, expected, "{path}"),
            other => panic!("{other:?} for {path}"),
        }
    }
    let label: policies::Label = "ops".parse().unwrap();
    check_resource(
        "/entries/ops/resources/thing:/features/f",
        &PolicyResource::Resource(label.clone(), "thing:/features/f".parse().unwrap()),
    );
    check_resource(
        "/entries/ops/resources/thing:/",
        &PolicyResource::Resource(label.clone(), "thing:/".parse().unwrap()),
    );
    check_resource(
        "/entries/ops/subjects/https://id.acme.example:alice",
        &PolicyResource::Subject(label, "https://id.acme.example:alice".parse().unwrap()),
    );
}

#[test]
fn a_question_for_permissions_needs_no_policy() {
    let question = incoming(
        "_/_/policies/commands/checkPermissions",
        "/",
        json!({"value": {"may": 1}}),
    );
    assert!(matches!(question, Ok(Incoming::CheckPermissions(body)) if body == json!({"may": 1})));
}

#[track_caller]
fn check_other(topic: &str, more: Value, kind: &SignalKind, reaction: Reaction) {
    match incoming(topic, "/", more) {
        Ok(Incoming::Other {
            kind: understood, ..
        }) => {
            assert_eq!(&understood, kind, "{topic}");
            assert_eq!(understood.reaction(), reaction, "{topic}");
        }
        other => panic!("{other:?} for {topic}"),
    }
}

#[track_caller]
fn check_live(topic: &str, path: &str, more: Value, expected: &str) {
    match incoming(topic, path, more) {
        Ok(Incoming::Live(frame)) => {
            assert_eq!(frame.thing_id.as_str(), "a:b", "{topic}");
            let understood = match &frame.kind {
                LiveKind::Command { action, command } => {
                    format!("command {} {}", action.as_str(), command.resource.pointer())
                }
                LiveKind::Event { action, resource } => {
                    format!("event {} {}", action.as_str(), resource.pointer())
                }
                LiveKind::Message(path) => format!("message {path}"),
                LiveKind::CommandResponse(action) => format!("response {}", action.as_str()),
                LiveKind::MessageResponse(path) => format!("answer {path}"),
                LiveKind::ErrorResponse => "error".to_owned(),
                LiveKind::Acknowledgement { channel, label } => {
                    format!("ack {} {label}", channel.as_str())
                }
            };
            assert_eq!(understood, expected, "{topic} {path}");
        }
        other => panic!("{other:?} for {topic} {path}"),
    }
}

#[test]
fn live_signals_and_answers_are_told_apart() {
    let answered = || json!({"status": 200});
    check_live(
        "a/b/things/live/commands/modify",
        "/attributes/x",
        json!({"value": 1}),
        "command modify /attributes/x",
    );
    check_live(
        "a/b/things/live/commands/modify",
        "/attributes/x",
        answered(),
        "response modify",
    );
    check_live(
        "a/b/things/live/events/modified",
        "/",
        json!({"value": {}}),
        "event modified /",
    );
    let box_path = "/features/f/inbox/messages/hello/x";
    check_live(
        "a/b/things/live/messages/hello/x",
        box_path,
        json!({"value": 1}),
        &format!("message {box_path}"),
    );
    check_live(
        "a/b/things/live/messages/hello/x",
        box_path,
        answered(),
        &format!("answer {box_path}"),
    );
    check_live("a/b/things/live/errors", "/", answered(), "error");
    check_live("a/b/things/twin/acks/c:l", "/", answered(), "ack twin c:l");
    check_live("a/b/things/live/acks/c:l", "/", answered(), "ack live c:l");
}

#[test]
fn malformed_live_signals_are_refused() {
    check_refused(
        "a/b/things/live/messages/hello",
        "/inbox/messages/other",
        json!({}),
        "illegal value: topic and path name different subjects",
    );
    check_refused(
        "a/b/things/live/messages/hello",
        "/attributes",
        json!({}),
        "invalid path of a message: messages lie below `inbox/messages` or `outbox/messages` of a thing or feature",
    );
    check_refused(
        "a/b/things/twin/acks/c:l",
        "/",
        json!({}),
        "the envelope has no `status`",
    );
    check_refused(
        "a/b/things/live/commands/modify",
        "/nowhere",
        json!({"value": 1}),
        "unknown path `/nowhere`",
    );
}

#[test]
fn what_is_not_served_is_refused() {
    use SignalKind as Kind;
    let check = |topic: &str, kind: Kind| check_other(topic, json!({}), &kind, Reaction::Refuse);
    check(
        "_/_/things/twin/search/subscribe",
        Kind::SearchCommand(SearchAction::Subscribe),
    );
    check(
        "a/b/policies/streaming/request",
        Kind::HistoryCommand(StreamingAction::Request),
    );
    check("a/b/things/twin/commands/migrate", Kind::MigrateDefinition);
}

#[test]
fn what_only_servers_send_is_ignored() {
    use SignalKind as Kind;
    let check = |topic: &str, kind: Kind| {
        check_other(topic, json!({"status": 204}), &kind, Reaction::Ignore);
    };
    check("a/b/things/twin/events/modified", Kind::Event);
    check("a/b/policies/events/modified", Kind::Event);
    check("a/b/things/twin/commands/modify", Kind::Response);
    check("a/b/policies/commands/migrate", Kind::Response);
    check("a/b/policies/errors", Kind::Response);
    check("a/b/things/twin/acks", Kind::Acknowledgements);
    check("_/_/things/twin/search/next", Kind::SearchEvent);
    check("a/b/things/twin/streaming/next", Kind::HistoryEvent);
    check(
        "a/b/policies/announcements/subjectDeletion",
        Kind::Announcement,
    );
    check(
        "_/uplink/connections/announcements/closed",
        Kind::Announcement,
    );
    check("_/_/sessions/announcements/expired", Kind::Announcement);
}

#[track_caller]
fn check_refused(topic: &str, path: &str, more: Value, expected: &str) {
    match incoming(topic, path, more) {
        Err(error) => assert_eq!(error.to_string(), expected, "{topic} {path}"),
        Ok(understood) => panic!("{understood:?} for {topic} {path}"),
    }
}

#[test]
fn a_bad_topic_is_named() {
    check_refused(
        "a/b/robots/twin/commands/modify",
        "/",
        json!({}),
        "unknown topic `a/b/robots/twin/commands/modify`: the group `robots` is unknown",
    );
    check_refused(
        "a/b/connections/commands/modify",
        "/",
        json!({}),
        "the topic `a/b/connections/commands/modify` is not for clients",
    );
    for topic in [
        "a/b/things/twin/commands/checkPermissions",
        "a/b/policies/commands/merge",
        "a/b/policies/commands/migrate",
    ] {
        check_refused(
            topic,
            "/",
            json!({}),
            &format!("no command has the topic `{topic}`"),
        );
    }
}

#[test]
fn an_id_must_be_one() {
    check_refused(
        "_/_/things/twin/commands/delete",
        "/",
        json!({}),
        "`_:_` is no thing id",
    );
    check_refused(
        "1/b/policies/commands/delete",
        "/",
        json!({}),
        "`1:b` is no policy id",
    );
    check_refused(
        "_/_/things/twin/commands/retrieve",
        "/",
        json!({"value": {"thingIds": ["a"]}}),
        "`a` is no thing id",
    );
}

#[test]
fn path_and_value_must_fit_the_command() {
    let thing = "a/b/things/twin/commands";
    check_refused(
        &format!("{thing}/modify"),
        "/nope",
        json!({"value": 1}),
        "unknown path `/nope`",
    );
    check_refused(
        &format!("{thing}/create"),
        "/features",
        json!({"value": 1}),
        "unknown path `/features`",
    );
    check_refused(
        "a/b/policies/commands/create",
        "/entries",
        json!({"value": 1}),
        "unknown path `/entries`",
    );
    check_refused(
        "a/b/policies/commands/delete",
        "/nope",
        json!({}),
        "unknown path `/nope`",
    );
    check_refused(
        &format!("{thing}/modify"),
        "/attributes//a",
        json!({"value": 1}),
        "invalid path `/attributes//a`: a pointer must not contain an empty segment",
    );
    check_refused(
        &format!("{thing}/merge"),
        "/",
        json!({}),
        "the envelope has no `value`",
    );
    check_refused(
        "_/_/things/twin/commands/retrieve",
        "/features",
        json!({"value": {"thingIds": []}}),
        "unknown path `/features`",
    );
    for value in [
        json!({}),
        json!({"thingIds": "a:b"}),
        json!({"thingIds": [1]}),
        json!([1]),
    ] {
        check_refused(
            "_/_/things/twin/commands/retrieve",
            "/",
            json!({"value": value}),
            "illegal value: `thingIds` must be an array of strings",
        );
    }
}

proptest! {
    #[test]
    fn nothing_panics(
        group in "(things/twin|things/live|policies|connections|sessions)",
        tail in "(commands/(create|retrieve|modify|merge|delete|checkPermissions)|events/created|search/request|streaming/next|messages|acks|errors)",
        path in "(/(entries|subjects|resources|attributes|features|imports|\\PC{0,5})){0,6}/?",
        value in r#"(null|1|"x"|\{\}|\{"thingIds":\["a:b"\]\})"#,
    ) {
        let topic = format!("a/b/{group}/{tail}");
        let value: Value = serde_json::from_str(&value).unwrap();
        let _ = incoming(&topic, &path, json!({"value": value, "fields": path}));
    }
}
