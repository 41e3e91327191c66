//! The order of system calls: no byte of a response leaves before the sync of its commit has returned.

use std::fs;
use std::path::Path;

use serde_json::json;
use tests::TestGateway;

const WRITES: usize = 20;

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A request to write was read from a connection.
    Request,
    /// A sync to disk was asked for.
    SyncBegins,
    /// A sync to disk has returned without an error.
    SyncReturned,
    /// A success was sent to a connection.
    Answer,
}

#[tokio::test]
async fn no_answer_leaves_before_its_sync_has_returned() {
    let trace = tempfile::NamedTempFile::new().expect("a temporary file");
    let calls = "trace=recvfrom,recvmsg,read,readv,sendto,sendmsg,write,writev,fsync,fdatasync";
    let wrapper = [
        "strace",
        "-f",
        "-qq",
        "-s",
        "32",
        "-e",
        calls,
        "-o",
        &trace.path().display().to_string(),
    ];
    let wrapper = wrapper.iter().map(ToString::to_string).collect();
    let gateway = TestGateway::start_under(wrapper, json!({})).await;
    let caller = gateway.as_subject("nginx:writer");
    caller
        .put("/api/2/things/a:traced", &json!({}))
        .await
        .expect(201);
    for number in 1..WRITES {
        let answer = caller
            .put("/api/2/things/a:traced/attributes/x", &json!(number))
            .await;
        assert!(matches!(answer.status, 201 | 204), "{}", answer.body);
    }
    gateway.stop().await;
    check(&steps(trace.path()));
}

/// One client that waits for each answer: between a request and its answer lies a sync that began after the request.
#[track_caller]
fn check(steps: &[Step]) {
    let mut answers = 0;
    let (mut requested, mut syncing, mut synced) = (false, false, false);
    for step in steps {
        match step {
            Step::Request => (requested, syncing, synced) = (true, false, false),
            Step::SyncBegins => syncing = requested,
            Step::SyncReturned => synced = syncing,
            Step::Answer => {
                assert!(
                    !requested || synced,
                    "answer {answers} left before a sync returned"
                );
                answers += usize::from(requested);
                requested = false;
            }
        }
    }
    assert_eq!(
        answers, WRITES,
        "the trace shows other answers than were received"
    );
}

fn steps(trace: &Path) -> Vec<Step> {
    let text = fs::read(trace).expect("strace has written its trace");
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines().flat_map(steps_of_line).collect()
}

/// A line is a whole call, or the beginning (`<unfinished ...>`) or the end (`<... resumed>`) of one.
fn steps_of_line(line: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    if line.contains("\"PUT /api/2/things/") {
        steps.push(Step::Request);
    }
    if line.contains("fsync(") || line.contains("fdatasync(") {
        steps.push(Step::SyncBegins);
    }
    if line.contains("sync") && line.ends_with("= 0") {
        steps.push(Step::SyncReturned);
    }
    if line.contains("\"HTTP/1.1 20") {
        steps.push(Step::Answer);
    }
    steps
}
