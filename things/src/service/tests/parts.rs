//! Tests of parts of things.

use super::*;

/// A world in which thing `a:t` is empty.
async fn empty() -> World {
    let world = World::new();
    world.put(ALICE, "/", json!({})).await.is("created");
    world
}

#[tokio::test]
async fn every_part_is_created_replaced_read_and_deleted() {
    let world = empty().await;
    world
        .put(ALICE, "/features/f", json!({}))
        .await
        .is("created");
    let parts = [
        ("/definition", json!("a:b:1"), "definition"),
        ("/attributes", json!({"x": 1}), "attributes"),
        ("/attributes/a/b", json!([1]), "attribute"),
        (
            "/features/f/definition",
            json!(["a:b:1"]),
            "feature.definition",
        ),
        (
            "/features/f/properties",
            json!({"x": 1}),
            "feature.properties",
        ),
        (
            "/features/f/properties/a/b",
            json!(true),
            "feature.property",
        ),
        (
            "/features/f/desiredProperties",
            json!({}),
            "feature.desiredProperties",
        ),
        (
            "/features/f/desiredProperties/a",
            json!("x"),
            "feature.desiredProperty",
        ),
        ("/features/g", json!({"properties": {}}), "feature"),
    ];
    for (path, value, kind) in &parts {
        world
            .read(ALICE, path)
            .await
            .is(&format!("{kind} NotFound"));
        let created = world.put(ALICE, path, value.clone()).await;
        created.is("created");
        let read = world.read(ALICE, path).await;
        assert_eq!(read.etag(), created.etag(), "path: {path}");
        assert_eq!(&read.value(), value, "path: {path}");
        let modified = world.put(ALICE, path, value.clone()).await;
        modified.is("modified");
        assert_eq!(modified.etag(), created.etag(), "path: {path}");
        let merged = world.patch(ALICE, path, value.clone()).await;
        merged.is("modified");
        assert_eq!(merged.etag(), created.etag(), "path: {path}");
    }
    for (path, _, kind) in parts.iter().rev() {
        world.delete(ALICE, path).await.is("deleted");
        world
            .delete(ALICE, path)
            .await
            .is(&format!("{kind} NotFound"));
    }
    assert_eq!(
        world.read(ALICE, "/features").await.value(),
        json!({"f": {}})
    );
    world.delete(ALICE, "/features/f").await.is("deleted");
    assert_eq!(world.read(ALICE, "/features").await.value(), json!({}));
    world.delete(ALICE, "/features").await.is("deleted");
    world.read(ALICE, "/features").await.is("features NotFound");
}

#[tokio::test]
async fn a_feature_is_made_by_patches_but_not_by_writes_below_it() {
    let world = empty().await;
    let path = "/features/f/properties/on";
    world
        .put(ALICE, path, json!(1))
        .await
        .is("feature NotFound");
    world.delete(ALICE, path).await.is("feature NotFound");
    world.patch(ALICE, path, json!(1)).await.is("modified");
    assert_eq!(
        world.read(ALICE, "/features").await.value(),
        json!({"f": {"properties": {"on": 1}}})
    );
}

#[tokio::test]
async fn parents_are_made_and_stay() {
    let world = empty().await;
    world
        .put(ALICE, "/attributes/a/b/c", json!(1))
        .await
        .is("created");
    world.delete(ALICE, "/attributes/a/b/c").await.is("deleted");
    assert_eq!(
        world.read(ALICE, "/attributes/a/b").await.value(),
        json!({})
    );
}

#[tokio::test]
async fn null_is_a_value() {
    let world = empty().await;
    for path in ["/attributes", "/features", "/definition"] {
        world.put(ALICE, path, json!(null)).await.is("created");
        assert_eq!(world.read(ALICE, path).await.value(), json!(null));
        world.put(ALICE, path, json!(null)).await.is("modified");
    }
    world
        .delete(ALICE, "/features/x")
        .await
        .is("feature NotFound");
    world
        .put(ALICE, "/features/x", json!(null))
        .await
        .is("created");
    assert_eq!(world.read(ALICE, "/features/x").await.value(), json!(null));
    world
        .put(ALICE, "/features/x", json!({"properties": null}))
        .await
        .is("modified");
    assert_eq!(
        world.read(ALICE, "/features/x").await.value(),
        json!({"properties": null})
    );
}

#[tokio::test]
async fn a_null_in_a_patch_takes_away() {
    let world = empty().await;
    world
        .put(ALICE, "/attributes", json!({"x": 1, "y": 2}))
        .await
        .is("created");
    let patch = json!({"attributes": {"x": null, "z": {"n": null}}});
    world.patch(ALICE, "/", patch.clone()).await.is("modified");
    assert_eq!(
        world.read(ALICE, "/attributes").await.value(),
        json!({"y": 2, "z": {}})
    );
    assert_eq!(world.last_event().value, Some(patch));
    let gone = world.patch(ALICE, "/attributes", json!(null)).await;
    gone.is("modified");
    assert_eq!(gone.etag(), None);
    world
        .read(ALICE, "/attributes")
        .await
        .is("attributes NotFound");
    world
        .patch(ALICE, "/attributes", json!(null))
        .await
        .is("modified");
}

#[tokio::test]
async fn bad_bodies_are_refused() {
    let world = empty().await;
    world
        .put(ALICE, "/attributes", json!(5))
        .await
        .is("WrongType");
    world
        .patch(ALICE, "/attributes", json!(5))
        .await
        .is("WrongType");
    world
        .patch(ALICE, "/", json!({"attributes": 5}))
        .await
        .is("WrongType");
    world
        .put(ALICE, "/attributes", json!({"a/b": 5}))
        .await
        .is("KeyInvalid");
    world
        .put(ALICE, "/features/\u{e4}", json!({}))
        .await
        .is("KeyInvalid");
    world
        .put(ALICE, "/attributes/\u{7f}", json!(1))
        .await
        .is("KeyInvalid");
    world
        .put(ALICE, "/policyId", json!("nope"))
        .await
        .is("PolicyIdInvalid");
    world.patch(ALICE, "/", json!({})).await.is("MergeEmpty");
    world
        .patch(ALICE, "/", json!({"{{ ~(~ }}": null}))
        .await
        .is("MergeRegex");
    assert_eq!(world.read(ALICE, "/").await.revision(), 1);
}

#[tokio::test]
async fn a_null_at_a_path_does_what_it_does_in_a_patch_of_the_thing() {
    let world = empty().await;
    world
        .patch(ALICE, "/features/f/properties", json!(null))
        .await
        .is("modified");
    let features = world.read(ALICE, "/features").await.value();
    assert_eq!(features, json!({"f": {}}));
    let nested = json!({"features": {"f": null, "g": {"properties": null}}});
    world.patch(ALICE, "/", nested).await.is("modified");
    assert_eq!(
        world.read(ALICE, "/features").await.value(),
        json!({"g": {}})
    );
}
