//! Takes JSON apart, naming what is wrong.

use serde_json::{Map, Value};

use crate::Error;

/// `value` as an object.
pub(crate) fn object<'v>(value: &'v Value, field: &str) -> Result<&'v Map<String, Value>, Error> {
    value
        .as_object()
        .ok_or_else(|| unexpected(field, "an object"))
}

/// `value` as an array.
pub(crate) fn array<'v>(value: &'v Value, field: &str) -> Result<&'v [Value], Error> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| unexpected(field, "an array"))
}

/// `value` as a string.
pub(crate) fn string<'v>(value: &'v Value, field: &str) -> Result<&'v str, Error> {
    value.as_str().ok_or_else(|| unexpected(field, "a string"))
}

/// The mandatory member `field`.
pub(crate) fn member<'v>(
    map: &'v Map<String, Value>,
    field: &'static str,
) -> Result<&'v Value, Error> {
    map.get(field).ok_or(Error::MissingField { field })
}

/// The members of the object `map[field]`, none if it is absent.
///
/// Members named like Ditto's schema version are not data.
pub(crate) fn members<'v>(
    map: &'v Map<String, Value>,
    field: &str,
) -> Result<impl Iterator<Item = (&'v String, &'v Value)>, Error> {
    let members = map
        .get(field)
        .map(|value| object(value, field))
        .transpose()?;
    Ok(data(members))
}

/// The members of `map` but the schema version.
pub(crate) fn data(map: Option<&Map<String, Value>>) -> impl Iterator<Item = (&String, &Value)> {
    map.into_iter()
        .flatten()
        .filter(|(key, _)| key.as_str() != "__schemaVersion")
}

/// An error about the shape of `field`.
pub(crate) fn unexpected(field: &str, expected: &'static str) -> Error {
    Error::UnexpectedJson {
        field: field.to_owned(),
        expected,
    }
}

/// Refuses U+0000 in any key or string of `value`.
pub(crate) fn refuse_nul(value: &Value) -> Result<(), Error> {
    let clean = match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(elements) => return elements.iter().try_for_each(refuse_nul),
        Value::Object(members) => {
            members.values().try_for_each(refuse_nul)?;
            !members.keys().any(|key| key.contains('\0'))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    };
    if clean {
        Ok(())
    } else {
        Err(Error::NulCharacter)
    }
}

/// The length of the compact text of `value` in UTF-16 units, as Ditto counts sizes.
pub(crate) fn size(value: &Value) -> usize {
    value.to_string().encode_utf16().count()
}
