//! What one method does on one route.

use actix_web::http::Method;
use serde_json::{Map, Value, json};

use super::subject::{Subject, Tag};
use super::{parameters, responses};
use crate::routes::RouteName;

pub(super) fn describe(name: RouteName, method: &Method) -> Value {
    let subject = Subject::of(name);
    let mut operation = json!({
        "operationId": format!("{}{name:?}", method.as_str().to_ascii_lowercase()),
        "tags": [subject.tag.as_str()],
        "summary": summary(name, method),
        "responses": answers(name, method),
    });
    let parameters = parameters::of_operation(name, method);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = request_body(name, method) {
        operation["requestBody"] = body;
    }
    if !needs_credential(name) {
        operation["security"] = json!([]);
    } else if name == RouteName::WebSocket {
        operation["security"] = json!([{ "bearer": [] }, { "proxy": [] }, { "token": [] }]);
    }
    operation
}

/// As the routes themselves say.
fn needs_credential(name: RouteName) -> bool {
    name.needs_principal()
}

fn summary(name: RouteName, method: &Method) -> String {
    let Subject { noun, tag, .. } = Subject::of(name);
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    match (name, tag) {
        (RouteName::WebSocket, _) => "Open a WebSocket that speaks the Ditto Protocol".to_owned(),
        (RouteName::CheckPermissions, _) => "Ask which of several permissions you have".to_owned(),
        (RouteName::Things, _) if !is_read => "Create a thing under a generated id".to_owned(),
        (RouteName::Migration, _) => "Move the thing to another definition".to_owned(),
        (RouteName::Policies, _) => "Create a policy under a generated id".to_owned(),
        (RouteName::Activation | RouteName::EntryActivation, _) => {
            "Let a system act with your token for as long as it counts".to_owned()
        }
        (RouteName::Deactivation | RouteName::EntryDeactivation, _) => {
            "End what an activation began".to_owned()
        }
        (RouteName::Claim, _) => "Ask to become the owner of the thing".to_owned(),
        (_, Tag::Messages) => message_summary(name, is_read),
        (_, Tag::Things | Tag::Policies | Tag::Caller | Tag::Gateway) => match *method {
            Method::PUT => format!("Create or replace {noun}"),
            Method::PATCH => format!("Merge into {noun}"),
            Method::DELETE => format!("Delete {noun}"),
            _ => format!("Read {noun}"),
        },
    }
}

fn message_summary(name: RouteName, is_read: bool) -> String {
    let noun = Subject::of(name).noun;
    let way = if is_inbox(name) { "to" } else { "from" };
    match (is_read, has_subject(name)) {
        (true, true) => format!("Follow the messages {way} {noun} with one subject"),
        (true, false) => format!("Follow all messages {way} {noun}"),
        (false, true) => format!("Send a message {way} {noun}"),
        (false, false) => "Refused, because a message has a subject".to_owned(),
    }
}

fn is_inbox(name: RouteName) -> bool {
    matches!(
        name,
        RouteName::Inbox
            | RouteName::InboxMessage
            | RouteName::FeatureInbox
            | RouteName::FeatureInboxMessage
    )
}

fn has_subject(name: RouteName) -> bool {
    !matches!(
        name,
        RouteName::Inbox | RouteName::Outbox | RouteName::FeatureInbox | RouteName::FeatureOutbox
    )
}

fn request_body(name: RouteName, method: &Method) -> Option<Value> {
    let Subject { tag, schema, .. } = Subject::of(name);
    let (media_type, schema) = match (name, method.as_str()) {
        (RouteName::Things, "POST") => ("application/json", "NewThing"),
        (RouteName::Thing, "PUT") => ("application/json", "PutThing"),
        (RouteName::Migration, "POST") => ("application/json", "Migration"),
        (RouteName::Policies, "POST") => ("application/json", "NewPolicy"),
        (RouteName::CheckPermissions, _) => ("application/json", "PermissionChecks"),
        (RouteName::Activation | RouteName::EntryActivation, _) => {
            return Some(body("application/json", "Activation", false));
        }
        (RouteName::Deactivation | RouteName::EntryDeactivation, _) => return None,
        (_, "POST") if tag == Tag::Messages => return Some(body("*/*", "Payload", false)),
        (_, "PUT") => ("application/json", schema),
        (_, "PATCH") => ("application/merge-patch+json", patch_of(schema)),
        _ => return None,
    };
    Some(body(media_type, schema, true))
}

/// The schema of a patch of what has this schema: the same if it has no parts.
fn patch_of(schema: &'static str) -> &'static str {
    match schema {
        "Thing" => "ThingPatch",
        "Features" => "FeaturesPatch",
        "Feature" => "FeaturePatch",
        "Attributes" | "Properties" => "MembersPatch",
        whole => whole,
    }
}

fn body(media_type: &str, schema: &str, is_required: bool) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
    json!({ "required": is_required, "content": { media_type: { "schema": schema } } })
}

fn answers(name: RouteName, method: &Method) -> Map<String, Value> {
    let subject = Subject::of(name);
    let mut answers = match subject.tag {
        Tag::Things => of_thing(name, method),
        Tag::Messages => of_message(name, method),
        Tag::Policies => of_policy(name, method),
        Tag::Caller => one("200", shown(subject.schema)),
        Tag::Gateway => return of_gateway(name),
    };
    let is_refused = subject.tag == Tag::Messages && !has_subject(name);
    if !is_refused && parameters::may_ask_others(name, method) {
        answers.insert("default".to_owned(), responses::named("Passed"));
    }
    answers.append(&mut responses::errors(&refusals(name, method)));
    answers
}

/// With which statuses it may be refused.
fn refusals(name: RouteName, method: &Method) -> Vec<&'static str> {
    let tag = Subject::of(name).tag;
    let is_read = *method == Method::GET;
    let is_about_one = tag != Tag::Caller;
    let has_body = !is_read && *method != Method::DELETE;
    let is_stream = tag == Tag::Messages && is_read;
    let may_wait = is_about_one && !is_stream;
    let rows: [(&[&str], bool); 9] = [
        (&["400", "401", "403"], true),
        (&["404"], is_about_one),
        // Only a retrieval may choose its channel by a condition; messages are not retrieved.
        (&["405"], !is_read || is_stream),
        (&["408"], may_wait),
        // Nothing is read or written in a closed namespace.
        (&["409"], name != RouteName::WhoAmI),
        (
            &["412"],
            may_wait && !(is_read && name == RouteName::Things),
        ),
        (&["413"], has_body),
        (&["415"], has_body && tag != Tag::Messages),
        (&["414", "429", "431", "500", "503"], true),
    ];
    let held = rows.iter().filter(|(_, holds)| *holds);
    held.flat_map(|(statuses, _)| statuses.iter().copied())
        .collect()
}

fn of_thing(name: RouteName, method: &Method) -> Map<String, Value> {
    let schema = Subject::of(name).schema;
    match (name, method.as_str()) {
        (RouteName::Things, "GET") => one("200", followed(shown(schema))),
        (RouteName::Migration, _) => {
            let mut answers = one("200", responses::with_json("Carried out.", schema, WRITTEN));
            let rehearsed =
                responses::with_json("Rehearsed: what would be changed.", schema, WRITTEN);
            answers.insert("202".to_owned(), rehearsed);
            answers
        }
        (_, "GET") => read(schema, true),
        (_, "POST") => created("Thing", true),
        (RouteName::Thing, "PATCH") => written(Some("Thing"), true),
        (RouteName::ThingPolicyId, _) | (_, "PATCH" | "DELETE") => written(None, true),
        _ => written(Some(schema), true),
    }
}

fn of_policy(name: RouteName, method: &Method) -> Map<String, Value> {
    let schema = Subject::of(name).schema;
    match (name, method.as_str()) {
        (_, "GET") => read(schema, false),
        (RouteName::Policies, _) => created("Policy", false),
        (_, "PUT") => written(Some(schema), false),
        _ => written(None, false),
    }
}

/// What a read answers with; streams only exist of things.
fn read(schema: &str, may_stream: bool) -> Map<String, Value> {
    let mut headers = WRITTEN.to_vec();
    if may_stream {
        headers.extend([
            "ditto-metadata",
            "channel",
            "live-channel-condition-matched",
        ]);
    }
    let answer = responses::with_json(
        "What is there, as far as the caller may read it.",
        schema,
        &headers,
    );
    let mut answers = one("200", if may_stream { followed(answer) } else { answer });
    answers.insert("304".to_owned(), responses::named("NotModified"));
    answers
}

/// The headers of most answers.
const WRITTEN: &[&str] = &["correlation-id", "etag", "entity-revision"];

/// What a write answers with; `created` is the schema of what it may create.
fn written(created: Option<&str>, may_be_acknowledged: bool) -> Map<String, Value> {
    let mut answers = one("204", responses::without_body("Done.", WRITTEN));
    answers.insert("202".to_owned(), responses::named("Accepted"));
    if let Some(schema) = created {
        let headers = ["correlation-id", "etag", "entity-revision", "location"];
        answers.insert(
            "201".to_owned(),
            responses::with_json("Created.", schema, &headers),
        );
    }
    if may_be_acknowledged {
        let all = "Everybody who was asked to has acknowledged; what each said, by label.";
        let all = responses::with_json(all, "Acknowledgements", &["correlation-id"]);
        answers.insert("200".to_owned(), all);
        answers.insert("424".to_owned(), responses::named("E424"));
    }
    answers
}

/// What a creation under a new id answers with.
fn created(schema: &str, may_be_acknowledged: bool) -> Map<String, Value> {
    let mut answers = written(Some(schema), may_be_acknowledged);
    answers.shift_remove("204");
    answers
}

fn of_message(name: RouteName, method: &Method) -> Map<String, Value> {
    if *method == Method::GET {
        return one("200", stream("The messages, as they come."));
    }
    if !has_subject(name) {
        return Map::new();
    }
    let mut answers = one("202", responses::named("Accepted"));
    answers.insert("424".to_owned(), responses::named("E424"));
    answers
}

fn of_gateway(name: RouteName) -> Map<String, Value> {
    let mut answers = one("200", shown(Subject::of(name).schema));
    if name == RouteName::WebSocket {
        let upgraded = "The connection is a WebSocket from now on (RFC 6455).";
        answers = one("101", json!({ "description": upgraded }));
    }
    if name == RouteName::Docs {
        answers = one("200", typed("The page.", "text/html"));
    }
    if name == RouteName::DocsFile {
        let mut answer = typed("The file.", "text/css");
        answer["content"]["text/javascript"] = json!({});
        answers = one("200", answer);
    }
    let statuses: &[&str] = if name.needs_principal() {
        &[
            "400", "401", "403", "405", "414", "429", "431", "500", "503",
        ]
    } else {
        &["400", "404", "405", "414", "429", "431"]
    };
    answers.append(&mut responses::errors(statuses));
    if name == RouteName::Health {
        answers.insert("503".to_owned(), shown("Health"));
    }
    answers
}

fn one(status: &str, answer: Value) -> Map<String, Value> {
    Map::from_iter([(status.to_owned(), answer)])
}

fn shown(schema: &str) -> Value {
    responses::with_json("What is there.", schema, &["correlation-id"])
}

fn typed(description: &str, media_type: &str) -> Value {
    let mut answer = responses::without_body(description, &["correlation-id"]);
    answer["content"] = json!({ media_type: {} });
    answer
}

fn stream(description: &str) -> Value {
    let mut answer = typed(description, "text/event-stream");
    answer["content"]["text/event-stream"] = json!({ "schema": { "type": "string" } });
    answer
}

/// The same answer, or a stream of what changes.
fn followed(mut answer: Value) -> Value {
    answer["content"]["text/event-stream"] = json!({ "schema": { "type": "string" } });
    answer
}
