//! A decision allocates nothing.

use std::alloc::System;

use policies::{Enforcer, Permission, Placeholders, Pointer, Policy, ResourceType, SubjectId};
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_decision_allocates_nothing() {
    let entries: serde_json::Map<_, _> = (0..50)
        .map(|at| {
            let entry = json!({
                "subjects": { format!("nginx:user-{at}"): { "type": "t" } },
                "resources": {
                    format!("thing:/features/f{at}"): { "grant": ["READ"], "revoke": ["WRITE"] }
                }
            });
            (format!("e{at}"), entry)
        })
        .collect();
    let value = json!({ "entries": entries });
    let policy = Policy::from_json("a:p".parse().unwrap(), &value, Placeholders::Keep).unwrap();
    let enforcer = Enforcer::of_policy(&policy).unwrap();
    let subjects: Vec<SubjectId> = ["nginx:user-3", "nginx:user-30", "nginx:nobody"]
        .map(|id| id.parse().unwrap())
        .into();
    let path: Pointer = "/features/f30/properties/on".parse().unwrap();
    let region = Region::new(ALLOCATOR);
    let (mut unrestricted, mut partial) = (0, 0);
    for permission in [&Permission::READ, &Permission::WRITE, &Permission::EXECUTE] {
        let question = (&subjects, &ResourceType::Thing, &path);
        unrestricted +=
            usize::from(enforcer.unrestricted(question.0, question.1, question.2, permission));
        partial += usize::from(enforcer.partial(question.0, question.1, question.2, permission));
    }
    let change = region.change();
    assert_eq!(
        (change.allocations, change.reallocations),
        (0, 0),
        "{change:?}"
    );
    assert_eq!((unrestricted, partial), (1, 1), "READ alone");
}
