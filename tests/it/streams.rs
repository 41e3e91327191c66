//! Changes as they happen: the WebSocket, server-sent events, and who may see what.

use serde_json::{Value, json};
use tests::{Socket, TestGateway};

mod announcements;
mod caps;
mod closes;
mod control;
mod crowded;
mod day;
mod events;
mod expiry;
mod filters;
mod frames;
mod hidden_names;
mod history;
mod parameters;
mod past;
mod refresh;
mod resume;
mod resume_busy;
mod revocation;
mod server_sent;
mod slow;
mod web_socket;

/// What most of these tests are about.
const LAMP: &str = "/api/2/things/org.acme:lamp";
/// Somebody else's entry in its policy.
const GUEST: &str = "/api/2/policies/org.acme:lamp/entries/guest";

/// A twin command on the thing `org.acme:<name>`.
pub(crate) fn command(name: &str, action: &str, path: &str, value: Value) -> Value {
    let topic = format!("org.acme/{name}/things/twin/commands/{action}");
    let mut envelope = json!({ "topic": topic, "headers": {}, "path": path });
    if !value.is_null() {
        envelope["value"] = value;
    }
    envelope
}

/// The sum of the samples of a metric that have all of these labels, written `name="value"`.
pub(crate) async fn counted(gateway: &TestGateway, metric: &str, labels: &[&str]) -> u64 {
    let metrics = gateway.as_operator().get("/metrics").await.expect(200);
    let samples = metrics.body.lines().filter_map(|line| {
        let (name, rest) = line.split_once('{')?;
        let (found, value) = rest.split_once("} ")?;
        let is_meant = name == metric && labels.iter().all(|label| found.contains(label));
        is_meant.then(|| value.trim().parse::<u64>().expect("a number"))
    });
    samples.sum()
}

/// The next event frame as topic, path and value.
pub(crate) async fn event(socket: &mut Socket) -> (String, String, Value) {
    let frame = socket.json().await;
    let text = |name: &str| frame[name].as_str().map(str::to_owned).unwrap_or_default();
    assert!(
        text("topic").contains("/events/"),
        "expected an event: {frame}"
    );
    (text("topic"), text("path"), frame["value"].clone())
}
