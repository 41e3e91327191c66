//! `store`: where the data lies.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// Where the data lies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// The folder.
    pub path: PathBuf,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            path: PathBuf::from("data"),
        }
    }
}
