//! Every transition, with a clock that is moved by hand.

use serde_json::{Value, json};

use super::*;

const SETTINGS: fn() -> AnnouncementSettings = AnnouncementSettings::default;

fn at(text: &str) -> Timestamp {
    format!("2031-01-01T{text}Z").parse().unwrap()
}

/// A machine that starts at eight o'clock, without chance.
fn machine(subject: Value) -> Machine {
    let subject = Subject::from_json(&subject).unwrap();
    let id = "nginx:kim".parse().unwrap();
    Machine::new((id, subject), (&SETTINGS(), 0.0), at("08:00:00"))
}

fn fire(machine: &mut Machine, now: &str) -> Option<Effect> {
    machine.fire((&SETTINGS(), 0.0), at(now))
}

/// Announces and returns the id that acknowledgements must name.
#[track_caller]
fn announced(machine: &mut Machine, now: &str, expected_deletion: &str) -> String {
    match fire(machine, now) {
        Some(Effect::Announce {
            correlation_id,
            delete_at,
            ..
        }) => {
            assert_eq!(delete_at, at(expected_deletion));
            correlation_id
        }
        other => panic!("{other:?} instead of an announcement at {now}"),
    }
}

fn acknowledge(machine: &mut Machine, id: &str, status: u16, now: &str) -> bool {
    machine.acknowledge((id, "ops:seen", status), (&SETTINGS(), 0.0), at(now))
}

fn expiring(announcement: Value) -> Value {
    json!({ "type": "t", "expiry": "2031-01-01T12:00:00Z", "announcement": announcement })
}

#[test]
fn a_subject_that_only_expires_is_removed_then_and_again_until_it_is_gone() {
    let mut machine = machine(json!({ "type": "t", "expiry": "2031-01-01T12:00:00Z" }));
    assert_eq!(machine.due(), Some(at("12:00:00")));
    assert_eq!(fire(&mut machine, "11:59:59"), None);
    assert_eq!(fire(&mut machine, "12:00:00"), Some(Effect::Delete));
    assert_eq!(fire(&mut machine, "12:00:30"), None);
    assert_eq!(fire(&mut machine, "12:01:00"), Some(Effect::Delete));
    machine.remove(&SETTINGS(), at("12:01:01"));
    assert!(machine.is_done());
}

#[test]
fn without_acknowledgements_an_announcement_counts_as_heard() {
    let mut machine = machine(expiring(
        json!({ "beforeExpiry": "2h", "whenDeleted": true }),
    ));
    assert_eq!(machine.due(), Some(at("10:00:00")));
    announced(&mut machine, "10:00:00", "12:00:00");
    assert_eq!(machine.due(), Some(at("12:00:00")));
    assert_eq!(fire(&mut machine, "12:00:00"), Some(Effect::Delete));
    machine.remove(&SETTINGS(), at("12:00:01"));
    assert!(machine.is_done(), "it was told already");
}

#[test]
fn chance_makes_it_earlier() {
    let subject = expiring(json!({ "beforeExpiry": "2h", "randomizationInterval": "1m" }));
    let subject = Subject::from_json(&subject).unwrap();
    let id = "nginx:kim".parse().unwrap();
    let machine = Machine::new((id, subject), (&SETTINGS(), 0.5), at("08:00:00"));
    assert_eq!(machine.due(), Some(at("09:59:30")));
}

#[test]
fn without_an_expiry_it_is_told_at_once_and_never_removed() {
    let mut machine = machine(json!({ "type": "t", "announcement": { "beforeExpiry": "2h" } }));
    announced(&mut machine, "08:00:00", "08:00:00");
    assert_eq!(machine.due(), None);
    assert!(!machine.is_done());
}

fn with_acks() -> Machine {
    let acks = json!({ "labels": ["ops:seen"], "timeout": "20s" });
    machine(expiring(
        json!({ "beforeExpiry": "2h", "requestedAcks": acks }),
    ))
}

#[test]
fn the_right_acknowledgement_ends_the_waiting() {
    let mut machine = with_acks();
    let id = announced(&mut machine, "10:00:00", "12:00:00");
    assert!(!acknowledge(&mut machine, "another", 200, "10:00:01"));
    assert_eq!(machine.due(), Some(at("10:00:20")));
    assert!(acknowledge(&mut machine, &id, 204, "10:00:02"));
    assert_eq!(machine.due(), Some(at("12:00:00")), "to be removed");
}

#[test]
fn failures_and_silence_repeat_it_after_longer_and_longer_pauses() {
    let mut machine = with_acks();
    let id = announced(&mut machine, "10:00:00", "12:00:00");
    assert!(acknowledge(&mut machine, &id, 503, "10:00:05"));
    assert_eq!(machine.due(), Some(at("10:00:06")));
    announced(&mut machine, "10:00:06", "12:00:00");
    assert_eq!(fire(&mut machine, "10:00:26"), None, "nobody answered");
    assert_eq!(
        machine.due(),
        Some("2031-01-01T10:00:27.5Z".parse().unwrap())
    );
}

#[test]
fn another_error_gives_up() {
    let mut machine = with_acks();
    let id = announced(&mut machine, "10:00:00", "12:00:00");
    assert!(acknowledge(&mut machine, &id, 403, "10:00:01"));
    assert_eq!(machine.due(), Some(at("12:00:00")));
}

#[test]
fn the_grace_period_ends_repeating() {
    let mut machine = with_acks();
    let id = announced(&mut machine, "15:59:59", "12:00:00");
    assert!(acknowledge(&mut machine, &id, 408, "15:59:59"));
    assert_eq!(fire(&mut machine, "16:00:00"), Some(Effect::Delete));
    let mut late = with_acks();
    assert_eq!(fire(&mut late, "16:00:00"), None);
    assert_eq!(fire(&mut late, "16:00:00"), Some(Effect::Delete));
}

#[test]
fn whoever_asked_for_it_is_told_of_a_removal() {
    let mut told = machine(json!({ "type": "t", "announcement": { "whenDeleted": true } }));
    told.remove(&SETTINGS(), at("09:00:00"));
    announced(&mut told, "09:00:00", "09:00:00");
    assert!(told.is_done());

    let mut untold = machine(json!({ "type": "t", "announcement": { "whenDeleted": false } }));
    untold.remove(&SETTINGS(), at("09:00:00"));
    assert!(untold.is_done());

    let mut switched_off = machine(json!({ "type": "t", "announcement": { "whenDeleted": true } }));
    let settings = AnnouncementSettings {
        when_deleted: false,
        ..SETTINGS()
    };
    switched_off.remove(&settings, at("09:00:00"));
    assert!(switched_off.is_done());
}
