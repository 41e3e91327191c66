//! Every message that starts or stops a stream, with every parameter and every mistake.

use serde_json::{Value, json};
use tests::{Caller, Socket, TestGateway};

use crate::given::given_lamp;
use crate::messages::QUIET;

const LAMP: &str = "org.acme:lamp";
const DARK: &str = "org.acme:dark";
const ELSEWHERE: &str = "other:lamp";
/// What every subscription of these tests hears of, so that it is known when nothing else comes.
const LAST: &str = "end:lamp";

const KINDS: [&str; 5] = [
    "EVENTS",
    "MESSAGES",
    "LIVE-COMMANDS",
    "LIVE-EVENTS",
    "POLICY-ANNOUNCEMENTS",
];

/// Things whose owner says something of every kind about any of them.
struct World {
    gateway: TestGateway,
    owner: Caller,
    /// Sends what HTTP cannot.
    sender: Socket,
}

impl World {
    async fn start() -> Self {
        let settings = json!({
            "policies": { "announcement": { "default_randomization_interval": "0s" } },
            "limits": { "per_source": false, "per_subject": false, "handshakes_per_source": false },
        });
        let gateway = TestGateway::start_with(settings).await;
        let owner = gateway.as_subject("nginx:alice");
        for id in [LAMP, DARK, ELSEWHERE, LAST] {
            given_lamp(&owner, id).await;
        }
        let sender = owner.web_socket().await.expect("a WebSocket");
        Self {
            gateway,
            owner,
            sender,
        }
    }

    /// A socket of the owner, who is also somebody whom policies announce something to.
    async fn socket(&self) -> Socket {
        let caller = self.gateway.as_subject("nginx:alice,nginx:told");
        caller.web_socket().await.expect("a WebSocket")
    }

    /// The same with one stream.
    async fn listening(&self, kind: &str, parameters: &str) -> Socket {
        let mut socket = self.socket().await;
        start(&mut socket, kind, parameters).await;
        socket
    }

    /// Says something of this kind about a thing.
    async fn speak(&mut self, kind: &str, id: &str) {
        let thing = format!("/api/2/things/{id}");
        match kind {
            "EVENTS" => {
                let definition = json!("org.acme:Lamp:1.0.0");
                let path = format!("{thing}/definition");
                let answer = self.owner.put(&path, &definition).await;
                assert!(answer.status < 300, "{}", answer.body);
            }
            "MESSAGES" => {
                let message = format!("{thing}/inbox/messages/blink?timeout=0");
                self.owner.post(&message, &json!(1)).await.expect(202);
            }
            "LIVE-COMMANDS" => self.send(id, "commands/modify").await,
            "LIVE-EVENTS" => self.send(id, "events/modified").await,
            "POLICY-ANNOUNCEMENTS" => self.announce(id).await,
            _ => panic!("no such kind: {kind}"),
        }
    }

    async fn send(&mut self, id: &str, what: &str) {
        let topic = format!("{}/things/live/{what}", id.replace(':', "/"));
        let headers = json!({ "response-required": false });
        let frame =
            json!({ "topic": topic, "headers": headers, "path": "/attributes/x", "value": 1 });
        self.sender.send(frame.to_string()).await;
    }

    /// Whoever is removed is told.
    async fn announce(&self, id: &str) {
        let entry = format!("/api/2/policies/{id}/entries/told");
        let subject = json!({ "type": "test", "announcement": { "whenDeleted": true } });
        let told = json!({ "subjects": { "nginx:told": subject }, "resources": {} });
        self.owner.put(&entry, &told).await.expect(201);
        self.owner.delete(&entry).await.expect(204);
    }

    /// Speaks about these, one after another, as `witness` hears.
    async fn speak_of(&mut self, kind: &str, ids: &[&str], witness: &mut Socket) {
        for id in ids {
            self.speak(kind, id).await;
            assert_eq!(about(&witness.json().await), *id);
        }
    }
}

async fn start(socket: &mut Socket, kind: &str, parameters: &str) {
    socket.send(format!("START-SEND-{kind}{parameters}")).await;
    assert_eq!(socket.text().await, format!("START-SEND-{kind}:ACK"));
}

async fn stop(socket: &mut Socket, kind: &str, parameters: &str) {
    socket.send(format!("STOP-SEND-{kind}{parameters}")).await;
    assert_eq!(socket.text().await, format!("STOP-SEND-{kind}:ACK"));
}

/// Which thing a frame is about, or the thing with the policy that it is about.
fn about(frame: &Value) -> String {
    let topic = frame["topic"].as_str().unwrap_or_default();
    let mut parts = topic.split('/');
    let (namespace, name) = (parts.next(), parts.next());
    format!(
        "{}:{}",
        namespace.unwrap_or_default(),
        name.unwrap_or_default()
    )
}

/// Everything up to what is said last: what it is about, and which further fields come with it.
async fn heard(socket: &mut Socket) -> Vec<(String, Value)> {
    let mut heard = Vec::new();
    loop {
        let frame = socket.json().await;
        let id = about(&frame);
        if id == LAST {
            return heard;
        }
        heard.push((id, frame["extra"].clone()));
    }
}

/// Parameters of a START, and what it lets through of two things in one namespace and one in another.
type Row = (&'static str, &'static [&'static str]);

fn rows(kind: &str) -> [Row; 13] {
    const ALL: &[&str] = &[LAMP, DARK, ELSEWHERE];
    let (lamps, lamp): (&[&str], &[&str]) = if takes_namespaces_only(kind) {
        (ALL, &[LAMP, DARK])
    } else {
        (&[LAMP, ELSEWHERE], &[LAMP])
    };
    [
        ("", ALL),
        ("?", ALL),
        ("xyz", ALL),
        ("?unknown=x", ALL),
        ("?Filter=eq(entity:name,'lamp')&Namespaces=other", ALL),
        ("?namespaces=&extraFields=&correlation-id=", ALL),
        ("?namespaces=other,end", &[ELSEWHERE]),
        ("?namespaces=org.acme%2Cother,end", ALL),
        ("?namespaces=org.*,*,org,ORG.ACME,end", &[]),
        ("?namespaces=+other,org.acme%20,end", &[]),
        ("?filter=eq(entity:name,'lamp')", lamps),
        (
            "?filter=and(eq(thing:name,%22lamp%22),not(eq(topic:action,'a+b')))",
            lamps,
        ),
        (
            "?namespaces=org.acme,end&filter=eq(entity:name,'lamp')&extraFields=policyId&correlation-id=c",
            lamp,
        ),
    ]
}

/// Announcements of policies are not filtered, and come without fields of things.
fn takes_namespaces_only(kind: &str) -> bool {
    kind == "POLICY-ANNOUNCEMENTS"
}

#[tokio::test]
async fn every_parameter_does_to_every_kind_what_it_says() {
    let mut world = World::start().await;
    for kind in KINDS {
        let mut witness = world.listening(kind, "").await;
        let mut sockets = Vec::new();
        for (parameters, _) in rows(kind) {
            sockets.push(world.listening(kind, parameters).await);
        }
        let said = [LAMP, DARK, ELSEWHERE, LAST];
        world.speak_of(kind, &said, &mut witness).await;
        for (socket, (parameters, ids)) in sockets.iter_mut().zip(rows(kind)) {
            let is_enriched =
                parameters.contains("extraFields=policyId") && !takes_namespaces_only(kind);
            let extra = |id: &str| {
                if is_enriched {
                    json!({ "policyId": id })
                } else {
                    Value::Null
                }
            };
            let expected: Vec<_> = ids.iter().map(|id| ((*id).to_owned(), extra(id))).collect();
            assert_eq!(heard(socket).await, expected, "{kind}{parameters}");
            stop(socket, kind, "?namespaces&=&%zz&a=1&a=2").await;
        }
        world.speak_of(kind, &said, &mut witness).await;
        let quiet = sockets
            .iter_mut()
            .map(|socket| socket.expect_silence(QUIET));
        futures_util::future::join_all(quiet).await;
    }
}

#[tokio::test]
async fn starting_again_replaces_and_no_kind_changes_another() {
    let mut world = World::start().await;
    let mut all = world.socket().await;
    for kind in KINDS {
        stop(&mut all, kind, "").await;
        start(
            &mut all,
            kind,
            "?namespaces=nowhere&filter=eq(thingId,'x')&extraFields=policyId",
        )
        .await;
        start(&mut all, kind, "?namespaces=org.acme,end").await;
    }
    // What is started last must not narrow what was started before.
    start(&mut all, "LIVE-EVENTS", "?namespaces=other,end").await;
    stop(&mut all, "MESSAGES", "").await;
    for kind in KINDS {
        let mut witness = world.listening(kind, "").await;
        let said = [LAMP, DARK, ELSEWHERE, LAST];
        world.speak_of(kind, &said, &mut witness).await;
        let expected: &[&str] = match kind {
            // The next kind would hear of it first.
            "MESSAGES" => continue,
            "LIVE-EVENTS" => &[ELSEWHERE],
            _ => &[LAMP, DARK],
        };
        let expected: Vec<_> = expected
            .iter()
            .map(|id| ((*id).to_owned(), Value::Null))
            .collect();
        assert_eq!(heard(&mut all).await, expected, "{kind}");
    }
}

/// Parameters that are wrong, and what is said about them.
fn mistakes(kind: &str) -> Vec<(&'static str, &'static str)> {
    let mut mistakes: Vec<_> = [
        "?namespaces",
        "?namespaces=org.acme&",
        "?filter",
        "??",
        "?namespaces=org.acme&namespaces=other",
        "?namespaces=org.acme&%6eamespaces=other",
        "?unknown=1&unknown=2",
        "?namespaces=org.acme%",
        "?namespaces=%zz",
        "?filter=like(attributes/x,'100%')",
        "?namespaces=%ff",
        "?%80=x",
    ]
    .map(|parameters| (parameters, "protocoladapter:invalid.controlmessage"))
    .into();
    if takes_namespaces_only(kind) {
        return mistakes;
    }
    for filter in [
        "?filter=",
        "?filter=+",
        "?filter=eq(attributes/x",
        "?filter=x",
        "?filter=eq(attributes/x,1)x",
    ] {
        mistakes.push((filter, "rql.expression.invalid"));
    }
    for fields in ["?extraFields=attributes(x", "?extraFields=attributes//x"] {
        mistakes.push((fields, "json.fieldselector.invalid"));
    }
    for fields in [
        "?extraFields=attributes/{{+nope:id+}}",
        "?extraFields={{+thing:id+%7C+fn:upper()+}}",
    ] {
        mistakes.push((fields, "placeholder:unresolved"));
    }
    mistakes
}

#[tokio::test]
async fn mistakes_are_told_and_change_nothing() {
    let mut world = World::start().await;
    for kind in KINDS {
        let mut witness = world.listening(kind, "").await;
        let mut socket = world.listening(kind, "?namespaces=other,end").await;
        for (parameters, code) in mistakes(kind) {
            let tagged = format!("START-SEND-{kind}{parameters}&correlation-id=s-1");
            socket.send(tagged.as_str()).await;
            let answer = socket.json().await;
            assert_eq!(answer["status"], 400, "{tagged} -> {answer}");
            assert_eq!(answer["value"]["error"], code, "{tagged} -> {answer}");
            assert_eq!(answer["topic"], "unknown/unknown/things/twin/errors");
            // Of parameters that cannot be read, none counts.
            let is_tagged = code != "protocoladapter:invalid.controlmessage";
            let id = if is_tagged { json!("s-1") } else { Value::Null };
            assert_eq!(
                answer["headers"]["correlation-id"], id,
                "{tagged} -> {answer}"
            );
        }
        if takes_namespaces_only(kind) {
            start(
                &mut socket,
                kind,
                "?namespaces=other,end&filter=eq(&extraFields=(",
            )
            .await;
        }
        let said = [LAMP, DARK, ELSEWHERE, LAST];
        world.speak_of(kind, &said, &mut witness).await;
        let expected = [(ELSEWHERE.to_owned(), Value::Null)];
        assert_eq!(heard(&mut socket).await, expected, "{kind}");
    }
}

#[tokio::test]
async fn what_only_looks_like_a_control_message_is_none() {
    let gateway = TestGateway::start().await;
    let caller = gateway.as_subject("nginx:alice");
    let mut socket = caller.web_socket().await.expect("a WebSocket");
    for text in [
        " START-SEND-EVENTS",
        "\nSTART-SEND-EVENTS",
        "start-send-events",
        "Start-Send-Events",
        "START_SEND_EVENTS",
        "START-SEND-EVENT",
        "START-SEND-",
        "START-SEND-ANNOUNCEMENTS",
        "STOP-SEND-NOTHING",
        "\"START-SEND-EVENTS\"",
        "jwt-token?jwtToken=a.b.c",
        "JWT_TOKEN?jwtToken=a.b.c",
    ] {
        socket.send(text).await;
        let answer = socket.json().await;
        assert_eq!(
            answer["value"]["error"], "json.invalid",
            "{text:?} -> {answer}"
        );
        assert_eq!(answer["topic"], "unknown/unknown/things/twin/errors");
        assert_eq!(
            answer["headers"].get("correlation-id"),
            None,
            "{text:?} -> {answer}"
        );
    }
    start(&mut socket, "EVENTS", "").await;
}
