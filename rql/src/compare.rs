//! Compares JSON values as loosely as Ditto does in memory.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// How a stored value relates to one that was written in an expression; `None` if they cannot be compared.
///
/// A number and a text that reads as one compare as numbers, other scalars of two types as texts.
pub(crate) fn order(stored: &Value, written: &Value) -> Option<Ordering> {
    match (stored, written) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Bool(stored), Value::Bool(written)) => Some(stored.cmp(written)),
        (Value::Number(stored), Value::Number(written)) => order_numbers(stored, written),
        (Value::String(stored), Value::String(written)) => Some(stored.cmp(written)),
        (Value::Number(stored), Value::String(text)) => match number(text) {
            Some(written) => order_numbers(stored, &written),
            None => Some(stored.to_string().as_str().cmp(text)),
        },
        (Value::String(text), Value::Number(written)) => match number(text) {
            Some(stored) => order_numbers(&stored, written),
            None => Some(text.as_str().cmp(&written.to_string())),
        },
        (stored, written) => Some(text(stored)?.cmp(&text(written)?)),
    }
}

/// The text form of a scalar.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        Value::String(value) => Some(value.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(text: &str) -> Option<Number> {
    match text.parse::<i64>() {
        Ok(integer) => Some(integer.into()),
        Err(_) => Number::from_f64(text.parse().ok()?),
    }
}

fn order_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        (Some(_) | None, _) => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(stored: Value, written: Value, expected: Option<Ordering>) {
        assert_eq!(order(&stored, &written), expected, "{stored} and {written}");
    }

    #[test]
    fn numbers_compare_by_value() {
        check(json!(1), json!(1.0), Some(Ordering::Equal));
        check(json!(2), json!(10), Some(Ordering::Less));
        check(json!(u64::MAX), json!(i64::MAX), Some(Ordering::Greater));
        check(
            json!(9_007_199_254_740_993_u64),
            json!(9_007_199_254_740_992_u64),
            Some(Ordering::Greater),
        );
    }

    #[test]
    fn types_are_bridged() {
        check(json!(2), json!("10"), Some(Ordering::Less));
        check(json!("2.50"), json!(2.5), Some(Ordering::Equal));
        check(json!("two"), json!(2), Some(Ordering::Greater));
        check(json!(true), json!("true"), Some(Ordering::Equal));
        check(json!("b"), json!("a"), Some(Ordering::Greater));
    }

    #[test]
    fn null_equals_only_itself_and_objects_nothing() {
        check(Value::Null, Value::Null, Some(Ordering::Equal));
        check(Value::Null, json!(0), None);
        check(json!("null"), Value::Null, None);
        check(json!({}), json!("{}"), None);
    }
}
