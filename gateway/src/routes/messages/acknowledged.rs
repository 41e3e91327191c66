//! Writes of twins that others are asked to acknowledge.

use ::things::ThingCommand;
use actix_web::{HttpRequest, HttpResponse};
use protocol::Channel;

use super::respond;
use crate::edge::RequestContext;
use crate::error::DittoError;
use crate::live::{Acknowledgement, Requested};
use crate::routes::respond::location;

/// A write, and what it waits for.
pub(in crate::routes) struct Written<'a> {
    pub(in crate::routes) command: ThingCommand,
    pub(in crate::routes) requested: Requested,
    /// What the location of a created thing ends with.
    pub(in crate::routes) location_suffix: &'a str,
}

/// Carries the write out and answers with what was said about it; if it fails, only with why.
pub(in crate::routes) async fn write_acknowledged(
    context: &RequestContext,
    request: &HttpRequest,
    written: Written<'_>,
) -> Result<HttpResponse, DittoError> {
    let Written {
        command,
        requested,
        location_suffix,
    } = written;
    let gateway = &context.gateway;
    let _permit = context.begin_waiting(&requested, Channel::Twin)?;
    let mut around = context.command()?;
    around.headers.requested_acks = requested.custom.iter().map(ToString::to_string).collect();
    // The place for answers comes first: the event may be acknowledged before the write returns.
    let ticket = gateway.live.expect_acknowledgements(
        &around,
        (&command.thing_id, command.resource.pointer()),
        &requested,
    )?;
    let response = gateway
        .things
        .execute_with(&around, command, context.headers.twin.clone())
        .await?;
    let location = location(context, request, location_suffix);
    let own =
        Acknowledgement::persisted(&response, (&around.headers.correlation_id, Some(&location)));
    let all = ticket.acknowledgements(own).await;
    Ok(respond::acknowledgements(&all, requested.response_required))
}
