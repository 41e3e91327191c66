//! Tests of the past.

use std::time::Duration;

use super::*;

fn at(seconds: i64) -> CommandContext {
    let mut context = context(ALICE);
    context.now += jiff::SignedDuration::from_secs(seconds);
    context
}

async fn run_at(world: &World, seconds: i64, path: &str, action: ThingAction) {
    let outcome = world.run_with(&at(seconds), path, action).await;
    assert!(outcome.0.is_ok(), "{:?}", outcome.0);
}

/// A thing that changed in every way, ten seconds apart; its states by revision.
async fn with_past() -> (World, Vec<Value>) {
    let world = World::new();
    let changes = [
        ("/", ThingAction::Modify(json!({"attributes": {"a": 1}}))),
        ("/attributes/b/c", ThingAction::Modify(json!(2))),
        (
            "/features",
            ThingAction::Merge(json!({"f": {"properties": {"p": 1, "q": 2}}})),
        ),
        (
            "/features/f/properties",
            ThingAction::Merge(json!({"{{ ~q~ }}": null})),
        ),
        ("/attributes/a", ThingAction::Delete),
        ("/", ThingAction::Modify(json!({"definition": "x:y:1"}))),
        ("/", ThingAction::Delete),
        (
            "/",
            ThingAction::Modify(json!({"policyId": "a:t", "attributes": {"again": true}})),
        ),
        ("/attributes", ThingAction::Modify(json!({}))),
    ];
    let mut states = Vec::new();
    for (index, (path, action)) in (0_i64..).zip(changes) {
        run_at(&world, index * 10, path, action).await;
        states.push(
            world
                .read(ALICE, "/")
                .await
                .0
                .map_or(Value::Null, |read| Outcome(Ok(read)).value()),
        );
    }
    (world, states)
}

async fn past(world: &World, now: i64, header: (&'static str, &str), path: &str) -> Outcome {
    let command = ThingCommand {
        thing_id: "a:t".parse().unwrap(),
        resource: ThingResource::parse(&path.parse().unwrap()).unwrap(),
        action: ThingAction::Retrieve { fields: None },
    };
    let headers = twin_headers(&[header]).unwrap();
    Outcome(world.things.execute_with(&at(now), command, headers).await)
}

async fn revision(world: &World, now: i64, revision: u64) -> Outcome {
    past(
        world,
        now,
        ("at-historical-revision", &revision.to_string()),
        "/",
    )
    .await
}

#[tokio::test]
async fn every_revision_is_as_it_was() {
    let (world, states) = with_past().await;
    for (number, state) in (1..).zip(&states) {
        let outcome = revision(&world, 100, number).await;
        if state.is_null() {
            outcome.is("HistoryNotFound");
            continue;
        }
        assert_eq!(outcome.revision(), number);
        assert_eq!(outcome.etag(), Some(format!("\"rev:{number}\"")));
        assert_eq!(outcome.value(), *state, "revision {number}");
    }
    for number in [0, 10, 99] {
        revision(&world, 100, number).await.is("HistoryNotFound");
    }
    let header = ("at-historical-revision", "2");
    let part = past(&world, 100, header, "/attributes/b").await;
    assert_eq!(part.value(), json!({"c": 2}));
    past(&world, 100, header, "/features")
        .await
        .is("features NotFound");
}

#[tokio::test]
async fn a_time_shows_the_last_revision_before_it() {
    let (world, states) = with_past().await;
    let time = |seconds: i64, nanos: i32| {
        (at(seconds).now + jiff::SignedDuration::new(0, nanos)).to_string()
    };
    for (time, expected) in [
        (time(0, 0), None),
        (time(0, 1), Some(1)),
        (time(10, 0), Some(1)),
        (time(10, 1), Some(2)),
        (time(55, 0), Some(6)),
        (time(65, 0), None),
        (time(100, 0), Some(9)),
        (time(101, 0), None),
    ] {
        let outcome = past(&world, 100, ("at-historical-timestamp", &time), "/").await;
        match expected {
            Some(revision) => {
                assert_eq!(outcome.revision(), revision, "{time}");
                assert_eq!(
                    Some(&outcome.value()),
                    states.get(usize::try_from(revision).unwrap() - 1)
                );
            }
            None => outcome.is("HistoryNotFound"),
        }
    }
}

#[tokio::test]
async fn the_policy_of_today_decides_about_the_past() {
    let (world, _) = with_past().await;
    let headers = [("at-historical-revision", "1")];
    let read = || ThingAction::Retrieve { fields: None };
    world
        .run_headed((BOB, &headers), "/", read())
        .await
        .is("thing NotFound");
    world
        .given_policy(
            "a:t",
            json!({"r": entry(BOB, json!({"thing:/attributes": grant(&["READ"])}))}),
        )
        .await;
    let seen = world.run_headed((BOB, &headers), "/", read()).await.value();
    assert_eq!(seen, json!({"thingId": "a:t", "attributes": {"a": 1}}));
    let write = ThingAction::Modify(json!(1));
    world
        .run_headed((ALICE, &headers), "/attributes/x", write)
        .await
        .is("HeaderUnusable");
}

fn bounded(world: &World, age: u64, revisions_max: u64) -> Things {
    let retention = Retention {
        age: Duration::from_secs(age),
        revisions_max,
    };
    things_of(&world.journal, &world.policies, 100_000).with_retention(retention)
}

/// Everything is forgotten that may be; the journal's own check needs its last records, so it is opened anew before.
fn forget(world: World, (age, revisions_max): (u64, u64), now: i64) -> World {
    world.journal.close();
    let World {
        folder,
        journal,
        things,
        policies,
        ..
    } = world;
    drop((things, policies, journal));
    let mut world = World::open(folder, 100_000);
    world.things = bounded(&world, age, revisions_max);
    let forgetting = world.things.forget_past(None, at(now).now).unwrap();
    assert!(
        forgetting.failed.is_none() && forgetting.next.is_none(),
        "{forgetting:?}"
    );
    world
}

fn kept(world: &World) -> Vec<u64> {
    let records = world
        .journal
        .history(&key(&"a:t".parse().unwrap()), 0, 100)
        .unwrap();
    records.iter().map(|record| record.revision).collect()
}

#[tokio::test]
async fn old_revisions_are_hidden_at_once_and_gone_after_a_sweep() {
    let (mut world, states) = with_past().await;
    world.things = bounded(&world, 1000, 3);
    revision(&world, 100, 6).await.is("HistoryNotFound");
    assert_eq!(revision(&world, 100, 8).await.value(), states[7]);
    assert_eq!(kept(&world).len(), 9);
    let world = forget(world, (1000, 2), 100);
    assert_eq!(kept(&world), [9]);
    assert_eq!(revision(&world, 100, 8).await.value(), states[7]);
    revision(&world, 100, 7).await.is("HistoryNotFound");
    assert_eq!(world.read(ALICE, "/").await.value(), states[8]);
    world
        .put(ALICE, "/attributes/new", json!(1))
        .await
        .is("created");
    assert_eq!(revision(&world, 100, 9).await.value(), states[8]);
}

#[tokio::test]
async fn age_counts_from_when_a_revision_was_superseded() {
    let (world, states) = with_past().await;
    // At 100 s with 45 s: what was current at 55 s is revision 6.
    let world = forget(world, (45, 1000), 100);
    assert_eq!(kept(&world), [7, 8, 9]);
    assert_eq!(revision(&world, 100, 6).await.value(), states[5]);
    revision(&world, 100, 5).await.is("HistoryNotFound");
    let time = (at(58).now).to_string();
    let seen = past(&world, 100, ("at-historical-timestamp", &time), "/").await;
    assert_eq!(seen.revision(), 6);
    let world = forget(world, (1, 1000), 1000);
    assert_eq!(kept(&world), [9]);
    assert_eq!(world.read(ALICE, "/").await.value(), states[8]);
}

#[tokio::test]
async fn nothing_of_a_deleted_thing_is_left_but_its_revision() {
    let (world, _) = with_past().await;
    run_at(&world, 90, "/", ThingAction::Delete).await;
    // A later change of another thing, so that the journal does not end with the deletion.
    world
        .run_on("a:u", &at(95), "/", ThingAction::Modify(json!({})))
        .await
        .is("created");
    let world = forget(world, (10, 1000), 1000);
    assert_eq!(kept(&world), Vec::<u64>::new());
    let recreated = world.put(ALICE, "/", json!({"policyId": "a:t"})).await;
    assert_eq!(recreated.revision(), 11);
}
