//! Acknowledgements of what policies announce.

use ::policies::Acknowledgement;
use authentication::NamespacedKind;
use protocol::{Criterion, Group, TopicPath};
use serde_json::Value;

use super::super::Connection;
use super::super::live::Frame;
use super::{is_waived, send_error_with};
use crate::error::{DittoError, ErrorChain};
use crate::live::check_declared;

pub(super) fn is_policy_acknowledgement(topic: &TopicPath) -> bool {
    topic.group() == Group::Policies && matches!(topic.criterion(), Criterion::Acks(Some(_)))
}

/// Takes an acknowledgement of an announcement; only what is wrong with it is answered.
pub(super) async fn policy_acknowledgement(
    connection: &Connection,
    frame: &Frame<'_>,
    status: Option<u16>,
) {
    let outcome = acknowledge(connection, frame, status).await;
    if let Err(error) = outcome
        && !is_waived(frame.headers)
    {
        send_error_with(connection, (Some(frame.topic), frame.headers), &error);
    }
}

/// Keeps an acknowledgement before the next frame is looked at.
///
/// One that nobody awaits means nothing, nor does one of somebody else than was told: its sender learns nothing about it.
async fn acknowledge(
    connection: &Connection,
    frame: &Frame<'_>,
    status: Option<u16>,
) -> Result<(), DittoError> {
    let Frame { topic, headers, .. } = *frame;
    let named = headers.get("correlation-id").and_then(Value::as_str);
    let (true, Some(correlation_id)) = (frame.is_named, named) else {
        return Err(crate::live::Error::CorrelationIdMissing.into());
    };
    let Criterion::Acks(Some(label)) = topic.criterion() else {
        return Ok(());
    };
    check_declared(connection.session.declared(), label)?;
    let status = status.ok_or(protocol::Error::MissingField { field: "status" })?;
    let invalid = |source| ::policies::Error::InvalidId {
        text: topic.entity_id(),
        source,
    };
    let policy_id = topic.policy_id().map_err(invalid)?;
    let context = &connection.context;
    context.check_namespace(NamespacedKind::Policy, policy_id.namespace())?;
    let principal = connection.caller.borrow().principal().clone();
    let acknowledgement = Acknowledgement {
        givers: principal.subjects(),
        correlation_id,
        label,
        status,
    };
    let gateway = &context.gateway;
    let now = gateway.clock.now();
    let kept = gateway
        .subjects
        .acknowledge(&policy_id, &acknowledgement, now);
    if let Err(error) = kept.await {
        tracing::error!(error = %ErrorChain(&error), policy.id = %policy_id, "An acknowledgement could not be kept yet");
    }
    Ok(())
}
