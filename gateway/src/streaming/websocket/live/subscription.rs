//! Subscriptions to live signals.

use std::rc::Rc;

use ::policies::SubjectId;
use bytes::Bytes;
use protocol::{Channel, StreamKind, Subscription};

use super::super::Connection;
use super::super::control::instead_of;
use crate::error::DittoError;
use crate::live::{Label, LiveRenderer, LiveSignal};
use crate::streaming;

/// Whether live signals of this kind can be subscribed to.
pub(in crate::streaming::websocket) fn is_live(kind: StreamKind) -> bool {
    match kind {
        StreamKind::Messages | StreamKind::LiveCommands | StreamKind::LiveEvents => true,
        StreamKind::Events | StreamKind::PolicyAnnouncements | StreamKind::SessionAnnouncements => {
            false
        }
    }
}

impl Connection {
    pub(in crate::streaming::websocket) fn start_live(
        &self,
        kind: StreamKind,
        subscription: Subscription,
    ) -> Result<(), (DittoError, Option<String>)> {
        let renderer = LiveEnvelopes(self.wished(subscription)?);
        self.session.subscribe_live(kind, Rc::new(renderer));
        self.session.reindex();
        Ok(())
    }
}

/// Sends live signals as envelopes.
struct LiveEnvelopes(streaming::Subscription);

impl LiveRenderer for LiveEnvelopes {
    fn render(
        &self,
        signal: &LiveSignal,
        subjects: &[SubjectId],
        declared: &[Label],
    ) -> Option<Bytes> {
        match self.0.admit_live(signal, subjects) {
            Ok(None) => None,
            Ok(Some(extra)) => Some(signal.frame(extra.as_ref(), declared)),
            Err(error) => {
                let correlation_id = signal.header("correlation-id").unwrap_or_default();
                Some(instead_of(
                    (&signal.thing_id, Channel::Live),
                    correlation_id,
                    &error,
                ))
            }
        }
    }
}
