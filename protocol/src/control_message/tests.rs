//! Control frames read, confirmed and refused.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(input: &str, expected: Option<Result<ControlMessage, ControlMessageError>>) {
    assert_eq!(ControlMessage::parse(input), expected, "input: {input:?}");
}

fn events(subscription: Subscription) -> Option<Result<ControlMessage, ControlMessageError>> {
    Some(Ok(ControlMessage::Start(StreamKind::Events, subscription)))
}

/// What each kind of stream is called in the messages that start and stop it.
const NAMES: [(StreamKind, &str); 6] = [
    (StreamKind::Events, "EVENTS"),
    (StreamKind::Messages, "MESSAGES"),
    (StreamKind::LiveCommands, "LIVE-COMMANDS"),
    (StreamKind::LiveEvents, "LIVE-EVENTS"),
    (StreamKind::PolicyAnnouncements, "POLICY-ANNOUNCEMENTS"),
    (StreamKind::SessionAnnouncements, "SESSION-ANNOUNCEMENTS"),
];

#[test]
fn every_kind_is_started_stopped_and_confirmed_in_its_own_words() {
    assert_eq!(NAMES.map(|(kind, _)| kind), StreamKind::ALL);
    for (kind, name) in NAMES {
        let asked = Subscription {
            namespaces: vec!["a".into(), " b".into()],
            filter: Some("f".into()),
            extra_fields: Some("e".into()),
            correlation_id: Some("c".into()),
        };
        let start = format!(
            "START-SEND-{name}?correlation-id=c&extraFields=e&unknown=u&filter=f&namespaces=a,+b,"
        );
        let stop = format!("STOP-SEND-{name}?what=ever&&%zz");
        for (text, message, verb) in [
            (start, ControlMessage::Start(kind, asked), "START"),
            (stop, ControlMessage::Stop(kind), "STOP"),
        ] {
            assert_eq!(message.ack(), Some(format!("{verb}-SEND-{name}:ACK")));
            check(&text, Some(Ok(message)));
        }
    }
    assert_eq!(ControlMessage::JwtToken("abc".into()).ack(), None);
}

#[test]
fn parameters_are_form_decoded() {
    check(
        "START-SEND-EVENTS?filter=eq(attributes/a,%22x%20y+z%22)&namespaces=org.acme,org.other&extraFields=thingId,attributes&correlation-id=c%3D1&unknown=1",
        events(Subscription {
            namespaces: vec!["org.acme".into(), "org.other".into()],
            filter: Some("eq(attributes/a,\"x y z\")".into()),
            extra_fields: Some("thingId,attributes".into()),
            correlation_id: Some("c=1".into()),
        }),
    );
    check(
        "START-SEND-EVENTS?filter=like(a,\"100%25\")&namespaces=&extraFields=&=",
        events(Subscription {
            filter: Some("like(a,\"100%\")".into()),
            ..Subscription::default()
        }),
    );
}

#[test]
fn an_empty_filter_is_not_none() {
    let empty = Subscription {
        filter: Some(String::new()),
        ..Subscription::default()
    };
    check("START-SEND-EVENTS?filter=&namespaces=", events(empty));
}

#[test]
fn what_follows_the_identifier_does_not_count() {
    check("START-SEND-EVENTSxyz", events(Subscription::default()));
    check("START-SEND-EVENTS?", events(Subscription::default()));
}

#[test]
fn other_text_is_no_control_message() {
    check("", None);
    check(" START-SEND-EVENTS", None);
    check("start-send-events", None);
    check("{\"topic\":\"START-SEND-EVENTS\"}", None);
    check("START-SEND", None);
}

#[test]
fn malformed_parameters_are_refused() {
    let repeated = |name: &str| ControlMessageError::Repeated(name.to_owned());
    for (query, error) in [
        ("filter", ControlMessageError::MissingValue),
        ("namespaces=a&", ControlMessageError::MissingValue),
        ("?", ControlMessageError::MissingValue),
        ("filter=a&%66ilter=b", repeated("filter")),
        ("other=a&namespaces=b&other=c", repeated("other")),
        ("filter=100%", ControlMessageError::MalformedEscape),
        ("filter=%2", ControlMessageError::MalformedEscape),
        ("filter=%zz", ControlMessageError::MalformedEscape),
        ("filter=%+1", ControlMessageError::MalformedEscape),
        ("filter=%aü", ControlMessageError::MalformedEscape),
        ("%=a", ControlMessageError::MalformedEscape),
        ("filter=%ff", ControlMessageError::NotUtf8),
        ("filter=%ed%a0%80", ControlMessageError::NotUtf8),
    ] {
        check(&format!("START-SEND-LIVE-EVENTS?{query}"), Some(Err(error)));
    }
}

#[test]
fn what_would_be_kept_is_bounded() {
    let longest = "a".repeat(PARAMETER_BYTES_MAX);
    for name in ["namespaces", "extraFields", "correlation-id"] {
        let text = format!("START-SEND-EVENTS?{name}={longest}");
        assert!(ControlMessage::parse(&text).unwrap().is_ok(), "{name}");
        let error = ControlMessageError::TooLong {
            name,
            bytes_max: PARAMETER_BYTES_MAX,
        };
        check(&(text + "a"), Some(Err(error)));
    }
}

#[test]
fn a_token_is_read_and_never_shown() {
    let message = ControlMessage::parse("JWT-TOKEN?jwtToken=abc.def.ghi")
        .unwrap()
        .unwrap();
    assert_eq!(message, ControlMessage::JwtToken("abc.def.ghi".into()));
    assert_eq!(format!("{message:?}"), "JwtToken([REDACTED])");
    for none in [
        "JWT-TOKEN",
        "JWT-TOKEN?",
        "JWT-TOKEN?jwtToken",
        "JWT-TOKEN?jwttoken=a.b.c",
        "JWT-TOKEN?jwtToken=a.b.c&jwtToken=d.e.f",
        "JWT-TOKEN?jwtToken=%zz",
    ] {
        check(none, Some(Ok(ControlMessage::JwtToken(String::new()))));
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "(START-SEND-EVENTS|JWT-TOKEN)?\\??[a-z=&%+0-9]{0,30}\\PC{0,30}") {
        if let Some(Ok(message)) = ControlMessage::parse(&text) {
            prop_assert!(message.ack().is_none_or(|ack| ack.ends_with(":ACK")));
        }
    }
}
