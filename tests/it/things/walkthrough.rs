//! `docs/things.md`, pasted into a shell line by line.

use tests::TestGateway;

use crate::pages::{check, commands};

#[tokio::test]
async fn the_page_is_right() {
    let gateway = TestGateway::start_unconfigured().await;
    let steps = commands(include_str!("../../../docs/things.md"));
    assert!(steps.len() > 30, "the page has {} steps", steps.len());
    let (api, key) = (&gateway.endpoints().public, gateway.first_api_key());
    let before = format!("API=http://{api}/api/2\nKEY={key}");
    check(&steps, &before, gateway.folder()).await;
}
