//! `docs/operating.md`, "When something leaks": its lines are pasted into a shell, and the key that leaked opens nothing any more.

use serde_json::json;
use tests::{TestGateway, eventually, gateway_executable, write_private};

use crate::api_keys::{HASH, KEY};
use crate::pages::{check, commands, on_this_machine};

/// The id within [`KEY`].
const KEY_ID: &str = "01IYT0XLWR";

#[tokio::test]
async fn the_page_is_right() {
    let page = include_str!("../../../docs/operating.md");
    let (_, section) = page
        .split_once("## When something leaks")
        .expect("a heading");
    let (section, _) = section.split_once("\n## ").expect("another heading");
    let identity = json!({ "credential": { "api_key": HASH }, "permissions": ["set"] });
    let gateway = TestGateway::start_with(json!({ "auth": {
        "permission_sets": { "set": { "permissions": "full" } },
        "identities": { "press-07": identity },
    } }))
    .await;
    let press = gateway.as_bearer(KEY);
    press.get("/api/2/whoami").await.expect(200);
    let mut socket = press.web_socket().await.expect("a WebSocket");
    let audit = gateway.data().join("audit.jsonl");
    eventually("a record of the key", || {
        let text = std::fs::read_to_string(&audit).unwrap_or_default();
        std::future::ready(text.contains("key.first_seen").then_some(()))
    })
    .await;
    write_private(&gateway.folder().join("key"), &format!("{KEY}\n"));
    let before = format!(
        "PASSWORD={}\nOPS=http://{}\ntwinward() {{ {} \"$@\"; }}",
        gateway.first_operator_password(),
        gateway.endpoints().devops,
        gateway_executable().await.display()
    );
    let steps = on_this_machine(commands(section), &[("Kx12…", KEY_ID.to_owned())]);
    assert_eq!(steps.len(), 5, "the page has another number of steps");
    check(&steps, &before, gateway.folder()).await;
    assert_eq!(socket.closed().await.code, 1008);
    press
        .get("/api/2/whoami")
        .await
        .expect_error(401, "gateway:authentication.failed");
}
