//! Tests of conditions.

use super::*;

async fn with_value() -> World {
    let world = World::new();
    let thing = json!({
        "attributes": {"v": 42, "secret": 7},
        "features": {"f": {"properties": {"p": 1, "q": {"r": 2}}}},
    });
    world.put(ALICE, "/", thing).await.is("created");
    world
        .given_policy(
            "a:t",
            json!({"writer": entry(BOB, json!({
                "thing:/": grant(&["READ", "WRITE"]),
                "thing:/attributes/secret": revoke(&["READ"]),
            }))}),
        )
        .await;
    world
}

#[track_caller]
fn unreadable(outcome: &Outcome) -> bool {
    match &outcome.0 {
        Err(Error::ConditionFailed { unreadable, .. }) => unreadable.is_some(),
        other => panic!("not a failed condition: {other:?}"),
    }
}

#[tokio::test]
async fn a_write_depends_on_the_state_before() {
    let world = with_value().await;
    let put = || ThingAction::Modify(json!(1));
    let when = |condition| [("condition", condition)];
    let path = "/attributes/other";
    for (condition, expected) in [
        ("ne(attributes/v,42)", "ConditionFailed"),
        ("eq(attributes/v,42)", "created"),
        ("gt(_revision,1)", "modified"),
        ("gt(_revision,99)", "ConditionFailed"),
        ("eq(_namespace,'a')", "modified"),
        ("like(thingId,'a:*')", "modified"),
        ("eq(features/*/properties/p,1)", "modified"),
        ("lt(_modified,time:now)", "ConditionFailed"),
    ] {
        let outcome = world
            .run_headed((ALICE, &when(condition)), path, put())
            .await;
        assert_eq!(outcome.word(), expected, "{condition}");
    }
    assert_eq!(world.read(ALICE, "/").await.revision(), 6);
    for action in [ThingAction::Delete, ThingAction::Merge(json!({"x": 1}))] {
        let failed = world
            .run_headed((ALICE, &when("eq(attributes/v,1)")), "/attributes", action)
            .await;
        assert!(!unreadable(&failed));
    }
    assert_eq!(world.event_count(), 6);
}

#[tokio::test]
async fn a_read_depends_on_it_too() {
    let world = with_value().await;
    let read = || ThingAction::Retrieve { fields: None };
    let condition = [("condition", "eq(attributes/v,42)")];
    world
        .run_headed((ALICE, &condition), "/attributes/v", read())
        .await
        .is("read");
    let condition = [("condition", "eq(attributes/v,43)")];
    world
        .run_headed((ALICE, &condition), "/attributes/v", read())
        .await
        .is("ConditionFailed");
}

#[tokio::test]
async fn nobody_learns_by_a_condition_what_he_may_not_read() {
    let world = with_value().await;
    let put = || ThingAction::Modify(json!(1));
    for condition in [
        "eq(attributes/secret,7)",
        "or(eq(attributes/v,42),eq(attributes/secret,8))",
        "not(exists(attributes/secret))",
        "exists(_metadata/attributes/secret/unit)",
    ] {
        let headers = [("condition", condition)];
        let outcome = world
            .run_headed((BOB, &headers), "/attributes/other", put())
            .await;
        assert!(unreadable(&outcome), "{condition}");
    }
    // A stranger is told so before his own lack of permission.
    let headers = [("condition", "eq(attributes/v,42)")];
    let stranger = world
        .run_headed(("nginx:eve", &headers), "/attributes/other", put())
        .await;
    assert!(unreadable(&stranger));
    let read = ThingAction::Retrieve { fields: None };
    world
        .run_headed(("nginx:eve", &headers), "/", read)
        .await
        .is("thing NotFound");
    assert_eq!(world.event_count(), 1);
}

#[tokio::test]
async fn a_wildcard_needs_every_feature_to_be_readable() {
    let world = with_value().await;
    world
        .given_policy(
            "a:t",
            json!({"writer": entry(BOB, json!({
                "thing:/": grant(&["READ", "WRITE"]),
                "thing:/features/f/properties/p": revoke(&["READ"]),
            }))}),
        )
        .await;
    let headers = [("condition", "eq(features/*/properties/p,1)")];
    let put = ThingAction::Modify(json!(1));
    let outcome = world
        .run_headed((BOB, &headers), "/attributes/other", put)
        .await;
    assert!(unreadable(&outcome));
}

#[tokio::test]
async fn creations_are_not_subject_to_conditions() {
    let world = World::new();
    let headers = [("condition", "eq(attributes/v,1)")];
    world
        .run_headed((ALICE, &headers), "/", ThingAction::Modify(json!({})))
        .await
        .is("created");
    let elsewhere = world.things.holds(
        &context(ALICE),
        &"a:nope".parse().unwrap(),
        &rql::Predicate::parse("exists(thingId)").unwrap(),
    );
    assert!(matches!(elsewhere, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn parts_of_a_patch_have_conditions_of_their_own() {
    let world = with_value().await;
    let conditions = [(
        "merge-thing-patch-conditions",
        r#"{"v":"gt(attributes/v,100)","other":"eq(attributes/v,42)","absent":"eq(attributes/v,0)"}"#,
    )];
    let patch = || ThingAction::Merge(json!({"v": 1, "other": 2, "third": 3}));
    world
        .run_headed((ALICE, &conditions), "/attributes", patch())
        .await
        .is("modified");
    let attributes = world.read(ALICE, "/attributes").await.value();
    assert_eq!(
        attributes,
        json!({"v": 42, "secret": 7, "other": 2, "third": 3})
    );
    assert_eq!(
        world.last_event().value,
        Some(json!({"other": 2, "third": 3}))
    );

    let secret = [(
        "merge-thing-patch-conditions",
        r#"{"v":"exists(attributes/secret)"}"#,
    )];
    let outcome = world
        .run_headed((BOB, &secret), "/attributes", patch())
        .await;
    assert!(unreadable(&outcome));
    let put = ThingAction::Modify(json!({}));
    world
        .run_headed((ALICE, &conditions), "/attributes", put)
        .await
        .is("HeaderUnusable");
}

#[tokio::test]
async fn an_emptied_patch_still_counts() {
    let world = with_value().await;
    let conditions = [(
        "merge-thing-patch-conditions",
        r#"{"a/b":"eq(attributes/v,0)"}"#,
    )];
    let patch = ThingAction::Merge(json!({"a": {"b": 1}}));
    world
        .run_headed((ALICE, &conditions), "/attributes", patch)
        .await
        .is("modified");
    assert_eq!(world.last_event().value, Some(json!({"a": {}})));
    assert_eq!(world.read(ALICE, "/attributes/a").await.value(), json!({}));
}

#[tokio::test]
async fn both_a_tag_and_a_condition_must_hold() {
    let world = with_value().await;
    let mut context = context(ALICE);
    context.headers.precondition.if_match = Some("\"rev:9\"".parse().unwrap());
    for (condition, expected) in [
        ("eq(attributes/v,42)", "PreconditionFailed"),
        ("eq(attributes/v,43)", "ConditionFailed"),
    ] {
        let command = ThingCommand {
            thing_id: "a:t".parse().unwrap(),
            resource: ThingResource::Thing,
            action: ThingAction::Merge(json!({"attributes": {"x": 1}})),
        };
        let headers = twin_headers(&[("condition", condition)]).unwrap();
        let outcome = world.things.execute_with(&context, command, headers).await;
        Outcome(outcome).is(expected);
    }
}
