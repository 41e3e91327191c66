//! A policy that many others import: changing it does nothing to those that nobody uses.

use super::*;

/// How many import the policy.
const IMPORTERS: usize = 10_000;
/// How many are appended at once.
const BATCH: usize = 1_000;

fn id(at: usize) -> String {
    format!("x:p{at}")
}

async fn given_importers(fixture: &Fixture) {
    for first in (0..IMPORTERS).step_by(BATCH) {
        let appends = (first..first + BATCH).map(importer);
        fixture.journal.append(appends.collect()).await.unwrap();
    }
}

fn importer(at: usize) -> Append {
    let state = json!({
        "policyId": id(at), "imports": {"x:roles": {}}, "entries": {"admin": admin()}
    });
    Append {
        entity: EntityKey::new(EntityKind::Policy, id(at).as_str()),
        expected_revision: 0,
        timestamp: "2030-06-15T12:00:00Z".parse().unwrap(),
        signal: "{}".into(),
        signal_memo: Memo::default(),
        state: Some(state.to_string().into()),
        state_memo: Memo::default(),
    }
}

/// Which importers are compiled.
fn compiled(fixture: &Fixture) -> Vec<usize> {
    let is_compiled = |at: &usize| {
        let loaded = fixture.policies.load(&id(*at).parse().unwrap()).unwrap();
        loaded.unwrap().stored.compiled.load().is_some()
    };
    (0..IMPORTERS).filter(is_compiled).collect()
}

#[tokio::test]
async fn a_change_costs_those_who_are_used_and_nobody_else() {
    let fixture = Fixture::new();
    let roles = |rights: &str| {
        json!({"entries": {
            "admin": with(admin(), json!({"importable": "never"})), "role": entry(&["r"], rights)
        }})
    };
    let created = fixture.put("t:admin", "x:roles", roles("+R thing:/")).await;
    assert_eq!(created, "created");
    given_importers(&fixture).await;
    for rights in ["+RW thing:/", "+W thing:/", "+R thing:/"] {
        let changed = fixture.put("t:admin", "x:roles", roles(rights)).await;
        assert_eq!(changed, "modified");
        for used in [7, 70, 7_000] {
            let letters = rights.trim_start_matches('+').trim_end_matches(" thing:/");
            assert_eq!(fixture.rights("t:r", &id(used), "x", "thing:/"), letters);
        }
        assert_eq!(compiled(&fixture), [7, 70, 7_000]);
    }
}
