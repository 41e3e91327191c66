//! Answers that come later: how many a session waits for, and how they are sent without keeping other frames waiting.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use ::policies::CommandContext;
use ::things::{ThingCommand, TwinHeaders};
use bytes::Bytes;
use devops::logging::carried;
use protocol::{Channel, Criterion, Envelope, TopicPath};
use serde_json::{Map, Value};

use super::super::Connection;
use super::super::incoming::send_error_with;
use super::Frame;
use crate::error::DittoError;
use crate::limits::StreamPermit;
use crate::live::{Acknowledgement, Acknowledgements, Error, Outcome, Requested, Ticket, emitted};

/// How many signals of a session are being waited for.
#[derive(Default)]
pub(in crate::streaming::websocket) struct InFlight(Rc<Cell<usize>>);

/// One signal of a session that is being waited for.
pub(super) struct Permit {
    in_flight: Rc<Cell<usize>>,
    _place: Option<StreamPermit>,
}

impl InFlight {
    /// One session waits for at most this many at a time.
    const MAX: usize = 256;

    fn begin(&self, place: Option<StreamPermit>) -> Result<Permit, Error> {
        if self.0.get() >= Self::MAX {
            return Err(Error::TooManyPending { limit: Self::MAX });
        }
        self.0.set(self.0.get() + 1);
        Ok(Permit {
            in_flight: Rc::clone(&self.0),
            _place: place,
        })
    }
}

/// A place among those who wait: of this session, and of all requests of its caller and its source.
///
/// # Errors
///
/// 429 if there is none left.
pub(super) fn begin(
    connection: &Connection,
    (requested, channel): (&Requested, Channel),
) -> Result<Permit, DittoError> {
    let place = connection.context.begin_waiting(requested, channel)?;
    Ok(connection.in_flight.begin(place)?)
}

impl Drop for Permit {
    fn drop(&mut self) {
        let in_flight = &self.in_flight;
        in_flight.set(in_flight.get().saturating_sub(1));
    }
}

/// Waits for the answer to a live signal and sends it, unless the session ends before.
pub(super) fn wait(
    connection: &Rc<Connection>,
    (ticket, permit): (Option<Ticket>, Permit),
    (context, frame, asked): (CommandContext, &Frame<'_>, Option<ThingCommand>),
) {
    let Some(ticket) = ticket else {
        return;
    };
    let connection = Rc::clone(connection);
    let (topic, headers) = (frame.topic.clone(), frame.headers.clone());
    actix_web::rt::spawn(carried(async move {
        let _permit = permit;
        let gateway = &connection.context.gateway;
        let answering = async {
            let outcome = ticket.answer().await?;
            let frame = match outcome {
                Outcome::Response(envelope) => {
                    let now = gateway.clock.now();
                    match &asked {
                        Some(asked) => gateway.live.readable(&context, (asked, now), *envelope)?,
                        None => *envelope,
                    }
                    .to_bytes()
                }
                Outcome::Acknowledged(all) => acknowledgements(&topic, &headers, &all),
            };
            Ok::<_, Error>(frame)
        };
        tokio::select! {
            outcome = answering => match outcome {
                Ok(frame) => connection.send_late(frame),
                Err(error) => send_error_with(&connection, (Some(&topic), &headers), &error.into()),
            },
            _ = connection.session.lifeline().ended(&*gateway.clock) => {}
        }
    }));
}

/// A write of a twin, and what it waits for.
pub(in crate::streaming::websocket) struct Written {
    pub(in crate::streaming::websocket) command: ThingCommand,
    pub(in crate::streaming::websocket) headers: Option<Arc<TwinHeaders>>,
    pub(in crate::streaming::websocket) requested: Requested,
}

/// Carries out a write of a twin that others are asked to acknowledge; they are waited for later.
pub(in crate::streaming::websocket) async fn write_acknowledged(
    connection: &Rc<Connection>,
    (mut context, written): (CommandContext, Written),
    frame: &Frame<'_>,
) -> Result<(), DittoError> {
    let Written {
        command,
        headers,
        requested,
    } = written;
    let permit = begin(connection, (&requested, Channel::Twin))?;
    let gateway = &connection.context.gateway;
    context.headers.requested_acks = requested.custom.iter().map(ToString::to_string).collect();
    let ticket = gateway.live.expect_acknowledgements(
        &context,
        (&command.thing_id, command.resource.pointer()),
        &requested,
    )?;
    let response = gateway
        .things
        .execute_with(&context, command, headers)
        .await?;
    let own = Acknowledgement::persisted(&response, (&context.headers.correlation_id, None));
    let connection = Rc::clone(connection);
    let (topic, headers) = (frame.topic.clone(), frame.headers.clone());
    actix_web::rt::spawn(carried(async move {
        let _permit = permit;
        tokio::select! {
            all = ticket.acknowledgements(own) => {
                connection.send_late(acknowledgements(&topic, &headers, &all));
            }
            _ = connection.session.lifeline().ended(&*connection.context.gateway.clock) => {}
        }
    }));
    Ok(())
}

/// The envelope of several acknowledgements.
fn acknowledgements(
    topic: &TopicPath,
    headers: &Map<String, Value>,
    all: &Acknowledgements,
) -> Bytes {
    let topic = TopicPath::new(&topic.entity_id(), topic.group(), Criterion::Acks(None));
    let mut seen = emitted(headers.clone());
    seen.insert("content-type".to_owned(), "application/json".into());
    Envelope {
        topic: topic.to_string(),
        headers: Some(seen),
        path: "/".to_owned(),
        value: Some(all.to_json()),
        status: Some(all.status()),
        ..Envelope::default()
    }
    .to_bytes()
}
