//! Control frames read, confirmed and refused.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(input: &str, expected: Option<Result<ControlMessage, ControlMessageError>>) {
    assert_eq!(ControlMessage::parse(input), expected, "input: {input:?}");
}

#[track_caller]
fn check_ack(input: &str, expected: Option<&str>) {
    let message = ControlMessage::parse(input).unwrap().unwrap();
    assert_eq!(message.ack().as_deref(), expected, "input: {input:?}");
}

fn events(subscription: Subscription) -> Option<Result<ControlMessage, ControlMessageError>> {
    Some(Ok(ControlMessage::Start(StreamKind::Events, subscription)))
}

#[test]
fn every_message_is_confirmed_in_its_own_words() {
    check_ack("START-SEND-EVENTS", Some("START-SEND-EVENTS:ACK"));
    check_ack("STOP-SEND-EVENTS", Some("STOP-SEND-EVENTS:ACK"));
    check_ack("START-SEND-MESSAGES", Some("START-SEND-MESSAGES:ACK"));
    check_ack("STOP-SEND-MESSAGES", Some("STOP-SEND-MESSAGES:ACK"));
    check_ack(
        "START-SEND-LIVE-COMMANDS",
        Some("START-SEND-LIVE-COMMANDS:ACK"),
    );
    check_ack(
        "STOP-SEND-LIVE-COMMANDS",
        Some("STOP-SEND-LIVE-COMMANDS:ACK"),
    );
    check_ack("START-SEND-LIVE-EVENTS", Some("START-SEND-LIVE-EVENTS:ACK"));
    check_ack("STOP-SEND-LIVE-EVENTS", Some("STOP-SEND-LIVE-EVENTS:ACK"));
    check_ack(
        "START-SEND-POLICY-ANNOUNCEMENTS",
        Some("START-SEND-POLICY-ANNOUNCEMENTS:ACK"),
    );
    check_ack(
        "STOP-SEND-POLICY-ANNOUNCEMENTS?what=ever&&",
        Some("STOP-SEND-POLICY-ANNOUNCEMENTS:ACK"),
    );
    check_ack(
        "START-SEND-SESSION-ANNOUNCEMENTS",
        Some("START-SEND-SESSION-ANNOUNCEMENTS:ACK"),
    );
    check_ack("JWT-TOKEN?jwtToken=abc", None);
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
        "START-SEND-EVENTS?filter=like(a,\"100%\")&namespaces=",
        events(Subscription {
            filter: Some("like(a,\"100%\")".into()),
            ..Subscription::default()
        }),
    );
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
    check(
        "START-SEND-EVENTS?filter",
        Some(Err(ControlMessageError::MissingValue)),
    );
    check(
        "START-SEND-EVENTS?filter=a&%66ilter=b",
        Some(Err(ControlMessageError::Repeated("filter".into()))),
    );
    check(
        "START-SEND-EVENTS?filter=%ff",
        Some(Err(ControlMessageError::NotUtf8)),
    );
    check(
        "JWT-TOKEN?jwtToken",
        Some(Err(ControlMessageError::MissingValue)),
    );
}

#[test]
fn a_token_is_read_and_never_shown() {
    let message = ControlMessage::parse("JWT-TOKEN?jwtToken=abc.def.ghi")
        .unwrap()
        .unwrap();
    assert_eq!(message, ControlMessage::JwtToken("abc.def.ghi".into()));
    assert_eq!(format!("{message:?}"), "JwtToken([REDACTED])");
    check(
        "JWT-TOKEN",
        Some(Ok(ControlMessage::JwtToken(String::new()))),
    );
}

proptest! {
    #[test]
    fn no_text_panics(text in "(START-SEND-EVENTS|JWT-TOKEN)?\\??[a-z=&%+0-9]{0,30}\\PC{0,30}") {
        if let Some(Ok(message)) = ControlMessage::parse(&text) {
            prop_assert!(message.ack().is_none_or(|ack| ack.ends_with(":ACK")));
        }
    }
}
