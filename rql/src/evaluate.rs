//! Whether an expression holds for a document.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;

use crate::property::{Path, Placeholder, Property};
use crate::{Comparison, Expression, Literal, Predicate, TimeExpression, compare};

/// What an expression is evaluated on.
pub trait Fields {
    /// The document that paths lead into, already without what the asker may not read.
    fn document(&self) -> &Value;

    /// What the expression takes for now.
    fn now(&self) -> Timestamp;

    /// The value of a placeholder, e.g. of `topic:action`; `time:…` is never asked for.
    fn placeholder(&self, _placeholder: Placeholder, _name: &str) -> Option<Cow<'_, str>> {
        None
    }
}

/// A document that nothing stands beside.
#[derive(Debug, Clone, Copy)]
pub struct Document<'d> {
    /// The document.
    pub json: &'d Value,
    /// What the expression takes for now.
    pub now: Timestamp,
}

impl Fields for Document<'_> {
    fn document(&self) -> &Value {
        self.json
    }

    fn now(&self) -> Timestamp {
        self.now
    }
}

impl Predicate {
    /// Whether the expression holds.
    ///
    /// A missing property fails every comparison but `ne`. Arrays match if one of their elements does, `features/*` if one
    /// single feature does.
    /// Source: Ditto documentation, page "Conditional requests", section "Conditions".
    pub fn matches(&self, fields: &dyn Fields) -> bool {
        holds(self.expression(), fields)
    }
}

fn holds(expression: &Expression, fields: &dyn Fields) -> bool {
    match expression {
        Expression::Compare(property, comparison, literal) => {
            let written = value(literal, fields.now());
            test(property, fields, &|found| {
                compares(found, *comparison, &written)
            })
        }
        Expression::In(property, literals) => {
            let written: Vec<Value> = literals
                .iter()
                .map(|literal| value(literal, fields.now()))
                .collect();
            test(property, fields, &|found| {
                written
                    .iter()
                    .any(|written| compares(found, Comparison::Equal, written))
            })
        }
        Expression::Like(property, pattern) => test(property, fields, &|found| {
            any_element(found, &|element| {
                compare::text(element).is_some_and(|text| pattern.matches(&text))
            })
        }),
        Expression::Exists(property) => test(property, fields, &|found| !found.is_empty()),
        Expression::Empty(property) => test(property, fields, &|found| {
            found.iter().all(|each| is_empty(each))
        }),
        Expression::And(operands) => operands.iter().all(|operand| holds(operand, fields)),
        Expression::Or(operands) => operands.iter().any(|operand| holds(operand, fields)),
        Expression::Not(operand) => !holds(operand, fields),
    }
}

fn value(literal: &Literal, now: Timestamp) -> Value {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Number(number) => Value::Number(number.clone()),
        Literal::Text(text) => Value::String(text.clone()),
        Literal::Time(time) => time.evaluate(now).map_or(Value::Null, Value::String),
    }
}

/// Asks `test` about what the property has: nothing if it is missing, several values if its path leads through arrays.
fn test(property: &Property, fields: &dyn Fields, test: &dyn Fn(&[&Value]) -> bool) -> bool {
    match property {
        Property::Path(path) => test_path(path, fields.document(), test),
        Property::Placeholder { placeholder, name } => {
            let text = match placeholder {
                Placeholder::Time => TimeExpression::parse(name)
                    .and_then(|time| time.evaluate(fields.now()))
                    .map(Cow::Owned),
                Placeholder::Topic
                | Placeholder::Resource
                | Placeholder::Entity
                | Placeholder::Thing
                | Placeholder::Feature
                | Placeholder::Header => fields.placeholder(*placeholder, name),
            };
            match text {
                Some(text) => test(&[&Value::String(text.into_owned())]),
                None => test(&[]),
            }
        }
    }
}

fn test_path(path: &Path, document: &Value, test: &dyn Fn(&[&Value]) -> bool) -> bool {
    let segments = path.segments();
    let wildcard = path
        .wildcard()
        .and_then(|at| Some((segments.get(..at)?, segments.get(at + 1..)?)));
    let Some((above, below)) = wildcard else {
        return test(&found(document, segments));
    };
    let features = found(document, above)
        .first()
        .and_then(|features| features.as_object())
        .filter(|features| !features.is_empty());
    match features {
        Some(features) => features
            .values()
            .any(|feature| test(&found(feature, below))),
        None => test(&[]),
    }
}

/// What stands at a path; more than one value where it leads through arrays of objects.
fn found<'v>(value: &'v Value, path: &[String]) -> Vec<&'v Value> {
    let mut values = Vec::new();
    collect(value, path, &mut values);
    values
}

fn collect<'v>(value: &'v Value, path: &[String], values: &mut Vec<&'v Value>) {
    let Some((key, rest)) = path.split_first() else {
        values.push(value);
        return;
    };
    match value {
        Value::Object(members) => {
            if let Some(member) = members.get(key) {
                collect(member, rest, values);
            }
        }
        Value::Array(elements) => {
            for element in elements.iter().filter(|element| element.is_object()) {
                collect(element, path, values);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn compares(found: &[&Value], comparison: Comparison, written: &Value) -> bool {
    let any = |accepted: fn(Ordering) -> bool| {
        any_element(found, &|element| {
            compare::order(element, written).is_some_and(accepted)
        })
    };
    match comparison {
        Comparison::Equal => any(Ordering::is_eq),
        Comparison::NotEqual => !any(Ordering::is_eq),
        Comparison::Greater => any(Ordering::is_gt),
        Comparison::GreaterOrEqual => any(Ordering::is_ge),
        Comparison::Less => any(Ordering::is_lt),
        Comparison::LessOrEqual => any(Ordering::is_le),
    }
}

fn any_element(found: &[&Value], accepted: &dyn Fn(&Value) -> bool) -> bool {
    found.iter().any(|value| match value {
        Value::Array(elements) => elements.iter().any(accepted),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            accepted(value)
        }
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

#[cfg(test)]
mod tests;
