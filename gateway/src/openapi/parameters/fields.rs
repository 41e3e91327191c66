//! The header fields that Ditto gives a meaning, most of which may stand in the query instead.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::{Asked, Tag, boolean, instant, integer, some_text, text};
use crate::routes::RouteName;

/// Name, schema, meaning, and where it counts.
pub(super) type FieldRow = (
    &'static str,
    fn() -> Value,
    &'static str,
    fn(Asked<'_>) -> bool,
);

pub(super) const FIELDS: &[FieldRow] = &[
    (
        "correlation-id",
        correlation_id,
        "Comes back with the answer, and with the event of a change.",
        |asked| asked.subject.tag != Tag::Gateway,
    ),
    (
        "timeout",
        duration,
        "How long to wait: `10s`, `500ms`; a number alone means seconds. A command waits at most a minute.",
        |asked| {
            matches!(asked.subject.tag, Tag::Things | Tag::Policies)
                || asked.is_message()
                || asked.name == RouteName::WebSocket
        },
    ),
    (
        "response-required",
        boolean,
        "`false`: 202 instead of an answer.",
        |asked| {
            asked.is_write_to(Tag::Things)
                || asked.is_write_to(Tag::Policies)
                || asked.is_message()
                || asked.name == RouteName::WebSocket
        },
    ),
    (
        "requested-acks",
        labels,
        "The labels of the acknowledgements to wait for.",
        |asked| {
            asked.is_write_to(Tag::Things)
                || asked.is_message()
                || asked.name == RouteName::WebSocket
        },
    ),
    (
        "declared-acks",
        labels,
        "The labels that this connection will acknowledge with.",
        |asked| asked.name == RouteName::WebSocket,
    ),
    (
        "channel",
        channel,
        "`live`: the device is asked instead of its twin.",
        |asked| asked.is_of_one_thing(),
    ),
    (
        "live-channel-condition",
        text::rql,
        "An RQL expression: the device is asked if it holds for the twin.",
        |asked| asked.is_of_one_thing() && asked.is_read(),
    ),
    (
        "live-channel-timeout-strategy",
        strategy,
        "What becomes of a read that the device does not answer in time.",
        |asked| asked.is_of_one_thing() && asked.is_read(),
    ),
    (
        "condition",
        text::rql,
        "An RQL expression that must hold for the thing as it is: `eq(attributes/site,'north')`.",
        |asked| {
            asked.is_of_one_thing()
                || asked.name == RouteName::Migration
                || asked.name == RouteName::Things && asked.is_read()
                || asked.is_message()
        },
    ),
    (
        "if-match",
        entity_tags,
        "Only if the resource is in one of these states (RFC 9110 §13.1.1).",
        |asked| asked.has_entity_tag(),
    ),
    (
        "if-none-match",
        entity_tags,
        "Only if the resource is in none of these states (RFC 9110 §13.1.2).",
        |asked| asked.has_entity_tag(),
    ),
    (
        "if-equal",
        if_equal,
        "What to do with a write that changes nothing.",
        |asked| asked.has_entity_tag() && !asked.is_read(),
    ),
    (
        "put-metadata",
        json_text,
        "Notes for parts: `[{\"key\":\"unit\",\"value\":\"W\"}]`.",
        |asked| asked.is_write_to(Tag::Things) && *asked.method != Method::DELETE,
    ),
    (
        "get-metadata",
        some_text,
        "The metadata to answer with in the header `ditto-metadata`.",
        |asked| asked.is_of_one_thing() && asked.is_read(),
    ),
    (
        "delete-metadata",
        some_text,
        "The metadata to take away.",
        |asked| asked.is_of_one_thing() && !asked.is_read(),
    ),
    (
        "merge-thing-patch-conditions",
        json_text,
        "RQL expressions by pointers: a part of the patch whose expression does not hold is left out.",
        |asked| asked.is_of_one_thing() && asked.is_merge(),
    ),
    (
        "at-historical-revision",
        integer,
        "Read the state of this revision.",
        |asked| asked.has_past(),
    ),
    (
        "at-historical-timestamp",
        instant,
        "Read the state just before this time.",
        |asked| asked.has_past(),
    ),
    (
        "dry-run",
        boolean,
        "Show what would be done, and do nothing.",
        |asked| asked.name == RouteName::Migration,
    ),
    (
        "allow-policy-lockout",
        boolean,
        "Accept a policy that its writer cannot change any more.",
        |asked| asked.may_create_policy(),
    ),
    (
        "policy-view",
        policy_view,
        "`resolved`: with what imports and references bring.",
        |asked| asked.subject.tag == Tag::Policies && asked.is_read(),
    ),
    (
        "accept",
        accept,
        "`text/event-stream`: follow instead of read.",
        |asked| asked.may_stream(),
    ),
    (
        "last-event-id",
        integer,
        "Go on after this event of a stream of changes.",
        |asked| asked.may_stream() && asked.subject.tag == Tag::Things,
    ),
];

/// What is no printable ASCII of at most 256 characters is replaced.
fn correlation_id() -> Value {
    json!({ "type": "string" })
}

fn labels() -> Value {
    json!({ "type": "array", "items": text::acknowledgement_label(), "maxItems": 32 })
}

fn duration() -> Value {
    json!({ "type": "string", "pattern": "^\\+?[0-9]+(ms|s|m|h|d|w|mo|y)?$" })
}

fn channel() -> Value {
    json!({ "enum": ["twin", "live"], "default": "twin" })
}

fn strategy() -> Value {
    json!({ "enum": ["fail", "use-twin"], "default": "fail" })
}

/// RFC 9110 §8.8.3.
fn entity_tags() -> Value {
    json!({ "type": "string", "pattern": "^(\\*|(W/)?\"[^\"*]*\"([ \\t]*,[ \\t]*(W/)?\"[^\"*]*\")*)$" })
}

fn if_equal() -> Value {
    json!({ "enum": ["update", "skip", "skip-minimizing-merge"], "default": "update" })
}

fn policy_view() -> Value {
    json!({ "enum": ["original", "resolved"], "default": "original" })
}

fn accept() -> Value {
    json!({ "type": "string" })
}

fn json_text() -> Value {
    json!({ "type": "string", "contentMediaType": "application/json" })
}
