//! Policies and their parts.

use serde_json::{Value, json};

use super::{id_in_path, lenient_list_of, list_of, map_of, named, text};

/// Source: Ditto documentation, page "Policy", section "Model specification".
pub(super) fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("Policy", policy(true)),
        ("NewPolicy", policy(false)),
        ("Entries", keyed(named("Label"), "Entry")),
        ("Entry", entry()),
        ("Subjects", keyed(named("SubjectId"), "Subject")),
        ("SubjectId", text::subject_id()),
        ("Subject", subject()),
        ("Announcement", announcement()),
        ("Activation", activation()),
        ("Resources", keyed(named("ResourceKey"), "Resource")),
        ("ResourceKey", text::resource_key()),
        (
            "Resource",
            json!({
                "type": "object",
                "required": ["grant", "revoke"],
                "properties": {
                    "grant": lenient_list_of(named("Permission")),
                    "revoke": lenient_list_of(named("Permission")),
                },
            }),
        ),
        (
            "Permission",
            json!({ "type": "string", "examples": ["READ", "WRITE", "EXECUTE"] }),
        ),
        ("Namespaces", list_of(text::namespace_pattern())),
        (
            "Importable",
            json!({ "enum": ["implicit", "explicit", "never"] }),
        ),
        (
            "AllowedAdditions",
            list_of(json!({ "enum": ["subjects", "resources", "namespaces"] })),
        ),
        ("References", list_of(reference())),
        ("Imports", keyed(named("EntityId"), "Import")),
        (
            "Import",
            json!({
                "type": "object",
                "properties": {
                    "entries": named("Labels"),
                    "transitiveImports": named("PolicyIds"),
                },
            }),
        ),
        ("Label", text::label()),
        ("Labels", lenient_list_of(named("Label"))),
        ("PolicyIds", list_of(named("EntityId"))),
    ]
}

/// An object with such keys, whose members all have the schema of this name.
fn keyed(keys: Value, name: &str) -> Value {
    let mut schema = map_of(name);
    schema["propertyNames"] = keys;
    schema
}

fn policy(has_id: bool) -> Value {
    let mut schema = json!({
        "type": "object",
        "properties": { "imports": named("Imports"), "entries": named("Entries") },
    });
    if has_id {
        schema["properties"]["policyId"] = id_in_path();
    }
    schema
}

fn entry() -> Value {
    json!({
        "type": "object",
        "properties": {
            "subjects": named("Subjects"),
            "resources": named("Resources"),
            "namespaces": named("Namespaces"),
            "importable": named("Importable"),
            "allowedAdditions": named("AllowedAdditions"),
            "references": named("References"),
        },
    })
}

fn subject() -> Value {
    json!({
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": text::free_text(),
            "expiry": { "type": "string", "format": "date-time", "pattern": "Z$", "description": "In UTC." },
            "announcement": named("Announcement"),
        },
    })
}

fn announcement() -> Value {
    let acknowledgements = json!({
        "type": "object",
        "properties": { "labels": list_of(text::free_text()), "timeout": text::duration_in("ms|s|m|h|d|w|mo|y") },
    });
    json!({
        "type": "object",
        "properties": {
            "beforeExpiry": text::duration_in("s|m|h"),
            "whenDeleted": { "type": "boolean" },
            "requestedAcks": acknowledgements,
            "randomizationInterval": text::duration_in("ms|s|m|h|d|w|mo|y"),
        },
    })
}

fn activation() -> Value {
    json!({ "type": "object", "properties": { "announcement": named("Announcement") } })
}

fn reference() -> Value {
    json!({
        "type": "object",
        "required": ["entry"],
        "properties": { "import": named("EntityId"), "entry": named("Label") },
    })
}
