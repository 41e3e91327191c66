//! Policies whose entries a policy takes over.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::entry::label;
use crate::{Error, Label, PolicyId, json};

/// What is taken over from one imported policy.
///
/// Source: Ditto documentation, page "Policy", section "Policy imports".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Import {
    /// The entries with `importable: explicit` that are taken over besides the implicit ones.
    pub entries: Vec<Label>,
    /// The imports of the imported policy that are followed first.
    pub transitive_imports: Vec<PolicyId>,
    /// Whether any member was given: an import written as `{}` is read as `{}`.
    pub is_explicit: bool,
}

impl Import {
    /// Reads what clients write.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub fn from_json(value: &Value) -> Result<Self, Error> {
        let members = json::object(value, "import")?;
        let (entries, transitive) = (members.get("entries"), members.get("transitiveImports"));
        Ok(Self {
            entries: entries
                .map(entries_from_json)
                .transpose()?
                .unwrap_or_default(),
            transitive_imports: transitive
                .map(transitive_imports_from_json)
                .transpose()?
                .unwrap_or_default(),
            is_explicit: entries.is_some() || transitive.is_some(),
        })
    }

    /// The JSON that clients read.
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        if self.is_explicit {
            members.insert("entries".to_owned(), self.entries_to_json());
        }
        if !self.transitive_imports.is_empty() {
            let transitive = self.transitive_imports_to_json();
            members.insert("transitiveImports".to_owned(), transitive);
        }
        Value::Object(members)
    }

    /// The labels as JSON.
    pub(crate) fn entries_to_json(&self) -> Value {
        self.entries.iter().map(Label::as_str).collect()
    }

    /// The transitive imports as JSON.
    pub(crate) fn transitive_imports_to_json(&self) -> Value {
        self.transitive_imports
            .iter()
            .map(PolicyId::as_str)
            .collect()
    }

    /// With other labels.
    #[must_use]
    pub(crate) fn with_entries(mut self, entries: Vec<Label>) -> Self {
        self.entries = entries;
        self.is_explicit = true;
        self
    }

    /// With other transitive imports.
    #[must_use]
    pub(crate) fn with_transitive_imports(mut self, transitive_imports: Vec<PolicyId>) -> Self {
        self.transitive_imports = transitive_imports;
        self.is_explicit = true;
        self
    }
}

/// The id `text`.
pub(crate) fn policy_id(text: &str) -> Result<PolicyId, Error> {
    text.parse().map_err(|source| Error::InvalidId {
        text: text.to_owned(),
        source,
    })
}

/// Reads labels of explicit entries; elements that are no strings are ignored.
pub(crate) fn entries_from_json(value: &Value) -> Result<Vec<Label>, Error> {
    json::array(value, "entries")?
        .iter()
        .filter_map(Value::as_str)
        .map(label)
        .collect()
}

/// Reads ids of transitively imported policies.
pub(crate) fn transitive_imports_from_json(value: &Value) -> Result<Vec<PolicyId>, Error> {
    json::array(value, "transitiveImports")?
        .iter()
        .map(|element| {
            let id = element.as_str().ok_or_else(|| Error::InvalidImport {
                reason: format!("`{element}` is no policy id"),
            })?;
            policy_id(id)
        })
        .collect()
}

/// Reads imports by id, checking that a policy does not import itself.
pub(crate) fn imports_from_json<'v>(
    members: impl Iterator<Item = (&'v String, &'v Value)>,
    importing: &PolicyId,
) -> Result<IndexMap<PolicyId, Import>, Error> {
    members
        .map(|(id, value)| {
            let (id, import) = (policy_id(id)?, Import::from_json(value)?);
            refuse_self(importing, &id, &import)?;
            Ok((id, import))
        })
        .collect()
}

/// Writes imports by id.
pub(crate) fn imports_to_json(imports: &IndexMap<PolicyId, Import>) -> Value {
    imports
        .iter()
        .map(|(id, import)| (id.to_string(), import.to_json()))
        .collect::<Map<_, _>>()
        .into()
}

/// Refuses an import of `importing` by itself, directly or by a transitive import.
pub(crate) fn refuse_self(
    importing: &PolicyId,
    imported: &PolicyId,
    import: &Import,
) -> Result<(), Error> {
    if importing == imported || import.transitive_imports.contains(importing) {
        return Err(Error::InvalidImport {
            reason: format!("policy `{importing}` must not import itself"),
        });
    }
    Ok(())
}
