//! Tests of what survives.

use journal::{Journal, Position};

use super::*;

#[tokio::test]
async fn things_and_events_are_read_back_from_the_store() {
    let world = World::new();
    let body = json!({"attributes": {"a": 1}});
    world.put(ALICE, "/", body).await.is("created");
    world
        .put(ALICE, "/attributes/a", json!(null))
        .await
        .is("modified");
    let events = world.events.lock().unwrap().clone();
    let World {
        things,
        policies,
        journal,
        folder,
        ..
    } = world;
    journal.close();
    drop((things, policies, journal));

    let world = World::open(folder, 1000);
    let read = world.read(ALICE, "/").await;
    assert_eq!(read.revision(), 2);
    assert_eq!(
        read.value(),
        json!({"thingId": "a:t", "policyId": "a:t", "attributes": {"a": null}})
    );
    let records = world.journal.records(Position::START, 100).unwrap();
    let things = records
        .iter()
        .filter(|record| record.entity.kind == EntityKind::Thing);
    let kept: Vec<_> = things
        .map(|record| ThingEvent::of_record(record).unwrap())
        .collect();
    assert_eq!(kept, events);
}

#[tokio::test]
async fn writers_without_common_locks_lose_nothing() {
    let world = Arc::new(World::new());
    world.put(ALICE, "/", json!({})).await.is("created");
    let other = Arc::new(things_of(&world.journal, &world.policies, 10_000));
    let writers: Vec<_> = (0..20)
        .map(|number| {
            let (world, other) = (Arc::clone(&world), Arc::clone(&other));
            tokio::spawn(async move {
                let things = if number % 2 == 0 {
                    &world.things
                } else {
                    &*other
                };
                let command = ThingCommand {
                    thing_id: "a:t".parse().unwrap(),
                    resource: ThingResource::parse(
                        &format!("/attributes/a{number}").parse().unwrap(),
                    )
                    .unwrap(),
                    action: ThingAction::Modify(json!(number)),
                };
                Outcome(things.execute(&context(ALICE), command).await).is("created");
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let attributes = world.read(ALICE, "/attributes").await.value();
    assert_eq!(attributes.as_object().unwrap().len(), 20);
}

#[tokio::test]
async fn racing_creators_get_one_thing_and_one_policy() {
    let world = Arc::new(World::new());
    let others = (0..8).map(|_| Arc::new(things_of(&world.journal, &world.policies, 10_000)));
    let creators: Vec<_> = others
        .map(|things| {
            tokio::spawn(async move {
                let command = ThingCommand {
                    thing_id: "a:t".parse().unwrap(),
                    resource: ThingResource::Thing,
                    action: ThingAction::Create(json!({})),
                };
                Outcome(things.execute(&context(ALICE), command).await).word()
            })
        })
        .collect();
    let mut words = Vec::new();
    for creator in creators {
        words.push(creator.await.unwrap());
    }
    words.sort_unstable();
    let mut expected = vec!["Conflict"; 7];
    expected.push("created");
    assert_eq!(words, expected);
    assert_eq!(world.event_count(), 1);
}
