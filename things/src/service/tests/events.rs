//! Tests of events.

use policies::SessionId;

use super::*;
use crate::EventAction;

async fn world(others: Value) -> World {
    let world = World::new();
    world.given_policy("a:p", others).await;
    let body = json!({"policyId": "a:p", "features": {"f": {}}});
    world.put(ALICE, "/", body).await.is("created");
    world
}

#[track_caller]
fn check(event: &ThingEvent, action: EventAction, path: &str, value: Option<Value>) {
    let actual = (event.action, event.path.to_string(), event.value.clone());
    assert_eq!(actual, (action, path.to_owned(), value));
}

#[tokio::test]
async fn every_write_says_what_happened_and_where() {
    let world = world(json!({})).await;
    let created = json!({"thingId": "a:t", "policyId": "a:p", "features": {"f": {}}});
    check(
        &world.last_event(),
        EventAction::Created,
        "/",
        Some(created),
    );
    let path = "/features/f/properties";
    for action in [EventAction::Created, EventAction::Modified] {
        world.put(ALICE, path, json!({"on": 1, "x": null})).await;
        check(
            &world.last_event(),
            action,
            path,
            Some(json!({"on": 1, "x": null})),
        );
    }
    world
        .patch(ALICE, path, json!({"on": null}))
        .await
        .is("modified");
    check(
        &world.last_event(),
        EventAction::Merged,
        path,
        Some(json!({"on": null})),
    );
    world.delete(ALICE, path).await.is("deleted");
    check(&world.last_event(), EventAction::Deleted, path, None);
    world.put(ALICE, "/", json!({})).await.is("modified");
    let thing = json!({"thingId": "a:t", "policyId": "a:p"});
    check(&world.last_event(), EventAction::Modified, "/", Some(thing));
    world.delete(ALICE, "/").await.is("deleted");
    check(&world.last_event(), EventAction::Deleted, "/", None);
    assert_eq!(world.last_event().revision, 7);
    assert_eq!(world.event_count(), 7);
}

#[tokio::test]
async fn refused_writes_are_silent() {
    let world = world(json!({})).await;
    world
        .put(BOB, "/attributes", json!({}))
        .await
        .is("attributes NotModifiable");
    world
        .put(ALICE, "/features/x/properties", json!({}))
        .await
        .is("feature NotFound");
    world
        .delete(ALICE, "/attributes")
        .await
        .is("attributes NotFound");
    assert_eq!(world.event_count(), 1);
}

#[tokio::test]
async fn an_event_carries_its_commands_headers() {
    let world = world(json!({})).await;
    let mut context = context(ALICE);
    context.origin = Some(SessionId(7));
    context.headers.requested_acks = vec!["my:ack".into()];
    context.headers.custom = vec![("x-a".into(), "b".into())];
    let put = ThingAction::Modify(json!(1));
    world
        .run_with(&context, "/attributes/a", put)
        .await
        .is("created");
    let event = world.last_event();
    assert_eq!(&*event.headers.correlation_id, "c-1");
    assert_eq!(event.headers.originator.as_ref().unwrap().as_str(), ALICE);
    assert_eq!(event.headers.origin, Some(SessionId(7)));
    assert_eq!(event.headers.requested_acks, ["my:ack"]);
    assert_eq!(event.headers.custom, context.headers.custom);
    assert_eq!(event.timestamp, context.now);
}

/// What Bob gets of the last event; `None` if nothing.
#[track_caller]
fn seen_by_bob(world: &World) -> Option<Option<Value>> {
    let event = world.last_event();
    let delivery = world.things.delivery(&event, context(BOB).now).unwrap();
    let bob: policies::SubjectId = BOB.parse().unwrap();
    let enforcer = delivery.enforcer.unwrap();
    let view = event.view_for(&enforcer, std::slice::from_ref(&bob));
    let readers = &delivery.readers;
    let is_named = readers.unrestricted.contains(&bob) || readers.partial.contains(&bob);
    assert!(is_named || view.is_none(), "a reader must be named");
    view.map(|event| event.value)
}

#[tokio::test]
async fn a_partial_reader_gets_its_part_of_events() {
    let world = world(json!({"bob": entry(BOB, json!({
        "thing:/attributes/public": grant(&["READ"]),
    }))}))
    .await;
    assert_eq!(seen_by_bob(&world), Some(Some(json!({"thingId": "a:t"}))));
    world
        .put(ALICE, "/attributes", json!({"public": 1, "secret": 2}))
        .await
        .is("created");
    assert_eq!(seen_by_bob(&world), Some(Some(json!({"public": 1}))));
    world
        .put(ALICE, "/attributes/secret", json!(3))
        .await
        .is("modified");
    assert_eq!(seen_by_bob(&world), None);
    world
        .put(ALICE, "/attributes/public", json!({"x": 1}))
        .await
        .is("modified");
    assert_eq!(seen_by_bob(&world), Some(Some(json!({"x": 1}))));
    world
        .put(ALICE, "/attributes/public/x", json!(2))
        .await
        .is("modified");
    assert_eq!(seen_by_bob(&world), Some(Some(json!(2))));
    world
        .put(ALICE, "/attributes", json!({"secret": 2}))
        .await
        .is("modified");
    assert_eq!(seen_by_bob(&world), None);
    world
        .patch(ALICE, "/", json!({"attributes": {"secret": 1}}))
        .await
        .is("modified");
    assert_eq!(seen_by_bob(&world), None);
    world
        .patch(ALICE, "/features", json!({"f": null}))
        .await
        .is("modified");
    assert_eq!(seen_by_bob(&world), None);
}

#[tokio::test]
async fn a_partial_reader_learns_that_its_part_is_gone() {
    let world = world(json!({"bob": entry(BOB, json!({
        "thing:/attributes/public": grant(&["READ"]),
    }))}))
    .await;
    let attributes = json!({"public": 1, "secret": 2});
    world
        .put(ALICE, "/attributes", attributes.clone())
        .await
        .is("created");
    world
        .patch(ALICE, "/", json!({"attributes": null, "features": null}))
        .await
        .is("modified");
    assert_eq!(seen_by_bob(&world), Some(Some(json!({"attributes": null}))));
    world
        .put(ALICE, "/attributes", attributes.clone())
        .await
        .is("created");
    world
        .patch(
            ALICE,
            "/attributes",
            json!({"public": null, "secret": null}),
        )
        .await
        .is("modified");
    assert_eq!(seen_by_bob(&world), Some(Some(json!({"public": null}))));
    world
        .patch(ALICE, "/attributes", json!(null))
        .await
        .is("modified");
    assert_eq!(seen_by_bob(&world), Some(Some(json!(null))));
    world
        .put(ALICE, "/attributes", attributes)
        .await
        .is("created");
    world
        .delete(ALICE, "/attributes/secret")
        .await
        .is("deleted");
    assert_eq!(seen_by_bob(&world), None);
    world.delete(ALICE, "/attributes").await.is("deleted");
    assert_eq!(seen_by_bob(&world), Some(None));
    world.delete(ALICE, "/").await.is("deleted");
    assert_eq!(seen_by_bob(&world), Some(None));
}

#[tokio::test]
async fn nobody_reads_events_of_a_thing_without_policy() {
    let world = world(json!({})).await;
    world
        .put(ALICE, "/policyId", json!("a:none"))
        .await
        .is("modified");
    let delivery = world
        .things
        .delivery(&world.last_event(), context(ALICE).now)
        .unwrap();
    assert!(delivery.enforcer.is_none());
    assert_eq!(delivery.readers, policies::Readers::default());
}
