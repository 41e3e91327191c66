//! Policies that come from elsewhere.

use journal::Past;

use super::*;
use crate::{Adopted, Adoption, Existing};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An import at `now` of what was changed elsewhere at `modified`.
fn overwriting(now: Timestamp, modified: &str) -> Adoption {
    Adoption {
        existing: Existing::Overwrite,
        is_trial: false,
        created: None,
        modified: Some(time(modified)),
        now,
    }
}

#[tokio::test]
async fn what_an_import_overwrites_stays_the_past() {
    let mut fixture = Fixture::new();
    let before = json!({ "entries": { "admin": admin(), "x": entry(&["x"], "+R thing:/") } });
    assert_eq!(fixture.put("t:admin", "a:p", before).await, "created");
    let read = fixture.get("t:admin", "a:p").await;
    let created = fixture.now;
    fixture.now = time("2030-06-20T12:00:00Z");
    let adoption = overwriting(fixture.now, "2030-06-01T00:00:00Z");
    let id = || "a:p".parse().unwrap();
    let value = json!({ "policyId": "a:p", "entries": { "admin": admin() } });
    let adopted = fixture
        .policies
        .adopt(id(), &value, &adoption, &|_| None)
        .await;
    assert_eq!(adopted.unwrap(), Adopted::Overwritten);
    let entity = fixture.policies.entity(&id()).unwrap().unwrap();
    assert_eq!((entity.created, entity.modified), (created, fixture.now));
    let before: Value = serde_json::from_str(&read).unwrap();
    fixture.check_past("a:p", Past::Revision(1), &before);
    let shortly_before = time("2030-06-20T11:59:59Z");
    fixture.check_past("a:p", Past::Timestamp(shortly_before), &before);
    // One of the same id that was deleted is not older than its end either.
    assert_eq!(fixture.delete("t:admin", "a:p").await, "deleted");
    let adoption = overwriting(time("2030-06-21T00:00:00Z"), "2030-06-01T00:00:00Z");
    let adopted = fixture
        .policies
        .adopt(id(), &value, &adoption, &|_| None)
        .await;
    assert_eq!(adopted.unwrap(), Adopted::Created);
    let entity = fixture.policies.entity(&id()).unwrap().unwrap();
    assert_eq!(entity.created, fixture.now);
}
