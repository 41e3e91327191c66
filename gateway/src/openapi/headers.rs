//! Header fields of responses.

use serde_json::{Value, json};

/// All of them, by name.
pub(super) fn all() -> Value {
    let header =
        |description: &str, schema: Value| json!({ "description": description, "schema": schema });
    let text = || json!({ "type": "string" });
    json!({
        "correlation-id": header("That of the request, or a new one.", text()),
        "etag": header("The state of the resource: for `If-Match` and `If-None-Match` (RFC 9110 §8.8.3).", text()),
        "entity-revision": header("The revision of the thing or policy.", json!({ "type": "integer", "minimum": 1 })),
        "location": header("Where the new resource is.", json!({ "type": "string", "format": "uri" })),
        "ditto-metadata": header("The metadata that `get-metadata` asked for, as JSON.", text()),
        "channel": header("Who answered: `live` for the device, `twin` for its twin.", json!({ "enum": ["twin", "live"] })),
        "live-channel-condition-matched": header("Whether `live-channel-condition` held.", json!({ "type": "boolean" })),
        "retry-after": header("Seconds after which trying again makes sense.", json!({ "type": "integer" })),
        "www-authenticate": header("What to authenticate with (RFC 6750 §3).", text()),
        "allow": header("The methods that there are.", text()),
    })
}

/// References to some of them.
pub(super) fn these(names: &[&str]) -> Value {
    let reference = |name: &&str| {
        let reference = json!({ "$ref": format!("#/components/headers/{name}") });
        ((*name).to_owned(), reference)
    };
    Value::Object(names.iter().map(reference).collect())
}
