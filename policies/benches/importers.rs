//! What it costs to change a policy that others import, and to decide by one of those others afterwards.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use journal::{Append, Embedded, EmbeddedOptions, EntityKey, EntityKind, Journal, Memo};
use policies::{
    CommandContext, Credential, DittoHeaders, Policies, PolicyAction, PolicyCommand, PolicyId,
    PolicyLimits, PolicyResource, Principal, ProviderKind,
};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// So many are stored at once.
const BATCH: usize = 1_000;

struct World {
    runtime: Runtime,
    policies: Policies,
    context: CommandContext,
    _folder: tempfile::TempDir,
}

fn stored(id: &str, policy: &Value) -> Append {
    Append {
        entity: EntityKey::new(EntityKind::Policy, id),
        expected_revision: 0,
        timestamp: "2030-06-15T12:00:00Z".parse().expect("an instant"),
        signal: "{}".into(),
        signal_memo: Memo::default(),
        state: Some(policy.to_string().into()),
        state_memo: Memo::default(),
    }
}

fn entry(subject: &str, resource: &str) -> Value {
    json!({
        "subjects": { subject: { "type": "t" } },
        "resources": { resource: { "grant": ["READ", "WRITE"], "revoke": [] } }
    })
}

impl World {
    /// `a:base`, and as many policies that import it.
    fn new(importers: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Embedded::open(folder.path(), EmbeddedOptions::default()).expect("a store");
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let base = json!({ "policyId": "a:base", "imports": {}, "entries": {
            "admin": entry("t:admin", "policy:/"), "crew": entry("t:crew", "thing:/")
        } });
        let importing = (0..importers).map(|number| {
            let id = format!("a:p{number}");
            let owner = json!({ "owner": entry("t:owner", "policy:/") });
            let imports = json!({ "a:base": {} });
            let policy = json!({ "policyId": id, "imports": imports, "entries": owner });
            stored(&id, &policy)
        });
        let mut all: Vec<Append> = [stored("a:base", &base)]
            .into_iter()
            .chain(importing)
            .collect();
        while !all.is_empty() {
            let rest = all.split_off(all.len().min(BATCH));
            let appended = runtime.block_on(journal.append(all));
            appended.expect("the store takes it");
            all = rest;
        }
        let subjects = vec!["t:admin".parse().expect("a subject")];
        let credential = Credential::default();
        Self {
            runtime,
            policies: Policies::new(journal as Arc<dyn Journal>, PolicyLimits::default()),
            context: CommandContext {
                principal: Principal::new(ProviderKind::Jwt, subjects, None, credential),
                headers: DittoHeaders::default(),
                now: "2030-06-15T12:00:00Z".parse().expect("an instant"),
                origin: None,
                reach: None,
            },
            _folder: folder,
        }
    }

    fn change(&self) {
        let label = "crew".parse().expect("a label");
        let command = PolicyCommand {
            policy_id: "a:base".parse().expect("an id"),
            resource: PolicyResource::Entry(label),
            action: PolicyAction::Modify(entry("t:crew", "thing:/")),
        };
        let changed = self
            .runtime
            .block_on(self.policies.execute(&self.context, command));
        changed.expect("the admin may");
    }

    fn decide(&self, importer: &PolicyId) {
        let enforcer = self.policies.enforcer(importer, "a", self.context.now);
        black_box(enforcer.expect("a store"));
    }
}

fn bench(criterion: &mut Criterion) {
    let importer: PolicyId = "a:p0".parse().expect("an id");
    for importers in [10, 10_000] {
        let world = World::new(importers);
        criterion.bench_function(&format!("change, {importers} importers"), |bencher| {
            bencher.iter(|| world.change());
        });
        criterion.bench_function(
            &format!("decide after it, {importers} importers"),
            |bencher| {
                bencher.iter_custom(|times| {
                    let mut total = Duration::ZERO;
                    for _ in 0..times {
                        world.change();
                        let begin = Instant::now();
                        world.decide(&importer);
                        total += begin.elapsed();
                    }
                    total
                });
            },
        );
        criterion.bench_function(&format!("decide again, {importers} importers"), |bencher| {
            bencher.iter(|| world.decide(&importer));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(5));
    targets = bench
}
criterion_main!(benches);
