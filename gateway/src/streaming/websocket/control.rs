//! Control messages: they start and stop streams.

use std::rc::Rc;

use ::policies::SubjectId;
use ::things::ThingId;
use bytes::Bytes;
use protocol::{ControlMessage, StreamKind, Subscription};

use super::Connection;
use super::incoming::send_error;
use crate::error::DittoError;
use crate::streaming::announcement;
use crate::streaming::published::{Published, Visible};
use crate::streaming::session::Renderer;

/// Obeys, and confirms with the fixed text that clients wait for.
pub(super) async fn obey(connection: &Rc<Connection>, message: ControlMessage) {
    let ack = message.ack();
    let outcome = match message {
        ControlMessage::JwtToken(token) => {
            connection.refresh(&token).await;
            Ok(())
        }
        ControlMessage::Start(StreamKind::Events, subscription) => {
            connection.start_events(subscription)
        }
        ControlMessage::Stop(StreamKind::Events) => {
            connection.session.unsubscribe();
            connection.reindex();
            Ok(())
        }
        ControlMessage::Start(StreamKind::SessionAnnouncements, _) => {
            // Behind the confirmation, which is about to be sent.
            connection.session.announce(Some(announcement::gap));
            connection.session.lifeline().tell_again();
            Ok(())
        }
        ControlMessage::Stop(StreamKind::SessionAnnouncements) => {
            connection.session.announce(None);
            Ok(())
        }
        // Nothing of these kinds was ever started, so it has stopped.
        ControlMessage::Stop(_) => Ok(()),
        ControlMessage::Start(kind, subscription) => {
            Err((unsupported(kind), subscription.correlation_id))
        }
    };
    match (outcome, ack) {
        (Ok(()), Some(ack)) => connection.send(Bytes::from(ack)),
        (Ok(()), None) => {}
        (Err((error, correlation_id)), _) => {
            send_error(connection, None, (&error, correlation_id.as_deref()))
        }
    }
}

fn unsupported(kind: StreamKind) -> DittoError {
    DittoError::bad_request(
        "signal.unsupported",
        format!("Streams of this kind ({kind:?}) are not supported by this version."),
    )
    .describe("`START-SEND-EVENTS` is.")
}

impl Connection {
    fn start_events(&self, subscription: Subscription) -> Result<(), (DittoError, Option<String>)> {
        let unsupported = [
            ("filter", &subscription.filter),
            ("extraFields", &subscription.extra_fields),
        ]
        .into_iter()
        .find_map(|(name, value)| value.as_ref().map(|_| name));
        if let Some(name) = unsupported {
            let error = DittoError::bad_request(
                "signal.unsupported",
                format!("The parameter `{name}` of `START-SEND-EVENTS` is not supported by this version."),
            )
            .describe("The subscription was not started, because without it more would be delivered than asked for.");
            return Err((error, subscription.correlation_id));
        }
        let renderer = Box::new(EnvelopeRenderer {
            namespaces: subscription.namespaces,
        });
        self.session
            .subscribe(renderer, self.context.gateway.journal.head());
        self.reindex();
        Ok(())
    }
}

/// Sends events as envelopes.
struct EnvelopeRenderer {
    namespaces: Vec<String>,
}

impl Renderer for EnvelopeRenderer {
    fn is_about(&self, thing_id: &ThingId) -> bool {
        self.namespaces.is_empty()
            || self
                .namespaces
                .iter()
                .any(|wanted| wanted == thing_id.namespace())
    }

    fn render(
        &self,
        published: &Published,
        visible: &Visible<'_>,
        _subjects: &[SubjectId],
    ) -> Option<Bytes> {
        self.is_about(&published.event.thing_id)
            .then(|| visible.frame())
    }
}
