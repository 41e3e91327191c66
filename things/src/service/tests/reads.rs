//! Tests of reads.

use super::*;

async fn world() -> World {
    let world = World::new();
    let body = json!({
        "attributes": {"a": {"b": 1, "c": 2}},
        "features": {
            "lamp": {"properties": {"on": true, "color": "red"}},
            "fan": {"properties": {"on": false}},
        },
    });
    world.put(ALICE, "/", body).await.is("created");
    world
}

#[track_caller]
fn check(actual: Value, expected: Value) {
    assert_eq!(actual, expected);
}

#[tokio::test]
async fn fields_reduce_what_is_read() {
    let world = world().await;
    check(world.select(ALICE, "/", "").await.value(), json!({}));
    check(world.select(ALICE, "/", "nope").await.value(), json!({}));
    check(
        world
            .select(ALICE, "/", "thingId,attributes/a/b")
            .await
            .value(),
        json!({"thingId": "a:t", "attributes": {"a": {"b": 1}}}),
    );
    let on = json!({"lamp": {"properties": {"on": true}}, "fan": {"properties": {"on": false}}});
    check(
        world
            .select(ALICE, "/", "features/*/properties/on")
            .await
            .value(),
        json!({"features": on}),
    );
    check(
        world
            .select(ALICE, "/features", "*/properties/on")
            .await
            .value(),
        on,
    );
    check(
        world.select(ALICE, "/attributes", "a/c").await.value(),
        json!({"a": {"c": 2}}),
    );
    // A field selector does not apply to single attributes.
    check(
        world.select(ALICE, "/attributes/a", "c").await.value(),
        json!({"b": 1, "c": 2}),
    );
}

#[tokio::test]
async fn special_members_are_read_by_name_only() {
    let world = world().await;
    world
        .put(ALICE, "/attributes/x", json!(1))
        .await
        .is("created");
    let fields = "thingId,_namespace,_revision,_created,_modified";
    check(
        world.select(ALICE, "/", fields).await.value(),
        json!({"thingId": "a:t", "_namespace": "a", "_revision": 2,
            "_created": "2026-08-18T09:20:00.5Z", "_modified": "2026-08-18T09:20:00.5Z"}),
    );
    check(
        world.select(ALICE, "/", "_revision").await.value(),
        json!({"_revision": 2}),
    );
}

#[tokio::test]
async fn the_policy_can_be_embedded() {
    let world = world().await;
    let thing = world.select(ALICE, "/", "thingId,_policy").await.value();
    check(thing["thingId"].clone(), json!("a:t"));
    check(thing["_policy"]["policyId"].clone(), json!("a:t"));
    world
        .given_policy(
            "a:t",
            json!({
                "bob": entry(BOB, json!({"thing:/attributes": grant(&["READ"])})),
            }),
        )
        .await;
    check(
        world.select(BOB, "/", "thingId,_policy").await.value(),
        json!({"thingId": "a:t"}),
    );
}

#[tokio::test]
async fn many_things_are_read_in_the_order_asked_for() {
    let world = world().await;
    for id in ["a:u", "a:v"] {
        let who = if id == "a:u" { BOB } else { ALICE };
        let create = ThingAction::Create(json!({}));
        world
            .run_on(id, &context(who), "/", create)
            .await
            .is("created");
    }
    let ids = ["a:v", "a:missing", "a:u", "a:t"].map(|id| id.parse().unwrap());
    let fields = selector("thingId");
    let things = world
        .things
        .retrieve_many(&context(ALICE), &ids, (Some(&fields), None))
        .await;
    check(
        Value::from(things.unwrap()),
        json!([{"thingId": "a:v"}, {"thingId": "a:t"}]),
    );
}

#[tokio::test]
async fn of_many_things_those_are_read_that_meet_the_condition() {
    let world = world().await;
    let create = ThingAction::Create(json!({"attributes": {"only": "v"}}));
    world
        .run_on("a:v", &context(ALICE), "/", create)
        .await
        .is("created");
    let read = async |who, headers: &[(&'static str, &str)]| {
        let ids = ["a:v", "a:missing", "a:t"].map(|id| id.parse().unwrap());
        let (fields, headers) = (selector("thingId"), twin_headers(headers).unwrap());
        let asked = (Some(&fields), headers.as_deref());
        world
            .things
            .retrieve_many(&context(who), &ids, asked)
            .await
            .map(Value::from)
    };
    let when = |condition| [("condition", condition)];
    let of_v = when("eq(attributes/only,'v')");
    check(
        read(ALICE, &of_v).await.unwrap(),
        json!([{"thingId": "a:v"}]),
    );
    let others = when("not(exists(attributes/only))");
    check(
        read(ALICE, &others).await.unwrap(),
        json!([{"thingId": "a:t"}]),
    );
    // Who may not read what the condition looks at does not learn whether it holds.
    check(read(BOB, &others).await.unwrap(), json!([]));
    for headers in [
        ("get-metadata", "*"),
        ("merge-thing-patch-conditions", "{}"),
        ("at-historical-revision", "1"),
        ("dry-run", "true"),
    ] {
        let refused = read(ALICE, &[headers]).await.unwrap_err();
        assert_eq!(error_name(&refused), "HeaderUnusable", "{headers:?}");
    }
}

#[tokio::test]
async fn pages_follow_each_other() {
    let world = world().await;
    for number in 0..150 {
        let who = if number % 2 == 0 { ALICE } else { BOB };
        let create = ThingAction::Create(json!({}));
        world
            .run_on(&format!("b:{number:03}"), &context(who), "/", create)
            .await
            .is("created");
    }
    let fields = selector("thingId");
    let (mut after, mut sizes, mut total) = (None, Vec::new(), 0);
    loop {
        let page = world
            .things
            .list(&context(ALICE), after.as_deref(), 40, Some(&fields))
            .await;
        let page = page.unwrap();
        sizes.push(page.items.len());
        total += page.items.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((total, sizes), (76, vec![40, 36]));
}
