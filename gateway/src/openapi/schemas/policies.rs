//! Policies and their parts.

use serde_json::{Value, json};

use super::{list_of, map_of, named};

/// Source: Ditto documentation, page "Policy", section "Model specification".
pub(super) fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("Policy", policy(true)),
        ("NewPolicy", policy(false)),
        ("Entries", map_of("Entry")),
        ("Entry", entry()),
        ("Subjects", map_of("Subject")),
        ("Subject", subject()),
        ("Announcement", announcement()),
        ("Activation", activation()),
        ("Resources", map_of("Resource")),
        (
            "Resource",
            json!({
                "type": "object",
                "properties": {
                    "grant": list_of(named("Permission")),
                    "revoke": list_of(named("Permission")),
                },
            }),
        ),
        (
            "Permission",
            json!({ "type": "string", "examples": ["READ", "WRITE", "EXECUTE"] }),
        ),
        (
            "Namespaces",
            list_of(json!({ "type": "string", "examples": ["org.acme", "org.acme.*"] })),
        ),
        (
            "Importable",
            json!({ "enum": ["implicit", "explicit", "never"] }),
        ),
        (
            "AllowedAdditions",
            list_of(json!({ "enum": ["subjects", "resources", "namespaces"] })),
        ),
        ("References", list_of(reference())),
        ("Imports", map_of("Import")),
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
        ("Labels", list_of(json!({ "type": "string" }))),
        ("PolicyIds", list_of(named("EntityId"))),
        (
            "Rql",
            json!({ "type": "string", "description": "An RQL expression." }),
        ),
    ]
}

fn policy(has_id: bool) -> Value {
    let mut schema = json!({
        "type": "object",
        "properties": { "imports": named("Imports"), "entries": named("Entries") },
    });
    if has_id {
        schema["properties"]["policyId"] = named("EntityId");
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
            "type": { "type": "string", "minLength": 1 },
            "expiry": { "type": "string", "format": "date-time" },
            "announcement": named("Announcement"),
        },
    })
}

fn announcement() -> Value {
    let acknowledgements = json!({
        "type": "object",
        "properties": { "labels": list_of(json!({ "type": "string" })), "timeout": { "type": "string" } },
    });
    json!({
        "type": "object",
        "properties": {
            "beforeExpiry": { "type": "string", "examples": ["5m"] },
            "whenDeleted": { "type": "boolean" },
            "requestedAcks": acknowledgements,
            "randomizationInterval": { "type": "string" },
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
        "properties": { "import": named("EntityId"), "entry": { "type": "string" } },
    })
}
