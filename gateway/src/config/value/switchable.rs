//! Settings that the word `false` switches off.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned},
};

/// Settings that are on unless `false` stands in their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switchable<T> {
    /// In force, with these settings.
    On(T),
    /// Switched off by the word `false`.
    Off,
}

impl<T> Switchable<T> {
    /// The settings, if switched on.
    pub fn settings(&self) -> Option<&T> {
        match self {
            Self::On(settings) => Some(settings),
            Self::Off => None,
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Switchable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if value == serde_json::Value::Bool(false) {
            return Ok(Self::Off);
        }
        T::deserialize(value)
            .map(Self::On)
            .map_err(de::Error::custom)
    }
}

impl<T: serde::Serialize> serde::Serialize for Switchable<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::On(settings) => settings.serialize(serializer),
            Self::Off => serializer.serialize_bool(false),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Switchable<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrFalse", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<T>(), { "type": "boolean", "const": false }] })
    }
}
