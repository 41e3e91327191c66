//! Parameters: of paths, of queries, and the header fields that Ditto gives a meaning.

mod fields;

use actix_web::http::Method;
use serde_json::{Map, Value, json};

use self::fields::FIELDS;
use super::schemas::text;
use super::subject::{Subject, Tag};
use crate::edge::is_query_parameter;
use crate::routes::RouteName;

/// What a request is about, as far as it decides which parameters it may have.
#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    name: RouteName,
    subject: Subject,
    method: &'a Method,
}

impl Asked<'_> {
    fn is_read(self) -> bool {
        *self.method == Method::GET
    }

    fn is_merge(self) -> bool {
        *self.method == Method::PATCH
    }

    /// Whether it concerns one thing or a part of it, and no more than that.
    fn is_of_one_thing(self) -> bool {
        self.subject.tag == Tag::Things
            && !matches!(self.name, RouteName::Things | RouteName::Migration)
    }

    /// Whether what is read has a past.
    fn has_past(self) -> bool {
        self.is_read() && (self.is_of_one_thing() || self.subject.tag == Tag::Policies)
    }

    fn is_message(self) -> bool {
        self.subject.tag == Tag::Messages && !self.is_read()
    }

    fn is_write_to(self, tag: Tag) -> bool {
        self.subject.tag == tag && !self.is_read()
    }

    /// Whether it may open a stream of server-sent events.
    fn may_stream(self) -> bool {
        self.is_read() && matches!(self.subject.tag, Tag::Things | Tag::Messages)
    }

    /// Whether it may be conditional by entity tags.
    fn has_entity_tag(self) -> bool {
        self.is_of_one_thing()
            || self.name == RouteName::Migration
            || self.subject.tag == Tag::Policies && *self.method != Method::POST
    }

    /// Whether a policy may be created by it.
    fn may_create_policy(self) -> bool {
        let has_id = matches!(self.name, RouteName::Thing | RouteName::Policy);
        let is_put = matches!(*self.method, Method::PUT | Method::PATCH);
        let is_collection = matches!(self.name, RouteName::Things | RouteName::Policies);
        has_id && is_put || is_collection && *self.method == Method::POST
    }
}

/// A parameter of a query that stands for no header field: name, schema, meaning, and where it counts.
type QueryRow = (
    &'static str,
    fn() -> Value,
    &'static str,
    fn(Asked<'_>) -> bool,
);

const QUERY: &[QueryRow] = &[
    (
        "fields",
        selector,
        "Which parts to show: `thingId,attributes(site,serial)`.",
        |asked| asked.is_read() && asked.subject.is_selectable(),
    ),
    ("ids", list, "The things to read, or to follow.", |asked| {
        asked.is_read() && asked.name == RouteName::Things
    }),
    (
        "namespace",
        text::namespace,
        "The namespace of the id that is generated.",
        |asked| !asked.is_read() && asked.name == RouteName::Things,
    ),
    (
        "namespaces",
        list,
        "Of a stream: the namespaces that it is about.",
        |asked| asked.may_stream() && asked.subject.tag == Tag::Things,
    ),
    (
        "filter",
        text::rql,
        "Of a stream: an RQL expression that events must match.",
        |asked| asked.may_stream() && asked.subject.tag == Tag::Things,
    ),
    (
        "extraFields",
        some_text,
        "Of a stream: parts of the thing to add to each event.",
        |asked| asked.may_stream() && asked.subject.tag == Tag::Things,
    ),
    (
        "from-historical-revision",
        integer,
        "Of a stream of the past: the first revision.",
        of_past,
    ),
    (
        "to-historical-revision",
        integer,
        "Of a stream of the past: the last revision.",
        of_past,
    ),
    (
        "from-historical-timestamp",
        instant,
        "Of a stream of the past: its beginning.",
        of_past,
    ),
    (
        "to-historical-timestamp",
        instant,
        "Of a stream of the past: its end.",
        of_past,
    ),
];

fn of_past(asked: Asked<'_>) -> bool {
    asked.may_stream() && asked.subject.tag == Tag::Things
}

/// Every parameter, by the key that references use.
pub(super) fn all(serves_docs: bool) -> Map<String, Value> {
    let mut all = Map::new();
    let is_served = |name: &str| serves_docs || name != "file";
    for (name, schema, description) in PATH.iter().filter(|(name, ..)| is_served(name)) {
        let mut parameter = parameter(name, "path", (schema(), description));
        parameter["required"] = true.into();
        all.insert(format!("path.{name}"), parameter);
    }
    for (name, schema, description, _) in QUERY {
        let parameter = parameter(name, "query", (schema(), description));
        all.insert(format!("query.{name}"), parameter);
    }
    for (name, schema, description, _) in FIELDS {
        if *name != "accept" {
            let parameter = parameter(name, "header", (schema(), description));
            all.insert(format!("header.{name}"), parameter);
        }
        if is_query_parameter(name) {
            let parameter = parameter(name, "query", (schema(), description));
            all.insert(format!("query.{name}"), parameter);
        }
    }
    all
}

fn parameter(name: &str, place: &str, (schema, description): (Value, &str)) -> Value {
    let mut parameter =
        json!({ "name": name, "in": place, "description": description, "schema": schema });
    // Lists are written with commas, whatever the schema of their items.
    if place == "query" && parameter["schema"]["type"] == "array" {
        parameter["style"] = "form".into();
        parameter["explode"] = false.into();
    }
    parameter
}

/// References to what `method` may have on the route.
pub(super) fn of_operation(name: RouteName, method: &Method) -> Vec<Value> {
    let asked = Asked {
        name,
        subject: Subject::of(name),
        method,
    };
    let mut keys = Vec::new();
    for (name, _, _, counts) in QUERY {
        if counts(asked) {
            keys.push(format!("query.{name}"));
        }
    }
    for (name, _, _, counts) in FIELDS {
        if counts(asked) {
            if *name != "accept" {
                keys.push(format!("header.{name}"));
            }
            if is_query_parameter(name) {
                keys.push(format!("query.{name}"));
            }
        }
    }
    keys.iter().map(|key| reference(key)).collect()
}

/// Whether somebody else's answer may be passed on: a device's, or that of the one who acknowledges.
pub(super) fn may_ask_others(name: RouteName, method: &Method) -> bool {
    let asked = Asked {
        name,
        subject: Subject::of(name),
        method,
    };
    let counts = |(field, .., counts): &fields::FieldRow| {
        matches!(*field, "channel" | "requested-acks") && counts(asked)
    };
    FIELDS.iter().any(counts)
}

/// References to the parameters between braces.
pub(super) fn of_path(template: &str) -> Vec<Value> {
    template
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| reference(&format!("path.{name}")))
        .collect()
}

fn reference(key: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{key}") })
}

type PathRow = (&'static str, fn() -> Value, &'static str);

const PATH: &[PathRow] = &[
    (
        "thingId",
        entity_id,
        "The id of the thing: `<namespace>:<name>`.",
    ),
    (
        "policyId",
        entity_id,
        "The id of the policy: `<namespace>:<name>`.",
    ),
    (
        "importedPolicyId",
        entity_id,
        "The id of the imported policy.",
    ),
    ("featureId", text::key, "The id of the feature."),
    (
        "attributePath",
        text::path_of_keys,
        "A JSON pointer without its first `/`: slashes lead downwards.",
    ),
    (
        "propertyPath",
        text::path_of_keys,
        "A JSON pointer without its first `/`: slashes lead downwards.",
    ),
    (
        "messageSubject",
        message_subject,
        "The subject of the message, which may contain slashes.",
    ),
    ("label", label, "The label of the entry."),
    ("subjectId", subject_id, "The subject: `<issuer>:<id>`."),
    (
        "resourcePath",
        resource_key,
        "The resource: `thing:/`, `policy:/`, `message:/` and what is below.",
    ),
    ("file", docs_file, "The name of the file."),
];

fn some_text() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

/// Ditto documentation, page "HTTP API concepts", section "Field selector"; an empty one selects nothing.
fn selector() -> Value {
    json!({ "type": "string" })
}

fn list() -> Value {
    json!({ "type": "array", "items": { "type": "string" } })
}

fn integer() -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX })
}

fn instant() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn boolean() -> Value {
    json!({ "type": "boolean" })
}

/// Source: Ditto documentation, page "Namespaces and names".
fn entity_id() -> Value {
    json!({ "$ref": "#/components/schemas/EntityId" })
}

fn label() -> Value {
    json!({ "$ref": "#/components/schemas/Label" })
}

fn subject_id() -> Value {
    json!({ "$ref": "#/components/schemas/SubjectId" })
}

fn resource_key() -> Value {
    json!({ "$ref": "#/components/schemas/ResourceKey" })
}

/// At most 1024 bytes, which a schema cannot say.
fn message_subject() -> Value {
    json!({
        "type": "string",
        "maxLength": 1024,
        "pattern": "^[^/\\u0000-\\u001F\\u007F-\\u009F]+(/[^/\\u0000-\\u001F\\u007F-\\u009F]+)*$",
    })
}

fn docs_file() -> Value {
    json!({ "enum": ["app.js", "style.css"] })
}
