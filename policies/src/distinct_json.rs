//! JSON whose objects have distinct members: with a repeated one, two readers could see two documents (RFC 8259 §4).

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// How much of a repeated name an error shows, in characters.
const SHOWN_MAX: usize = 100;

/// A JSON value without repeated members, which deserialising refuses.
#[derive(Debug, Clone, PartialEq)]
pub struct DistinctJson(pub Value);

impl<'de> Deserialize<'de> for DistinctJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DistinctVisitor).map(Self)
    }
}

struct DistinctVisitor;

impl<'de> Visitor<'de> for DistinctVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON with distinct members")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(DistinctJson(element)) = elements.next_element()? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, DistinctJson(value))) =
            members.next_entry::<String, DistinctJson>()?
        {
            match object.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(value);
                }
                Entry::Occupied(entry) => {
                    let shown: String = entry.key().chars().take(SHOWN_MAX).collect();
                    return Err(A::Error::custom(format_args!(
                        "the member `{shown}` is repeated"
                    )));
                }
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, is_accepted: bool) {
        let parsed = serde_json::from_str::<DistinctJson>(text);
        let plain = serde_json::from_str::<Value>(text).ok();
        let expected = plain.filter(|_| is_accepted);
        assert_eq!(parsed.ok().map(|json| json.0), expected, "{text}");
    }

    #[test]
    fn the_repeated_member_is_named_with_its_place() {
        let error = |text: &str| {
            let parsed = serde_json::from_str::<DistinctJson>(text);
            parsed.unwrap_err().to_string()
        };
        assert_eq!(
            error("{\"a\":{\"b\":1,\n\"b\":2}}"),
            "the member `b` is repeated at line 2 column 6"
        );
        let long = "k".repeat(300);
        assert!(error(&format!("{{\"{long}\":1,\"{long}\":2}}")).len() < 200);
    }

    #[test]
    fn repeated_members_are_refused_at_any_depth() {
        check(
            r#"{"a":[1,-2,3.5,"x\n",null,true,{"b":{}}],"c":18446744073709551615}"#,
            true,
        );
        check(r#"{"a":1,"a":1}"#, false);
        check(r#"[{"b":{"a":1,"c":2,"a":3}}]"#, false);
        check(r#"{"a":{"b":1},"b":{"a":1}}"#, true);
        check(r#"{"a":1,"\u0061":2}"#, false);
        check("{", false);
    }
}
