//! What the target and the headers of a request for a stream say.

use std::str::FromStr;

use ::things::{ThingId, ThingResource};
use actix_web::HttpRequest;
use jiff::Timestamp;
use journal::Position;

use super::render::Selection;
use crate::edge::RequestContext;
use crate::error::DittoError;
use crate::routes::parse_thing_id;
use crate::streaming::replay::Past;
use crate::streaming::subscription::{Subscription, Wish};

/// What of which things the stream is about.
pub(super) fn selection(
    context: &RequestContext,
    thing: Option<(ThingId, ThingResource)>,
) -> Result<Selection, DittoError> {
    let (thing_ids, pointer) = match thing {
        Some((thing_id, resource)) => (
            vec![thing_id],
            Some(resource.pointer()).filter(|pointer| !pointer.is_root()),
        ),
        None => (
            list(context, "ids")
                .iter()
                .map(|id| parse_thing_id(id))
                .collect::<Result<_, _>>()?,
            None,
        ),
    };
    let extra_fields = list(context, "extraFields").join(",");
    let wish = Wish {
        scopes: context.scopes.clone(),
        namespaces: list(context, "namespaces"),
        filter: context.query.get("filter"),
        extra_fields: Some(extra_fields.as_str()).filter(|fields| !fields.is_empty()),
    };
    Ok(Selection {
        thing_ids,
        subscription: Subscription::parse(&wish, &context.gateway.things)?,
        fields: context.fields()?.map(Box::new),
        pointer: pointer.map(Box::new),
    })
}

/// The part of a thing's history that is asked for instead of what happens from now on, less what a returning client has seen.
pub(super) fn past(
    context: &RequestContext,
    selection: &Selection,
    resume_after: Option<Position>,
) -> Result<Option<Past>, DittoError> {
    let past = Past {
        from_revision: parameter::<u64>(context, "from-historical-revision")?,
        to_revision: parameter::<u64>(context, "to-historical-revision")?,
        from_timestamp: parameter::<Timestamp>(context, "from-historical-timestamp")?,
        to_timestamp: parameter::<Timestamp>(context, "to-historical-timestamp")?,
        after: None,
    };
    if past == Past::default() {
        return Ok(None);
    }
    if selection.thing_ids.len() != 1 {
        return Err(DittoError::bad_request(
            "things:things.ids.missing",
            "History is read of one thing at a time.",
        )
        .describe("Name the thing in the path, or as the only one in `ids`."));
    }
    Ok(Some(Past {
        after: resume_after,
        ..past
    }))
}

fn parameter<T: FromStr>(context: &RequestContext, name: &str) -> Result<Option<T>, DittoError> {
    let Some(text) = context.query.get(name) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        DittoError::bad_request(
            "json.format.invalid",
            format!("The value of the parameter `{name}` is malformed."),
        )
        .describe("A revision is a number from 0 on, an instant is written as RFC 3339 says.")
    })
}

/// Every item of a parameter that lists some, wherever it is repeated.
fn list(context: &RequestContext, name: &str) -> Vec<String> {
    context
        .query
        .all(name)
        .flat_map(|values| values.split(','))
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The place that a returning client read up to.
pub(super) fn last_event_id(request: &HttpRequest) -> Result<Option<Position>, DittoError> {
    let Some(value) = request.headers().get("last-event-id") else {
        return Ok(None);
    };
    let position = value
        .to_str()
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .map(Position);
    position.map(Some).ok_or_else(|| {
        DittoError::bad_request(
            "header.invalid",
            "The value of the header `Last-Event-ID` is invalid.",
        )
        .describe("Send the id of the last event as it was received, or none.")
    })
}
