//! Tests of migrations.

use super::*;
use crate::EventAction;

const MODEL: &str = "https://models.example/lamp-2.0.0.tm.jsonld";

async fn with_lamp() -> World {
    let world = World::new();
    let thing = json!({
        "definition": "x:lamp:1",
        "attributes": {"room": "hall", "count": 3},
        "features": {"f": {"properties": {"p": 1}}},
    });
    world.put(ALICE, "/", thing).await.is("created");
    world
}

async fn migrate(
    world: &World,
    who: &str,
    body: Value,
    headers: &[(&'static str, &str)],
) -> Result<Migrated, String> {
    let headers = twin_headers(headers).unwrap();
    world
        .things
        .migrate(&context(who), "a:t".parse().unwrap(), (body, headers))
        .await
        .map_err(|error| error_name(&error))
}

fn body() -> Value {
    json!({
        "thingDefinitionUrl": MODEL,
        "migrationPayload": {
            "attributes": {"place": "{{ thing-json:attributes/room }}", "text": "{{thing-json:attributes/count}} of {{ other }}", "count": null},
            "features": {"f": {"properties": {"p": 2, "n": "{{ thing-json:attributes/count }}"}}, "g": {"properties": {"x": 1}}},
        },
        "patchConditions": {
            "thing:/features/g/properties/x": "gt(attributes/count,5)",
            "thing:/features/f/properties/p": "eq(attributes/count,3)",
        },
    })
}

#[tokio::test]
async fn definition_and_payload_change_in_one_step() {
    let world = with_lamp().await;
    let expected = json!({
        "definition": MODEL,
        "attributes": {"place": "hall", "text": "3 of {{ other }}", "count": null},
        "features": {"f": {"properties": {"p": 2, "n": 3}}},
    });
    let rehearsed = migrate(&world, ALICE, body(), &[("dry-run", "true")])
        .await
        .unwrap();
    assert_eq!((rehearsed.is_applied, &rehearsed.patch), (false, &expected));
    assert_eq!((world.event_count(), rehearsed.revision), (1, 1));
    let migrated = migrate(&world, ALICE, body(), &[]).await.unwrap();
    assert_eq!(
        (migrated.is_applied, &migrated.patch, migrated.revision),
        (true, &expected, 2)
    );
    let event = world.last_event();
    assert_eq!(
        (event.action, event.value.as_ref()),
        (EventAction::Migrated, Some(&expected))
    );
    assert_eq!(
        world.read(ALICE, "/").await.value(),
        json!({
            "thingId": "a:t", "policyId": "a:t", "definition": MODEL,
            "attributes": {"room": "hall", "place": "hall", "text": "3 of {{ other }}"},
            "features": {"f": {"properties": {"p": 2, "n": 3}}},
        })
    );
}

#[tokio::test]
async fn bad_migrations_change_nothing() {
    let world = with_lamp().await;
    for (body, expected) in [
        (json!([]), "WrongType"),
        (json!({}), "FieldMissing"),
        (json!({"thingDefinitionUrl": 5}), "WrongType"),
        (json!({"thingDefinitionUrl": "x:y:1"}), "DefinitionInvalid"),
        (
            json!({"thingDefinitionUrl": MODEL, "migrationPayload": 1}),
            "WrongType",
        ),
        (
            json!({"thingDefinitionUrl": MODEL, "migrationPayload": {"attributes": 1}}),
            "WrongType",
        ),
        (
            json!({"thingDefinitionUrl": MODEL, "patchConditions": {"attributes": "x"}}),
            "MemberInvalid",
        ),
        (
            json!({"thingDefinitionUrl": MODEL, "patchConditions": {"thing:/attributes": "x"}}),
            "ConditionInvalid",
        ),
        (
            json!({"thingDefinitionUrl": MODEL, "initializeMissingPropertiesFromDefaults": true}),
            "SkeletonUnavailable",
        ),
        (
            json!({"thingDefinitionUrl": MODEL, "migrationPayload": {"attributes": {"a": "{{ thing-json:attributes/nope }}"}}}),
            "PlaceholderUnresolved",
        ),
        (
            json!({"thingDefinitionUrl": MODEL, "migrationPayload": {"attributes": {"a": ["x {{ foo:bar }}"]}}}),
            "PlaceholderUnresolved",
        ),
    ] {
        let outcome = migrate(&world, ALICE, body.clone(), &[]).await;
        assert_eq!(outcome.unwrap_err(), expected, "{body}");
    }
    let past = [("at-historical-revision", "1")];
    assert_eq!(
        migrate(&world, ALICE, body(), &past).await.unwrap_err(),
        "HeaderUnusable"
    );
    let condition = [("condition", "eq(attributes/count,4)")];
    assert_eq!(
        migrate(&world, ALICE, body(), &condition)
            .await
            .unwrap_err(),
        "ConditionFailed"
    );
    assert_eq!(world.event_count(), 1);
}

#[tokio::test]
async fn a_migration_needs_write_on_the_thing_and_read_on_what_it_copies() {
    let world = with_lamp().await;
    assert_eq!(
        migrate(&world, BOB, body(), &[]).await.unwrap_err(),
        "NotModifiable"
    );
    world
        .given_policy(
            "a:t",
            json!({"w": entry(BOB, json!({"thing:/": grant(&["WRITE"])}))}),
        )
        .await;
    assert_eq!(
        migrate(&world, BOB, body(), &[]).await.unwrap_err(),
        "PlaceholderUnresolved"
    );
    let rehearsal = [("dry-run", "true")];
    let bare = json!({"thingDefinitionUrl": MODEL});
    assert!(migrate(&world, BOB, bare.clone(), &rehearsal).await.is_ok());
    world.delete(ALICE, "/").await.is("deleted");
    assert_eq!(
        migrate(&world, ALICE, bare, &[]).await.unwrap_err(),
        "NotFound"
    );
}
