//! What a change costs of a policy that very many others import.

use super::*;

const IMPORTERS: usize = 10_000;
/// So many are stored at once.
const BATCH: usize = 1_000;

/// `a:base`, which everybody imports, and `a:p0` and so on.
async fn given_importers() -> Fixture {
    let fixture = Fixture::new();
    let base = json!({ "entries": { "admin": admin(), "crew": entry(&["g"], "+R thing:/") } });
    assert_eq!(fixture.put("t:admin", "a:base", base).await, "created");
    let ids: Vec<String> = (0..IMPORTERS)
        .map(|number| format!("a:p{number}"))
        .collect();
    for ids in ids.chunks(BATCH) {
        let stored = ids.iter().map(|id| {
            let entries = json!({ "owner": entry(&["owner"], "+RW policy:/") });
            fixture.stored(id, entries, json!({ "a:base": {} }))
        });
        fixture.journal.append(stored.collect()).await.unwrap();
    }
    fixture
}

impl Fixture {
    /// Asks some importers for a decision; returns what the crew has, and how many policies were compiled for that.
    fn ask(&self, importers: std::ops::Range<usize>) -> (Vec<String>, u64) {
        let before = self.policies.compilations();
        let mut rights: Vec<String> = importers
            .map(|number| self.rights("t:g", &format!("a:p{number}"), "a", "thing:/"))
            .collect();
        rights.dedup();
        (rights, self.policies.compilations() - before)
    }
}

#[tokio::test]
async fn only_what_is_used_is_compiled_again() {
    let fixture = given_importers().await;
    let read = vec!["R".to_owned()];
    assert_eq!(fixture.ask(0..20), (read.clone(), 20));
    assert_eq!(fixture.ask(0..20), (read, 0), "nothing has changed");
    let before = fixture.policies.compilations();
    let crew = entry(&["g"], "+W thing:/");
    let changed = fixture.put("t:admin", "a:base/entries/crew", crew).await;
    assert_eq!(changed, "modified");
    assert!(
        fixture.policies.compilations() - before <= 1,
        "the writer's own right is all that is decided"
    );
    let write = vec!["W".to_owned()];
    assert_eq!(
        fixture.ask(0..5),
        (write.clone(), 5),
        "the next decision knows"
    );
    assert_eq!(fixture.ask(0..20), (write, 15), "and so does every other");
    assert_eq!(
        fixture.delete("t:admin", "a:base/entries/crew").await,
        "deleted"
    );
    assert_eq!(fixture.ask(7..8), (vec![String::new()], 1));
}
