//! The changes that frames of a WebSocket ask for.

use std::time::Duration;

use audit::{Auditor, Event, Outcome, Permission, Permit, Request, Response};
use policies::Principal;
use protocol::{Channel, CommandAction, Criterion, Group, TopicPath};

use super::{actor, not_recordable, source_of};
use crate::edge::RequestContext;
use crate::error::DittoError;

/// A frame that asks for a change, from its admission to its answer.
pub(crate) struct FrameTrail {
    permit: Option<Permit>,
}

impl FrameTrail {
    /// Makes sure that a change can be recorded before it is made; of other frames nothing is recorded.
    ///
    /// # Errors
    ///
    /// 503 if it cannot.
    pub(crate) async fn begin(auditor: &Auditor, topic: &TopicPath) -> Result<Self, DittoError> {
        if !is_change(topic) {
            return Ok(Self { permit: None });
        }
        let permit = auditor.admit_change().await;
        Ok(Self {
            permit: Some(permit.map_err(|error| not_recordable(&error))?),
        })
    }

    /// Records how it ended.
    pub(crate) fn end(
        self,
        (context, principal): (&RequestContext, &Principal),
        (topic, path, correlation_id): (&TopicPath, &str, &str),
        refusal: Option<&DittoError>,
    ) {
        let Some(permit) = self.permit else { return };
        let status = refusal.map_or(200, |error| error.status().as_u16());
        let at = context.gateway.clock.now();
        let request = Request::new(correlation_id, "WS")
            .to("/ws/2", &format!("{topic}{path}"), "")
            .protocol("ws");
        let event = match status {
            403 => {
                let permission = Permission {
                    need: need(topic).to_owned(),
                    sets: principal.credential().permission_sets.to_vec(),
                };
                Event::permission_denied(at, actor(principal), permission)
            }
            ..400 => Event::write(at, actor(principal), Outcome::Allow),
            400..500 => Event::write(at, actor(principal), Outcome::Deny),
            _ => Event::write(at, actor(principal), Outcome::Error),
        };
        let event = event
            .from(source_of(context.source))
            .asking(request)
            .answered(Response {
                status,
                bytes: None,
                duration: Duration::ZERO,
            });
        if status == 403 {
            // Not by its permit: refusals are folded.
            context.gateway.auditor.record(event);
        } else {
            permit.record(event);
        }
    }
}

fn is_change(topic: &TopicPath) -> bool {
    let is_stored = match topic.group() {
        Group::Things(channel) => channel == Channel::Twin,
        Group::Policies => true,
        Group::Connections | Group::Sessions => false,
    };
    is_stored
        && matches!(topic.criterion(), Criterion::Commands(action) if *action != CommandAction::Retrieve)
}

fn need(topic: &TopicPath) -> &'static str {
    match topic.group() {
        Group::Policies => "policies:write",
        Group::Things(_) | Group::Connections | Group::Sessions => "things:write",
    }
}
