//! Tests of who may do what.

use super::*;

const EVE: &str = "nginx:eve";

async fn world(others: Value) -> World {
    let world = World::new();
    world.given_policy("a:p", others).await;
    let body = json!({
        "policyId": "a:p",
        "definition": "a:b:1",
        "attributes": {"public": 1, "secret": 2, "list": [{"open": 1, "closed": 2}]},
        "features": {"t": {"properties": {"v": 25.5, "w": 1}}, "u": {"properties": {}}},
    });
    world.put(ALICE, "/", body).await.is("created");
    world
}

/// Every route of a thing, with the word for it in errors.
const PARTS: [(&str, &str); 12] = [
    ("/", "thing"),
    ("/policyId", "policyId"),
    ("/definition", "definition"),
    ("/attributes", "attributes"),
    ("/attributes/public", "attribute"),
    ("/features", "features"),
    ("/features/t", "feature"),
    ("/features/t/definition", "feature.definition"),
    ("/features/t/properties", "feature.properties"),
    ("/features/t/properties/v", "feature.property"),
    ("/features/t/desiredProperties", "feature.desiredProperties"),
    ("/features/t/desiredProperties/v", "feature.desiredProperty"),
];

/// A body that is valid at `path`.
fn body(path: &str) -> Value {
    match path {
        "/policyId" => json!("a:p"),
        "/definition" => json!("a:b:2"),
        "/features/t/definition" => json!(["a:b:2"]),
        _ => json!({"attributes": {"x": 1}}),
    }
}

#[track_caller]
fn is_denied(outcome: &Outcome, expected: String) {
    outcome.is(&expected);
}

#[tokio::test]
async fn a_body_without_room_anywhere_is_refused_before_anything_is_said_of_the_thing() {
    let world = world(json!({})).await;
    let large = || json!({"attributes": {"x": "x".repeat(102_400)}});
    for path in ["/", "/attributes", "/features/t/properties/v"] {
        world.put(EVE, path, large()).await.is("TooLarge");
        world.patch(EVE, path, large()).await.is("TooLarge");
    }
    let when = [("condition", "eq(attributes/public,2)")];
    let put = ThingAction::Modify(large());
    let outcome = world.run_headed((ALICE, &when), "/attributes/x", put).await;
    outcome.is("TooLarge");
    let (eve, put) = (context(EVE), ThingAction::Modify(large()));
    let missing = world.run_on("a:nothing", &eve, "/attributes/x", put).await;
    missing.is("TooLarge");
}

#[tokio::test]
async fn a_stranger_finds_nothing_and_changes_nothing() {
    let world = world(json!({})).await;
    for (path, kind) in PARTS {
        is_denied(&world.read(EVE, path).await, format!("{kind} NotFound"));
        is_denied(
            &world.put(EVE, path, body(path)).await,
            format!("{kind} NotModifiable"),
        );
        is_denied(
            &world.patch(EVE, path, body(path)).await,
            "thing NotModifiable".to_owned(),
        );
        let deletion = match path {
            "/" => "NotDeletable".to_owned(),
            "/policyId" => "PolicyIdNotDeletable".to_owned(),
            _ => format!("{kind} NotModifiable"),
        };
        is_denied(&world.delete(EVE, path).await, deletion);
    }
    assert_eq!(world.event_count(), 1);
}

#[tokio::test]
async fn readers_cannot_write_and_writers_cannot_read() {
    let world = world(json!({
        "reader": entry(BOB, json!({"thing:/": grant(&["READ"])})),
        "writer": entry(EVE, json!({"thing:/": grant(&["WRITE"])})),
    }))
    .await;
    world.read(BOB, "/attributes").await.is("read");
    world
        .put(BOB, "/attributes", json!({}))
        .await
        .is("attributes NotModifiable");
    world
        .patch(BOB, "/attributes", json!({}))
        .await
        .is("thing NotModifiable");
    world
        .read(EVE, "/attributes")
        .await
        .is("attributes NotFound");
    world
        .put(EVE, "/attributes", json!({}))
        .await
        .is("modified");
    world.delete(EVE, "/").await.is("deleted");
}

#[tokio::test]
async fn a_partial_reader_sees_its_part() {
    let world = world(json!({"bob": entry(BOB, json!({
        "thing:/attributes/public": grant(&["READ"]),
        "thing:/attributes/list/open": grant(&["READ"]),
        "thing:/features/t/properties/v": grant(&["READ"]),
    }))}))
    .await;
    let read = world.read(BOB, "/").await;
    assert_eq!(read.etag().as_deref(), Some("\"rev:1\""));
    assert_eq!(
        read.value(),
        json!({
            "thingId": "a:t",
            "attributes": {"public": 1, "list": [{"open": 1}]},
            "features": {"t": {"properties": {"v": 25.5}}},
        })
    );
    assert_eq!(
        world
            .select(BOB, "/", "_revision,policyId,attributes")
            .await
            .value(),
        json!({"attributes": {"public": 1, "list": [{"open": 1}]}, "_revision": 1})
    );
    assert_eq!(
        world.read(BOB, "/attributes/list").await.value(),
        json!([{"open": 1}])
    );
    assert_eq!(
        world.read(BOB, "/attributes/public").await.value(),
        json!(1)
    );
    world
        .read(BOB, "/attributes/secret")
        .await
        .is("attribute NotFound");
    world.read(BOB, "/policyId").await.is("policyId NotFound");
    world.read(BOB, "/features/u").await.is("feature NotFound");
    assert_eq!(
        world.read(BOB, "/features/t").await.value(),
        json!({"properties": {"v": 25.5}})
    );
}

#[tokio::test]
async fn a_grant_on_what_does_not_exist_shows_nothing() {
    let world = world(json!({"bob": entry(BOB, json!({
        "thing:/attributes/public/x": grant(&["READ"]),
        "thing:/features/u/properties/none": grant(&["READ"]),
    }))}))
    .await;
    // A scalar is not readable through a grant below it.
    world
        .read(BOB, "/attributes/public")
        .await
        .is("attribute NotFound");
    assert_eq!(world.read(BOB, "/features/u").await.value(), json!({}));
    assert_eq!(
        world.read(BOB, "/").await.value(),
        json!({"thingId": "a:t"})
    );
}

#[tokio::test]
async fn a_revoke_below_forbids_writing_the_whole() {
    let world = world(json!({"bob": entry(BOB, json!({
        "thing:/": grant(&["READ", "WRITE"]),
        "thing:/policyId": revoke(&["WRITE"]),
        "thing:/attributes/secret": revoke(&["READ", "WRITE"]),
    }))}))
    .await;
    world
        .put(BOB, "/", json!({}))
        .await
        .is("thing NotModifiable");
    world.delete(BOB, "/").await.is("NotDeletable");
    world
        .put(BOB, "/policyId", json!("a:q"))
        .await
        .is("policyId NotModifiable");
    world
        .put(BOB, "/attributes", json!({}))
        .await
        .is("attributes NotModifiable");
    world
        .patch(BOB, "/attributes", json!({"secret": null}))
        .await
        .is("thing NotModifiable");
    world
        .patch(BOB, "/", json!({"attributes": null}))
        .await
        .is("thing NotModifiable");
    world
        .patch(BOB, "/", json!({"attributes": {"public": 3}}))
        .await
        .is("modified");
    world
        .put(BOB, "/attributes/public", json!(4))
        .await
        .is("modified");
    assert_eq!(
        world.read(BOB, "/attributes/secret").await.word(),
        "attribute NotFound"
    );
}

#[tokio::test]
async fn without_its_policy_a_thing_is_out_of_reach_until_it_is_back() {
    let world = world(json!({})).await;
    world
        .put(ALICE, "/policyId", json!("a:q"))
        .await
        .is("modified");
    assert_eq!(world.last_event().policy_id.as_str(), "a:q");
    world.read(ALICE, "/").await.is("thing NotFound");
    world.read(ALICE, "/attributes").await.is("thing NotFound");
    world
        .put(ALICE, "/attributes", json!({}))
        .await
        .is("PolicyMissing");
    world
        .patch(ALICE, "/", json!({"attributes": {}}))
        .await
        .is("PolicyMissing");
    world.delete(ALICE, "/").await.is("PolicyMissing");
    world.given_policy("a:q", json!({})).await;
    world.read(ALICE, "/").await.is("read");
    world
        .put(ALICE, "/attributes", json!({}))
        .await
        .is("modified");
}

#[tokio::test]
async fn a_change_of_the_policy_is_in_force_at_once() {
    let world = world(json!({"bob": entry(BOB, json!({"thing:/": grant(&["READ"])}))})).await;
    world.read(BOB, "/").await.is("read");
    world
        .given_policy("a:p", json!({"bob": entry(BOB, json!({}))}))
        .await;
    world
        .policy_action(
            "a:p",
            PolicyAction::Modify(json!({"entries": {
                "owner": entry(ALICE, json!({"policy:/": grant(&["READ", "WRITE"])})),
            }})),
        )
        .await;
    world.read(BOB, "/").await.is("thing NotFound");
    world.read(ALICE, "/").await.is("thing NotFound");
}

#[tokio::test]
async fn what_a_write_would_replace_on_its_way_must_be_writable_too() {
    let world = world(json!({"bob": entry(BOB, json!({
        "thing:/attributes/public/x": grant(&["READ", "WRITE"]),
        "thing:/attributes/list/0": grant(&["READ", "WRITE"]),
        "thing:/attributes/new/x": grant(&["READ", "WRITE"]),
        "thing:/attributes/none/x": grant(&["READ", "WRITE"]),
    }))}))
    .await;
    world
        .put(ALICE, "/attributes/none", json!(null))
        .await
        .is("created");
    let denied = [
        ("/attributes/public/x", "public", "x"),
        ("/attributes/list/0", "list", "0"),
    ];
    for (path, parent, key) in denied {
        world
            .put(BOB, path, json!(1))
            .await
            .is("attribute NotModifiable");
        for change in [json!(1), json!(null)] {
            let nested = json!({parent: {key: change}});
            let patches = [
                (path.to_owned(), change),
                (format!("/attributes/{parent}"), nested[parent].clone()),
                ("/attributes".to_owned(), nested.clone()),
                ("/".to_owned(), json!({ "attributes": nested })),
            ];
            for (path, patch) in patches {
                world
                    .patch(BOB, &path, patch)
                    .await
                    .is("thing NotModifiable");
            }
        }
    }
    assert_eq!(world.event_count(), 2);
    world
        .put(BOB, "/attributes/new/x", json!(1))
        .await
        .is("created");
    world
        .patch(BOB, "/attributes", json!({"none": {"x": 1}}))
        .await
        .is("modified");
    world
        .put(ALICE, "/attributes/public", json!({}))
        .await
        .is("modified");
    world
        .put(BOB, "/attributes/public/x", json!(1))
        .await
        .is("created");
    world
        .put(ALICE, "/attributes/list/0", json!(1))
        .await
        .is("created");
}
