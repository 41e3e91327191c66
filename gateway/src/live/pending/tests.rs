//! What is taken as an answer, and when waiting ends.

use serde_json::{Map, json};

use super::*;

const MOMENT: Duration = Duration::from_millis(20);

fn requested(response_required: bool, custom: &[&str]) -> Requested {
    Requested {
        response_required,
        built_in: response_required.then(|| "live-response".into()),
        custom: custom.iter().map(|label| Label::from(*label)).collect(),
        wait: MOMENT,
    }
}

fn key() -> PendingKey {
    PendingKey::new(Channel::Live, &"a:b".parse().unwrap(), "c-1")
}

fn message() -> Asked {
    Asked::Message(MessagePath::claim())
}

fn open(pending: &Arc<Pending>, asked: Asked, requested: &Requested) -> Result<Waiting, Error> {
    let scope = asked.scope(None);
    pending.open(key(), (asked, scope), requested)
}

fn envelope(path: &str) -> Envelope {
    Envelope {
        path: path.to_owned(),
        status: Some(200),
        ..Envelope::default()
    }
}

fn acknowledgement(label: &str, status: u16) -> Acknowledgement {
    Acknowledgement {
        label: label.into(),
        status,
        payload: Some(json!(status)),
        headers: Map::new(),
    }
}

#[actix_web::test]
async fn the_first_answer_that_fits_is_taken() {
    let pending = Arc::new(Pending::default());
    let waiting = open(&pending, message(), &requested(true, &[])).unwrap();
    let awaited = pending.find(&key()).unwrap();
    let other = MessagePath::new(None, protocol::MessageDirection::From, "claim".to_owned());
    awaited.respond(
        &LiveKind::MessageResponse(other.unwrap()),
        envelope("/outbox/messages/claim"),
    );
    for path in ["/first", "/second"] {
        awaited.respond(
            &LiveKind::MessageResponse(MessagePath::claim()),
            envelope(path),
        );
    }
    let collected = waiting.collect(Duration::from_secs(60)).await;
    assert_eq!(collected.response.unwrap().path, "/first");
}

#[actix_web::test]
async fn an_answer_that_does_not_fit_is_told_at_the_end() {
    let pending = Arc::new(Pending::default());
    let asked = Asked::Command {
        action: CommandAction::Retrieve,
        path: Pointer::root(),
    };
    let waiting = open(&pending, asked, &requested(true, &[])).unwrap();
    let awaited = pending.find(&key()).unwrap();
    let retrieve = LiveKind::CommandResponse(CommandAction::Retrieve);
    awaited.respond(
        &LiveKind::CommandResponse(CommandAction::Modify),
        envelope("/"),
    );
    awaited.respond(&retrieve, envelope("/attributes"));
    let collected = waiting.collect(MOMENT).await;
    assert_eq!(collected.response, None);
    assert_eq!(
        collected.mismatch,
        Some("it answers a command with another path")
    );
}

#[actix_web::test]
async fn each_label_is_acknowledged_once_and_only_if_asked_for() {
    let pending = Arc::new(Pending::default());
    let waiting = open(&pending, message(), &requested(false, &["a:b", "c:d"])).unwrap();
    let awaited = Arc::clone(waiting.awaited());
    awaited.acknowledge(acknowledgement("x:y", 200));
    awaited.acknowledge(acknowledgement("a:b", 201));
    awaited.acknowledge(acknowledgement("a:b", 500));
    awaited.acknowledge(acknowledgement("c:d", 202));
    let collected = waiting.collect(Duration::from_secs(60)).await;
    let statuses: Vec<_> = collected
        .acknowledgements
        .iter()
        .map(|(label, ack)| (&**label, ack.as_ref().unwrap().status))
        .collect();
    assert_eq!(statuses, [("a:b", 201), ("c:d", 202)]);
}

#[actix_web::test]
async fn a_twin_command_waits_for_no_response() {
    let pending = Arc::new(Pending::default());
    let asked = Asked::Twin {
        path: Pointer::root(),
    };
    let waiting = open(&pending, asked, &requested(true, &["a:b"])).unwrap();
    waiting.awaited().acknowledge(acknowledgement("a:b", 200));
    let collected = waiting.collect(Duration::from_secs(60)).await;
    assert_eq!(collected.response, None);
}

#[test]
fn one_id_waits_once_and_is_free_again_afterwards() {
    let pending = Arc::new(Pending::default());
    let first = open(&pending, message(), &requested(true, &[])).unwrap();
    let second = open(&pending, message(), &requested(true, &[]));
    assert!(matches!(second, Err(Error::DuplicateCorrelationId { .. })));
    drop(first);
    assert!(pending.find(&key()).is_none());
    assert!(open(&pending, message(), &requested(true, &[])).is_ok());
}

#[test]
fn the_table_is_bounded() {
    let pending = Arc::new(Pending::default());
    let (asked, requested) = (message(), requested(true, &[]));
    let open = |number: usize| {
        let key = PendingKey::new(
            Channel::Live,
            &"a:b".parse().unwrap(),
            &format!("c-{number}"),
        );
        pending.open(key, (asked.clone(), asked.scope(None)), &requested)
    };
    let held: Vec<_> = (0..PENDING_MAX)
        .map(|number| open(number).unwrap())
        .collect();
    assert!(matches!(
        open(PENDING_MAX),
        Err(Error::TooManyPending { .. })
    ));
    drop(held);
    assert!(open(PENDING_MAX).is_ok());
}

#[actix_web::test]
async fn whoever_is_woken_all_the_time_waits_no_longer() {
    let pending = Arc::new(Pending::default());
    let waiting = open(&pending, message(), &requested(true, &[])).unwrap();
    let mut collecting = std::pin::pin!(waiting.collect(Duration::from_secs(600)));
    for _ in 0..WAKES_MAX {
        let looked = poll_fn(|task| Poll::Ready(collecting.as_mut().poll(task))).await;
        assert!(looked.is_pending());
    }
    let collected = tokio::time::timeout(Duration::from_secs(30), collecting).await;
    assert!(collected.expect("an end").response.is_none());
    assert!(pending.find(&key()).is_none());
}
