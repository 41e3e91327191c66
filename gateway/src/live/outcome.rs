//! What becomes of a signal that somebody waits for.

use std::sync::Arc;

use protocol::Envelope;
use serde_json::{Map, Value};

use super::acknowledgement::{Acknowledgement, Acknowledgements, Label};
use super::error::Error;
use super::pending::{Awaited, Collected, Waiting};
use super::requested::Requested;

/// What a sender is told.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// What the device answered.
    Response(Box<Envelope>),
    /// What those said who were asked to acknowledge.
    Acknowledged(Acknowledgements),
}

/// The right to wait for what was asked for.
#[derive(Debug)]
pub(crate) struct Ticket {
    waiting: Waiting,
    requested: Requested,
    correlation_id: Arc<str>,
    is_message: bool,
}

impl Ticket {
    pub(super) fn new(waiting: Waiting, requested: Requested, correlation_id: &Arc<str>) -> Self {
        Self {
            waiting,
            requested,
            correlation_id: Arc::clone(correlation_id),
            is_message: false,
        }
    }

    pub(super) fn for_message(self) -> Self {
        Self {
            is_message: true,
            ..self
        }
    }

    pub(super) fn awaited(&self) -> &Arc<Awaited> {
        self.waiting.awaited()
    }

    /// Waits for the answer to a live signal.
    ///
    /// # Errors
    ///
    /// [`Error::NoResponse`] if nothing but a response was awaited, and none came.
    pub(crate) async fn answer(self) -> Result<Outcome, Error> {
        let Self {
            waiting,
            requested,
            correlation_id,
            is_message,
        } = self;
        let mut collected = waiting.collect(requested.wait).await;
        let response = collected.response.take();
        if requested.is_plain() {
            let mismatch = collected.mismatch;
            return response
                .map(|envelope| Outcome::Response(Box::new(envelope)))
                .ok_or(Error::NoResponse {
                    wait: requested.wait,
                    mismatch,
                    is_message,
                });
        }
        let own = requested.built_in.clone().map(|label| match response {
            Some(envelope) => of_response(label, envelope),
            None => Acknowledgement::timed_out(&label, &correlation_id, requested.wait),
        });
        Ok(Outcome::Acknowledged(gathered(
            own,
            collected,
            (&requested, &correlation_id),
        )))
    }

    /// Waits for the acknowledgements of a command to a twin, which was carried out with the outcome `own`.
    pub(crate) async fn acknowledgements(self, own: Acknowledgement) -> Acknowledgements {
        let Self {
            waiting,
            requested,
            correlation_id,
            ..
        } = self;
        let collected = waiting.collect(requested.wait).await;
        let own = requested.built_in.is_some().then_some(own);
        gathered(own, collected, (&requested, &correlation_id))
    }
}

fn gathered(
    own: Option<Acknowledgement>,
    collected: Collected,
    (requested, correlation_id): (&Requested, &str),
) -> Acknowledgements {
    let others = collected
        .acknowledgements
        .into_iter()
        .map(|(label, given)| {
            given.unwrap_or_else(|| {
                Acknowledgement::timed_out(&label, correlation_id, requested.wait)
            })
        });
    Acknowledgements(own.into_iter().chain(others).collect())
}

/// A device's answer as the acknowledgement `live-response`.
fn of_response(label: Label, envelope: Envelope) -> Acknowledgement {
    let headers: Map<String, Value> = envelope.headers.unwrap_or_default();
    Acknowledgement {
        label,
        status: envelope.status.unwrap_or(200),
        payload: envelope.value,
        headers,
    }
}
