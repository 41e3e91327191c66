//! What an entry grants and revokes on its resources.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::{Error, Permission, ResourceKey, json};

/// What is granted and what is revoked on one resource; revoking wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Granted permissions, each once.
    pub granted: Vec<Permission>,
    /// Revoked permissions, each once.
    pub revoked: Vec<Permission>,
}

impl Permissions {
    /// Grants these.
    pub fn granting(permissions: &[Permission]) -> Self {
        Self {
            granted: permissions.to_vec(),
            revoked: Vec::new(),
        }
    }

    /// Reads what clients write; both arrays are mandatory, elements that are no strings are dropped.
    ///
    /// # Errors
    ///
    /// [`Error::MissingField`] or [`Error::UnexpectedJson`].
    pub fn from_json(value: &Value) -> Result<Self, Error> {
        let members = json::object(value, "resource")?;
        Ok(Self {
            granted: permissions(members, "grant")?,
            revoked: permissions(members, "revoke")?,
        })
    }

    /// The JSON that clients read.
    pub fn to_json(&self) -> Value {
        let names = |permissions: &[Permission]| -> Value {
            permissions.iter().map(Permission::as_str).collect()
        };
        json!({ "grant": names(&self.granted), "revoke": names(&self.revoked) })
    }

    /// Adds what `other` grants and revokes.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.granted, &other.granted),
            (&mut self.revoked, &other.revoked),
        ] {
            theirs.iter().for_each(|each| insert(mine, each.clone()));
        }
    }
}

fn permissions(
    members: &Map<String, Value>,
    field: &'static str,
) -> Result<Vec<Permission>, Error> {
    let mut permissions = Vec::new();
    let elements = json::array(json::member(members, field)?, field)?;
    for name in elements.iter().filter_map(Value::as_str) {
        insert(&mut permissions, Permission::new(name));
    }
    Ok(permissions)
}

fn insert(permissions: &mut Vec<Permission>, permission: Permission) {
    if !permissions.contains(&permission) {
        permissions.push(permission);
    }
}

/// Reads resources by key.
pub(crate) fn resources_from_json<'v>(
    members: impl Iterator<Item = (&'v String, &'v Value)>,
) -> Result<IndexMap<ResourceKey, Permissions>, Error> {
    let mut resources = IndexMap::<ResourceKey, Permissions>::new();
    for (text, value) in members {
        let key = text.parse().map_err(|source| Error::InvalidResourceKey {
            text: text.clone(),
            source,
        })?;
        // Two spellings of one key (`thing:/a` and `thing:/a/`) must not hide each other's revokes.
        resources
            .entry(key)
            .or_default()
            .merge(&Permissions::from_json(value)?);
    }
    Ok(resources)
}

/// Writes resources by key.
pub(crate) fn resources_to_json(resources: &IndexMap<ResourceKey, Permissions>) -> Value {
    resources
        .iter()
        .map(|(key, permissions)| (key.to_string(), permissions.to_json()))
        .collect::<Map<_, _>>()
        .into()
}
