//! What a client asked to hear of: namespaces, a filter, and further fields of the thing.
//!
//! Invariant: a filter and the further fields see only what the subscriber may read, now.

mod extra_fields;
mod filter;
mod namespaces;

use std::borrow::Cow;
use std::sync::Arc;

use ::policies::SubjectId;
use ::things::Things;
use authentication::ScopeWord;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::published::Visible;
use crate::edge::CallerScopes;
use crate::error::DittoError;
use crate::live::LiveSignal;
pub(crate) use extra_fields::ExtraFields;
pub(crate) use filter::{Filter, Signal};
pub(crate) use namespaces::Namespaces;

/// A subscription as it was parsed.
#[derive(Default)]
pub(crate) struct Subscription {
    namespaces: Namespaces,
    /// What the caller's permission sets let it read.
    scopes: CallerScopes,
    /// Most subscriptions narrow nothing further.
    narrowing: Option<Box<Narrowing>>,
}

struct Narrowing {
    filter: Option<Filter>,
    extra_fields: Option<ExtraFields>,
    things: Arc<Things>,
}

/// What a client wrote.
#[derive(Default)]
pub(crate) struct Wish<'a> {
    pub(crate) namespaces: Vec<String>,
    pub(crate) scopes: CallerScopes,
    pub(crate) filter: Option<&'a str>,
    pub(crate) extra_fields: Option<&'a str>,
}

/// What the subscription makes of an event that it does not leave out: the further fields, if some were asked for.
pub(crate) type Extra = Option<Map<String, Value>>;

impl Subscription {
    /// # Errors
    ///
    /// 400 if the filter or the selector of further fields is malformed.
    pub(crate) fn parse(wish: &Wish<'_>, things: &Arc<Things>) -> Result<Self, DittoError> {
        let filter = wish.filter.map(Filter::parse).transpose()?;
        let extra_fields = wish.extra_fields.map(ExtraFields::parse).transpose()?;
        let is_narrowed = filter.is_some() || extra_fields.is_some();
        Ok(Self {
            namespaces: Namespaces::new(wish.namespaces.clone()),
            scopes: wish.scopes.clone(),
            narrowing: is_narrowed.then(|| {
                Box::new(Narrowing {
                    filter,
                    extra_fields,
                    things: Arc::clone(things),
                })
            }),
        })
    }

    pub(crate) fn wants_namespace(&self, namespace: &str) -> bool {
        self.namespaces.admit(namespace)
            && self.scopes.allow(ScopeWord::ThingsRead, Some(namespace))
    }

    /// Whether the event is wanted, and with which further fields; `None` if it is not.
    ///
    /// # Errors
    ///
    /// If the further fields could not be read: the event cannot be delivered as asked.
    pub(crate) fn admit(
        &self,
        visible: &Visible<'_>,
        subjects: &[SubjectId],
        now: Timestamp,
    ) -> Result<Option<Extra>, DittoError> {
        let event = visible.event();
        self.decide(event, &|| Cow::Borrowed(visible.thing()), (subjects, now))
    }

    /// As [`Self::admit`], for a live signal, which is seen as a whole or not at all.
    ///
    /// # Errors
    ///
    /// As for [`Self::admit`].
    pub(crate) fn admit_live(
        &self,
        signal: &LiveSignal,
        subjects: &[SubjectId],
    ) -> Result<Option<Extra>, DittoError> {
        let document = || Cow::Owned(signal.document());
        self.decide(signal, &document, (subjects, signal.decided_at))
    }

    fn decide<'d>(
        &self,
        signal: &dyn Signal,
        document: &dyn Fn() -> Cow<'d, Value>,
        reader: (&[SubjectId], Timestamp),
    ) -> Result<Option<Extra>, DittoError> {
        if !self.wants_namespace(signal.thing_id().namespace()) {
            return Ok(None);
        }
        match self.narrowing.as_deref() {
            None => Ok(Some(None)),
            Some(narrowing) => narrowing.admit(signal, document, reader),
        }
    }
}

impl Narrowing {
    fn admit<'d>(
        &self,
        signal: &dyn Signal,
        document: &dyn Fn() -> Cow<'d, Value>,
        (subjects, now): (&[SubjectId], Timestamp),
    ) -> Result<Option<Extra>, DittoError> {
        let extra = self.extra(signal, subjects, now)?;
        let Some(filter) = &self.filter else {
            return Ok(Some(extra));
        };
        let is_wanted = match &extra {
            None => filter.matches(signal, &document(), now),
            Some(extra) => filter.matches(signal, &with_extra(extra, &document()), now),
        };
        Ok(is_wanted.then_some(extra))
    }

    fn extra(
        &self,
        signal: &dyn Signal,
        subjects: &[SubjectId],
        now: Timestamp,
    ) -> Result<Extra, DittoError> {
        let Some(extra_fields) = &self.extra_fields else {
            return Ok(None);
        };
        let Some(fields) = extra_fields.of(signal)? else {
            return Ok(None);
        };
        let enriched = self
            .things
            .enrich(signal.thing_id(), &fields, subjects, now)
            .map_err(|error| unreadable(error.into()))?;
        Ok(match enriched {
            Some(Value::Object(members)) => Some(members),
            Some(_) | None => None,
        })
    }
}

fn unreadable(error: DittoError) -> DittoError {
    DittoError::new(
        error.status(),
        "signal.enrichment.failed",
        "The fields asked for with `extraFields` could not be read, so a signal is missing here.",
    )
    .describe("Read the current state of the thing.")
}

/// The changed part of a thing over further fields of it.
pub(crate) fn with_extra(extra: &Map<String, Value>, changed: &Value) -> Value {
    let mut thing = Value::Object(extra.clone());
    put_over(&mut thing, changed);
    thing
}

fn put_over(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (name, value) in above {
                put_over(below.entry(name).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_changed_stands_over_what_was_added() {
        let extra = json!({"attributes": {"site": 1, "on": false}, "policyId": "a:p"});
        let changed = json!({"thingId": "a:b", "attributes": {"on": true}});
        assert_eq!(
            with_extra(extra.as_object().unwrap(), &changed),
            json!({
                "attributes": {"site": 1, "on": true}, "policyId": "a:p", "thingId": "a:b"
            })
        );
    }

    #[test]
    fn a_value_replaces_an_object_and_the_reverse() {
        let extra = json!({"attributes": {"a": {"b": 1}, "c": 2}});
        let changed = json!({"attributes": {"a": null, "c": {"d": 3}}});
        assert_eq!(
            with_extra(extra.as_object().unwrap(), &changed),
            json!({"attributes": {"a": null, "c": {"d": 3}}})
        );
    }
}
