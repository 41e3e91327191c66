//! What can be written, and how.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// Something that can be appended as compact JSON (RFC 8259).
pub trait WriteJson {
    /// Appends `self` to `buffer`.
    fn write_json(&self, buffer: &mut Vec<u8>);
}

impl WriteJson for str {
    fn write_json(&self, buffer: &mut Vec<u8>) {
        if !is_plain(self.as_bytes()) {
            return write_with_serde(buffer, self);
        }
        buffer.push(b'"');
        buffer.extend_from_slice(self.as_bytes());
        buffer.push(b'"');
    }
}

/// Whether a text is its own JSON. No way out before the end: so the compiler compares many bytes at once.
pub(crate) fn is_plain(text: &[u8]) -> bool {
    let is_plain = |byte: u8| (byte >= 0x20) & (byte != b'"') & (byte != b'\\');
    text.iter().fold(true, |all, byte| all & is_plain(*byte))
}

impl WriteJson for Value {
    fn write_json(&self, buffer: &mut Vec<u8>) {
        match self {
            Self::Null => buffer.extend_from_slice(b"null"),
            Self::Bool(value) => value.write_json(buffer),
            Self::Number(number) => write_with_serde(buffer, number),
            Self::String(text) => text.write_json(buffer),
            Self::Array(items) => items.write_json(buffer),
            Self::Object(members) => members.write_json(buffer),
        }
    }
}

impl WriteJson for Map<String, Value> {
    fn write_json(&self, buffer: &mut Vec<u8>) {
        let mut object = crate::ObjectWriter::begin(buffer);
        for (name, value) in self {
            object.entry(name, value);
        }
        object.end();
    }
}

impl<T: WriteJson> WriteJson for [T] {
    fn write_json(&self, buffer: &mut Vec<u8>) {
        buffer.push(b'[');
        for (position, item) in self.iter().enumerate() {
            if position > 0 {
                buffer.push(b',');
            }
            item.write_json(buffer);
        }
        buffer.push(b']');
    }
}

impl<T: WriteJson, const N: usize> WriteJson for [T; N] {
    fn write_json(&self, buffer: &mut Vec<u8>) {
        self.as_slice().write_json(buffer);
    }
}

impl WriteJson for bool {
    fn write_json(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

macro_rules! as_serde_does {
    ($($plain:ty),*) => {
        $(impl WriteJson for $plain {
            fn write_json(&self, buffer: &mut Vec<u8>) {
                write_with_serde(buffer, self);
            }
        })*
    };
}

as_serde_does!(Timestamp, i64, u8, u16, u64, u128, usize);

macro_rules! as_what_it_holds {
    ($([$($generics:tt)*] $holder:ty),*) => {
        $(impl<$($generics)*> WriteJson for $holder {
            fn write_json(&self, buffer: &mut Vec<u8>) {
                (**self).write_json(buffer);
            }
        })*
    };
}

as_what_it_holds!(
    [] String,
    [T: WriteJson + ?Sized] &T,
    [T: WriteJson + ?Sized] Arc<T>,
    [T: WriteJson] Vec<T>,
    [T: WriteJson + ToOwned + ?Sized] Cow<'_, T>
);

fn write_with_serde(buffer: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(buffer, value)
        .expect("memory does not fail, and texts and numbers are JSON");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(value: &Value) {
        let mut written = Vec::new();
        value.write_json(&mut written);
        assert_eq!(String::from_utf8(written).unwrap(), value.to_string());
    }

    #[test]
    fn every_kind_of_value_is_written() {
        check(&json!({}));
        check(&json!([]));
        check(
            &json!({"a": null, "b": [true, false, 1, -1.5, 1e300, u64::MAX], "c\"": {"d": "e"}, "": ""}),
        );
    }

    #[test]
    fn every_character_is_escaped_that_must_be() {
        for character in '\0'..='\u{ffff}' {
            check(&json!(format!("before {character} after")));
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,80}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let members = prop::collection::vec((".{0,8}", inner.clone()), 0..6);
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(Value::from),
                members.prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_is_written_as_serde_json_does(value in any_json()) {
            check(&value);
        }
    }
}
