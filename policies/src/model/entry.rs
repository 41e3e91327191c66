//! One entry of a policy.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::placeholder::Placeholders;
use super::reference::{Reference, references_from_json};
use super::resources::{Permissions, resources_from_json, resources_to_json};
use super::subject::{Subject, subjects_from_json, subjects_to_json};
use crate::{Error, Label, LabelError, NamespacePattern, ResourceKey, SubjectId, json};

/// One entry: who may do what.
///
/// Source: Ditto documentation, page "Policy", section "Model specification".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyEntry {
    /// Who.
    pub subjects: IndexMap<SubjectId, Subject>,
    /// What.
    pub resources: IndexMap<ResourceKey, Permissions>,
    /// The namespaces of the things that it is about; absent or empty: all.
    pub namespaces: Option<Vec<NamespacePattern>>,
    /// Whether other policies may import it.
    pub importable: Importable,
    /// What an entry that references this one may add of its own; absent: everything.
    pub allowed_additions: Option<Vec<AllowedAddition>>,
    /// The entries whose content it takes over.
    pub references: Vec<Reference>,
}

/// Whether other policies may import an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Importable {
    /// With every import of the policy.
    #[default]
    Implicit,
    /// If the import names it.
    Explicit,
    /// Never.
    Never,
}

/// A part that a referencing entry may add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedAddition {
    /// `subjects`
    Subjects,
    /// `resources`
    Resources,
    /// `namespaces`
    Namespaces,
}

impl Importable {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::Explicit => "explicit",
            Self::Never => "never",
        }
    }

    pub(crate) fn from_json(value: &Value) -> Result<Self, Error> {
        match json::string(value, "importable")? {
            "implicit" => Ok(Self::Implicit),
            "explicit" => Ok(Self::Explicit),
            "never" => Ok(Self::Never),
            other => Err(Error::InvalidEntry {
                reason: format!("`{other}` is none of implicit, explicit, never"),
            }),
        }
    }
}

impl AllowedAddition {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subjects => "subjects",
            Self::Resources => "resources",
            Self::Namespaces => "namespaces",
        }
    }
}

impl PolicyEntry {
    /// Reads what clients write.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub fn from_json(value: &Value, placeholders: Placeholders<'_>) -> Result<Self, Error> {
        let members = json::object(value, "entry")?;
        let optional = |field: &str| members.get(field).filter(|value| !value.is_null());
        Ok(Self {
            subjects: subjects_from_json(json::members(members, "subjects")?, placeholders)?,
            resources: resources_from_json(json::members(members, "resources")?)?,
            namespaces: optional("namespaces")
                .map(namespaces_from_json)
                .transpose()?,
            importable: optional("importable")
                .map(Importable::from_json)
                .transpose()?
                .unwrap_or_default(),
            allowed_additions: optional("allowedAdditions")
                .map(additions_from_json)
                .transpose()?,
            references: optional("references")
                .map(references_from_json)
                .transpose()?
                .unwrap_or_default(),
        })
    }

    /// The JSON that clients read.
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("subjects".to_owned(), subjects_to_json(&self.subjects));
        members.insert("resources".to_owned(), resources_to_json(&self.resources));
        if let Some(namespaces) = &self.namespaces {
            members.insert("namespaces".to_owned(), namespaces_to_json(namespaces));
        }
        members.insert("importable".to_owned(), json!(self.importable.as_str()));
        if let Some(additions) = &self.allowed_additions {
            members.insert("allowedAdditions".to_owned(), additions_to_json(additions));
        }
        if !self.references.is_empty() {
            members.insert("references".to_owned(), self.references_to_json());
        }
        Value::Object(members)
    }

    /// The references as JSON, `[]` if there are none.
    pub(crate) fn references_to_json(&self) -> Value {
        self.references.iter().map(Reference::to_json).collect()
    }

    /// Whether it is about things of this namespace.
    pub fn applies_to(&self, namespace: &str) -> bool {
        self.namespaces.as_ref().is_none_or(|patterns| {
            patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(namespace))
        })
    }
}

/// The label `text`.
pub(crate) fn label(text: &str) -> Result<Label, Error> {
    text.parse().map_err(|error| match error {
        LabelError::Reserved => Error::InvalidLabel {
            label: text.to_owned(),
        },
        LabelError::Character | LabelError::TooLong => Error::InvalidEntry {
            reason: format!("`{text}`: {error}"),
        },
    })
}

/// Reads namespace patterns, each kept once.
pub(crate) fn namespaces_from_json(value: &Value) -> Result<Vec<NamespacePattern>, Error> {
    unique(json::array(value, "namespaces")?, |element| {
        element
            .as_str()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Error::InvalidEntry {
                reason: format!("`{element}` is no namespace pattern"),
            })
    })
}

/// Writes namespace patterns.
pub(crate) fn namespaces_to_json(namespaces: &[NamespacePattern]) -> Value {
    namespaces.iter().map(ToString::to_string).collect()
}

/// Reads allowed additions, each kept once.
pub(crate) fn additions_from_json(value: &Value) -> Result<Vec<AllowedAddition>, Error> {
    unique(
        json::array(value, "allowedAdditions")?,
        |element| match element.as_str() {
            Some("subjects") => Ok(AllowedAddition::Subjects),
            Some("resources") => Ok(AllowedAddition::Resources),
            Some("namespaces") => Ok(AllowedAddition::Namespaces),
            Some(_) | None => Err(Error::InvalidEntry {
                reason: format!("`{element}` is none of subjects, resources, namespaces"),
            }),
        },
    )
}

/// Writes allowed additions.
pub(crate) fn additions_to_json(additions: &[AllowedAddition]) -> Value {
    additions.iter().map(|each| each.as_str()).collect()
}

fn unique<T: PartialEq>(
    elements: &[Value],
    parse: impl Fn(&Value) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut parsed = Vec::new();
    for element in elements {
        let each = parse(element)?;
        if !parsed.contains(&each) {
            parsed.push(each);
        }
    }
    Ok(parsed)
}
