//! Tests of things that come from elsewhere.

use policies::{Adopted, Adoption, Existing};

use super::*;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An import of `a:t` at `now`, changed elsewhere in the middle of August.
async fn overwrite(world: &World, now: &str, attributes: Value) -> Adopted {
    let adoption = Adoption {
        existing: Existing::Overwrite,
        is_trial: false,
        created: Some(time("2026-08-02T00:00:00Z")),
        modified: Some(time("2026-08-15T00:00:00Z")),
        now: time(now),
    };
    let thing = json!({ "thingId": "a:t", "policyId": "a:p", "attributes": attributes });
    let id = "a:t".parse().unwrap();
    world.things.adopt(id, thing, &adoption).await.unwrap()
}

async fn at(world: &World, header: (&'static str, &str)) -> Result<Value, String> {
    let mut context = context(ALICE);
    context.now = time("2026-08-21T00:00:00Z");
    let command = ThingCommand {
        thing_id: "a:t".parse().unwrap(),
        resource: ThingResource::Thing,
        action: ThingAction::Retrieve {
            fields: Some(selector("attributes,_created,_modified,_revision")),
        },
    };
    let headers = twin_headers(&[header]).unwrap();
    let read = Outcome(world.things.execute_with(&context, command, headers).await);
    if read.0.is_err() {
        return Err(read.word());
    }
    Ok(read.value())
}

/// Seen by revision and by time; all of it is here since 09:20 on the 18th.
#[tokio::test]
async fn what_an_import_overwrites_stays_the_past() {
    let world = World::new();
    world.given_policy("a:p", json!({})).await;
    let before = json!({ "policyId": "a:p", "attributes": { "v": "before" } });
    world.put(ALICE, "/", before).await.is("created");
    let outcome = overwrite(&world, "2026-08-20T00:00:00Z", json!({ "v": "after" })).await;
    assert_eq!(outcome, Adopted::Overwritten);
    let (created, changed) = ("2026-08-18T09:20:00.5Z", "2026-08-20T00:00:00Z");
    let before = json!({
        "attributes": { "v": "before" },
        "_created": created, "_modified": created, "_revision": 1,
    });
    let after = json!({
        "attributes": { "v": "after" },
        "_created": created, "_modified": changed, "_revision": 2,
    });
    let revision = "at-historical-revision";
    assert_eq!(at(&world, (revision, "1")).await, Ok(before.clone()));
    assert_eq!(at(&world, (revision, "2")).await, Ok(after.clone()));
    let moment = "at-historical-timestamp";
    let last = "2026-08-19T23:59:59Z";
    assert_eq!(at(&world, (moment, last)).await, Ok(before));
    let now = "2026-08-20T00:00:01Z";
    assert_eq!(at(&world, (moment, now)).await, Ok(after));
    assert_eq!(world.last_event().timestamp, time(changed));
}

#[tokio::test]
async fn what_was_deleted_here_stays_the_past_of_what_comes_after_it() {
    let world = World::new();
    world.given_policy("a:p", json!({})).await;
    let before = json!({ "policyId": "a:p", "attributes": { "v": "before" } });
    world.put(ALICE, "/", before).await.is("created");
    world.delete(ALICE, "/").await.is("deleted");
    let outcome = overwrite(&world, "2026-08-20T00:00:00Z", json!({ "v": "again" })).await;
    assert_eq!(outcome, Adopted::Created);
    let again = at(&world, ("at-historical-revision", "3")).await.unwrap();
    assert_eq!(again["_created"], "2026-08-18T09:20:00.5Z");
    let first = at(&world, ("at-historical-revision", "1")).await.unwrap();
    assert_eq!(first["attributes"], json!({ "v": "before" }));
    let never = at(&world, ("at-historical-timestamp", "2026-08-16T00:00:00Z")).await;
    assert_eq!(never, Err("HistoryNotFound".to_owned()));
}
