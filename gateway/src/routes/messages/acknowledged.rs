//! Writes of twins that others are asked to acknowledge.

use ::policies::CommandContext;
use ::things::{ThingCommand, ThingId, ThingResource};
use actix_web::{HttpRequest, HttpResponse};
use protocol::Channel;
use serde_json::Value;

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
    let around = asking(context, &requested)?;
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

/// A migration, and what it waits for.
pub(in crate::routes) struct Migration {
    pub(in crate::routes) thing_id: ThingId,
    pub(in crate::routes) body: Value,
    pub(in crate::routes) requested: Requested,
}

/// As [`write_acknowledged`], for a migration.
///
/// # Errors
///
/// 400 if it is only rehearsed, besides those of the migration: nobody would learn of it, and so nobody acknowledge it.
pub(in crate::routes) async fn migrate_acknowledged(
    context: &RequestContext,
    migration: Migration,
) -> Result<HttpResponse, DittoError> {
    let Migration {
        thing_id,
        body,
        requested,
    } = migration;
    let headers = context.headers.twin.clone();
    if headers.as_ref().is_some_and(|headers| headers.is_dry_run()) {
        return Err(not_rehearsed());
    }
    let gateway = &context.gateway;
    let _permit = context.begin_waiting(&requested, Channel::Twin)?;
    let around = asking(context, &requested)?;
    let ticket = gateway.live.expect_acknowledgements(
        &around,
        (&thing_id, ThingResource::Thing.pointer()),
        &requested,
    )?;
    let migrated = gateway
        .things
        .migrate(&around, thing_id, (body, headers))
        .await?;
    let own = Acknowledgement::migrated(&migrated, &around.headers.correlation_id);
    let all = ticket.acknowledgements(own).await;
    Ok(respond::acknowledgements(&all, requested.response_required))
}

/// A command whose event asks for what is requested.
fn asking(context: &RequestContext, requested: &Requested) -> Result<CommandContext, DittoError> {
    let mut around = context.command()?;
    around.headers.requested_acks = requested.custom.iter().map(ToString::to_string).collect();
    Ok(around)
}

fn not_rehearsed() -> DittoError {
    DittoError::bad_request(
        "command.headers.invalid",
        "A rehearsal is told to nobody, so that nobody acknowledges it.",
    )
    .describe("Leave out `requested-acks` or `dry-run`.")
}
