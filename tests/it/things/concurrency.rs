//! Many writers of one thing: every update gets a revision of its own, and none is lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use tests::TestGateway;

use super::THING;
use crate::given::given_lamp;

const CLIENTS: u64 = 64;
const UPDATES: u64 = 10_000;

#[tokio::test]
async fn sixty_four_clients_lose_no_update() {
    let unlimited = json!({ "limits": { "per_source": false, "per_subject": false }, "logging": { "level": "warn" } });
    let gateway = TestGateway::start_with(unlimited).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let next = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (alice, next) = (alice.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let path = format!("{THING}/attributes/counters/c{client}");
                let mut revisions = Vec::new();
                while next.fetch_add(1, Ordering::Relaxed) < UPDATES {
                    let answer = alice.put(&path, &json!(revisions.len() + 1)).await;
                    assert!(matches!(answer.status, 201 | 204), "{}", answer.body);
                    revisions.push(
                        answer
                            .header("entity-revision")
                            .parse::<u64>()
                            .expect("a revision"),
                    );
                }
                (client, revisions)
            })
        })
        .collect();
    let mut seen = BTreeSet::new();
    let mut counters = serde_json::Map::new();
    for client in clients {
        let (client, revisions) = client.await.expect("the client ends");
        assert!(revisions.is_sorted(), "client {client}");
        counters.insert(format!("c{client}"), json!(revisions.len()));
        for revision in revisions {
            assert!(seen.insert(revision), "revision {revision} was given twice");
        }
    }
    // The creation had revision 1.
    assert!(
        seen.into_iter().eq(2..=UPDATES + 1),
        "a revision is missing"
    );
    let thing = alice
        .get(&format!("{THING}?fields=_revision,attributes/counters"))
        .await
        .expect(200)
        .json();
    assert_eq!(thing["_revision"], UPDATES + 1);
    let stored = thing["attributes"]["counters"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let written: serde_json::Map<_, _> = counters
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .collect();
    assert!(
        stored.len() == written.len()
            && stored
                .iter()
                .all(|(key, count)| written.get(key) == Some(count)),
        "{stored:?}"
    );
}
