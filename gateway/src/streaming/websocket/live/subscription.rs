//! Subscriptions to live signals.

use std::rc::Rc;

use ::policies::SubjectId;
use authentication::ScopeWord;
use bytes::Bytes;
use protocol::{Channel, StreamKind, Subscription};

use super::super::Connection;
use super::super::control::instead_of;
use crate::error::DittoError;
use crate::live::{Label, LiveRenderer, LiveSignal};
use crate::streaming::{self, Wish};

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
        let wish = Wish {
            namespaces: subscription.namespaces,
            scopes: self.context.scopes.clone(),
            filter: subscription.filter.as_deref(),
            extra_fields: subscription.extra_fields.as_deref(),
        };
        let parsed = wish
            .scopes
            .check(ScopeWord::ThingsRead, None)
            .and_then(|()| streaming::Subscription::parse(&wish, &self.context.gateway.things));
        let renderer = LiveEnvelopes(parsed.map_err(|error| (error, subscription.correlation_id))?);
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
