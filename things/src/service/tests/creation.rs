//! Tests of creating things and their policies.

use super::*;

#[tokio::test]
async fn a_thing_gets_a_policy_of_its_own_name() {
    let world = World::new();
    let created = world.run(ALICE, "/", ThingAction::Create(json!({}))).await;
    created.is("created");
    assert_eq!(created.etag().as_deref(), Some("\"rev:1\""));
    assert_eq!(
        created.value(),
        json!({"thingId": "a:t", "policyId": "a:t"})
    );
    assert!(world.has_policy("a:t").await);
    world.read(BOB, "/").await.is("thing NotFound");
}

#[tokio::test]
async fn putting_twice_creates_and_then_replaces() {
    let world = World::new();
    world
        .put(ALICE, "/", json!({"attributes": {"a": 1}}))
        .await
        .is("created");
    let again = world.put(ALICE, "/", json!({})).await;
    again.is("modified");
    assert_eq!(again.etag().as_deref(), Some("\"rev:2\""));
    assert_eq!(
        world.read(ALICE, "/").await.value(),
        json!({"thingId": "a:t", "policyId": "a:t"})
    );
    world
        .run(ALICE, "/", ThingAction::Create(json!({})))
        .await
        .is("Conflict");
}

#[tokio::test]
async fn the_policy_survives_its_thing_and_the_revision_continues() {
    let world = World::new();
    world.put(ALICE, "/", json!({})).await.is("created");
    world.delete(ALICE, "/").await.is("deleted");
    world.read(ALICE, "/").await.is("thing NotFound");
    world.delete(ALICE, "/").await.is("thing NotFound");
    world.put(ALICE, "/", json!({})).await.is("NotCreatable");
    let again = world.put(ALICE, "/", json!({"policyId": "a:t"})).await;
    again.is("created");
    assert_eq!(again.revision(), 3);
}

#[tokio::test]
async fn ids_in_bodies_must_agree() {
    let world = World::new();
    world
        .put(ALICE, "/", json!({"thingId": "a:u"}))
        .await
        .is("IdNotSettable");
    world
        .put(ALICE, "/", json!({"thingId": "a:t"}))
        .await
        .is("created");
}

#[tokio::test]
async fn an_existing_policy_must_be_readable_and_grant_everything() {
    let world = World::new();
    world.given_policy("a:p", json!({
        "reader": entry(BOB, json!({"policy:/": grant(&["READ"]), "thing:/": grant(&["READ"])})),
    })).await;
    let body = json!({"policyId": "a:p"});
    world
        .put("nginx:eve", "/", body.clone())
        .await
        .is("PolicyNotFound");
    world
        .put(BOB, "/", body.clone())
        .await
        .is("thing NotModifiable");
    world
        .put(ALICE, "/", json!({"policyId": "a:none"}))
        .await
        .is("PolicyNotFound");
    world.put(ALICE, "/", body).await.is("created");
    assert!(!world.has_policy("a:t").await);
}

fn inline(subject: &str) -> Value {
    json!({"entries": {"X": entry(subject, json!({
        "thing:/": grant(&["READ", "WRITE"]), "policy:/": grant(&["READ", "WRITE"]),
    }))}})
}

#[tokio::test]
async fn an_inline_policy_is_created_with_the_thing() {
    let world = World::new();
    let body = json!({"policyId": "a:p", "_policy": inline("{{ request:subjectId }}")});
    world.put(ALICE, "/", body.clone()).await.is("created");
    assert!(world.has_policy("a:p").await && !world.has_policy("a:t").await);
    assert_eq!(
        world.read(ALICE, "/").await.value(),
        json!({"thingId": "a:t", "policyId": "a:p"})
    );
    let taken = world
        .run_on("a:u", &context(ALICE), "/", ThingAction::Modify(body))
        .await;
    taken.is("NotCreatable");
}

#[tokio::test]
async fn the_inline_policy_may_name_itself() {
    let world = World::new();
    let mut policy = inline(ALICE);
    policy["policyId"] = json!("a:own");
    world
        .put(ALICE, "/", json!({"_policy": policy}))
        .await
        .is("created");
    assert!(world.has_policy("a:own").await);
}

#[tokio::test]
async fn a_bad_inline_policy_leaves_nothing_behind() {
    let world = World::new();
    world
        .put(ALICE, "/", json!({"_policy": 5}))
        .await
        .is("PolicyInvalid");
    world
        .put(ALICE, "/", json!({"_policy": {"entries": {"X": 5}}}))
        .await
        .is("PolicyInvalid");
    let conflicting = json!({"_policy": inline(ALICE), "_copyPolicyFrom": "a:p"});
    world
        .put(ALICE, "/", conflicting)
        .await
        .is("PolicyConflicting");
    // The creator may not write the policy, so it cannot be created.
    world
        .put(ALICE, "/", json!({"_policy": inline(BOB)}))
        .await
        .is("NotCreatable");
    // Nobody at all may write this one.
    let mut orphaned = inline(ALICE);
    orphaned["entries"]["X"]["resources"]["policy:/"] = grant(&["READ"]);
    world
        .put(ALICE, "/", json!({"_policy": orphaned}))
        .await
        .is("PolicyInvalid");
    let mut read_only = inline(ALICE);
    read_only["entries"]["X"]["resources"]["thing:/"] = grant(&["READ"]);
    world
        .put(ALICE, "/", json!({"_policy": read_only}))
        .await
        .is("thing NotModifiable");
    assert!(!world.has_policy("a:t").await);
    world.put(ALICE, "/", json!({})).await.is("created");
}

#[tokio::test]
async fn a_policy_can_be_copied_directly_or_through_a_thing() {
    let world = World::new();
    world
        .given_policy(
            "a:p",
            json!({
                "bob": entry(BOB, json!({"thing:/": grant(&["READ"])})),
            }),
        )
        .await;
    let through = |reference: &str| json!({"_copyPolicyFrom": reference});
    let create = async |thing_id: &str, who: &str, body: Value| {
        world
            .run_on(thing_id, &context(who), "/", ThingAction::Modify(body))
            .await
    };
    create("a:t", ALICE, through("a:p")).await.is("created");
    world.read(BOB, "/").await.is("read");
    create("a:u", ALICE, through("{{ ref:things/a:t/policyId }}"))
        .await
        .is("created");
    assert!(world.has_policy("a:u").await);
    create("a:v", ALICE, through("a:none"))
        .await
        .is("PolicyNotFound");
    create("a:v", "nginx:eve", through("a:p"))
        .await
        .is("PolicyNotFound");
    create("a:v", "nginx:eve", through("{{ ref:things/a:t/policyId }}"))
        .await
        .is("thing NotFound");
    create("a:v", ALICE, through("{{ ref:things/a:none/policyId }}"))
        .await
        .is("thing NotFound");
    let unknown = [
        "{{ ref:things/a:t/definition }}",
        "{{ ref:things/a:t/attributes/x }}",
    ];
    for reference in unknown {
        create("a:v", ALICE, through(reference))
            .await
            .is("ReferenceUnknownField");
    }
    create("a:v", ALICE, through("{{ ref:policies/a:p/x }}"))
        .await
        .is("ReferenceNotSupported");
    assert!(!world.has_policy("a:v").await);
}

#[tokio::test]
async fn a_patch_creates_a_missing_thing_at_its_root_only() {
    let world = World::new();
    world
        .patch(ALICE, "/attributes", json!({"a": 1}))
        .await
        .is("thing NotFound");
    let patch = json!({"attributes": {"a": null, "b": {"c": null, "d": [null]}}});
    let created = world.patch(ALICE, "/", patch).await;
    created.is("created");
    assert_eq!(created.value()["attributes"], json!({"b": {"d": [null]}}));
}

#[tokio::test]
async fn parts_of_missing_things_are_missing() {
    let world = World::new();
    world
        .put(ALICE, "/attributes/a", json!(1))
        .await
        .is("thing NotFound");
    world
        .delete(ALICE, "/attributes/a")
        .await
        .is("thing NotFound");
    world
        .read(ALICE, "/attributes/a")
        .await
        .is("thing NotFound");
}

#[tokio::test]
async fn size_is_limited() {
    let world = World::with_size_max(200);
    let empty = json!({"thingId": "a:t", "policyId": "a:t", "attributes": {"a": ""}});
    let room = 200 - empty.to_string().len();
    let body = |length: usize| json!({"attributes": {"a": "\u{1f600}".repeat(length / 2)}});
    assert_eq!(room % 2, 0, "the text below fills the room exactly");
    world.put(ALICE, "/", body(room + 2)).await.is("TooLarge");
    assert!(!world.has_policy("a:t").await);
    world.put(ALICE, "/", body(room)).await.is("created");
    world
        .put(ALICE, "/attributes/b", json!(1))
        .await
        .is("TooLarge");
    world
        .patch(ALICE, "/attributes", json!({"b": 1}))
        .await
        .is("TooLarge");
    world.delete(ALICE, "/attributes/a").await.is("deleted");
    world
        .put(ALICE, "/attributes/b", json!(1))
        .await
        .is("created");
}

#[test]
fn generated_ids_lie_in_the_asked_namespace() {
    let world = World::new();
    let id = |namespace| {
        world
            .things
            .generate_id(namespace)
            .map(|id| id.namespace().to_owned())
    };
    assert_eq!(id(None).unwrap(), "org.eclipse.ditto");
    assert_eq!(id(Some("")).unwrap(), "org.eclipse.ditto");
    assert_eq!(id(Some("org.acme")).unwrap(), "org.acme");
    assert!(id(Some("1")).is_err());
}
