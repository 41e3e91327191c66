//! The record of a session for auditors: when it opened, and when and why it closed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use audit::{Auditor, Event};

use super::registry::SessionRecord;
use crate::app::Gateway;
use crate::clock::Clock;
use crate::edge::RequestContext;
use crate::telemetry::audit::{actor, source_of};

/// An open session in the record; dropping it closes it there.
pub(crate) struct Audited {
    auditor: Auditor,
    clock: Arc<dyn Clock>,
    source: audit::Source,
    record: Arc<SessionRecord>,
}

impl Audited {
    pub(super) fn open(
        gateway: &Gateway,
        context: &RequestContext,
        record: &Arc<SessionRecord>,
    ) -> Self {
        let audited = Self {
            auditor: gateway.auditor.clone(),
            clock: Arc::clone(&gateway.clock),
            source: source_of(context.source),
            record: Arc::clone(record),
        };
        let kind = record.kind.as_str();
        audited.note(Event::stream_opened(
            context.now,
            actor(&record.principal()),
            kind,
        ));
        audited
    }

    fn note(&self, event: Event) {
        self.auditor.record(event.from(self.source));
    }
}

impl Drop for Audited {
    fn drop(&mut self) {
        let end = self.record.lifeline.end();
        let cause = end.map_or("client", |end| end.kind.as_str());
        let who = actor(&self.record.principal());
        let lost = self.record.counts.lost.load(Ordering::Relaxed);
        let stream = (self.record.kind.as_str(), cause, lost);
        self.note(Event::stream_closed(self.clock.now(), who, stream));
    }
}
