//! `docs/messages.md`, pasted into a shell as it stands, with a device in Node.js that answers over the WebSocket.

use std::path::Path;

use tests::TestGateway;

use crate::pages::{blocks, check, on_this_machine};

#[tokio::test]
async fn the_page_is_right() {
    let gateway = TestGateway::start_unconfigured().await;
    let steps = blocks(include_str!("../../../docs/messages.md"));
    let asking = steps.iter().filter(|step| !step.shown.is_empty()).count();
    assert!(asking >= 8, "{asking} parts of the page show something");
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/node_modules");
    let replaced = [
        ("127.0.0.1:8080", gateway.endpoints().public.clone()),
        ("tww_live_…", gateway.first_api_key()),
        ("npm install ws", format!("ln -s {} .", packages.display())),
    ];
    let steps = on_this_machine(steps, &replaced);
    check(&steps, "", gateway.folder()).await;
}
