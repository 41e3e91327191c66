//! What is kept, in which order, and what is lost.

use super::*;

const CHUNK: Bytes = Bytes::from_static(b"123456");

fn told(lost: u64) -> Bytes {
    Bytes::from(format!("lost {lost}"))
}

#[actix_web::test]
async fn responses_overtake_events() {
    let outbound = Outbound::new(100);
    outbound.push_event(Bytes::from_static(b"event")).unwrap();
    outbound.push_response(Bytes::from_static(b"response"));
    outbound.push_urgent(Bytes::from_static(b"pong"));
    assert_eq!(outbound.next().await, "pong");
    assert_eq!(outbound.next().await, "response");
    assert_eq!(outbound.next().await, "event");
    assert_eq!(outbound.pop(), None);
}

#[test]
fn a_full_buffer_loses_events_and_counts_them_but_no_response() {
    let outbound = Outbound::new(10);
    outbound.push_event(CHUNK).unwrap();
    assert_eq!(outbound.push_event(CHUNK), Err(Lost));
    assert_eq!(outbound.push_event(CHUNK), Err(Lost));
    assert_eq!(outbound.lost(), 2);
    outbound.push_response(CHUNK);
    assert!(!outbound.has_room_for(0));
    assert_eq!(outbound.pop().unwrap(), "123456");
    assert_eq!(outbound.pop().unwrap(), "123456");
    assert!(outbound.has_room_for(0));
}

#[test]
fn events_have_half_of_the_room_however_many_answers_wait() {
    let outbound = Outbound::new(24);
    for _ in 0..9 {
        outbound.push_response(CHUNK);
    }
    outbound.push_past(CHUNK, true);
    outbound.hold(6);
    outbound.push_event(CHUNK).unwrap();
    outbound.push_event(CHUNK).unwrap();
    assert_eq!(outbound.push_event(CHUNK), Err(Lost));
}

#[test]
fn events_have_what_answers_leave_them() {
    let outbound = Outbound::new(24);
    outbound.hold(6);
    for _ in 0..3 {
        outbound.push_event(CHUNK).unwrap();
    }
    assert_eq!(outbound.push_event(CHUNK), Err(Lost));
    outbound.hold(0);
    let outbound = Outbound::new(24);
    for _ in 0..4 {
        outbound.push_event(CHUNK).unwrap();
    }
}

#[test]
fn answers_have_half_of_the_room_and_one_is_always_allowed() {
    let outbound = Outbound::new(24);
    assert!(outbound.has_room_for(100), "nothing waits");
    outbound.push_past(CHUNK, true);
    assert!(outbound.has_room_for(6));
    assert!(!outbound.has_room_for(7));
    outbound.hold(6);
    assert!(outbound.has_room_for(0));
    assert!(!outbound.has_room_for(1));
    outbound.push_event(CHUNK).unwrap();
    assert!(outbound.has_room_for(0), "events do not count");
}

#[test]
fn the_past_waits_for_events_and_these_for_answers_unless_they_are_many() {
    let outbound = Outbound::new(32);
    let event = Bytes::from_static(b"event.");
    outbound.push_past(Bytes::from_static(b"past"), true);
    outbound.push_event(event.clone()).unwrap();
    outbound.push_event(event.clone()).unwrap();
    outbound.push_response(CHUNK);
    let order = std::iter::from_fn(|| outbound.pop());
    let order: Vec<Bytes> = order.collect();
    assert_eq!(order, [&event[..], b"123456", b"event.", b"past"]);
    assert_eq!(outbound.newly_taken(), 3);
}

#[test]
fn the_past_is_forgotten_with_the_events() {
    let outbound = Outbound::new(100);
    outbound.push_past(CHUNK, false);
    outbound.push_past(CHUNK, true);
    outbound.push_event(CHUNK).unwrap();
    check_forgotten(&outbound, 2, 2);
    assert_eq!(outbound.pop(), None);
}

#[test]
fn one_event_fits_whatever_its_size() {
    assert_eq!(Outbound::new(1).push_event(CHUNK), Ok(()));
}

#[test]
fn a_loss_is_told_where_it_happened() {
    let outbound = Outbound::new(14);
    outbound.tell_losses(Some(Rc::new(told)));
    outbound.push_event(CHUNK).unwrap();
    outbound.push_event(CHUNK).unwrap();
    assert_eq!(outbound.push_event(CHUNK), Err(Lost));
    assert_eq!(outbound.pop(), Some(CHUNK));
    assert_eq!(
        outbound.push_event(CHUNK),
        Err(Lost),
        "nothing fits before the rest was taken"
    );
    assert!(outbound.overflowing_for().is_some());
    assert_eq!(outbound.pop(), Some(CHUNK));
    outbound.push_event(CHUNK).unwrap();
    assert_eq!(outbound.pop(), Some(told(2)));
    assert_eq!(outbound.pop(), Some(CHUNK));
    assert_eq!(outbound.overflowing_for(), None);
}

#[test]
fn a_loss_is_told_even_if_nothing_follows() {
    let outbound = Outbound::new(6);
    outbound.tell_losses(Some(Rc::new(told)));
    outbound.push_event(CHUNK).unwrap();
    assert_eq!(outbound.push_event(CHUNK), Err(Lost));
    assert_eq!(outbound.pop(), Some(CHUNK));
    assert_eq!(outbound.pop(), Some(told(1)));
    assert_eq!(outbound.pop(), None);
}

#[test]
fn a_close_keeps_answers_and_forgets_events() {
    let outbound = Outbound::new(100);
    outbound.push_event(Bytes::from_static(b"event")).unwrap();
    outbound.push_response(Bytes::from_static(b"response"));
    outbound.close([Bytes::from_static(b"farewell")]);
    outbound.push_response(Bytes::from_static(b"too late"));
    assert_eq!(outbound.push_event(CHUNK), Ok(()));
    assert_eq!(outbound.pop().unwrap(), "response");
    assert_eq!(outbound.pop().unwrap(), "farewell");
    assert_eq!(outbound.pop(), None);
}

#[track_caller]
fn check_forgotten(outbound: &Outbound, events: u64, untold: u64) {
    assert_eq!(outbound.forget_events(), Forgotten { events, untold });
    let nothing_more = Forgotten { events: 0, untold };
    assert_eq!(outbound.forget_events(), nothing_more, "it counts once");
    assert_eq!(outbound.lost(), untold);
}

#[test]
fn what_is_forgotten_is_lost_and_counted_once() {
    let outbound = Outbound::new(12);
    outbound.push_event(CHUNK).unwrap();
    outbound.push_event(CHUNK).unwrap();
    assert_eq!(outbound.push_event(CHUNK), Err(Lost));
    assert_eq!(outbound.pop(), Some(CHUNK));
    outbound.push_response(CHUNK);
    outbound.lose(1);
    check_forgotten(&outbound, 1, 3);
    assert_eq!(outbound.pop(), Some(CHUNK), "an answer is kept");
}

#[test]
fn a_gap_that_nobody_took_is_not_told() {
    let outbound = Outbound::new(100);
    outbound.tell_losses(Some(Rc::new(told)));
    outbound.push_event(CHUNK).unwrap();
    assert!(outbound.tell_loss());
    outbound.push_event(CHUNK).unwrap();
    check_forgotten(&outbound, 2, 3);
}

#[test]
fn gaps_take_room_like_events() {
    let outbound = Outbound::new(20);
    outbound.tell_losses(Some(Rc::new(told)));
    for _ in 0..100 {
        assert!(outbound.tell_loss());
    }
    assert!(outbound.overflowing_for().is_some());
    for _ in 0..4 {
        assert_eq!(outbound.pop().unwrap(), "lost 1");
    }
    assert_eq!(outbound.pop().unwrap(), "lost 96");
    assert_eq!(outbound.pop(), None);
}

#[test]
fn events_are_counted_when_they_are_taken() {
    let outbound = Outbound::new(6);
    outbound.tell_losses(Some(Rc::new(told)));
    outbound.push_event(CHUNK).unwrap();
    assert_eq!(outbound.push_event(CHUNK), Err(Lost));
    outbound.push_response(CHUNK);
    outbound.push_urgent(CHUNK);
    assert_eq!(outbound.newly_taken(), 0);
    while outbound.pop().is_some() {}
    assert_eq!(outbound.newly_taken(), 1, "not the answer, pong or gap");
    assert_eq!(outbound.newly_taken(), 0);
}

#[actix_web::test]
async fn who_takes_is_told_when_nothing_more_comes() {
    let outbound = Outbound::new(100);
    outbound.close([CHUNK]);
    outbound.finish();
    let next = || poll_fn(|context| outbound.poll_next(context));
    assert_eq!(next().await, Some(CHUNK));
    assert_eq!(next().await, None);
}

#[actix_web::test]
async fn who_waits_for_room_goes_on_when_something_is_taken() {
    let outbound = Rc::new(Outbound::new(1));
    outbound.push_response(CHUNK);
    let taker = Rc::clone(&outbound);
    actix_web::rt::spawn(async move { taker.pop() });
    outbound.room().await;
    assert!(outbound.has_room_for(0));
}

#[actix_web::test]
async fn everybody_who_waits_for_room_goes_on() {
    let outbound = Rc::new(Outbound::new(1));
    outbound.push_response(CHUNK);
    let waiter = || {
        let outbound = Rc::clone(&outbound);
        actix_web::rt::spawn(async move { outbound.room().await })
    };
    let waiters = [waiter(), waiter()];
    tokio::task::yield_now().await;
    assert_eq!(outbound.pop(), Some(CHUNK));
    for waiter in waiters {
        let went_on = tokio::time::timeout(Duration::from_secs(10), waiter).await;
        went_on.expect("it was woken").unwrap();
    }
}

#[test]
fn answers_that_nobody_takes_are_bounded_whatever_events_wait() {
    let outbound = Outbound::new(10);
    outbound.push_event(CHUNK).unwrap();
    outbound.push_response(CHUNK);
    assert!(outbound.takes_answers(), "events do not count");
    outbound.push_response(CHUNK);
    assert!(!outbound.takes_answers());
    outbound.pop();
    outbound.pop();
    assert!(outbound.takes_answers());
}

#[test]
fn quiet_is_what_nothing_was_taken_from() {
    let outbound = Outbound::new(100);
    assert!(!outbound.is_quiet(2));
    outbound.push_event(CHUNK).unwrap();
    outbound.pop();
    assert!(!outbound.is_quiet(2));
    assert!(outbound.is_quiet(2));
    assert!(!outbound.is_quiet(2), "it counts anew");
}
