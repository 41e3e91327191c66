//! Tests of metadata beside things.

use super::*;

const LAMP: &str = "/features/lamp/properties/color";

async fn with_lamp() -> World {
    let world = World::new();
    let thing = json!({"attributes": {"a": 1, "secret": 2}, "features": {"lamp": {"properties": {"color": {"r": 1}}}}});
    world.put(ALICE, "/", thing).await.is("created");
    world
}

async fn put(world: &World, path: &str, value: Value, metadata: &str) -> Outcome {
    let headers = [("put-metadata", metadata)];
    world
        .run_headed((ALICE, &headers), path, ThingAction::Modify(value))
        .await
}

async fn metadata(world: &World) -> Value {
    let mut thing = world.select(ALICE, "/", "_metadata").await.value();
    thing["_metadata"].take()
}

async fn got(world: &World, who: &str, path: &str, keys: &str) -> Value {
    let headers = [("get-metadata", keys)];
    let read = ThingAction::Retrieve { fields: None };
    match world
        .run_headed((who, &headers), path, read)
        .await
        .0
        .unwrap()
    {
        ThingResponse::Retrieved { metadata, .. } => *metadata.unwrap(),
        other @ (ThingResponse::Created { .. }
        | ThingResponse::Modified { .. }
        | ThingResponse::Deleted { .. }) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn it_is_written_read_and_deleted_beside_the_thing() {
    let world = with_lamp().await;
    let entries = r#"[{"key":"unit","value":"rgb"},{"key":"r/at","value":5}]"#;
    put(&world, LAMP, json!({"r": 2}), entries)
        .await
        .is("modified");
    let expected =
        json!({"features": {"lamp": {"properties": {"color": {"unit": "rgb", "r": {"at": 5}}}}}});
    assert_eq!(metadata(&world).await, expected);
    assert_eq!(world.last_event().metadata, Some(expected));
    assert_eq!(
        got(&world, ALICE, LAMP, "unit").await,
        json!({"unit": "rgb"})
    );
    assert_eq!(got(&world, ALICE, "/attributes", "*").await, json!({}));
    // It is no part of what a thing shows by itself, nor of what tags are made of.
    let before = world.read(ALICE, LAMP).await.etag();
    put(&world, LAMP, json!({"r": 2}), r#"[{"key":"by","value":1}]"#)
        .await
        .is("modified");
    assert_eq!(world.read(ALICE, LAMP).await.etag(), before);
    assert!(
        world
            .read(ALICE, "/")
            .await
            .value()
            .get("_metadata")
            .is_none()
    );

    let headers = [("delete-metadata", "unit,by,nope")];
    let rewrite = ThingAction::Modify(json!({"r": 3}));
    world
        .run_headed((ALICE, &headers), LAMP, rewrite)
        .await
        .is("modified");
    assert_eq!(got(&world, ALICE, LAMP, "*").await, json!({"r": {"at": 5}}));
    world
        .delete(ALICE, &format!("{LAMP}/r"))
        .await
        .is("deleted");
    assert_eq!(got(&world, ALICE, LAMP, "*").await, json!({}));
}

#[tokio::test]
async fn it_goes_with_what_a_patch_removes() {
    let world = with_lamp().await;
    put(
        &world,
        "/attributes/a",
        json!(2),
        r#"[{"key":"unit","value":"K"}]"#,
    )
    .await
    .is("modified");
    world
        .patch(ALICE, "/", json!({"attributes": {"{{ ~a.*~ }}": null}}))
        .await
        .is("modified");
    assert_eq!(metadata(&world).await, Value::Null);
}

#[tokio::test]
async fn it_survives_a_restart() {
    let world = with_lamp().await;
    put(
        &world,
        "/attributes/a",
        json!(2),
        r#"[{"key":"unit","value":"K\n"}]"#,
    )
    .await
    .is("modified");
    world.journal.close();
    let World {
        folder,
        journal,
        things,
        policies,
        ..
    } = world;
    drop((things, policies, journal));
    let world = World::open(folder, 1000);
    assert_eq!(
        metadata(&world).await,
        json!({"attributes": {"a": {"unit": "K\n"}}})
    );
    assert_eq!(world.read(ALICE, "/attributes/a").await.value(), json!(2));
}

#[tokio::test]
async fn creations_take_it_from_the_body_or_from_a_header() {
    let world = World::new();
    let body = json!({"attributes": {"a": 1}, "_metadata": {"attributes": {"a": {"unit": "K"}}}});
    put(&world, "/", body.clone(), r#"[{"key":"*/at","value":1}]"#)
        .await
        .is("MetadataNotModifiable");
    world.put(ALICE, "/", body.clone()).await.is("created");
    assert_eq!(
        metadata(&world).await,
        json!({"attributes": {"a": {"unit": "K"}}})
    );
    // Updates ignore what the body says.
    world
        .put(
            ALICE,
            "/",
            json!({"attributes": {"a": 2}, "_metadata": {"x": 1}}),
        )
        .await
        .is("modified");
    assert_eq!(
        metadata(&world).await,
        json!({"attributes": {"a": {"unit": "K"}}})
    );
    world
        .put(ALICE, "/", json!({"_metadata": 5}))
        .await
        .is("WrongType");
    let other = World::new();
    put(
        &other,
        "/",
        json!({"attributes": {"a": 1}}),
        r#"[{"key":"*/at","value":1}]"#,
    )
    .await
    .is("created");
    assert_eq!(
        metadata(&other).await,
        json!({"thingId": {"at": 1}, "policyId": {"at": 1}, "attributes": {"a": {"at": 1}}})
    );
}

#[tokio::test]
async fn it_is_read_with_what_it_is_about() {
    let world = with_lamp().await;
    put(
        &world,
        "/attributes",
        json!({"a": 1, "secret": 2}),
        r#"[{"key":"*/unit","value":"K"}]"#,
    )
    .await
    .is("modified");
    world
        .given_policy(
            "a:t",
            json!({"reader": entry(BOB, json!({
                "thing:/": grant(&["READ"]),
                "thing:/attributes/secret": revoke(&["READ"]),
            }))}),
        )
        .await;
    let readable = json!({"attributes": {"a": {"unit": "K"}}});
    assert_eq!(got(&world, BOB, "/", "*").await, readable);
    assert_eq!(
        got(&world, BOB, "/attributes", "secret/unit").await,
        json!({})
    );
    let selected = world.select(BOB, "/", "_metadata").await.value();
    assert_eq!(selected["_metadata"], readable);
    let event = world.last_event();
    let enforcer = world
        .policies
        .enforcer(&"a:t".parse().unwrap(), "a", context(BOB).now);
    let view = event
        .view_for(&enforcer.unwrap().unwrap(), &[BOB.parse().unwrap()])
        .unwrap();
    assert_eq!(view.metadata, Some(readable));
}

#[tokio::test]
async fn headers_that_do_not_fit_are_refused() {
    let world = with_lamp().await;
    let read = || ThingAction::Retrieve { fields: None };
    let write = || ThingAction::Modify(json!({}));
    let entry = r#"[{"key":"x","value":1}]"#;
    for (headers, action, expected) in [
        ([("put-metadata", entry)], read(), "MetadataConflict"),
        ([("get-metadata", "x")], write(), "MetadataConflict"),
        (
            [("put-metadata", entry)],
            ThingAction::Delete,
            "MetadataConflict",
        ),
        (
            [("put-metadata", r#"[{"key":"*","value":1}]"#)],
            write(),
            "HeaderInvalid",
        ),
        (
            [("put-metadata", r#"[{"key":"/","value":1}]"#)],
            write(),
            "HeaderInvalid",
        ),
        (
            [("put-metadata", r#"[{"key":"x"}]"#)],
            write(),
            "HeaderInvalid",
        ),
        (
            [("put-metadata", r#"[{"key":"a\u00e4","value":1}]"#)],
            write(),
            "KeyInvalid",
        ),
        (
            [("get-metadata", "features/*/properties/*/x")],
            read(),
            "MetadataWildcard",
        ),
        ([("get-metadata", "a(")], read(), "MetadataSelection"),
    ] {
        let outcome = world
            .run_headed((ALICE, &headers), "/attributes", action)
            .await;
        assert_eq!(outcome.word(), expected, "{headers:?}");
    }
}

#[tokio::test]
async fn it_counts_into_the_size() {
    let world = World::with_size_max(200);
    world.put(ALICE, "/", json!({})).await.is("created");
    let long = format!(r#"[{{"key":"k","value":"{}"}}]"#, "x".repeat(150));
    put(&world, "/attributes", json!({}), &long)
        .await
        .is("TooLarge");
}
