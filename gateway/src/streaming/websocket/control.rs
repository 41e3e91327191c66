//! Control messages: they start and stop streams.

use std::rc::Rc;

use ::policies::SubjectId;
use ::things::ThingId;
use authentication::ScopeWord;
use bytes::Bytes;
use protocol::{Channel, ControlMessage, Criterion, Envelope, Group, StreamKind, TopicPath};
use serde_json::Map;

use super::incoming::send_error;
use super::{Connection, live, text_frame};
use crate::error::DittoError;
use crate::live::Label;
use crate::streaming::announcement;
use crate::streaming::published::{Published, Visible};
use crate::streaming::session::Renderer;
use crate::streaming::subscription::{Subscription, Wish};

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
            connection.session.reindex();
            Ok(())
        }
        ControlMessage::Start(StreamKind::SessionAnnouncements, _) => {
            // Behind the confirmation, which is about to be sent.
            let clock = &connection.context.gateway.clock;
            let gaps = announcement::gaps(&connection.session.record, clock);
            connection.session.announce(Some(gaps));
            connection.session.lifeline().tell_again();
            Ok(())
        }
        ControlMessage::Stop(StreamKind::SessionAnnouncements) => {
            connection.session.announce(None);
            Ok(())
        }
        ControlMessage::Start(StreamKind::PolicyAnnouncements, subscription) => {
            let namespaces = Some(subscription.namespaces);
            connection.session.listen_to_policies(namespaces);
            connection.session.reindex();
            Ok(())
        }
        ControlMessage::Stop(StreamKind::PolicyAnnouncements) => {
            connection.session.listen_to_policies(None);
            connection.session.reindex();
            Ok(())
        }
        ControlMessage::Start(kind, subscription) if live::is_live(kind) => {
            connection.start_live(kind, subscription)
        }
        // Nothing of other kinds was ever started, so it has stopped.
        ControlMessage::Stop(kind) => {
            connection.session.unsubscribe_live(kind);
            connection.session.reindex();
            Ok(())
        }
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
    fn start_events(
        &self,
        subscription: protocol::Subscription,
    ) -> Result<(), (DittoError, Option<String>)> {
        let subscription = self.wished(subscription)?;
        self.session.subscribe(
            Rc::new(EnvelopeRenderer { subscription }),
            self.context.gateway.journal.head(),
        );
        self.session.reindex();
        Ok(())
    }

    /// What a control message asks for, if the caller may read things at all; otherwise the error, and what it is tied to.
    pub(super) fn wished(
        &self,
        subscription: protocol::Subscription,
    ) -> Result<Subscription, (DittoError, Option<String>)> {
        let wish = Wish {
            namespaces: subscription.namespaces,
            scopes: self.context.scopes.clone(),
            filter: subscription.filter.as_deref(),
            extra_fields: subscription.extra_fields.as_deref(),
        };
        wish.scopes
            .check(ScopeWord::ThingsRead, None)
            .and_then(|()| Subscription::parse(&wish, &self.context.gateway.things))
            .map_err(|error| (error, subscription.correlation_id))
    }
}

/// Sends events as envelopes.
struct EnvelopeRenderer {
    subscription: Subscription,
}

impl Renderer for EnvelopeRenderer {
    fn is_about(&self, thing_id: &ThingId) -> bool {
        self.subscription.wants_namespace(thing_id.namespace())
    }

    fn render(
        &self,
        published: &Published,
        visible: &Visible<'_>,
        subjects: &[SubjectId],
        declared: &[Label],
    ) -> Option<Bytes> {
        let admitted = self
            .subscription
            .admit(visible, subjects, published.decided_at);
        match admitted {
            Ok(None) => None,
            Ok(Some(extra)) => Some(visible.frame(extra.as_ref(), declared)),
            Err(error) => {
                let event = visible.event();
                let place = (&event.thing_id, Channel::Twin);
                Some(instead_of(place, &event.headers.correlation_id, &error))
            }
        }
    }
}

/// The error that takes the place of a signal.
pub(super) fn instead_of(
    (thing_id, channel): (&ThingId, Channel),
    correlation_id: &str,
    error: &DittoError,
) -> Bytes {
    let topic = TopicPath::new(thing_id.as_str(), Group::Things(channel), Criterion::Errors);
    let headers = Map::from_iter([("correlation-id".to_owned(), correlation_id.into())]);
    text_frame(&Envelope::error(
        Some(&topic),
        &headers,
        error.status().as_u16(),
        &error.to_json(),
    ))
}
