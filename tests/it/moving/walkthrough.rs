//! `docs/backup.md`, pasted into a shell line by line, with a gateway that is stopped where the page says so.

use serde_json::json;
use tests::{TestGateway, gateway_executable};

use crate::pages::{check, commands, on_this_machine};

#[tokio::test]
async fn the_page_is_right() {
    let gateway = TestGateway::start_unconfigured().await;
    let owner = gateway.as_bearer(&gateway.first_api_key());
    let thing = json!({ "attributes": { "serial": "A-1" } });
    let created = owner.put("/api/2/things/org.acme:lamp", &thing).await;
    created.expect(201);
    let page = include_str!("../../../docs/backup.md");
    let (running, stopped) = page
        .split_once("## A copy of a stopped store")
        .expect("the page has this heading");
    // What goes wrong is shown like everything else.
    let executable = gateway_executable().await;
    let before = format!(
        "exec 2>&1\nPASSWORD={}\ntwinward() {{ {} \"$@\"; }}",
        gateway.first_operator_password(),
        executable.display()
    );
    let listener = ("127.0.0.1:8081", gateway.endpoints().devops.clone());
    let steps = on_this_machine(commands(running), &[listener]);
    check(&steps, &before, gateway.folder()).await;
    let gateway = gateway.stop().await;
    let steps = commands(stopped);
    assert!(steps.len() >= 10, "the page has {} steps", steps.len());
    check(&steps, &before, gateway.folder()).await;
}
