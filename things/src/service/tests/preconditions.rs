//! Tests of preconditions.

use policies::{IfEqual, Precondition};

use super::*;

fn conditional(if_match: Option<&str>, if_none_match: Option<&str>) -> CommandContext {
    let mut context = context(ALICE);
    context.headers.precondition = Precondition {
        if_match: if_match.map(|text| text.parse().unwrap()),
        if_none_match: if_none_match.map(|text| text.parse().unwrap()),
    };
    context
}

fn if_equal(if_equal: IfEqual) -> CommandContext {
    let mut context = context(ALICE);
    context.headers.if_equal = if_equal;
    context
}

#[tokio::test]
async fn create_only_and_update_only() {
    let world = World::new();
    let put = || ThingAction::Modify(json!({}));
    let update_only = conditional(Some("*"), None);
    let create_only = conditional(None, Some("*"));
    let missed = world.run_with(&update_only, "/", put()).await;
    missed.is("PreconditionFailed");
    assert_eq!(missed.etag(), None);
    assert!(!world.has_policy("a:t").await);
    world.run_with(&create_only, "/", put()).await.is("created");
    let exists = world.run_with(&create_only, "/", put()).await;
    exists.is("PreconditionFailed");
    assert_eq!(exists.etag().as_deref(), Some("\"rev:1\""));
    world
        .run_with(&update_only, "/", put())
        .await
        .is("modified");
}

#[tokio::test]
async fn a_reader_who_knows_the_state_is_told_so() {
    let world = World::new();
    world
        .put(ALICE, "/", json!({"attributes": {"a": 1}}))
        .await
        .is("created");
    let read = || ThingAction::Retrieve { fields: None };
    let known = world
        .run_with(&conditional(None, Some("\"rev:1\"")), "/", read())
        .await;
    known.is("NotModified");
    assert_eq!(known.etag().as_deref(), Some("\"rev:1\""));
    world
        .run_with(&conditional(None, Some("\"rev:2\"")), "/", read())
        .await
        .is("read");
    world
        .run_with(&conditional(Some("\"rev:2\""), None), "/", read())
        .await
        .is("PreconditionFailed");
    let tag = world.read(ALICE, "/attributes/a").await.etag().unwrap();
    let known = conditional(None, Some(&tag));
    world
        .run_with(&known, "/attributes/a", read())
        .await
        .is("NotModified");
    world
        .run_with(&known, "/attributes/b", read())
        .await
        .is("attribute NotFound");
    let policy = ThingAction::Retrieve {
        fields: Some(selector("_policy")),
    };
    world
        .run_with(&conditional(None, Some("*")), "/", policy)
        .await
        .is("read");
}

#[tokio::test]
async fn parts_are_guarded_by_their_own_tag() {
    let world = World::new();
    world
        .put(ALICE, "/", json!({"attributes": {"a": 1}}))
        .await
        .is("created");
    let tag = world.read(ALICE, "/attributes/a").await.etag().unwrap();
    let guarded = conditional(Some(&tag), None);
    let put = |value| ThingAction::Modify(value);
    world
        .run_with(&guarded, "/attributes/b", put(json!(1)))
        .await
        .is("PreconditionFailed");
    world
        .run_with(&guarded, "/attributes/b", ThingAction::Delete)
        .await
        .is("attribute NotFound");
    world
        .run_with(&guarded, "/attributes/a", put(json!(2)))
        .await
        .is("modified");
    world
        .run_with(&guarded, "/attributes/a", put(json!(3)))
        .await
        .is("PreconditionFailed");
    world
        .run_with(&guarded, "/attributes/a", ThingAction::Delete)
        .await
        .is("PreconditionFailed");
}

#[tokio::test]
async fn patches_of_ids_accept_the_tag_of_the_thing() {
    let world = World::new();
    world
        .put(ALICE, "/", json!({"definition": "a:b:1"}))
        .await
        .is("created");
    let patch = || ThingAction::Merge(json!("a:b:2"));
    world
        .run_with(
            &conditional(Some("\"rev:9\""), None),
            "/definition",
            patch(),
        )
        .await
        .is("PreconditionFailed");
    world
        .run_with(
            &conditional(None, Some("\"rev:1\"")),
            "/definition",
            patch(),
        )
        .await
        .is("PreconditionFailed");
    world
        .run_with(
            &conditional(Some("\"rev:1\""), None),
            "/definition",
            patch(),
        )
        .await
        .is("modified");
    let tag = world.read(ALICE, "/definition").await.etag().unwrap();
    assert!(tag.starts_with("\"hash:"));
    world
        .run_with(&conditional(Some(&tag), None), "/definition", patch())
        .await
        .is("modified");
}

#[tokio::test]
async fn equal_writes_are_skipped_without_a_trace() {
    let world = World::new();
    world
        .put(ALICE, "/", json!({"attributes": {"a": 1, "b": 2}}))
        .await
        .is("created");
    let skip = if_equal(IfEqual::Skip);
    let skipped = world
        .run_with(&skip, "/attributes/a", ThingAction::Modify(json!(1)))
        .await;
    skipped.is("Equal");
    assert!(skipped.etag().is_some());
    world
        .run_with(
            &skip,
            "/",
            ThingAction::Merge(json!({"attributes": {"a": 1}})),
        )
        .await
        .is("Equal");
    assert_eq!(world.read(ALICE, "/").await.revision(), 1);
    assert_eq!(world.event_count(), 1);
    let minimal = if_equal(IfEqual::SkipMinimizingMerge);
    let patch = ThingAction::Merge(json!({"a": 1, "b": 3}));
    world
        .run_with(&minimal, "/attributes", patch)
        .await
        .is("modified");
    assert_eq!(world.last_event().value, Some(json!({"b": 3})));
}

const DEVICE: &str = "nginx:device";

/// A thing with a PIN that the device may write and nobody but Alice may read.
async fn with_pin() -> World {
    let world = World::new();
    let device = entry(DEVICE, json!({"thing:/attributes/pin": grant(&["WRITE"])}));
    world.given_policy("a:p", json!({"device": device})).await;
    let thing = json!({"policyId": "a:p", "attributes": {"pin": 4711}});
    world.put(ALICE, "/", thing).await.is("created");
    world
}

fn as_device(mut context: CommandContext) -> CommandContext {
    context.principal = super::context(DEVICE).principal;
    context
}

#[tokio::test]
async fn tags_do_not_tell_what_may_not_be_read() {
    let world = with_pin().await;
    let path = "/attributes/pin";
    let tag = world.read(ALICE, path).await.etag().unwrap();
    let put = || ThingAction::Modify(json!(0));
    let patch = || ThingAction::Merge(json!(0));
    let guesses = [
        conditional(Some(&tag), None),
        conditional(Some("\"x\""), None),
        conditional(None, Some(&tag)),
        conditional(None, Some("\"x\"")),
        conditional(None, Some("*")),
    ];
    for context in guesses.map(as_device) {
        for action in [put(), patch(), ThingAction::Delete] {
            let refused = world.run_with(&context, path, action).await;
            refused.is("PreconditionFailed");
            assert_eq!(refused.etag(), None, "{:?}", context.headers.precondition);
        }
    }
    assert_eq!(world.event_count(), 1);
    let exists = as_device(conditional(Some("*"), None));
    world.run_with(&exists, path, put()).await.is("modified");
}

#[tokio::test]
async fn equal_content_elsewhere_has_another_tag() {
    let world = with_pin().await;
    let tag = world.read(ALICE, "/attributes/pin").await.etag();
    let other = world.put(ALICE, "/attributes/other", json!(4711)).await;
    assert_ne!(other.etag(), tag);
    let thing = ThingAction::Modify(json!({"attributes": {"pin": 4711}}));
    world
        .run_on("a:u", &context(ALICE), "/", thing)
        .await
        .is("created");
    let read = ThingAction::Retrieve { fields: None };
    let same_path = world
        .run_on("a:u", &context(ALICE), "/attributes/pin", read)
        .await;
    assert_ne!(same_path.etag(), tag);
    let again = world.put(ALICE, "/attributes/pin", json!(4711)).await;
    assert_eq!(again.etag(), tag);
    let world = world.reopened();
    assert_eq!(world.read(ALICE, "/attributes/pin").await.etag(), tag);
}

#[tokio::test]
async fn who_may_not_read_is_not_told_what_is_equal() {
    let world = with_pin().await;
    for skip in [IfEqual::Skip, IfEqual::SkipMinimizingMerge] {
        let context = as_device(if_equal(skip));
        for guess in [4710, 4711, 4711] {
            let put = ThingAction::Modify(json!(guess));
            let patch = ThingAction::Merge(json!({"pin": guess}));
            for (path, action) in [("/attributes/pin", put), ("/attributes", patch)] {
                world.run_with(&context, path, action).await.is("modified");
            }
        }
    }
    assert_eq!(world.event_count(), 13);
    let put = ThingAction::Modify(json!(4711));
    world
        .run_with(&if_equal(IfEqual::Skip), "/attributes/pin", put)
        .await
        .is("Equal");
}
