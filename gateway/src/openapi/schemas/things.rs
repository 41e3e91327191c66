//! Things and their parts.

use serde_json::{Value, json};

use super::{id_in_path, list_of, named, text};

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
            creatable(&[("thingId", id_in_path()), ("policyId", named("PolicyId"))]),
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
                "pattern": "^([_a-zA-Z0-9.-]+:[_a-zA-Z0-9.-]+:[_a-zA-Z0-9.-]+|https?://[a-zA-Z][a-zA-Z0-9-]*(\\.[a-zA-Z][a-zA-Z0-9-]*)*(:[0-9]{1,4})?([/?#][!-~]*)?)$",
                "examples": ["org.acme:lamp:1.0.0"],
            }),
        ),
        (
            "Attributes",
            members("Whatever describes the thing and rarely changes."),
        ),
        (
            "Features",
            json!({ "type": ["object", "null"], "propertyNames": text::key(), "additionalProperties": named("Feature") }),
        ),
        ("Feature", feature("Properties")),
        (
            "FeatureDefinition",
            json!({ "type": ["array", "null"], "items": named("DefinitionIdentifier"), "minItems": 1 }),
        ),
        (
            "Properties",
            members("The state of the feature, or the state that is wished for."),
        ),
        ("ThingPatch", thing_patch()),
        (
            "FeaturesPatch",
            json!({ "type": ["object", "null"], "propertyNames": text::key(), "additionalProperties": named("FeaturePatch") }),
        ),
        ("FeaturePatch", feature("MembersPatch")),
        ("MembersPatch", members(PATCH)),
        ("Migration", migration()),
        ("Migrated", migrated()),
    ]
}

fn members(description: &str) -> Value {
    json!({
        "type": ["object", "null"],
        "description": description,
        "propertyNames": text::key(),
        "additionalProperties": named("Json"),
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
            "_metadata": { "type": "object", "propertyNames": text::key(), "additionalProperties": named("Json") },
        },
        "propertyNames": text::key(),
        "additionalProperties": named("Json"),
    });
    for (name, id) in ids {
        schema["properties"][name] = id.clone();
    }
    schema
}

/// What a thing may be created with.
fn creatable(ids: &[(&str, Value)]) -> Value {
    let mut schema = thing(ids);
    schema["properties"]["_policy"] =
        json!({ "allOf": [named("NewPolicy")], "properties": { "policyId": named("EntityId") } });
    schema["properties"]["_copyPolicyFrom"] = json!({
        "description": "The policy of which a copy is made.",
        "anyOf": [
            named("PolicyId"),
            { "type": "string", "pattern": "^\\{\\{ ?ref:things/[a-zA-Z][a-zA-Z0-9_]*([.-][a-zA-Z][a-zA-Z0-9_]*)*:[^/{}\\u0000-\\u0020\\u007F-\\u00FF]+/policyId ?\\}\\}$" },
        ],
    });
    schema["not"] = json!({ "required": ["_policy", "_copyPolicyFrom"] });
    schema
}

const PATCH: &str = "A JSON merge patch (RFC 7396): null takes away, and so does a key `{{ ~regular expression~ }}`.";

fn thing_patch() -> Value {
    json!({
        "type": "object",
        "description": PATCH,
        "minProperties": 1,
        "properties": {
            "thingId": id_in_path(),
            "policyId": named("PolicyId"),
            "definition": named("Definition"),
            "attributes": named("MembersPatch"),
            "features": named("FeaturesPatch"),
        },
        "propertyNames": text::key(),
        "additionalProperties": named("Json"),
    })
}

/// A feature or a patch of one, whose `properties` and `desiredProperties` are of this schema.
fn feature(properties: &str) -> Value {
    json!({
        "type": ["object", "null"],
        "properties": {
            "definition": named("FeatureDefinition"),
            "properties": named(properties),
            "desiredProperties": named(properties),
        },
        "propertyNames": text::key(),
        "additionalProperties": named("Json"),
    })
}

fn migration() -> Value {
    json!({
        "type": "object",
        "required": ["thingDefinitionUrl"],
        "properties": {
            "thingDefinitionUrl": { "type": "string", "format": "uri", "pattern": "^https?://[a-zA-Z]" },
            "migrationPayload": named("ThingPatch"),
            "patchConditions": {
                "type": "object",
                "propertyNames": { "pattern": "^thing:/[^/]+(/[^/]+)*$" },
                "additionalProperties": text::rql(),
            },
            "initializeMissingPropertiesFromDefaults": {
                "const": false,
                "default": false,
                "description": "No model is read that could say what is missing.",
            },
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
