//! Headers accepted, refused and understood.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn map(value: Value) -> Map<String, Value> {
    value.as_object().expect("headers are an object").clone()
}

#[track_caller]
fn check(input: Value, expected: Value) {
    let accepted = accept(map(input.clone())).ok();
    assert_eq!(accepted, Some(map(expected)), "input: {input}");
}

#[track_caller]
fn check_refused(input: Value, expected_name: &str) {
    match accept(map(input.clone())) {
        Err(Error::Header { name, .. }) => assert_eq!(name, expected_name, "input: {input}"),
        other => panic!("{other:?} for {input}"),
    }
}

#[test]
fn values_take_the_type_of_their_definition() {
    check(
        json!({"Response-Required": "false", "requested-acks": "a, b,", "timeout": 10, "version": "2"}),
        json!({"response-required": false, "requested-acks": ["a", "b"], "timeout": "10", "version": 2}),
    );
    check(
        json!({"requested-acks": "[\"a\"]", "declared-acks": "", "merge-thing-patch-conditions": "{\"/a\":\"eq(a,1)\"}"}),
        json!({"requested-acks": ["a"], "declared-acks": [], "merge-thing-patch-conditions": {"/a": "eq(a,1)"}}),
    );
}

#[test]
fn headers_of_the_client_stay_as_text() {
    check(
        json!({"My-Header": "x", "a-number": 5, "an-object": {"a": 1}, "nothing": null}),
        json!({"my-header": "x", "a-number": "5", "an-object": "{\"a\":1}"}),
    );
}

#[test]
fn what_clients_may_not_set_is_dropped() {
    check(
        json!({
            "correlation-id": "c",
            "ditto-auth-context": "{}",
            "Ditto-Sudo": "true",
            "ditto-of-tomorrow": "true",
            "ditto-read-subjects": ["a"],
            "ditto-originator": "acme:someone-else",
            "etag": "\"rev:1\"",
            "x-ditto-pre-authenticated": "acme:root",
            "cookie": "session=1",
        }),
        json!({"correlation-id": "c"}),
    );
}

#[test]
fn values_of_another_type_are_refused() {
    check_refused(json!({"response-required": "yes"}), "response-required");
    check_refused(json!({"response-required": 1}), "response-required");
    check_refused(json!({"Correlation-Id": ""}), "correlation-id");
    check_refused(
        json!({"at-historical-revision": "1.5"}),
        "at-historical-revision",
    );
    check_refused(json!({"requested-acks": "[1"}), "requested-acks");
    check_refused(json!({"requested-acks": {}}), "requested-acks");
    check_refused(
        json!({"merge-thing-patch-conditions": "[]"}),
        "merge-thing-patch-conditions",
    );
}

#[test]
fn headers_are_bounded_together() {
    let filler = "x".repeat(BYTES_MAX - 2);
    check(json!({"X-": filler}), json!({"x-": filler}));
    for large in [
        json!({"X-": filler, "y": 1}),
        json!({"x": "x".repeat(BYTES_MAX)}),
        json!({"x": vec!["x".repeat(100); BYTES_MAX / 100]}),
        json!({"x": vec![""; BYTES_MAX + 1]}),
        json!({"x": {"y": {"x".repeat(BYTES_MAX): 1}}}),
    ] {
        let refused = accept(map(large));
        assert!(
            matches!(refused, Err(Error::HeadersTooLarge { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn nothing_internal_and_no_credential_is_emitted() {
    for name in [
        "ditto-auth-context",
        "ditto-sudo",
        "ditto-origin",
        "ditto-of-tomorrow",
        "authorization",
        "x-ditto-pre-authenticated",
        "x-api-key",
        "cookie",
        "if-match",
    ] {
        assert!(!is_emitted(name), "{name}");
    }
    for name in ["correlation-id", "ditto-originator", "etag", "my-header"] {
        assert!(is_emitted(name), "{name}");
    }
}

#[test]
fn a_command_understands_its_headers() {
    let headers = accept(map(json!({
        "correlation-id": "c-1",
        "response-required": false,
        "if-match": "\"rev:3\"",
        "if-equal": "skip",
        "allow-policy-lockout": "true",
        "requested-acks": ["twin-persisted", "acme:archived"],
        "my-header": "x",
    })))
    .unwrap();
    let headers = ditto_headers(&headers, || panic!("the headers have an id")).unwrap();
    assert_eq!(&*headers.correlation_id, "c-1");
    assert_eq!(headers.response_required, Some(false));
    assert_eq!(headers.precondition.if_match, "\"rev:3\"".parse().ok());
    assert_eq!(headers.precondition.if_none_match, None);
    assert_eq!(headers.if_equal, IfEqual::Skip);
    assert!(headers.allow_policy_lockout);
    assert_eq!(headers.requested_acks, ["acme:archived"]);
    assert_eq!(headers.custom, [("my-header".into(), "x".into())]);
}

#[test]
fn a_missing_id_is_made_and_a_meaningless_value_refused() {
    let headers = ditto_headers(&Map::new(), || "fresh".into()).unwrap();
    assert_eq!(&*headers.correlation_id, "fresh");
    for (name, value) in [
        ("if-match", "rev:3"),
        ("if-none-match", ""),
        ("if-equal", "maybe"),
    ] {
        let refused = ditto_headers(&map(json!({ name: value })), || "fresh".into()).unwrap_err();
        assert!(matches!(refused, Error::Header { name: of, .. } if of == name));
    }
}

#[test]
fn defaults_of_the_session_give_way_to_the_frame() {
    let merged = with_defaults(
        map(json!({"timeout": "5s"})),
        &map(json!({"timeout": "10s", "response-required": false})),
    );
    assert_eq!(
        merged,
        map(json!({"timeout": "5s", "response-required": false}))
    );
}

proptest! {
    #[test]
    fn acceptance_is_idempotent(name in "[a-z-]{1,12}|timeout|requested-acks|version|dry-run", text in "\\PC{0,16}") {
        if let Ok(accepted) = accept(map(json!({ name: text }))) {
            prop_assert_eq!(accept(accepted.clone()).ok(), Some(accepted));
        }
    }
}
