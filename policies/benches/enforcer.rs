//! How long a decision takes on a compiled policy of 50 entries, and compiling it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use policies::{Enforcer, Permission, Placeholders, Pointer, Policy, ResourceType, SubjectId};
use serde_json::{Value, json};

/// The gateway's: half of compiling is asking for memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 50 entries, each for two subjects on a feature of its own, with one revoke below.
fn policy() -> Policy {
    let entries: serde_json::Map<String, Value> = (0..50)
        .map(|at| {
            let entry = json!({
                "subjects": { format!("nginx:user-{at}"): { "type": "t" }, "nginx:all": { "type": "t" } },
                "resources": {
                    format!("thing:/features/f{at}"): { "grant": ["READ", "WRITE"], "revoke": [] },
                    format!("thing:/features/f{at}/properties/secret"): { "grant": [], "revoke": ["READ"] }
                }
            });
            (format!("entry-{at}"), entry)
        })
        .collect();
    let id = "org.acme:bench".parse().expect("an id");
    Policy::from_json(id, &json!({ "entries": entries }), Placeholders::Keep).expect("a policy")
}

fn bench(criterion: &mut Criterion) {
    let policy = policy();
    let enforcer = Enforcer::of_policy(&policy).expect("a policy that stands alone");
    let subjects: [SubjectId; 2] =
        ["nginx:user-30", "nginx:all"].map(|id| id.parse().expect("a subject"));
    let path: Pointer = "/features/f30/properties/on".parse().expect("a pointer");
    criterion.bench_function("unrestricted, 50 entries", |bencher| {
        bencher.iter(|| {
            enforcer.unrestricted(
                black_box(&subjects),
                &ResourceType::Thing,
                black_box(&path),
                &Permission::READ,
            )
        });
    });
    criterion.bench_function("compile, 50 entries", |bencher| {
        bencher.iter(|| Enforcer::of_policy(black_box(&policy)));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
