//! A value that must never be printed.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// A secret text: written in place, or as `{ file: PATH }` or `{ env: NAME }`.
///
/// Invariant: neither `Debug` nor any error of this crate shows what it holds. The indirections are
/// resolved while the configuration is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Secret(SecretString);

impl Secret {
    /// What stands for a secret wherever settings are shown.
    pub const REDACTED: &str = "***";

    /// The secret itself; do not log it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The secret in the type other crates take.
    pub fn secret_string(&self) -> SecretString {
        self.0.clone()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// Shows that there is a secret, and nothing of it.
impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Self::REDACTED)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A text, or `{ file: PATH }` or `{ env: NAME }`: where to read it from.",
            "x-twinward-secret": true,
            "anyOf": [
                { "type": "string" },
                { "type": "object", "properties": { "file": { "type": "string" } }, "required": ["file"], "additionalProperties": false },
                { "type": "object", "properties": { "env": { "type": "string" } }, "required": ["env"], "additionalProperties": false },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::from("swordfish".to_owned());
        assert!(!format!("{secret:?}").contains("swordfish"));
        assert_eq!(secret.expose(), "swordfish");
        assert_eq!(serde_json::to_string(&secret).unwrap(), r#""***""#);
    }
}
