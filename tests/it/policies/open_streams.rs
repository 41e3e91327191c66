//! A policy that changes, or one that it imports, decides about the next event of streams that are open.

use serde_json::{Value, json};
use tests::{EventStream, Socket};

use super::peer::{Talk, entry, policy};

const N: &str = "alice /things/a:t/attributes/n";
const CREW: &str = "alice a:roles/entries/crew";

/// Bob's open streams on Alice's thing, whose policy imports what he may do.
struct Listening {
    talk: Talk,
    socket: Socket,
    events: EventStream,
    next: u32,
}

fn roles() -> Value {
    policy(
        json!({ "crew": entry(&["bob"], "+R thing:/, +R message:/") }),
        json!({}),
    )
}

impl Listening {
    async fn start() -> Self {
        let talk = Talk::start().await;
        talk.put("alice a:roles", roles(), "201").await;
        talk.put(
            "alice a:t",
            policy(json!({}), json!({ "a:roles": {} })),
            "201",
        )
        .await;
        let thing = json!({ "policyId": "a:t", "attributes": { "n": 0 } });
        talk.put("alice /things/a:t", thing, "201").await;
        let bob = talk.gateway.as_subject("nginx:bob");
        let mut socket = bob.web_socket().await.expect("a WebSocket");
        socket.control("START-SEND-EVENTS").await;
        socket.control("START-SEND-MESSAGES").await;
        let events = bob.events("/api/2/things?ids=a:t").await;
        Self {
            talk,
            socket,
            events: events.expect("a stream of events"),
            next: 1,
        }
    }

    /// Something happens that Bob must not see on any stream; what he sees next must come after it.
    async fn unseen(&mut self) {
        self.talk.put(N, json!(self.next), "204").await;
        self.message().await;
        self.next += 1;
        self.talk
            .get("bob /things/a:t", "404 things:thing.notfound")
            .await;
    }

    /// Something happens that Bob must see at once, and nothing else before.
    async fn seen(&mut self) {
        self.talk.get("bob /things/a:t", "200").await;
        self.talk.put(N, json!(self.next), "204").await;
        let frame = self.socket.json().await;
        assert_eq!(
            (&frame["path"], &frame["value"]),
            (&json!("/attributes/n"), &json!(self.next)),
            "{frame}"
        );
        self.message().await;
        let frame = self.socket.json().await;
        assert_eq!(frame["value"], json!({ "n": self.next }), "{frame}");
        let event = self.events.next().await.expect("the stream goes on");
        let data: Value = serde_json::from_str(&event.data).expect("JSON");
        assert_eq!(data["attributes"], json!({ "n": self.next }), "{data}");
        self.next += 1;
    }

    async fn message(&self) {
        let path = "alice /things/a:t/inbox/messages/hello?timeout=0";
        self.talk.post(path, json!({ "n": self.next }), "202").await;
    }
}

#[tokio::test]
async fn every_change_of_a_policy_decides_about_the_next_event() {
    let mut bob = Listening::start().await;
    bob.seen().await;
    let revoke = entry(&["bob"], "-R thing:/, -R message:/");
    bob.talk.put("alice a:t/entries/no", revoke, "201").await;
    bob.unseen().await;
    bob.talk.delete("alice a:t/entries/no", "204").await;
    bob.seen().await;
    bob.talk.delete("alice a:t/imports/a:roles", "204").await;
    bob.unseen().await;
    bob.talk
        .put("alice a:t/imports", json!({ "a:roles": {} }), "204")
        .await;
    bob.seen().await;
    // The thing gets another policy.
    bob.talk
        .put("alice a:other", policy(json!({}), json!({})), "201")
        .await;
    bob.talk
        .put("alice /things/a:t/policyId", json!("a:other"), "204")
        .await;
    bob.unseen().await;
}

#[tokio::test]
async fn every_change_of_an_imported_policy_decides_about_the_next_event() {
    let mut bob = Listening::start().await;
    bob.seen().await;
    for (member, off, on) in [
        ("importable", json!("never"), json!("implicit")),
        ("namespaces", json!(["other"]), json!([])),
        (
            "subjects",
            json!({}),
            json!({ "nginx:bob": { "type": "x" } }),
        ),
        (
            "resources",
            json!({}),
            roles()["entries"]["crew"]["resources"].clone(),
        ),
    ] {
        let path = format!("{CREW}/{member}");
        bob.talk.put(&path, off, "204").await;
        bob.unseen().await;
        bob.talk.put(&path, on, "204").await;
        bob.seen().await;
    }
    bob.talk.delete(CREW, "204").await;
    bob.unseen().await;
    bob.talk.put("alice a:roles", roles(), "204").await;
    bob.seen().await;
}

#[tokio::test]
async fn a_template_that_is_deleted_takes_its_readers_along() {
    let mut bob = Listening::start().await;
    bob.seen().await;
    bob.talk.delete("alice a:roles", "204").await;
    bob.unseen().await;
    bob.talk
        .get(
            "bob /things/a:t/attributes/n",
            "404 things:attribute.notfound",
        )
        .await;
    bob.talk.put("alice a:roles", roles(), "201").await;
    bob.seen().await;
    // The policy of the thing itself: then nobody reads it any more, and nobody hears of it.
    bob.talk.delete("alice a:t", "204").await;
    bob.talk
        .get("bob /things/a:t", "404 things:thing.notfound")
        .await;
    bob.talk
        .get("alice /things/a:t", "404 things:thing.notfound")
        .await;
    bob.talk
        .put(N, json!(99), "403 things:thing.notmodifiable")
        .await;
    bob.talk
        .put(
            "alice a:t",
            policy(json!({}), json!({ "a:roles": {} })),
            "201",
        )
        .await;
    bob.seen().await;
}

/// What a template of a template says reaches the streams, too.
#[tokio::test]
async fn a_change_two_imports_away_decides_about_the_next_event() {
    let mut bob = Listening::start().await;
    bob.talk.put("alice a:far", roles(), "201").await;
    bob.talk
        .put(
            "alice a:roles",
            policy(json!({}), json!({ "a:far": {} })),
            "204",
        )
        .await;
    bob.unseen().await;
    let list = "alice a:t/imports/a:roles/transitiveImports";
    bob.talk.put(list, json!(["a:far"]), "204").await;
    bob.seen().await;
    bob.talk.delete("alice a:far/entries/crew", "204").await;
    bob.unseen().await;
    bob.talk.put("alice a:far", roles(), "204").await;
    bob.seen().await;
    bob.talk.delete("alice a:far", "204").await;
    bob.unseen().await;
}
