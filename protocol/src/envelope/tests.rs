//! Envelopes read, written and refused.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(input: &str, expected: Result<&str, Error>) {
    let written = Envelope::parse(input.as_bytes())
        .map(|envelope| String::from_utf8(envelope.to_bytes().to_vec()).unwrap())
        .map_err(|error| format!("{error:?}"));
    let expected = expected
        .map(str::to_owned)
        .map_err(|error| format!("{error:?}"));
    assert_eq!(written, expected, "input: {input}");
}

fn wrong_type(field: &'static str, expected: &'static str) -> Error {
    Error::FieldType { field, expected }
}

#[test]
fn members_are_written_in_order() {
    check(
        r#"{"fields":"a","metadata":{"m":1},"timestamp":"2026-08-18T10:00:00.5Z","revision":3,"status":200,"extra":{"e":{}},"value":{"b":1,"a":2},"path":"/","headers":{"x":true},"topic":"t","more":1}"#,
        Ok(
            r#"{"topic":"t","headers":{"x":true},"path":"/","value":{"b":1,"a":2},"extra":{"e":{}},"status":200,"revision":3,"timestamp":"2026-08-18T10:00:00.5Z","metadata":{"m":1},"fields":"a"}"#,
        ),
    );
}

#[test]
fn null_is_a_value_and_absence_is_none() {
    check(
        r#"{"topic":"t","path":"/","value":null}"#,
        Ok(r#"{"topic":"t","path":"/","value":null}"#),
    );
    check(
        r#"{"topic":"t","path":"/"}"#,
        Ok(r#"{"topic":"t","path":"/"}"#),
    );
}

#[test]
fn an_impossible_status_is_none() {
    for status in ["99", "600", "-1", "70000"] {
        check(
            &format!(r#"{{"topic":"t","path":"/","status":{status}}}"#),
            Ok(r#"{"topic":"t","path":"/"}"#),
        );
    }
}

#[test]
fn what_is_no_envelope_is_refused() {
    check("", Err(Error::Empty));
    check("{", Err(Error::NotAnObject));
    check("[]", Err(Error::NotAnObject));
    check("null", Err(Error::NotAnObject));
    check("{}{}", Err(Error::NotAnObject));
    check("{}", Err(Error::MissingField { field: "topic" }));
    check(
        r#"{"topic":"t"}"#,
        Err(Error::MissingField { field: "path" }),
    );
    check(
        r#"{"topic":1,"path":"/"}"#,
        Err(wrong_type("topic", "a string")),
    );
    check(
        r#"{"topic":"t","path":"/","headers":[]}"#,
        Err(wrong_type("headers", "an object")),
    );
    check(
        r#"{"topic":"t","path":"/","status":"ok"}"#,
        Err(wrong_type("status", "an integer")),
    );
    check(
        r#"{"topic":"t","path":"/","revision":-1}"#,
        Err(wrong_type("revision", "an integer that is not negative")),
    );
    check(
        r#"{"topic":"t","path":"/","timestamp":"yesterday"}"#,
        Err(wrong_type("timestamp", "an instant of RFC 3339")),
    );
    let deep = format!(
        r#"{{"topic":"t","path":"/","value":{}}}"#,
        "[".repeat(100_000)
    );
    check(&deep, Err(Error::NotAnObject));
}

proptest! {
    #[test]
    fn no_bytes_panic(frame in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(envelope) = Envelope::parse(&frame) {
            prop_assert_eq!(Envelope::parse(&envelope.to_bytes()).ok(), Some(envelope));
        }
    }

    #[test]
    fn no_envelope_panics(
        topic in "\\PC{0,20}",
        path in "(/\\PC{0,5}){0,4}",
        member in "(headers|value|extra|status|revision|timestamp|metadata|fields)",
        value in r#"(null|true|-?[0-9]{1,20}|"[a-z0-9:TZ-]{0,20}"|\{\}|\[1\])"#,
    ) {
        let topic = Value::from(topic);
        let path = Value::from(path);
        let frame = format!(r#"{{"topic":{topic},"path":{path},"{member}":{value}}}"#);
        if let Ok(envelope) = Envelope::parse(frame.as_bytes()) {
            prop_assert_eq!(Envelope::parse(&envelope.to_bytes()).ok(), Some(envelope));
        }
    }
}
