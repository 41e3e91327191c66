//! Stores that move: from another installation, and by copies made while they are written to.

use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};
use tests::{Caller, TestGateway, deadline, eventually};
use tokio::process::Command;

use crate::given::{given_lamp, lamp, owned_by};

mod walkthrough;

const WRITERS: usize = 8;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn check(output: &Output, code: i32, expected: &str) {
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(expected), "{said}");
}

#[tokio::test]
async fn things_of_another_installation_are_served() {
    let stopped = TestGateway::start().await.stop().await;
    let mut policy = owned_by("nginx:alice");
    policy["policyId"] = "org.acme:p".into();
    let mut thing = lamp();
    thing["thingId"] = "org.acme:moved".into();
    thing["policyId"] = "org.acme:p".into();
    thing["_created"] = "2025-01-02T03:04:05Z".into();
    thing["_modified"] = "2025-02-03T04:05:06Z".into();
    thing["_revision"] = 42.into();
    let page = json!({ "items": [thing, { "thingId": "org.acme:bad" }] });
    std::fs::write(
        stopped.folder().join("moved.json"),
        format!("{policy}\n{page:#}\n"),
    )
    .expect("the input can be written");
    let import = [
        "import",
        "--config",
        "twinward.yaml",
        "--existing",
        "fail",
        "moved.json",
    ];
    let output = stopped.command(&import).await;
    check(
        &output,
        1,
        "line 2, item 2: thing `org.acme:bad`: it names no policy",
    );
    check(&output, 1, "things: 1 created");

    let gateway = stopped.again().await;
    let alice = gateway.as_subject("nginx:alice");
    let path = "/api/2/things/org.acme:moved?fields=attributes,_created,_modified";
    let read = alice.get(path).await.expect(200).json();
    assert_eq!(read["attributes"], lamp()["attributes"]);
    assert_eq!(read["_created"], "2025-01-02T03:04:05Z");
    assert_eq!(read["_modified"], "2025-02-03T04:05:06Z");
    // Its creation was superseded longer ago than the past is kept.
    let past = "/api/2/things/org.acme:moved?at-historical-revision=";
    alice.get(&format!("{past}1")).await.expect(404);
    alice.get(&format!("{past}2")).await.expect(200);
    gateway
        .as_subject("nginx:bob")
        .get("/api/2/things/org.acme:moved")
        .await
        .expect(404);
    // Nobody moves things into a store that is being served.
    let output = gateway.command(&import).await;
    check(&output, 74, "is in use: stop the gateway");
    let output = gateway
        .command(&["export", "--config", "twinward.yaml"])
        .await;
    check(&output, 74, "is in use: stop the gateway");
}

#[tokio::test]
async fn a_copy_needs_an_operator() {
    let gateway = TestGateway::start().await;
    let nothing = json!({});
    let door = gateway.operators_door();
    let refused = door.post("/devops/backup", &nothing).await;
    refused.expect_error(401, "gateway:authentication.failed");
    let refused = gateway.as_operator().get("/devops/backup").await;
    refused.expect_error(405, "gateway:method.notallowed");
    let alice = gateway.as_subject("nginx:alice");
    let refused = alice.post("/devops/backup", &nothing).await;
    assert_eq!(refused.status, 404, "it is not on the public listener");
}

/// What was acknowledged before the copy began is in it, and what is in it is one state that was.
#[tokio::test]
async fn a_copy_made_under_load_is_restored_elsewhere() {
    let limits = json!({ "limits": { "per_source": false, "per_subject": false }, "logging": { "level": "warn" } });
    let gateway = TestGateway::start_with(limits).await;
    let alice = gateway.as_subject("nginx:alice");
    for writer in 0..WRITERS {
        given_lamp(&alice, &format!("org.acme:w{writer}")).await;
    }
    let load = Load::start(&alice);
    load.reach(20).await;
    let before = load.acknowledged();
    let copy = gateway.folder().join("copy");
    let curl = copy_with_curl(&gateway, &copy.display().to_string()).await;
    check(&curl, 0, "");
    let after = load.acknowledged();
    load.reach(after[0] + 5).await;
    load.end().await;
    let verified = gateway.command(&["backup", "verify", "copy"]).await;
    check(&verified, 0, "The copy is whole: 16 entities");

    let elsewhere = TestGateway::start().await.stop().await;
    let refused = elsewhere
        .command(&[
            "restore",
            "--config",
            "twinward.yaml",
            &copy.display().to_string(),
        ])
        .await;
    check(&refused, 74, "is not empty");
    std::fs::remove_dir_all(elsewhere.folder().join("data")).expect("the data can be removed");
    let restored = elsewhere
        .command(&[
            "restore",
            "--config",
            "twinward.yaml",
            &copy.display().to_string(),
        ])
        .await;
    check(&restored, 0, "Restored 16 entities");
    let elsewhere = elsewhere.again().await;
    check_state(&elsewhere.as_subject("nginx:alice"), &before).await;
}

async fn copy_with_curl(gateway: &TestGateway, to: &str) -> Output {
    let user = format!("devops:{}", gateway.first_operator_password());
    let url = format!("http://{}/devops/backup", gateway.endpoints().devops);
    let mut curl = Command::new("curl");
    curl.args(["-fsS", "-X", "POST", "-u", &user, "-o", to, &url])
        .kill_on_drop(true);
    deadline("curl", curl.output()).await.expect("curl starts")
}

/// Every thing is at least where it was known to be; its value and its revision are of the same moment.
async fn check_state(alice: &Caller, before: &[u64]) {
    for (writer, acknowledged) in before.iter().enumerate() {
        let path = format!("/api/2/things/org.acme:w{writer}?fields=_revision,attributes/value");
        let read = alice.get(&path).await.expect(200).json();
        let value = read["attributes"]["value"].as_u64().unwrap_or_default();
        assert!(
            value >= *acknowledged,
            "{writer}: {value} of {acknowledged}"
        );
        assert_eq!(read["_revision"], value + 1, "{writer}: {read}");
        let past = format!("/api/2/things/org.acme:w{writer}?at-historical-revision={value}");
        alice.get(&past).await.expect(200);
    }
}

/// Writers that count, each on a thing of its own.
struct Load {
    is_over: Arc<AtomicBool>,
    counts: Arc<Vec<AtomicU64>>,
    writers: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(alice: &Caller) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let counts: Arc<Vec<AtomicU64>> =
            Arc::new((0..WRITERS).map(|_| AtomicU64::new(0)).collect());
        let writers = (0..WRITERS)
            .map(|writer| {
                let (alice, is_over) = (alice.clone(), Arc::clone(&is_over));
                let counts = Arc::clone(&counts);
                tokio::spawn(async move {
                    let path = format!("/api/2/things/org.acme:w{writer}/attributes/value");
                    let mut value = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        value += 1;
                        let answer = alice.put(&path, &Value::from(value)).await;
                        assert!(matches!(answer.status, 201 | 204), "{}", answer.body);
                        counts[writer].store(value, Ordering::Release);
                    }
                })
            })
            .collect();
        Self {
            is_over,
            counts,
            writers,
        }
    }

    fn acknowledged(&self) -> Vec<u64> {
        self.counts
            .iter()
            .map(|count| count.load(Ordering::Acquire))
            .collect()
    }

    async fn reach(&self, value: u64) {
        eventually("acknowledged writes", || {
            let is_reached = self.acknowledged().iter().all(|count| *count >= value);
            std::future::ready(is_reached.then_some(()))
        })
        .await;
    }

    async fn end(self) {
        self.is_over.store(true, Ordering::Relaxed);
        for writer in self.writers {
            deadline("a writer's end", writer)
                .await
                .expect("a writer does not panic");
        }
    }
}
