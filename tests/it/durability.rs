//! What was acknowledged is there: after kills without warning, and before the acknowledgement leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Caller, TestGateway, deadline, eventually, is_long_run};

mod sync_before_answer;

/// Writers per round, each with a thing of its own.
const WRITERS: usize = 16;

fn without_limits() -> Value {
    json!({ "limits": { "per_source": false, "per_subject": false } })
}

/// What one writer knows of its thing.
#[derive(Clone, Copy, Default, Debug)]
struct Acknowledged {
    revision: u64,
    value: u64,
}

#[tokio::test]
async fn every_acknowledged_write_survives_kills_without_warning() {
    let kills: u64 = if is_long_run() { 500 } else { 25 };
    let mut gateway = TestGateway::start_with(without_limits()).await;
    let mut known = vec![Acknowledged::default(); WRITERS];
    for round in 0..kills {
        // From the first write of a round to deep into it, the same in every run.
        let patience = 1 + (round * round * 7) % 97;
        known = write_until_killed(&mut gateway, known, patience).await;
        gateway = gateway.kill_and_restart().await;
        for (writer, acknowledged) in known.iter_mut().enumerate() {
            *acknowledged = found(&gateway, writer, *acknowledged, round).await;
        }
    }
    let written: u64 = known.iter().map(|acknowledged| acknowledged.revision).sum();
    assert!(
        written > kills,
        "only {written} writes in {kills} rounds: the test has tested nothing"
    );
}

/// Lets every writer write until `patience` writes of this round were acknowledged, then kills the gateway.
async fn write_until_killed(
    gateway: &mut TestGateway,
    known: Vec<Acknowledged>,
    patience: u64,
) -> Vec<Acknowledged> {
    let total = Arc::new(AtomicU64::new(0));
    let spawn = |(writer, acknowledged)| {
        let caller = gateway.as_subject("nginx:writer");
        tokio::spawn(write_until_failure(
            caller,
            writer,
            acknowledged,
            Arc::clone(&total),
        ))
    };
    let writers: Vec<_> = known.into_iter().enumerate().map(spawn).collect();
    eventually("acknowledged writes", || {
        std::future::ready((total.load(Ordering::Relaxed) >= patience).then_some(()))
    })
    .await;
    gateway.kill().await;
    let mut known = Vec::new();
    for writer in writers {
        known.push(
            deadline("a writer's end", writer)
                .await
                .expect("a writer does not panic"),
        );
    }
    known
}

async fn write_until_failure(
    caller: Caller,
    writer: usize,
    mut acknowledged: Acknowledged,
    total: Arc<AtomicU64>,
) -> Acknowledged {
    let path = path_of(writer);
    loop {
        let value = acknowledged.value + 1;
        let body = if acknowledged.revision == 0 {
            json!({ "attributes": { "value": value } })
        } else {
            json!({ "policyId": format!("org.acme:w{writer}"), "attributes": { "value": value } })
        };
        let headers = [("content-type", "application/json")];
        let Ok(answer) = caller
            .try_send(Method::PUT, &path, &headers, Some(body.to_string()))
            .await
        else {
            return acknowledged;
        };
        assert!(
            matches!(answer.status, 201 | 204),
            "{} {}",
            answer.status,
            answer.body
        );
        let revision = revision_of(answer.header("etag"));
        assert_eq!(
            revision,
            acknowledged.revision + 1,
            "revisions of {path} grow by one"
        );
        acknowledged = Acknowledged { revision, value };
        total.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads a writer's thing after the restart: the last acknowledged state, or the one write that was under way.
async fn found(
    gateway: &TestGateway,
    writer: usize,
    acknowledged: Acknowledged,
    round: u64,
) -> Acknowledged {
    let path = format!("{}?fields=_revision,attributes", path_of(writer));
    let answer = gateway.as_subject("nginx:writer").get(&path).await;
    if answer.status == 404 {
        assert_eq!(
            acknowledged.revision, 0,
            "round {round}: an acknowledged thing is gone"
        );
        return acknowledged;
    }
    let read = answer.expect(200).json();
    let revision = read["_revision"].as_u64().expect("a revision");
    let value = read["attributes"]["value"].as_u64().expect("a value");
    let steps = revision.checked_sub(acknowledged.revision);
    assert!(
        matches!(steps, Some(0 | 1)),
        "round {round}, writer {writer}: {acknowledged:?}, found {read}"
    );
    assert_eq!(
        Some(value - acknowledged.value),
        steps,
        "round {round}, writer {writer}: {read}"
    );
    Acknowledged { revision, value }
}

fn path_of(writer: usize) -> String {
    format!("/api/2/things/org.acme:w{writer}")
}

fn revision_of(etag: &str) -> u64 {
    let revision = etag
        .trim_matches('"')
        .strip_prefix("rev:")
        .and_then(|revision| revision.parse().ok());
    revision.unwrap_or_else(|| panic!("no revision in {etag:?}"))
}

#[tokio::test]
async fn a_thing_and_its_policy_appear_together_or_not_at_all() {
    let rounds = if is_long_run() { 200 } else { 10 };
    let mut gateway = TestGateway::start_with(without_limits()).await;
    for round in 0..rounds {
        let caller = gateway.as_subject("nginx:writer");
        let ids: Vec<_> = (0..40)
            .map(|number| format!("org.acme:r{round}-{number}"))
            .collect();
        let creations = ids.iter().map(|thing_id| {
            let (caller, path) = (caller.clone(), format!("/api/2/things/{thing_id}"));
            tokio::spawn(async move {
                let headers = [("content-type", "application/json")];
                caller
                    .try_send(Method::PUT, &path, &headers, Some("{}".to_owned()))
                    .await
                    .is_ok()
            })
        });
        let creations: Vec<_> = creations.collect();
        eventually("some creations", || {
            let done = creations
                .iter()
                .filter(|creation| creation.is_finished())
                .count();
            std::future::ready((done >= 5).then_some(()))
        })
        .await;
        gateway = gateway.kill_and_restart().await;
        let caller = gateway.as_subject("nginx:writer");
        for (thing_id, creation) in ids.iter().zip(creations) {
            let acknowledged = deadline("a creation", creation).await.expect("no panic");
            let thing = caller
                .get(&format!("/api/2/things/{thing_id}"))
                .await
                .status;
            let policy = caller
                .get(&format!("/api/2/policies/{thing_id}"))
                .await
                .status;
            assert_eq!(thing, policy, "round {round}: half of {thing_id} is there");
            assert!(
                !acknowledged || thing == 200,
                "round {round}: {thing_id} was acknowledged"
            );
        }
    }
}
