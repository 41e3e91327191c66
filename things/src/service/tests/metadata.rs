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

/// A thing of which Bob may write the attribute `a` and nothing else.
async fn with_writer_of_a() -> World {
    let world = World::new();
    let writer = entry(
        BOB,
        json!({"thing:/attributes/a": grant(&["READ", "WRITE"])}),
    );
    world.given_policy("a:p", json!({"bob": writer})).await;
    let thing = json!({"policyId": "a:p", "attributes": {"a": 1, "cal": 5}});
    world.put(ALICE, "/", thing).await.is("created");
    let notes = r#"[{"key":"a/unit","value":"kg"},{"key":"cal/by","value":"lab"},{"key":"note","value":1}]"#;
    let attributes = json!({"a": 1, "cal": 5});
    put(&world, "/attributes", attributes, notes)
        .await
        .is("modified");
    world
}

#[tokio::test]
async fn it_is_written_by_who_may_write_what_it_is_about() {
    let world = with_writer_of_a().await;
    let before = metadata(&world).await;
    let patch = || ThingAction::Merge(json!({"attributes": {"a": 2}}));
    let forgeries = [
        (
            "put-metadata",
            r#"[{"key":"attributes/cal/by","value":"nobody"}]"#,
        ),
        ("put-metadata", r#"[{"key":"attributes/cal","value":null}]"#),
        ("put-metadata", r#"[{"key":"attributes/note","value":2}]"#),
        (
            "put-metadata",
            r#"[{"key":"attributes/note/deep","value":2}]"#,
        ),
        ("put-metadata", r#"[{"key":"policyId/x","value":1}]"#),
        ("put-metadata", r#"[{"key":"x","value":1}]"#),
        (
            "put-metadata",
            r#"[{"key":"attributes","value":{"{{ ~.*~ }}":null}}]"#,
        ),
        ("delete-metadata", "*"),
        ("delete-metadata", "*/by"),
        ("delete-metadata", "attributes"),
        ("delete-metadata", "attributes/cal/by"),
        ("delete-metadata", "attributes/cal/none"),
    ];
    for header in forgeries {
        let outcome = world.run_headed((BOB, &[header]), "/", patch()).await;
        assert_eq!(outcome.word(), "thing NotModifiable", "{header:?}");
    }
    let below = ThingAction::Merge(json!({"a": 2}));
    let header = [("put-metadata", r#"[{"key":"cal/by","value":"nobody"}]"#)];
    let outcome = world.run_headed((BOB, &header), "/attributes", below).await;
    outcome.is("thing NotModifiable");
    assert_eq!(metadata(&world).await, before);
    assert_eq!(world.event_count(), 2);
}

#[tokio::test]
async fn a_writer_of_a_part_notes_what_he_likes_about_it() {
    let world = with_writer_of_a().await;
    let patch = || ThingAction::Merge(json!({"attributes": {"a": 2}}));
    for header in [
        (
            "put-metadata",
            r#"[{"key":"attributes/a/unit","value":"g"}]"#,
        ),
        (
            "put-metadata",
            r#"[{"key":"attributes/a","value":{"at":{"deep":1}}}]"#,
        ),
        ("put-metadata", r#"[{"key":"*/by","value":"bob"}]"#),
        ("put-metadata", r#"[{"key":"attributes/*/seen","value":1}]"#),
        ("delete-metadata", "attributes/a/seen,attributes/a/nope"),
    ] {
        let outcome = world.run_headed((BOB, &[header]), "/", patch()).await;
        assert_eq!(outcome.word(), "modified", "{header:?}");
    }
    let noted = json!({"unit": "g", "at": {"deep": 1}, "by": "bob"});
    assert_eq!(got(&world, BOB, "/attributes/a", "*").await, noted);
    let header = [("delete-metadata", "attributes/a")];
    let outcome = world.run_headed((BOB, &header), "/", patch()).await;
    outcome.is("modified");
    let left = json!({"attributes": {"cal": {"by": "lab"}, "note": 1}});
    assert_eq!(metadata(&world).await, left);
}

#[tokio::test]
async fn it_does_not_count_where_only_the_thing_is_written() {
    let world = World::with_size_max(200);
    world.put(ALICE, "/", json!({})).await.is("created");
    let note = format!(r#"[{{"key":"k","value":"{}"}}]"#, "x".repeat(100));
    put(&world, "/attributes", json!({}), &note)
        .await
        .is("created");
    let long = || json!({"b": "y".repeat(100)});
    for path in ["/", "/attributes"] {
        let body = if path == "/" {
            json!({"attributes": long()})
        } else {
            long()
        };
        world.put(ALICE, path, body).await.is("modified");
    }
    world
        .put(ALICE, "/attributes/b", json!("z".repeat(100)))
        .await
        .is("modified");
    let too_long = json!("z".repeat(200));
    world
        .put(ALICE, "/attributes/b", too_long)
        .await
        .is("TooLarge");
    world
        .patch(ALICE, "/attributes/b", json!("z"))
        .await
        .is("modified");
    world
        .patch(ALICE, "/attributes", long())
        .await
        .is("TooLarge");
    put(&world, "/attributes", long(), r#"[{"key":"l","value":1}]"#)
        .await
        .is("TooLarge");
}

#[tokio::test]
async fn nulls_that_are_put_are_leaves() {
    let world = with_lamp().await;
    let notes = r#"[{"key":"*/by","value":1}]"#;
    let before = json!({"n": null, "s": 1});
    put(&world, "/attributes", before, notes)
        .await
        .is("modified");
    let noted = json!({"n": {"by": 1}, "s": {"by": 1}});
    assert_eq!(got(&world, ALICE, "/attributes", "*").await, noted);
    let patch = ThingAction::Merge(json!({"n": null, "s": 2}));
    let header = [("put-metadata", notes)];
    let outcome = world
        .run_headed((ALICE, &header), "/attributes", patch)
        .await;
    outcome.is("modified");
    let left = json!({"s": {"by": 1}});
    assert_eq!(got(&world, ALICE, "/attributes", "*").await, left);
}
