//! Retrievals that choose their channel: by `live-channel-condition`, or by what is to happen if the device is silent.

use std::rc::Rc;
use std::sync::Arc;

use ::policies::CommandContext;
use ::things::{ThingCommand, TwinHeaders};
use bytes::Bytes;
use devops::logging::carried;
use protocol::{Channel, CommandAction, Criterion, Envelope, Group, TopicPath};
use rql::Predicate;
use serde_json::{Map, Value};

use super::waiting::begin;
use super::{Connection, Frame, requested, send_error_with};
use crate::edge::{OnTimeout, live_condition, on_timeout};
use crate::error::DittoError;
use crate::live::{Error, LiveCommand, Outcome};

/// How a frame chooses.
#[derive(Clone)]
pub(in crate::streaming::websocket) struct Choice {
    condition: Option<Arc<Predicate>>,
    on_timeout: OnTimeout,
}

/// A retrieval that may go either way.
#[derive(Clone)]
pub(in crate::streaming::websocket) struct Undecided {
    pub(in crate::streaming::websocket) command: ThingCommand,
    /// Which fields, as sent.
    pub(in crate::streaming::websocket) fields: Option<String>,
    pub(in crate::streaming::websocket) twin: Option<Arc<TwinHeaders>>,
    pub(in crate::streaming::websocket) choice: Choice,
}

/// What the headers of a frame on `channel` say about the choice; `None` if there is none to make.
///
/// # Errors
///
/// 400 for headers that mean nothing.
pub(in crate::streaming::websocket) fn choice(
    channel: Channel,
    headers: &Map<String, Value>,
) -> Result<Option<Choice>, DittoError> {
    let text = |name: &str| headers.get(name).and_then(Value::as_str);
    let condition = text("live-channel-condition")
        .map(live_condition)
        .transpose()?;
    let on_timeout =
        text("live-channel-timeout-strategy").map_or(Ok(OnTimeout::Fail), on_timeout)?;
    let is_choice =
        condition.is_some() || channel == Channel::Live && on_timeout == OnTimeout::UseTwin;
    Ok(is_choice.then_some(Choice {
        condition,
        on_timeout,
    }))
}

/// Asks the device if the condition holds, and the twin if it does not, or if the device is silent and that was asked for.
pub(in crate::streaming::websocket) async fn choose(
    connection: &Rc<Connection>,
    (context, undecided): (CommandContext, Undecided),
    frame: &Frame<'_>,
) -> Result<(), DittoError> {
    let gateway = &connection.context.gateway;
    let condition = undecided.choice.condition.as_deref();
    let is_matched = gateway
        .live
        .asks_device(&context, &undecided.command, condition)?;
    let headers = frame.headers.clone();
    if !is_matched {
        let answer = twin(connection, (&context, undecided), (headers, false)).await?;
        connection.send(answer);
        return Ok(());
    }
    let requested = requested(Channel::Live, frame.headers)?.for_query();
    let permit = begin(connection, (&requested, Channel::Live))?;
    let command = LiveCommand {
        command: undecided.command.clone(),
        action: CommandAction::Retrieve,
        headers: headers.clone(),
        value: None,
        fields: undecided.fields.clone(),
        twin: undecided.twin.clone(),
    };
    let Some(ticket) = gateway
        .live
        .send_command(&context, command, &requested)
        .await?
    else {
        return Ok(());
    };
    let connection = Rc::clone(connection);
    let topic = frame.topic.clone();
    actix_web::rt::spawn(carried(async move {
        let _permit = permit;
        let answering = async {
            match ticket.answer().await {
                Err(Error::NoResponse { .. })
                    if undecided.choice.on_timeout == OnTimeout::UseTwin =>
                {
                    twin(&connection, (&context, undecided), (headers.clone(), true)).await
                }
                outcome => device(&connection, (&context, &undecided.command), outcome?),
            }
        };
        let gateway = &connection.context.gateway;
        tokio::select! {
            answer = answering => match answer {
                Ok(answer) => connection.send_late(answer),
                Err(error) => {
                    let headers = marked(headers, "live", true);
                    send_error_with(&connection, (Some(&topic), &headers), &error);
                }
            },
            _ = connection.session.lifeline().ended(&*gateway.clock) => {}
        }
    }));
    Ok(())
}

/// The envelope of what the device answered.
fn device(
    connection: &Connection,
    (context, asked): (&CommandContext, &ThingCommand),
    outcome: Outcome,
) -> Result<Bytes, DittoError> {
    let gateway = &connection.context.gateway;
    let Outcome::Response(envelope) = outcome else {
        unreachable!("retrievals ask for no acknowledgements");
    };
    let envelope = gateway
        .live
        .readable(context, (asked, gateway.clock.now()), *envelope)?;
    let headers = envelope.headers.clone().unwrap_or_default();
    Ok(Envelope {
        headers: Some(marked(headers, "live", true)),
        ..envelope
    }
    .to_bytes())
}

/// The envelope of what the twin answers.
async fn twin(
    connection: &Connection,
    (context, undecided): (&CommandContext, Undecided),
    (headers, is_matched): (Map<String, Value>, bool),
) -> Result<Bytes, DittoError> {
    let Undecided { command, twin, .. } = undecided;
    let topic = TopicPath::new(
        command.thing_id.as_str(),
        Group::Things(Channel::Twin),
        Criterion::Commands(CommandAction::Retrieve),
    );
    let path = command.resource.pointer().to_string();
    let things = &connection.context.gateway.things;
    let response = things.execute_with(context, command, twin).await?;
    let headers = marked(headers, "twin", is_matched);
    Ok(Envelope::thing_response(&topic, &path, &headers, &response))
}

/// Says which channel has answered, and whether the condition held.
fn marked(mut headers: Map<String, Value>, channel: &str, is_matched: bool) -> Map<String, Value> {
    headers.insert("channel".to_owned(), channel.into());
    headers.insert(
        "live-channel-condition-matched".to_owned(),
        is_matched.into(),
    );
    headers
}
