//! Shapes of strings that stand in many places, in paths and queries as in bodies.

use serde_json::{Value, json};

/// A name in a thing or policy: of an attribute, property, feature or entry.
///
/// Source: Ditto documentation, page "Namespaces and names".
pub(in crate::openapi) fn key() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[^/\\u0000-\\u001F\\u007F-\\u00FF]+$" })
}

/// Keys from the root down, with slashes between them; paths have no backslashes.
pub(in crate::openapi) fn path_of_keys() -> Value {
    json!({
        "type": "string",
        "pattern": "^[^/\\\\\\u0000-\\u001F\\u007F-\\u00FF]{1,256}(/[^/\\\\\\u0000-\\u001F\\u007F-\\u00FF]{1,256})*$",
        "examples": ["site/hall"],
    })
}

/// The name of an entry of a policy.
pub(super) fn label() -> Value {
    json!({
        "type": "string",
        "description": "A label that starts with `imported` or `nsimported` is the gateway's own.",
        "maxLength": 256,
        "pattern": "^(?!imported|nsimported)[^/\\u0000-\\u001F\\u007F-\\u00FF]+$",
        "examples": ["owner"],
    })
}

/// Who is meant, as the issuer of the credential calls it.
pub(super) fn subject_id() -> Value {
    json!({
        "type": "string",
        "description": "`<issuer>:<id>`; the issuer may be a URL.",
        "maxLength": 256,
        "pattern": "^[^:\\u0000-\\u001F\\u007F-\\u009F]+:(//[^:\\u0000-\\u001F\\u007F-\\u009F]+:)?[^\\u0000-\\u001F\\u007F-\\u009F]+$",
        "examples": ["nginx:alice"],
    })
}

/// What a permission is about.
pub(super) fn resource_key() -> Value {
    json!({
        "type": "string",
        "description": "`thing:/`, `policy:/`, `message:/` and what is below; other types are kept and never asked for.",
        "maxLength": 256,
        "pattern": "^[^:\\u0000-\\u001F\\u007F-\\u009F]+:/?([^/\\u0000-\\u001F\\u007F-\\u009F]+(/[^/\\u0000-\\u001F\\u007F-\\u009F]+)*/?)?$",
        "examples": ["thing:/features/lamp"],
    })
}

/// What confirms that something arrived.
pub(in crate::openapi) fn acknowledgement_label() -> Value {
    json!({ "type": "string", "pattern": "^[a-zA-Z0-9_:-]{3,165}$", "examples": ["acme:stored"] })
}

/// A namespace, or all below one.
pub(super) fn namespace_pattern() -> Value {
    json!({
        "type": "string",
        "pattern": "^[a-zA-Z][a-zA-Z0-9_]*([.-][a-zA-Z][a-zA-Z0-9_]*)*(\\.\\*)?$",
        "maxLength": 256,
        "examples": ["org.acme", "org.acme.*"],
    })
}

/// A namespace in which an id is made; none means the one that is configured.
pub(in crate::openapi) fn namespace() -> Value {
    json!({
        "type": "string",
        "pattern": "^([a-zA-Z][a-zA-Z0-9_]*([.-][a-zA-Z][a-zA-Z0-9_]*)*)?$",
        "maxLength": 219,
        "examples": ["org.acme"],
    })
}

/// An RQL expression.
pub(in crate::openapi) fn rql() -> Value {
    json!({ "type": "string", "format": "rql", "examples": ["exists(thingId)"] })
}

/// A number with one of these units, or of seconds.
pub(super) fn duration_in(units: &str) -> Value {
    json!({ "type": ["string", "integer"], "minimum": 0, "maximum": u64::MAX, "pattern": format!("^[0-9]{{1,8}}({units})?$") })
}

/// Free text of a policy.
pub(super) fn free_text() -> Value {
    json!({ "type": "string", "minLength": 1, "pattern": "^[^\\u0000]+$" })
}
