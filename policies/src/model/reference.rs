//! Entries that take over the content of others.

use serde_json::{Value, json};

use crate::{Error, Label, PolicyId, json};

/// Names the entry whose content another entry takes over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The imported policy that it stands in; `None`: the same policy.
    pub import: Option<PolicyId>,
    /// Its label there.
    pub entry: Label,
}

impl Reference {
    fn from_json(value: &Value) -> Result<Self, Error> {
        let members = value.as_object().ok_or_else(|| Error::InvalidEntry {
            reason: format!("`{value}` is no reference, which is an object"),
        })?;
        let import = match members.get("import") {
            None => None,
            Some(Value::String(id)) if !id.is_empty() => Some(super::import::policy_id(id)?),
            Some(_) => return Err(json::unexpected("import", "the id of a policy")),
        };
        let entry = json::string(json::member(members, "entry")?, "entry")?;
        Ok(Self {
            import,
            entry: super::entry::label(entry)?,
        })
    }

    /// The JSON that clients read.
    pub fn to_json(&self) -> Value {
        match &self.import {
            Some(import) => json!({ "import": import.as_str(), "entry": self.entry.as_str() }),
            None => json!({ "entry": self.entry.as_str() }),
        }
    }
}

/// Reads a list of references.
pub(crate) fn references_from_json(value: &Value) -> Result<Vec<Reference>, Error> {
    json::array(value, "references")?
        .iter()
        .map(Reference::from_json)
        .collect()
}
