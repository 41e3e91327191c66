//! What a thing may look like: reads and normalises what clients write.
//!
//! Unknown members of a thing or feature are dropped, everything else is kept exactly as sent, nulls included.

mod definition;

use jiff::Timestamp;
use policies::{PolicyId, entity_id};
use serde_json::{Map, Value};

use crate::{Error, ResourceKind, ThingId};

/// The members of a thing that clients write, in the order in which they are stored.
const PARTS: [(&str, ResourceKind); 3] = [
    ("definition", ResourceKind::Definition),
    ("attributes", ResourceKind::Attributes),
    ("features", ResourceKind::Features),
];

/// The members of a feature, in the order in which they are stored.
const FEATURE_PARTS: [(&str, ResourceKind); 3] = [
    ("definition", ResourceKind::FeatureDefinition),
    ("properties", ResourceKind::FeatureProperties),
    ("desiredProperties", ResourceKind::FeatureDesiredProperties),
];

/// The longest JSON key or feature id, in UTF-16 units.
pub(crate) const KEY_UNITS_MAX: usize = 256;

/// The deepest thing, counted in enclosing objects and arrays: stored bytes must parse again after being wrapped.
pub(crate) const DEPTH_MAX: usize = 100;

/// The body of a whole thing.
#[derive(Debug, Default)]
pub(crate) struct ThingBody {
    /// The policy it names.
    pub(crate) policy_id: Option<PolicyId>,
    /// `definition`, `attributes` and `features`, as far as present.
    pub(crate) parts: Map<String, Value>,
    /// `_policy`.
    pub(crate) inline_policy: Option<Value>,
    /// `_copyPolicyFrom`.
    pub(crate) copy_policy_from: Option<Value>,
    /// `_metadata`, which counts at creation only.
    pub(crate) metadata: Option<Value>,
}

impl ThingBody {
    /// Reads the body of `thing_id`, which may repeat the id but not change it.
    pub(crate) fn parse(thing_id: &ThingId, body: Value) -> Result<Self, Error> {
        let Value::Object(mut members) = body else {
            return Err(wrong_type(ResourceKind::Thing, "an object"));
        };
        check_id(thing_id, members.get("thingId"))?;
        check_timestamps(&members)?;
        let policy_id = match members.shift_remove("policyId") {
            None | Some(Value::Null) => None,
            Some(value) => Some(policy_id(&value)?),
        };
        Ok(Self {
            policy_id,
            parts: parts(&mut members)?,
            inline_policy: members.shift_remove("_policy"),
            copy_policy_from: members.shift_remove("_copyPolicyFrom"),
            metadata: metadata(members.shift_remove("_metadata"))?,
        })
    }

    /// Its definition, if it has one.
    pub(crate) fn definition(&self) -> Option<&str> {
        self.parts.get("definition")?.as_str()
    }

    /// The thing's default-visible JSON.
    pub(crate) fn document(&self, thing_id: &ThingId, policy_id: &PolicyId) -> Value {
        let mut document = Map::with_capacity(2 + self.parts.len());
        document.insert("thingId".into(), thing_id.as_str().into());
        document.insert("policyId".into(), policy_id.as_str().into());
        document.extend(self.parts.clone());
        Value::Object(document)
    }
}

fn check_id(thing_id: &ThingId, stated: Option<&Value>) -> Result<(), Error> {
    match stated {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(id)) if id == thing_id.as_str() => Ok(()),
        Some(_) => Err(Error::IdNotSettable {
            thing_id: thing_id.clone(),
        }),
    }
}

/// The server makes these up itself, but Ditto refuses what it cannot read.
fn check_timestamps(members: &Map<String, Value>) -> Result<(), Error> {
    let readable = |value: &Value| {
        value.is_null()
            || value
                .as_str()
                .is_some_and(|text| text.parse::<Timestamp>().is_ok())
    };
    for name in ["_created", "_modified"] {
        if !members.get(name).is_none_or(readable) {
            return Err(wrong_type(
                ResourceKind::Thing,
                "RFC 3339 times in `_created` and `_modified`",
            ));
        }
    }
    Ok(())
}

fn metadata(inline: Option<Value>) -> Result<Option<Value>, Error> {
    match inline {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(members)) if members.is_empty() => Ok(None),
        Some(metadata @ Value::Object(_)) => {
            validate_keys(&metadata)?;
            Ok(Some(metadata))
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            Err(wrong_type(ResourceKind::Thing, "an object in `_metadata`"))
        }
    }
}

fn parts(members: &mut Map<String, Value>) -> Result<Map<String, Value>, Error> {
    let mut parts = Map::new();
    for (name, kind) in PARTS {
        if let Some(value) = members.shift_remove(name) {
            parts.insert(name.to_owned(), parse_part(kind, value)?);
        }
    }
    Ok(parts)
}

/// Reads the patch of a whole thing; what a thing does not have is dropped.
pub(crate) fn parse_thing_patch(thing_id: &ThingId, patch: Value) -> Result<Value, Error> {
    let Value::Object(mut members) = patch else {
        return Err(wrong_type(ResourceKind::Thing, "an object"));
    };
    let mut normalised = Map::new();
    if let Some(id) = members.shift_remove("thingId") {
        if id.is_null() {
            return Err(Error::IdNotDeletable {
                thing_id: thing_id.clone(),
            });
        }
        check_id(thing_id, Some(&id))?;
        normalised.insert("thingId".into(), id);
    }
    if let Some(id) = members.shift_remove("policyId") {
        normalised.insert("policyId".into(), parse_policy_id_patch(thing_id, id)?);
    }
    check_timestamps(&members)?;
    normalised.extend(parts(&mut members)?);
    Ok(Value::Object(normalised))
}

/// Reads the patch of a policy id, which cannot be taken away.
pub(crate) fn parse_policy_id_patch(thing_id: &ThingId, patch: Value) -> Result<Value, Error> {
    if patch.is_null() {
        return Err(Error::PolicyIdNotDeletable {
            thing_id: thing_id.clone(),
        });
    }
    parse_part(ResourceKind::PolicyId, patch)
}

/// Reads the JSON of a part of a thing.
pub(crate) fn parse_part(kind: ResourceKind, value: Value) -> Result<Value, Error> {
    match kind {
        ResourceKind::Thing => object(kind, value),
        ResourceKind::PolicyId => policy_id(&value).map(|_| value),
        ResourceKind::Definition => definition::parse(value),
        ResourceKind::FeatureDefinition => definition::parse_list(value),
        ResourceKind::Features => features(value),
        ResourceKind::Feature => feature(value),
        ResourceKind::Attributes
        | ResourceKind::FeatureProperties
        | ResourceKind::FeatureDesiredProperties => {
            let value = object(kind, value)?;
            validate_keys(&value)?;
            Ok(value)
        }
        ResourceKind::Attribute
        | ResourceKind::FeatureProperty
        | ResourceKind::FeatureDesiredProperty => {
            validate_keys(&value)?;
            Ok(value)
        }
    }
}

fn policy_id(value: &Value) -> Result<PolicyId, Error> {
    let text = value
        .as_str()
        .ok_or_else(|| wrong_type(ResourceKind::PolicyId, "a string"))?;
    text.parse().map_err(|source| Error::PolicyIdInvalid {
        text: text.to_owned(),
        source,
    })
}

fn features(value: Value) -> Result<Value, Error> {
    let Value::Object(members) = object(ResourceKind::Features, value)? else {
        return Ok(Value::Null);
    };
    let mut features = Map::with_capacity(members.len());
    for (id, value) in members {
        validate_key(&id)?;
        let feature = feature(value)?;
        features.insert(id, feature);
    }
    Ok(Value::Object(features))
}

fn feature(value: Value) -> Result<Value, Error> {
    let Value::Object(mut members) = object(ResourceKind::Feature, value)? else {
        return Ok(Value::Null);
    };
    let mut feature = Map::new();
    for (name, kind) in FEATURE_PARTS {
        if let Some(value) = members.shift_remove(name) {
            feature.insert(name.to_owned(), parse_part(kind, value)?);
        }
    }
    Ok(Value::Object(feature))
}

/// An object, or the null that stands for one.
fn object(kind: ResourceKind, value: Value) -> Result<Value, Error> {
    if value.is_object() || value.is_null() {
        Ok(value)
    } else {
        Err(wrong_type(kind, "an object or null"))
    }
}

fn wrong_type(kind: ResourceKind, expected: &'static str) -> Error {
    Error::WrongType { kind, expected }
}

/// Checks every key of `value` and of the objects in it, but not of objects within arrays.
fn validate_keys(value: &Value) -> Result<(), Error> {
    let Some(members) = value.as_object() else {
        return Ok(());
    };
    members.iter().try_for_each(|(key, value)| {
        validate_key(key)?;
        validate_keys(value)
    })
}

/// Checks a JSON key or feature id: not empty, at most 256 characters, no `/` and no control or Latin-1 characters.
pub(crate) fn validate_key(key: &str) -> Result<(), Error> {
    // A character has at least as many bytes as UTF-16 units, so that short keys need no counting.
    let fits = key.len() <= KEY_UNITS_MAX || key.encode_utf16().count() <= KEY_UNITS_MAX;
    if fits && entity_id::is_name(key) {
        Ok(())
    } else {
        Err(Error::KeyInvalid {
            key: key.to_owned(),
        })
    }
}

/// The length that limits count: UTF-16 units of compact JSON.
pub(crate) fn utf16_length(json: &[u8]) -> usize {
    // A UTF-8 lead byte opens one unit, a four-byte lead two; continuation bytes open none.
    json.iter()
        .map(|byte| match byte {
            0x80..=0xbf => 0,
            0xf0..=0xff => 2,
            0x00..=0x7f | 0xc0..=0xef => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests;
