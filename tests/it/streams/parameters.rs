//! Every place that has an event stream, with every parameter.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{EventStream, TestGateway};

use super::LAMP;
use super::server_sent::opened;
use crate::given::given_lamp;

/// Whatever is going to arrive has arrived before so much time passes without anything.
const SETTLED: Duration = Duration::from_millis(500);

/// The data of every event that arrives.
async fn arrived(stream: &mut EventStream) -> Vec<Value> {
    let mut arrived = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout(SETTLED, stream.next()).await {
        arrived.push(serde_json::from_str(&event.data).expect("an event carries JSON"));
    }
    arrived
}

/// A target below `/api/2`, and what it shows of three changes: an attribute of a lamp, then of a lamp in another
/// namespace, and at last the loss of the first one.
fn rows() -> Vec<(&'static str, Vec<Value>)> {
    let set = |id: &str| json!({ "thingId": id, "attributes": { "x": { "y": 1 } } });
    let (lamp, other) = (set("org.acme:lamp"), set("other:lamp"));
    let gone = json!({ "thingId": "org.acme:lamp" });
    let with_policy = |mut thing: Value| {
        thing["policyId"] = thing["thingId"].clone();
        thing
    };
    let all = || vec![lamp.clone(), other.clone(), gone.clone()];
    let lamps = || vec![lamp.clone(), gone.clone()];
    let others = || vec![other.clone()];
    let context = |member: &str, values: [&str; 3]| -> Vec<Value> {
        let context = |value| json!({ "_context": { member: value } });
        values.map(context).into()
    };
    vec![
        ("things", all()),
        ("things?unknown=1&ids=&namespaces=", all()),
        ("things?ids=org.acme:lamp", lamps()),
        ("things?ids=org.acme:lamp,other:lamp", all()),
        ("things?ids=other:lamp&ids=org.acme:lamp", all()),
        ("things?ids=org.acme:none", vec![]),
        ("things?namespaces=other", others()),
        ("things?namespaces=org.*,oth", vec![]),
        ("things?namespaces=org.acme&ids=other:lamp", vec![]),
        ("things?filter=eq(thingId,%22other:lamp%22)", others()),
        ("things?filter=gt(attributes/x/y,1)", vec![]),
        (
            "things?filter=eq(topic:action,'deleted')",
            vec![gone.clone()],
        ),
        (
            "things?filter=like(resource:path,'/attributes/*')&namespaces=other",
            others(),
        ),
        (
            "things?fields=attributes(x/y)",
            vec![
                json!({ "attributes": { "x": { "y": 1 } } }),
                json!({ "attributes": { "x": { "y": 1 } } }),
            ],
        ),
        (
            "things?fields=thingId,_revision&ids=org.acme:lamp",
            vec![
                json!({ "thingId": "org.acme:lamp", "_revision": 2 }),
                json!({ "thingId": "org.acme:lamp", "_revision": 3 }),
            ],
        ),
        ("things?fields=features", vec![]),
        (
            "things?fields=_context/topic",
            context(
                "topic",
                [
                    "org.acme/lamp/things/twin/events/created",
                    "other/lamp/things/twin/events/created",
                    "org.acme/lamp/things/twin/events/deleted",
                ],
            ),
        ),
        (
            "things?fields=_context(path)",
            context("path", ["/attributes/x"; 3]),
        ),
        (
            "things?fields=_context/headers/ditto-originator",
            vec![json!({ "_context": { "headers": { "ditto-originator": "nginx:alice" } } }); 3],
        ),
        (
            "things?fields=_context/headers/response-required&ids=other:lamp",
            vec![json!({ "_context": { "headers": { "response-required": "false" } } })],
        ),
        (
            "things?extraFields=policyId",
            all().into_iter().map(with_policy).collect(),
        ),
        (
            "things?extraFields=policyId&filter=eq(policyId,'other:lamp')",
            vec![with_policy(other.clone())],
        ),
        (
            "things?extraFields=policyId&fields=policyId&ids=other:lamp",
            vec![json!({ "policyId": "other:lamp" })],
        ),
        ("things/org.acme:lamp", lamps()),
        ("things/org.acme:lamp?ids=other:lamp", lamps()),
        ("things/org.acme:lamp?namespaces=other", vec![]),
        (
            "things/org.acme:lamp?filter=exists(attributes/x)",
            vec![lamp.clone()],
        ),
        (
            "things/org.acme:lamp?fields=attributes",
            vec![json!({ "attributes": { "x": { "y": 1 } } })],
        ),
        (
            "things/org.acme:lamp/attributes",
            vec![json!({ "x": { "y": 1 } })],
        ),
        ("things/org.acme:lamp/attributes/x", vec![json!({ "y": 1 })]),
        ("things/org.acme:lamp/attributes/x/y", vec![json!(1)]),
        (
            "things/org.acme:lamp/attributes/x/y?fields=thingId",
            vec![json!(1)],
        ),
        (
            "things/org.acme:lamp/attributes/x?filter=ne(attributes/x/y,1)",
            vec![],
        ),
        ("things/org.acme:lamp/attributes/z", vec![]),
        ("things/org.acme:lamp/features", vec![]),
        ("things/org.acme:lamp/definition", vec![]),
        (
            "things/org.acme:lamp/policyId?extraFields=policyId",
            vec![json!("org.acme:lamp"), json!("org.acme:lamp")],
        ),
    ]
}

#[tokio::test]
async fn every_parameter_shapes_the_stream_as_it_says() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    for id in ["org.acme:lamp", "other:lamp"] {
        given_lamp(&alice, id).await;
    }
    let mut streams = Vec::new();
    for (target, _) in rows() {
        streams.push(opened(&alice, &format!("/api/2/{target}")).await);
    }
    let mut strange = opened(&gateway.as_subject("nginx:bob"), "/api/2/things").await;
    let value = json!({ "y": 1 });
    let attribute = |id: &str| format!("/api/2/things/{id}/attributes/x");
    for id in ["org.acme:lamp", "other:lamp"] {
        alice.put(&attribute(id), &value).await.expect(201);
    }
    alice.delete(&attribute("org.acme:lamp")).await.expect(204);
    let seen = futures_util::future::join_all(streams.iter_mut().map(arrived)).await;
    for ((target, expected), seen) in rows().into_iter().zip(seen) {
        assert_eq!(seen, expected, "{target}");
    }
    assert_eq!(arrived(&mut strange).await, Vec::<Value>::new());
}

#[tokio::test]
async fn malformed_parameters_open_no_stream() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    for (target, code) in [
        ("things?filter=eq(attributes/x", "rql.expression.invalid"),
        ("things/org.acme:lamp?filter=x", "rql.expression.invalid"),
        ("things?filter=", "rql.expression.invalid"),
        ("things/org.acme:lamp?filter=+", "rql.expression.invalid"),
        (
            "things/org.acme:lamp?filter=&from-historical-revision=1",
            "rql.expression.invalid",
        ),
        ("things?fields=attributes(x", "json.fieldselector.invalid"),
        (
            "things?extraFields=attributes(x",
            "json.fieldselector.invalid",
        ),
        ("things?extraFields={{+nope:id+}}", "placeholder:unresolved"),
        ("things?ids=org.acme:lamp,%20", "things:id.invalid"),
        ("things/lamp", "things:id.invalid"),
        (
            "things/org.acme:lamp?from-historical-revision=-1",
            "json.format.invalid",
        ),
        (
            "things/org.acme:lamp?to-historical-revision=1.5",
            "json.format.invalid",
        ),
        (
            "things/org.acme:lamp?from-historical-timestamp=1",
            "json.format.invalid",
        ),
        (
            "things/org.acme:lamp?to-historical-timestamp=yesterday",
            "json.format.invalid",
        ),
        (
            "things?ids=org.acme:a,org.acme:b&to-historical-revision=1",
            "things:things.ids.missing",
        ),
        (
            "things?to-historical-timestamp=2026-01-01T00:00:00Z",
            "things:things.ids.missing",
        ),
        (
            "things/org.acme:lamp/inbox/messages?extraFields=policyId",
            "signal.unsupported",
        ),
        (
            "things/org.acme:lamp/inbox/messages?fields=thingId",
            "signal.unsupported",
        ),
    ] {
        let refused = alice.events(&format!("/api/2/{target}")).await;
        let refused = refused.expect_err(target);
        assert_eq!(refused.status_and_code(), format!("400 {code}"), "{target}");
    }
    for id in [
        "-1",
        "x",
        "1;drop",
        "1e3",
        "0x1",
        "%31",
        "99999999999999999999",
    ] {
        let returning = alice.with("last-event-id", id);
        let refused = returning.events(LAMP).await.expect_err(id);
        assert_eq!(refused.status_and_code(), "400 header.invalid", "{id}");
    }
}

#[tokio::test]
async fn only_a_range_of_text_asks_for_a_stream() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    for (accept, is_stream) in [
        ("text/event-stream", true),
        ("TEXT/Event-Stream; charset=utf-8", true),
        ("text/*", true),
        ("application/json, text/event-stream;q=0.5", true),
        ("*/*", false),
        ("application/*", false),
        ("text/plain, application/json", false),
        ("application/json", false),
    ] {
        let caller = alice.with("accept", accept);
        let is_opened = caller.events(LAMP).await.is_ok();
        assert_eq!(is_opened, is_stream, "{accept}");
    }
    // Where there is no stream, the ordinary answer comes.
    let caller = alice.with("accept", "text/event-stream");
    for path in ["/api/2/policies/org.acme:lamp", "/api/2/whoami"] {
        let answer = caller.get(path).await.expect(200);
        assert!(answer.header("content-type").contains("json"), "{path}");
    }
}
