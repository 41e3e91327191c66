//! The layers of the configuration, joined by the `config` crate: the later one wins key by key.

use std::fmt;

use ::config::{Map, Source, Value};

/// The values of one layer, already checked against the schema.
#[derive(Clone)]
pub(super) struct Layer(pub(super) serde_json::Value);

/// Joins the layers, the first being the weakest.
pub(super) fn join(layers: Vec<Layer>) -> Result<serde_json::Value, ::config::ConfigError> {
    layers
        .into_iter()
        .fold(::config::Config::builder(), |builder, layer| {
            builder.add_source(layer)
        })
        .build()?
        .try_deserialize()
}

// Invariant: a layer may hold secrets, so nothing of it is shown.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layer")
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ::config::ConfigError> {
        serde_json::from_value(self.0.clone())
            .map_err(|error| ::config::ConfigError::Foreign(Box::new(error)))
    }
}
