//! What a reader of one attribute must not learn from patches about all the others.

use serde_json::json;
use tests::TestGateway;

use super::server_sent::{data, opened};
use super::{GUEST, LAMP, event};
use crate::given::{given_lamp, listening, reader};

#[tokio::test]
async fn patches_do_not_tell_the_names_of_what_is_hidden() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    alice
        .put(GUEST, &reader("nginx:bob", "thing:/attributes/serial"))
        .await
        .expect(201);
    let bob = gateway.as_subject("nginx:bob");
    let mut socket = listening(&gateway, "nginx:bob", &["EVENTS"]).await;
    let mut live = opened(&bob, "/api/2/things?ids=org.acme:lamp").await;

    let hidden = json!({ "merger": {}, "{{ ~secret-20.*~ }}": null });
    let patches = [
        (
            "",
            json!({ "attributes": hidden, "features": { "hidden": { "properties": {} } } }),
        ),
        ("/attributes", hidden.clone()),
        ("/attributes/merger", json!({})),
        ("/features/hidden", json!({ "properties": {} })),
    ];
    for (path, patch) in patches {
        alice
            .patch(&format!("{LAMP}{path}"), &patch)
            .await
            .expect(204);
    }
    let last = json!({ "serial": "B-2", "merger": {} });
    let attributes = format!("{LAMP}/attributes");
    alice.patch(&attributes, &last).await.expect(204);

    let left = json!({ "serial": "B-2" });
    let (topic, path, value) = event(&mut socket).await;
    assert!(topic.ends_with("/merged"), "{topic}");
    assert_eq!((path.as_str(), &value), ("/attributes", &left));
    let thing = json!({ "thingId": "org.acme:lamp", "attributes": left });
    assert_eq!(data(&mut live).await, thing);
    let mut past = opened(&bob, &format!("{LAMP}?from-historical-revision=2")).await;
    assert_eq!(data(&mut past).await, thing);
}
