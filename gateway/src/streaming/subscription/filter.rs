//! The `filter` of a subscription: an RQL expression on the changed part of a thing.
//!
//! Source: Ditto documentation, page "Change notifications", section "By RQL expression".

use std::borrow::Cow;

use ::policies::{Pointer, SubjectId};
use ::things::{ThingEvent, ThingId};
use jiff::Timestamp;
use rql::{Fields, Placeholder, Predicate};
use serde_json::Value;

use crate::error::DittoError;

/// A parsed filter.
pub(crate) struct Filter(Predicate);

impl Filter {
    /// # Errors
    ///
    /// 400 if it is no RQL expression.
    pub(crate) fn parse(text: &str) -> Result<Self, DittoError> {
        Predicate::parse(text).map(Self).map_err(|error| {
            DittoError::bad_request(
                "rql.expression.invalid",
                format!("The filter is no valid RQL expression: {error}."),
            )
            .describe("Write an expression such as `eq(attributes/location,'kitchen')`, percent-encoded where it stands in a query.")
        })
    }

    /// Whether the signal is wanted; `document` is what the subscriber may see of the thing in it.
    pub(crate) fn matches(&self, signal: &dyn Signal, document: &Value, now: Timestamp) -> bool {
        self.0.matches(&SignalFields {
            signal,
            document,
            now,
        })
    }
}

/// What placeholders can ask of a signal about a thing.
pub(crate) trait Signal {
    /// The thing that it is about.
    fn thing_id(&self) -> &ThingId;
    /// `twin` or `live`.
    fn channel(&self) -> &'static str;
    /// `events`, `commands` or `messages`.
    fn criterion(&self) -> &'static str;
    /// What follows in the topic: an action, or the subject of a message.
    fn tail(&self) -> &str;
    /// What is addressed within the thing.
    fn path(&self) -> &Pointer;
    /// What the signal carries.
    fn value(&self) -> Option<&Value>;
    /// A header, by its name in lower case.
    fn header(&self, name: &str) -> Option<&str>;

    /// The value of a placeholder; `None` if the signal has none.
    fn placeholder(&self, placeholder: Placeholder, name: &str) -> Option<Cow<'_, str>> {
        match placeholder {
            Placeholder::Topic => topic(self, name),
            Placeholder::Resource => match name {
                "type" => Some(resource_type(self.criterion()).into()),
                "path" => Some(self.path().to_string().into()),
                _ => None,
            },
            Placeholder::Entity | Placeholder::Thing => match name {
                "id" => Some(self.thing_id().as_str().into()),
                "namespace" => Some(self.thing_id().namespace().into()),
                "name" => Some(self.thing_id().name().into()),
                _ => None,
            },
            Placeholder::Feature => match (name, self.path().segments()) {
                ("id", [features, id, ..]) if features == "features" => Some(id.into()),
                _ => None,
            },
            Placeholder::Header => self.header(&name.to_ascii_lowercase()).map(Cow::Borrowed),
            Placeholder::Time => None,
        }
    }
}

/// `topic:…`, the parts of the topic and the whole of it.
fn topic<'s>(signal: &'s (impl Signal + ?Sized), name: &str) -> Option<Cow<'s, str>> {
    let thing_id = signal.thing_id();
    Some(match name {
        "full" => format!(
            "{}/{}/things/{}/{}/{}",
            thing_id.namespace(),
            thing_id.name(),
            signal.channel(),
            signal.criterion(),
            signal.tail()
        )
        .into(),
        "namespace" => thing_id.namespace().into(),
        "entityName" => thing_id.name().into(),
        "entityId" => thing_id.as_str().into(),
        "group" => "things".into(),
        "channel" => signal.channel().into(),
        "criterion" => signal.criterion().into(),
        "action" if signal.criterion() != "messages" => signal.tail().into(),
        "subject" if signal.criterion() == "messages" => signal.tail().into(),
        "action-subject" => signal.tail().into(),
        _ => return None,
    })
}

/// As the resources of policies are called.
fn resource_type(criterion: &str) -> &'static str {
    if criterion == "messages" {
        "message"
    } else {
        "thing"
    }
}

impl Signal for ThingEvent {
    fn thing_id(&self) -> &ThingId {
        &self.thing_id
    }

    fn channel(&self) -> &'static str {
        "twin"
    }

    fn criterion(&self) -> &'static str {
        "events"
    }

    fn tail(&self) -> &str {
        self.action.as_str()
    }

    fn path(&self) -> &Pointer {
        &self.path
    }

    fn value(&self) -> Option<&Value> {
        self.value.as_ref()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let headers = &self.headers;
        match name {
            "correlation-id" => Some(&headers.correlation_id),
            "ditto-originator" => headers.originator.as_ref().map(SubjectId::as_str),
            name => {
                let custom = headers.custom.iter().find(|(known, _)| **known == *name);
                custom.map(|(_, value)| &**value)
            }
        }
    }
}

struct SignalFields<'a> {
    signal: &'a dyn Signal,
    document: &'a Value,
    now: Timestamp,
}

impl Fields for SignalFields<'_> {
    fn document(&self) -> &Value {
        self.document
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn placeholder(&self, placeholder: Placeholder, name: &str) -> Option<Cow<'_, str>> {
        self.signal.placeholder(placeholder, name)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ::things::{EventAction, EventHeaders};
    use serde_json::json;

    use super::*;

    /// A change of `path` to `value`.
    pub(crate) fn event(path: &str, value: Value) -> ThingEvent {
        ThingEvent {
            thing_id: "org.acme:lamp".parse().unwrap(),
            policy_id: "org.acme:lamp".parse().unwrap(),
            action: EventAction::Modified,
            path: path.parse().unwrap(),
            value: Some(value),
            metadata: None,
            revision: 2,
            timestamp: Timestamp::UNIX_EPOCH,
            headers: EventHeaders {
                correlation_id: "c-1".into(),
                originator: Some("nginx:alice".parse().unwrap()),
                custom: vec![("x-own".into(), "7".into())],
                ..EventHeaders::default()
            },
        }
    }

    #[track_caller]
    fn check(filter: &str, expected: bool) {
        let event = event("/features/lamp/properties/on", json!(true));
        let filtered = Filter::parse(filter)
            .map(|filter| filter.matches(&event, &event.to_thing_json(), Timestamp::UNIX_EPOCH));
        assert_eq!(filtered.ok(), Some(expected), "{filter}");
    }

    #[test]
    fn a_filter_sees_what_changed() {
        check("eq(features/lamp/properties/on,true)", true);
        check("exists(features/lamp/properties/watts)", false);
        check("eq(thingId,'org.acme:lamp')", true);
    }

    #[test]
    fn placeholders_name_the_parts_of_the_signal() {
        check("eq(topic:action,'modified')", true);
        check(
            "eq(topic:full,'org.acme/lamp/things/twin/events/modified')",
            true,
        );
        check("eq(topic:channel,'live')", false);
        check("eq(topic:criterion,'events')", true);
        check("eq(topic:subject,'x')", false);
        check("like(resource:path,'/features/lamp/*')", true);
        check("eq(resource:type,'thing')", true);
        check("eq(entity:name,'lamp')", true);
        check("eq(thing:namespace,'org.acme')", true);
        check("eq(feature:id,'lamp')", true);
        check("eq(header:X-Own,'7')", true);
        check("eq(header:ditto-originator,'nginx:alice')", true);
        check("exists(header:nope)", false);
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for filter in ["", "eq(attributes/x)", "eq(attributes/x,1"] {
            let refused = Filter::parse(filter).err();
            assert_eq!(
                refused.as_ref().map(DittoError::code),
                Some("rql.expression.invalid"),
                "{filter}"
            );
        }
    }
}
