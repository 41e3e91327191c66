//! What a filter can ask of a live signal.

use ::policies::{Pointer, ResourceType};
use ::things::ThingId;
use protocol::StreamKind;
use serde_json::{Map, Value};

use super::signal::LiveSignal;
use crate::streaming::Signal;

impl LiveSignal {
    /// The part of the thing that the signal speaks of, at its place; a message speaks of none.
    pub(crate) fn document(&self) -> Value {
        let value = match (&self.reach.resource_type, &self.envelope.value) {
            (ResourceType::Thing, Some(value)) => value.clone(),
            (_, _) => return Value::Object(Map::new()),
        };
        let segments = self.reach.path.segments().iter().rev();
        segments.fold(value, |value, key| {
            Value::Object(Map::from_iter([(key.clone(), value)]))
        })
    }

    /// What stands in the topic behind the channel: a word, and what follows it.
    fn topic_tail(&self) -> (&'static str, &str) {
        let criterion = match self.kind {
            StreamKind::Messages => "messages",
            StreamKind::LiveCommands => "commands",
            StreamKind::LiveEvents
            | StreamKind::Events
            | StreamKind::PolicyAnnouncements
            | StreamKind::SessionAnnouncements => "events",
        };
        let tail = self
            .envelope
            .topic
            .split_once("/things/live/")
            .and_then(|(_, rest)| rest.split_once('/'))
            .map_or("", |(_, tail)| tail);
        (criterion, tail)
    }
}

impl Signal for LiveSignal {
    fn thing_id(&self) -> &ThingId {
        &self.thing_id
    }

    fn channel(&self) -> &'static str {
        "live"
    }

    fn criterion(&self) -> &'static str {
        self.topic_tail().0
    }

    fn tail(&self) -> &str {
        self.topic_tail().1
    }

    fn path(&self) -> &Pointer {
        &self.reach.path
    }

    fn value(&self) -> Option<&Value> {
        self.envelope.value.as_ref()
    }

    fn header(&self, name: &str) -> Option<&str> {
        LiveSignal::header(self, name)
    }
}
