//! `extraFields`: further fields of the thing that a signal comes with.
//!
//! Source: Ditto documentation, page "Signal enrichment".

use ::policies::{FieldSelector, Pointer};
use ::things::ThingEvent;
use rql::Placeholder;
use serde_json::Value;

use super::filter::Signal;
use crate::error::DittoError;

/// A selector that may depend on the signal that is enriched.
#[derive(Debug)]
pub(crate) enum ExtraFields {
    /// The same for every signal.
    Fixed(FieldSelector),
    /// Single pointers, with `{{ … }}` or a `*` for the features that have changed.
    PerEvent(Vec<String>),
}

/// Stands for whichever features a signal is about.
const EVERY_FEATURE: &str = "features/*";

impl ExtraFields {
    /// # Errors
    ///
    /// 400 for a malformed selector, and for a placeholder that no event has a value for.
    pub(crate) fn parse(text: &str) -> Result<Self, DittoError> {
        let sample = substitute(text, &|placeholder, name| {
            let event = sample_event();
            event
                .placeholder(placeholder, name)
                .or((placeholder == Placeholder::Header).then_some("x".into()))
                .map(Into::into)
        })?;
        let Some(sample) = sample else {
            return Err(unresolved(text));
        };
        let selector: FieldSelector = sample.parse()?;
        if sample == text && !text.contains('*') {
            return Ok(Self::Fixed(selector));
        }
        Ok(Self::PerEvent(flatten(text, "")))
    }

    /// The selector for this signal; `None` if nothing is left to select.
    ///
    /// # Errors
    ///
    /// If a value from the signal makes it malformed.
    pub(crate) fn of(&self, signal: &dyn Signal) -> Result<Option<FieldSelector>, DittoError> {
        let pointers = match self {
            Self::Fixed(selector) => return Ok(Some(selector.clone())),
            Self::PerEvent(pointers) => pointers,
        };
        let mut selected = Vec::new();
        for pointer in pointers {
            let value =
                |placeholder, name: &str| signal.placeholder(placeholder, name).map(Into::into);
            if let Some(pointer) = substitute(pointer, &value)? {
                expand(&pointer, signal, &mut selected);
            }
        }
        if selected.is_empty() {
            return Ok(None);
        }
        Ok(Some(selected.join(",").parse()?))
    }
}

/// Replaces every `{{ family:name }}`; `None` if one of them has no value.
fn substitute(
    text: &str,
    value: &dyn Fn(Placeholder, &str) -> Option<String>,
) -> Result<Option<String>, DittoError> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inner, after) = after.split_once("}}").ok_or_else(|| unresolved(text))?;
        let (placeholder, name) = placeholder(inner.trim()).ok_or_else(|| unresolved(text))?;
        result += before;
        match value(placeholder, name) {
            Some(value) => result += &value,
            None => return Ok(None),
        }
        rest = after;
    }
    Ok(Some(result + rest))
}

/// A placeholder without functions.
fn placeholder(text: &str) -> Option<(Placeholder, &str)> {
    let (family, name) = text.split_once(':')?;
    let family = match family {
        "topic" => Placeholder::Topic,
        "resource" => Placeholder::Resource,
        "entity" => Placeholder::Entity,
        "thing" => Placeholder::Thing,
        "feature" => Placeholder::Feature,
        "header" => Placeholder::Header,
        _ => return None,
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (!name.is_empty() && name.bytes().all(is_plain)).then_some((family, name))
}

fn unresolved(text: &str) -> DittoError {
    DittoError::bad_request(
        "placeholder:unresolved",
        "A placeholder in `extraFields` is unknown.",
    )
    .describe(format!(
        "`{}` may use `topic:…`, `resource:…`, `entity:…`, `thing:…`, `feature:id` and `header:…`, without functions.",
        text.chars().take(100).collect::<String>()
    ))
}

/// Every pointer of a well-formed selector, parentheses resolved.
fn flatten(text: &str, base: &str) -> Vec<String> {
    let mut pointers = Vec::new();
    for item in split_top_level(text) {
        match item.split_once('(') {
            Some((path, nested)) => {
                let nested = nested.strip_suffix(')').unwrap_or(nested);
                pointers.extend(flatten(nested, &join(base, path)));
            }
            None => pointers.push(join(base, item)),
        }
    }
    pointers
}

fn join(base: &str, path: &str) -> String {
    match (base, path.trim_matches('/')) {
        ("", path) => path.to_owned(),
        (base, "") => base.to_owned(),
        (base, path) => format!("{base}/{path}"),
    }
}

fn split_top_level(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
    .collect()
}

/// Adds the pointer, once for each feature of the signal if it stands for all of them.
fn expand(pointer: &str, signal: &dyn Signal, selected: &mut Vec<String>) {
    match pointer.trim_start_matches('/').strip_prefix(EVERY_FEATURE) {
        None => selected.push(pointer.to_owned()),
        Some(tail) => {
            let features = addressed_features(signal).into_iter().filter(|id| {
                // These mean something in a selector.
                !id.contains([',', '(', ')'])
            });
            selected.extend(
                features.map(|id| format!("{}{tail}", Pointer::from_segments(["features", id]))),
            );
        }
    }
}

/// The features that the signal changes something of, or goes to.
fn addressed_features(signal: &dyn Signal) -> Vec<&str> {
    let value = signal.value();
    match signal.path().segments() {
        [] => members(value.and_then(|thing| thing.get("features"))),
        [features] if features == "features" => members(value),
        [features, id, ..] if features == "features" => vec![id],
        _ => Vec::new(),
    }
}

fn members(value: Option<&Value>) -> Vec<&str> {
    let members = value.and_then(Value::as_object).into_iter().flatten();
    members.map(|(id, _)| id.as_str()).collect()
}

/// Has a value for every placeholder that an event can have one for.
fn sample_event() -> ThingEvent {
    ThingEvent {
        thing_id: SAMPLE_ID.parse().expect("it is an id"),
        policy_id: SAMPLE_ID.parse().expect("it is an id"),
        action: ::things::EventAction::Modified,
        path: Pointer::from_segments(["features", "x"]),
        value: None,
        metadata: None,
        revision: 1,
        timestamp: jiff::Timestamp::UNIX_EPOCH,
        headers: ::things::EventHeaders::default(),
    }
}

const SAMPLE_ID: &str = "x:x";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::filter::tests::event;
    use super::*;

    /// What the selector takes of a thing for a change of `path` to `value`.
    #[track_caller]
    fn check(selector: &str, (path, value): (&str, Value), expected: Option<Value>) {
        let thing = json!({
            "thingId": "org.acme:lamp",
            "attributes": {"lamp": 1, "org.acme": 2, "site": 3},
            "features": {
                "lamp": {"definition": ["a:b:1"], "properties": {"on": true}},
                "fan": {"definition": ["a:c:1"]},
            },
        });
        let fields = ExtraFields::parse(selector).unwrap();
        let selected = fields.of(&event(path, value)).unwrap();
        let selected = selected.map(|selected| selected.select(&thing));
        assert_eq!(selected, expected, "{selector} at {path}");
    }

    #[test]
    fn plain_fields_are_the_same_for_every_event() {
        assert!(matches!(
            ExtraFields::parse("thingId,attributes/site"),
            Ok(ExtraFields::Fixed(_))
        ));
        check(
            "attributes(site)",
            ("/definition", json!("a:b:1")),
            Some(json!({"attributes": {"site": 3}})),
        );
    }

    #[test]
    fn a_star_stands_for_the_features_that_changed() {
        let lamp = Some(json!({"features": {"lamp": {"definition": ["a:b:1"]}}}));
        check(
            "features/*/definition",
            ("/features/lamp/properties/on", json!(true)),
            lamp.clone(),
        );
        check(
            "features(*(definition))",
            ("/features", json!({"lamp": {}})),
            lamp.clone(),
        );
        check(
            "/features/*/definition",
            ("/", json!({"features": {"lamp": {}}})),
            lamp,
        );
        check("features/*/definition", ("/attributes/x", json!(1)), None);
    }

    #[test]
    fn placeholders_come_from_the_event() {
        check(
            "attributes/{{ feature:id }},attributes/{{thing:namespace}}",
            ("/features/lamp", json!({})),
            Some(json!({"attributes": {"lamp": 1, "org.acme": 2}})),
        );
        check(
            "attributes/{{ feature:id }},thingId",
            ("/attributes/x", json!(1)),
            Some(json!({"thingId": "org.acme:lamp"})),
        );
        check(
            "attributes/{{ header:nope }}",
            ("/attributes/x", json!(1)),
            None,
        );
    }

    #[track_caller]
    fn check_refused(selector: &str, code: &str) {
        let refused = ExtraFields::parse(selector).err();
        assert_eq!(
            refused.as_ref().map(DittoError::code),
            Some(code),
            "{selector}"
        );
    }

    #[test]
    fn what_cannot_be_selected_is_refused() {
        check_refused("attributes(site", "json.fieldselector.invalid");
        check_refused("attributes//site", "json.fieldselector.invalid");
        for selector in [
            "attributes/{{ nope:id }}",
            "attributes/{{ thing:nope }}",
            "attributes/{{ thing:id | fn:upper() }}",
            "attributes/{{ thing:id",
        ] {
            check_refused(selector, "placeholder:unresolved");
        }
    }
}
