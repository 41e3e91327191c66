//! Things and their parts.

use serde_json::{Value, json};

use super::{list_of, map_of, named};

/// Source: Ditto documentation, pages "Thing" and "Feature".
pub(super) fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("Things", list_of(named("Thing"))),
        (
            "Thing",
            thing(&[
                ("thingId", named("EntityId")),
                ("policyId", named("PolicyId")),
            ]),
        ),
        (
            "PutThing",
            creatable(&[
                ("thingId", named("EntityId")),
                ("policyId", named("PolicyId")),
            ]),
        ),
        ("NewThing", creatable(&[("policyId", named("PolicyId"))])),
        ("PolicyId", named("EntityId")),
        (
            "Definition",
            json!({ "anyOf": [named("DefinitionIdentifier"), { "type": "null" }] }),
        ),
        (
            "DefinitionIdentifier",
            json!({
                "type": "string",
                "description": "`<namespace>:<name>:<version>`, or the URL of a model.",
                "pattern": "^([_a-zA-Z0-9.-]+:[_a-zA-Z0-9.-]+:[_a-zA-Z0-9.-]+|https?://\\S+)$",
                "examples": ["org.acme:lamp:1.0.0"],
            }),
        ),
        (
            "Attributes",
            members("Whatever describes the thing and rarely changes."),
        ),
        (
            "Features",
            json!({ "type": ["object", "null"], "additionalProperties": named("Feature") }),
        ),
        ("Feature", feature()),
        (
            "FeatureDefinition",
            json!({ "type": ["array", "null"], "items": named("DefinitionIdentifier"), "minItems": 1 }),
        ),
        (
            "Properties",
            members("The state of the feature, or the state that is wished for."),
        ),
        (
            "Patch",
            json!({ "description": "A JSON merge patch (RFC 7396): null takes away." }),
        ),
        ("Migration", migration()),
        ("Migrated", migrated()),
    ]
}

fn members(description: &str) -> Value {
    json!({
        "type": ["object", "null"],
        "description": description,
        "propertyNames": { "minLength": 1, "maxLength": 256, "pattern": "^[^/\\u0000-\\u001F\\u007F-\\u00FF]*$" },
    })
}

fn thing(ids: &[(&str, Value)]) -> Value {
    let mut schema = json!({
        "type": "object",
        "properties": {
            "definition": named("Definition"),
            "attributes": named("Attributes"),
            "features": named("Features"),
            "_namespace": { "type": "string", "readOnly": true },
            "_revision": { "type": "integer", "readOnly": true },
            "_created": { "type": "string", "format": "date-time", "readOnly": true },
            "_modified": { "type": "string", "format": "date-time", "readOnly": true },
            "_metadata": { "type": "object" },
        },
    });
    for (name, id) in ids {
        schema["properties"][name] = id.clone();
    }
    schema
}

/// What a thing may be created with.
fn creatable(ids: &[(&str, Value)]) -> Value {
    let mut schema = thing(ids);
    schema["properties"]["_policy"] = named("Policy");
    schema["properties"]["_copyPolicyFrom"] = json!({
        "type": "string",
        "description": "The id of a policy, or `{{ ref:things/<thingId>/policyId }}`.",
    });
    schema
}

fn feature() -> Value {
    json!({
        "type": ["object", "null"],
        "properties": {
            "definition": named("FeatureDefinition"),
            "properties": named("Properties"),
            "desiredProperties": named("Properties"),
        },
    })
}

fn migration() -> Value {
    json!({
        "type": "object",
        "required": ["thingDefinitionUrl"],
        "properties": {
            "thingDefinitionUrl": { "type": "string", "format": "uri" },
            "migrationPayload": { "type": "object" },
            "patchConditions": map_of("Rql"),
            "initializeMissingPropertiesFromDefaults": { "type": "boolean", "default": false },
        },
    })
}

fn migrated() -> Value {
    json!({
        "type": "object",
        "required": ["thingId", "patch", "mergeStatus"],
        "properties": {
            "thingId": named("EntityId"),
            "patch": { "type": "object" },
            "mergeStatus": { "enum": ["APPLIED", "DRY_RUN"] },
        },
    })
}
