//! Sessions without connections.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::task::Poll;

use ::policies::{Announcement, Credential, ProviderKind};

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::limits::{LimitSettings, Limits};
use crate::streaming::announcement;
use crate::streaming::lifeline::End;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const CHUNK: Bytes = Bytes::from_static(b"123456");

/// Wants everything.
struct Everything;

impl Renderer for Everything {
    fn is_about(&self, _thing_id: &ThingId) -> bool {
        true
    }

    fn render(
        &self,
        _published: &Published,
        _visible: &Visible<'_>,
        _subjects: &[SubjectId],
        _declared: &[Label],
    ) -> Option<Bytes> {
        Some(CHUNK)
    }
}

fn principal(subjects: &[&str]) -> Principal {
    let subjects = subjects
        .iter()
        .map(|subject| subject.parse().unwrap())
        .collect();
    Principal::new(ProviderKind::Jwt, subjects, None, Credential::default())
}

/// Alice until `end`.
fn expiring(end: Timestamp) -> Principal {
    let subjects = vec!["acme:alice".parse().unwrap()];
    Principal::new(
        ProviderKind::Jwt,
        subjects,
        Some(end),
        Credential::default(),
    )
}

fn session(bytes_max: usize) -> Session {
    let limits = Limits::new(LimitSettings {
        per_identity: Vec::new(),
        per_source: None,
        per_subject: None,
        handshakes_per_source: None,
        streams_per_source: None,
        streams_per_subject: None,
        waiting_per_source: None,
        waiting_per_subject: None,
    });
    let key = limits.source_key(None);
    let permit = limits.open_stream(key, key).unwrap();
    let principal = principal(&["acme:alice"]);
    let record = SessionRecord::new(SessionKind::WebSocket, principal, None, NOW);
    let session = Session::new(record, permit, bytes_max);
    session.subscribe(Rc::new(Everything), Position::START);
    session
}

#[test]
fn the_first_loss_ends_a_session_that_is_not_told_of_it() {
    let session = session(6);
    session.deliver(CHUNK);
    assert!(!session.lifeline().is_cut());
    session.deliver(CHUNK);
    assert_eq!(session.lifeline().end(), Some(End::slow_consumer()));
}

fn gaps(session: &Session) -> TellLoss {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    announcement::gaps(&session.record, &clock)
}

#[test]
fn a_session_that_is_told_of_losses_outlives_them() {
    let session = session(6);
    session.announce(Some(gaps(&session)));
    session.deliver(CHUNK);
    session.deliver(CHUNK);
    session.tick(NOW);
    assert!(!session.lifeline().is_cut());
    assert_eq!(session.outbound.pop(), Some(CHUNK));
    let gap = session.outbound.pop().unwrap();
    assert!(String::from_utf8_lossy(&gap).contains("announcements/gap"));
    assert_eq!(session.record.counts.lost.load(Ordering::Relaxed), 1);
}

#[test]
fn what_nobody_could_decide_is_told_or_ends_the_session() {
    let told = session(6);
    told.announce(Some(gaps(&told)));
    told.miss(None, NOW);
    assert!(told.outbound.pop().is_some());
    let untold = session(6);
    untold.miss(None, NOW);
    assert_eq!(untold.lifeline().end(), Some(End::undecided()));
    let unconcerned = session(6);
    unconcerned.unsubscribe();
    unconcerned.miss(None, NOW);
    assert!(!unconcerned.lifeline().is_cut());
}

#[test]
fn who_listens_already_misses_nothing_by_another_start() {
    let session = session(6);
    let considered = |after: u64| {
        session.subscribe(Rc::new(Everything), Position(after));
        session.delivered.get()
    };
    let first = considered(1);
    assert_eq!(considered(5), first, "what is on its way is still to come");
    session.unsubscribe();
    assert_eq!(considered(7), Position(7));
}

#[test]
fn a_refresh_narrows_at_once_and_widens_with_the_next_subscription() {
    let session = session(6);
    let alice = |more: &[&str]| {
        let mut subjects = vec!["acme:alice"];
        subjects.extend(more);
        principal(&subjects)
    };
    session.refresh(alice(&["acme:crew"]), NOW);
    assert_eq!(session.subjects().len(), 1);
    session.subscribe(Rc::new(Everything), Position::START);
    assert_eq!(session.subjects().len(), 2);
    session.refresh(principal(&["acme:crew"]), NOW);
    assert_eq!(session.subjects(), vec!["acme:crew".parse().unwrap()]);
}

/// What the session is sent of an announcement to `subject` at `now`.
fn told(session: &Session, subject: &str, now: Timestamp) -> Option<Bytes> {
    let announcement = PolicyAnnouncement {
        announcement: Announcement {
            correlation_id: "c-1".to_owned(),
            policy_id: "org.acme:p".parse().unwrap(),
            subject_id: subject.parse().unwrap(),
            delete_at: NOW,
            requested_acks: vec!["acme:seen".to_owned()],
            timeout: Duration::ZERO,
        },
        frame: CHUNK,
    };
    session.tell(&announcement, now);
    session.outbound.pop()
}

#[test]
fn who_listens_to_policies_only_is_found_by_its_subjects() {
    let session = session(6);
    session.unsubscribe();
    assert!(session.subjects().is_empty());
    session.listen_to_policies(Some(Vec::new()));
    assert_eq!(session.subjects(), vec!["acme:alice".parse().unwrap()]);
    session.refresh(principal(&["acme:crew"]), NOW);
    assert!(session.subjects().is_empty(), "it must subscribe anew");
}

#[test]
fn a_session_whose_time_is_over_is_told_nothing_more() {
    let session = session(6);
    session.listen_to_policies(Some(Vec::new()));
    session.announce(Some(gaps(&session)));
    let end = NOW + Duration::from_secs(60);
    session.refresh(expiring(end), NOW);
    let before = end - Duration::from_millis(1);
    assert_eq!(told(&session, "acme:alice", before), Some(CHUNK));
    assert!(!session.lifeline().is_cut(), "no timer has run");
    assert_eq!(told(&session, "acme:alice", end), None);
    assert_eq!(session.lifeline().end(), Some(End::expired()));
    session.miss(None, end);
    assert_eq!(session.outbound.pop(), None);
}

#[actix_web::test]
async fn nothing_that_waits_goes_out_once_access_is_taken_away() {
    for (end, is_sent) in [
        (End::expired(), false),
        (End::revoked(), false),
        (End::operator(None), false),
        (End::reconfigured(), false),
        (End::slow_consumer(), true),
        (End::shutdown(), true),
    ] {
        let session = session(100);
        session.announce(Some(gaps(&session)));
        session.deliver(CHUNK);
        session.outbound.push_past(CHUNK, true);
        session.lifeline().cut(end.clone());
        let next = poll_fn(|context| Poll::Ready(session.poll_next(context))).await;
        let expected = if is_sent {
            Poll::Ready(Some(CHUNK))
        } else {
            Poll::Pending
        };
        assert_eq!(next, expected, "{end:?}");
        let lost = session.record.counts.lost.load(Ordering::Relaxed);
        // The event, and one of the past.
        let expected = if is_sent { 0 } else { 2 };
        assert_eq!(lost, expected, "{end:?}");
    }
}

#[test]
fn what_waits_when_a_slow_session_ends_is_lost_too() {
    let session = session(12);
    for _ in 0..3 {
        session.deliver(CHUNK);
    }
    assert_eq!(session.lifeline().end(), Some(End::slow_consumer()));
    assert_eq!(session.give_up_events(), 3);
    session.release();
    let lost = session.record.counts.lost.load(Ordering::Relaxed);
    assert_eq!(lost, 3, "each is counted once");
    let end = session.lifeline().end().unwrap();
    assert!(end.sentence(3).contains("3 lost"));
}

#[test]
fn what_policies_announce_goes_to_subjects_of_the_subscription_and_waits_like_events() {
    let session = session(6);
    let tell = |subject: &str| told(&session, subject, NOW);
    assert_eq!(tell("acme:alice"), None, "it did not ask");
    session.listen_to_policies(Some(Vec::new()));
    session.refresh(principal(&["acme:alice", "acme:crew"]), NOW);
    assert_eq!(tell("acme:alice"), Some(CHUNK));
    assert_eq!(tell("acme:crew"), None, "gained since");
    session.listen_to_policies(Some(vec!["org.other".to_owned()]));
    assert_eq!(tell("acme:crew"), None, "of another namespace");
    session.listen_to_policies(Some(vec!["org.acme".to_owned()]));
    assert_eq!(tell("acme:crew"), Some(CHUNK));
    session.refresh(principal(&["acme:crew"]), NOW);
    assert_eq!(tell("acme:alice"), None, "lost");
    session.deliver(CHUNK);
    assert_eq!(tell("acme:crew"), Some(CHUNK), "what had waited before");
    assert_eq!(session.lifeline().end(), Some(End::slow_consumer()));
    assert_eq!(tell("acme:crew"), None, "after the end");
}

#[test]
fn a_ping_goes_out_when_nothing_else_does() {
    let session = session(6);
    for _ in 1..Session::QUIET_TICKS {
        session.tick(NOW);
    }
    assert_eq!(session.outbound.pop(), None);
    session.tick(NOW);
    assert_eq!(
        session.outbound.pop(),
        Some(crate::streaming::websocket::ping())
    );
}

#[test]
fn a_thousand_refreshes_leave_a_session_as_large_as_it_was() {
    let session = session(6);
    for number in 0..1000_i64 {
        let now = NOW + Duration::from_secs(number.unsigned_abs() * 240);
        let expires_at = Some(now + Duration::from_secs(300));
        let renewed = expiring(now + Duration::from_secs(300));
        assert!(!session.lifeline().is_over(now), "refresh {number}");
        session.refresh(renewed, now);
        assert_eq!(session.subjects().len(), 1);
        assert_eq!(session.lifeline().expires_at(), expires_at);
    }
    assert_eq!(session.outbound.pop(), None, "nothing has piled up");
}
