//! `docs/policies.md`, pasted into a shell as it stands.
//!
//! Only what belongs to the machine is put in: where the executable lies, a folder, free ports.

use std::net::TcpListener;

use tempfile::TempDir;
use tests::gateway_executable;

use crate::pages::{blocks, check, on_this_machine};

#[tokio::test]
async fn the_page_is_right() {
    let steps = blocks(include_str!("../../../docs/policies.md"));
    let asking = steps.iter().filter(|step| !step.shown.is_empty()).count();
    assert!(asking >= 7, "{asking} parts of the page show something");
    let executable = gateway_executable().await;
    // Should the tests be killed, the shell goes with them, and what it has started goes with it.
    let started = format!("setpriv --pdeathsig KILL -- {}", executable.display());
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let [public, operators] = listeners.map(|it| it.local_addr().expect("an address").to_string());
    let folder = TempDir::new().expect("a temporary folder");
    let replaced = [
        ("cargo build\n", ":\n".to_owned()),
        ("target/debug/twinward", started),
        (
            "/tmp/policies",
            folder.path().join("policies").display().to_string(),
        ),
        ("127.0.0.1:8080", public),
        ("127.0.0.1:8081", operators),
    ];
    let steps = on_this_machine(steps, &replaced);
    check(&steps, "", folder.path()).await;
}
