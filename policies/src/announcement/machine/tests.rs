//! Every transition, with a clock that is moved by hand.

use serde_json::{Value, json};

use super::*;
use crate::Backoff;

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

fn fire(machine: &mut Machine, now: &str) -> Option<Telling> {
    machine.fire((&SETTINGS(), 0.0), at(now))
}

/// Announces and returns the id that acknowledgements must name.
#[track_caller]
fn announced(machine: &mut Machine, now: &str, expected_deletion: &str) -> String {
    match fire(machine, now) {
        Some(Telling {
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

/// Keeps what there is to keep, as the journal does.
fn saved(machine: &mut Machine) -> Remembered {
    let kept = machine.unsaved().expect("something to keep");
    machine.saved(&kept);
    kept
}

fn recalled(kept: &Remembered, now: &str) -> Machine {
    Machine::recalled(kept.clone(), (&SETTINGS(), 0.0), at(now))
}

#[test]
fn a_subject_that_wants_nothing_is_told_nothing() {
    let mut machine = machine(json!({ "type": "t", "expiry": "2031-01-01T12:00:00Z" }));
    assert_eq!(machine.due(), None);
    machine.leave(&SETTINGS(), at("12:00:00"));
    saved(&mut machine);
    assert!(machine.is_over());
}

#[test]
fn without_acknowledgements_an_announcement_counts_as_heard() {
    let mut machine = machine(expiring(
        json!({ "beforeExpiry": "2h", "whenDeleted": true }),
    ));
    assert_eq!(machine.due(), Some(at("10:00:00")));
    announced(&mut machine, "10:00:00", "12:00:00");
    assert_eq!(machine.due(), None);
    let kept = saved(&mut machine);
    machine.leave(&SETTINGS(), at("12:00:01"));
    assert_eq!(machine.due(), None, "it was told already");
    assert_eq!(
        recalled(&kept, "10:01:00").due(),
        None,
        "nor after a restart"
    );
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
    saved(&mut machine);
    assert!(!machine.is_over(), "it may leave yet");
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
    assert_eq!(machine.due(), None);
    assert_eq!(saved(&mut machine).told, Some(Told::Acknowledged));
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
fn pauses_grow_within_their_bounds() {
    let backoff = |random_factor| Backoff {
        shortest: Duration::from_secs(4),
        longest: Duration::from_secs(7),
        random_factor,
    };
    let seconds = Duration::from_secs;
    assert_eq!(backoff(1.0).next(None, 1.0), seconds(4));
    assert_eq!(backoff(0.0).next(Some(seconds(4)), 1.0), seconds(6));
    assert_eq!(backoff(0.0).next(Some(seconds(6)), 1.0), seconds(7));
    assert_eq!(
        backoff(0.5).next(Some(seconds(2)), 1.0),
        Duration::from_millis(3500)
    );
}

#[test]
fn another_error_gives_up() {
    let mut machine = with_acks();
    let id = announced(&mut machine, "10:00:00", "12:00:00");
    assert!(acknowledge(&mut machine, &id, 403, "10:00:01"));
    assert_eq!(machine.due(), None);
    assert_eq!(saved(&mut machine).told, Some(Told::GivenUp));
}

#[test]
fn the_grace_period_ends_repeating() {
    let mut machine = with_acks();
    let id = announced(&mut machine, "15:59:59", "12:00:00");
    assert!(acknowledge(&mut machine, &id, 408, "15:59:59"));
    assert_eq!(machine.due(), None);
    let mut late = with_acks();
    assert_eq!(fire(&mut late, "16:00:00"), None);
    assert_eq!(late.due(), None);
}

#[test]
fn whoever_expires_unheard_is_told_on() {
    let mut machine = with_acks();
    announced(&mut machine, "11:59:50", "12:00:00");
    machine.leave(&SETTINGS(), at("12:00:00"));
    assert_eq!(fire(&mut machine, "12:00:10"), None, "nobody answered");
    let id = announced(&mut machine, "12:00:11", "12:00:00");
    assert!(acknowledge(&mut machine, &id, 200, "12:00:12"));
    saved(&mut machine);
    assert!(machine.is_over());
}

#[test]
fn whoever_leaves_early_unheard_is_told_no_more() {
    let mut machine = with_acks();
    announced(&mut machine, "10:00:00", "12:00:00");
    machine.leave(&SETTINGS(), at("10:00:05"));
    saved(&mut machine);
    assert!(machine.is_over(), "`whenDeleted` was not asked for");
}

#[test]
fn a_restart_tells_who_left_unheard_and_nobody_else() {
    let announcement = json!({ "whenDeleted": true, "requestedAcks": { "labels": ["ops:seen"] } });
    let subject = json!({ "type": "t", "announcement": announcement });
    let gone = |told| Remembered {
        subject_id: "nginx:kim".parse().unwrap(),
        subject: Subject::from_json(&subject).unwrap(),
        gone_at: Some(at("09:00:00")),
        told,
    };
    for told in [None, Some(Told::GivenUp)] {
        let mut machine = recalled(&gone(told), "09:30:00");
        let id = announced(&mut machine, "09:30:00", "09:00:00");
        assert!(acknowledge(&mut machine, &id, 200, "09:30:01"));
        assert_eq!(saved(&mut machine), gone(Some(Told::Acknowledged)));
        assert!(machine.is_over());
    }
    let mut late = recalled(&gone(None), "13:00:00");
    assert_eq!(
        fire(&mut late, "13:00:00"),
        None,
        "the grace period is over"
    );
    assert_eq!(saved(&mut late).told, Some(Told::GivenUp));
    assert!(late.is_over());
}

#[test]
fn whoever_asked_for_it_is_told_of_a_removal() {
    let mut told = machine(json!({ "type": "t", "announcement": { "whenDeleted": true } }));
    told.leave(&SETTINGS(), at("09:00:00"));
    announced(&mut told, "09:00:00", "09:00:00");
    saved(&mut told);
    assert!(told.is_over());

    let mut untold = machine(json!({ "type": "t", "announcement": { "whenDeleted": false } }));
    untold.leave(&SETTINGS(), at("09:00:00"));
    assert_eq!(untold.due(), None);

    let mut switched_off = machine(json!({ "type": "t", "announcement": { "whenDeleted": true } }));
    let settings = AnnouncementSettings {
        when_deleted: false,
        ..SETTINGS()
    };
    switched_off.leave(&settings, at("09:00:00"));
    assert_eq!(switched_off.due(), None);
}
