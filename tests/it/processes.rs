//! What tests start ends with them, however they end.

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use tests::{TestGateway, eventually};

use crate::pages::{Step, check};

async fn has_ended(process_id: u32) {
    let status = format!("/proc/{process_id}/status");
    eventually("the end of a process", || {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        // A zombie has ended, and nobody has asked yet how.
        let is_there = !status.is_empty() && !status.contains("State:\tZ");
        std::future::ready((!is_there).then_some(()))
    })
    .await;
}

/// A tracer that lets go of what it traces when it is killed.
async fn traced() -> TestGateway {
    let wrapper = ["strace", "-f", "-qq", "-e", "trace=none", "-o", "/dev/null"];
    TestGateway::start_under(wrapper.map(str::to_owned).to_vec(), json!({})).await
}

#[tokio::test]
async fn a_gateway_ends_with_its_wrapper() {
    let gateway = traced().await;
    let process_id = gateway.process_id().await;
    assert!(Path::new(&format!("/proc/{process_id}")).exists());
    drop(gateway);
    has_ended(process_id).await;
}

#[tokio::test]
async fn a_gateway_ends_with_a_test_that_drops_nothing() {
    for is_wrapped in [false, true] {
        let test = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            let gateway = runtime.block_on(async {
                if is_wrapped {
                    traced().await
                } else {
                    TestGateway::start().await
                }
            });
            let process_id = runtime.block_on(gateway.process_id());
            let folder = gateway.folder().to_owned();
            std::mem::forget(gateway);
            (process_id, folder)
        });
        let (process_id, folder) = test.join().expect("it starts one");
        has_ended(process_id).await;
        std::fs::remove_dir_all(folder).expect("nobody writes there any more");
    }
}

#[tokio::test]
async fn what_a_page_starts_ends_with_the_page() {
    let folder = TempDir::new().expect("a folder");
    let page = [Step {
        lines: "(trap '' TERM; exec sleep 600) >/dev/null 2>&1 &\necho $! >started\n".to_owned(),
        shown: String::new(),
    }];
    check(&page, "", folder.path()).await;
    let started = std::fs::read_to_string(folder.path().join("started")).expect("it was started");
    has_ended(started.trim().parse().expect("a number")).await;
}
