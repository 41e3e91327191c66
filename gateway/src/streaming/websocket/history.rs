//! Reading the history of a thing or a policy over a WebSocket: subscribe, request as many events as wanted, cancel.
//!
//! Source: Ditto documentation, page "History capabilities", section "Streaming historical events".

mod open;
mod policy;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::policies::{PolicyId, Principal};
use ::things::ThingId;
use actix_web::http::StatusCode;
use authentication::{NamespacedKind, ScopeWord};
use bytes::Bytes;
use devops::logging::carried;
use hashbrown::HashMap;
use protocol::{Criterion, Envelope, Group, StreamingAction, TopicPath};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Connection, text_frame};
use crate::error::DittoError;
use crate::streaming::replay::{Past, Reader, Replay, Source};
use crate::streaming::subscription::Filter;
use open::{HistoryRenderer, Open, Reading};
use policy::PolicyReplay;

/// A connection reads so many histories at once.
const OPEN_MAX: usize = 100;
/// What the id of a subscription may begin with: it is part of every step.
const PREFIX_BYTES_MAX: usize = 256;
/// After its end, a subscription is remembered for so long.
const LINGER: Duration = Duration::from_secs(10);

/// The subscriptions of one connection.
#[derive(Default)]
pub(super) struct Histories {
    number: Cell<u64>,
    known: RefCell<HashMap<String, Rc<Open>>>,
    /// Held by the one that reads.
    turn: Mutex<()>,
}

/// A step that the client takes.
pub(super) struct HistoryCommand<'a> {
    pub(super) topic: &'a TopicPath,
    pub(super) headers: &'a Map<String, Value>,
    pub(super) value: Value,
}

impl Connection {
    /// Takes the step; what it leads to is sent, whether or not a response is wanted.
    ///
    /// # Errors
    ///
    /// If the step makes no sense without a subscription.
    pub(super) fn read_history(
        self: &Rc<Self>,
        topic: &TopicPath,
        headers: &Map<String, Value>,
        value: Option<Value>,
    ) -> Result<(), DittoError> {
        let Criterion::Streaming(action) = topic.criterion() else {
            return Ok(());
        };
        let command = HistoryCommand {
            topic,
            headers,
            value: value.unwrap_or_default(),
        };
        match action {
            StreamingAction::SubscribeForPersistedEvents => self.open_history(&command),
            StreamingAction::Request => self.request_history(&command),
            StreamingAction::Cancel => self.cancel_history(&command),
            // Only a server takes these steps.
            StreamingAction::Created
            | StreamingAction::Next
            | StreamingAction::Complete
            | StreamingAction::Failed
            | StreamingAction::Error => Ok(()),
        }
    }

    fn open_history(self: &Rc<Self>, command: &HistoryCommand<'_>) -> Result<(), DittoError> {
        let subject = Subject::of(command.topic)?;
        let scopes = &self.context.scopes;
        scopes.check(subject.scope(), Some(subject.namespace()))?;
        let value = &command.value;
        let past = Past {
            from_revision: field(value, "fromHistoricalRevision")?,
            to_revision: field(value, "toHistoricalRevision")?,
            from_timestamp: field(value, "fromHistoricalTimestamp")?,
            to_timestamp: field(value, "toHistoricalTimestamp")?,
            after: None,
        };
        let filter = field::<String>(value, "filter")?;
        if filter.is_some() && matches!(subject, Subject::Policy(_)) {
            return Err(unfiltered());
        }
        let filter = filter.as_deref().map(Filter::parse).transpose()?;
        let prefix = field::<String>(value, "prefix")?.unwrap_or_default();
        if prefix.len() > PREFIX_BYTES_MAX {
            return Err(long_prefix());
        }
        let id = self.histories.add(&prefix)?;
        let gateway = &self.context.gateway;
        let reader = Reader::new(self.session.principal());
        let reading = match &subject {
            Subject::Thing(thing_id) => {
                let source = Source {
                    journal: Arc::clone(&gateway.journal),
                    things: Arc::clone(&gateway.things),
                    clock: Arc::clone(&gateway.clock),
                };
                let renderer = Rc::new(HistoryRenderer::new(filter));
                let replay = Replay::of_history(source, (thing_id, past), renderer);
                Reading::Thing(replay.read_as(Rc::clone(&reader)))
            }
            Subject::Policy(policy_id) => Reading::Policy(PolicyReplay::new(
                gateway,
                (policy_id, past),
                Rc::clone(&reader),
            )),
        };
        let open = Rc::new(Open::new(id.clone(), (subject, reader), command));
        self.histories.insert(id, &open);
        self.send_history(&open, StreamingAction::Created, Map::new());
        actix_web::rt::spawn(carried(open::run(Rc::clone(self), open, reading)));
        Ok(())
    }

    fn request_history(&self, command: &HistoryCommand<'_>) -> Result<(), DittoError> {
        let id = subscription_id(&command.value)?;
        let demand = command.value.get("demand").and_then(Value::as_i64);
        let Some(open) = self.histories.find(&id) else {
            self.send_step(command, (&id, not_found(&id)));
            return Ok(());
        };
        match demand
            .and_then(|demand| u64::try_from(demand).ok())
            .filter(|demand| *demand > 0)
        {
            Some(demand) if open.request(demand, command.headers) => {}
            Some(_) => self.send_step(
                command,
                (&id, protocol_error("The subscription has ended.")),
            ),
            None => {
                open.end();
                self.send_step(
                    command,
                    (&id, protocol_error("The demand must be a positive number.")),
                );
            }
        }
        Ok(())
    }

    fn cancel_history(&self, command: &HistoryCommand<'_>) -> Result<(), DittoError> {
        let id = subscription_id(&command.value)?;
        match self.histories.find(&id) {
            Some(open) => open.end(),
            None => self.send_step(command, (&id, not_found(&id))),
        }
        Ok(())
    }

    /// `failed`, with the headers of the command.
    fn send_step(&self, command: &HistoryCommand<'_>, (id, error): (&str, DittoError)) {
        let value = json!({ "subscriptionId": id, "error": error.to_json() });
        let frame = history_frame(
            (command.topic, command.headers),
            StreamingAction::Failed,
            value,
        );
        self.session.outbound.push_response(frame);
    }

    /// A step of the gateway's, with the headers of the client's latest one.
    fn send_history(&self, open: &Open, action: StreamingAction, members: Map<String, Value>) {
        let mut value = Map::from_iter([("subscriptionId".to_owned(), open.id.clone().into())]);
        value.extend(members);
        let is_event = action == StreamingAction::Next;
        let frame = history_frame((&open.topic, &open.headers.borrow()), action, value.into());
        self.session.outbound.push_past(frame, is_event);
    }
}

fn history_frame(
    (topic, headers): (&TopicPath, &Map<String, Value>),
    action: StreamingAction,
    value: Value,
) -> Bytes {
    let criterion = Criterion::Streaming(action);
    let topic = TopicPath::new(&topic.entity_id(), topic.group(), criterion);
    let correlation_id = headers.get("correlation-id").cloned();
    let envelope = Envelope {
        topic: topic.to_string(),
        headers: Some(
            correlation_id
                .map(|id| ("correlation-id".to_owned(), id))
                .into_iter()
                .collect(),
        ),
        path: "/".to_owned(),
        value: Some(value),
        ..Envelope::default()
    };
    text_frame(&envelope.to_bytes())
}

impl Histories {
    /// The id of a new subscription.
    fn add(&self, prefix: &str) -> Result<String, DittoError> {
        let now = Instant::now();
        let mut known = self.known.borrow_mut();
        known.retain(|_, open| open.is_known(now, LINGER));
        if known.len() >= OPEN_MAX {
            return Err(DittoError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too.many.requests",
                format!("A connection reads at most {OPEN_MAX} histories at once."),
            )
            .describe("Cancel some of them first."));
        }
        let number = self.number.get();
        self.number.set(number + 1);
        Ok(format!("{prefix}{number}"))
    }

    /// Follows a refresh: what is lost is lost at once, what is gained counts from the next subscription.
    pub(super) fn narrow(&self, principal: &Principal) {
        for open in self.known.borrow().values() {
            open.narrow(principal);
        }
    }

    fn insert(&self, id: String, open: &Rc<Open>) {
        self.known.borrow_mut().insert(id, Rc::clone(open));
    }

    fn find(&self, id: &str) -> Option<Rc<Open>> {
        let open = self.known.borrow().get(id).cloned()?;
        open.is_known(Instant::now(), LINGER).then_some(open)
    }
}

/// Whose history is read.
enum Subject {
    Thing(ThingId),
    Policy(PolicyId),
}

impl Subject {
    fn of(topic: &TopicPath) -> Result<Self, DittoError> {
        let id = topic.entity_id();
        match topic.group() {
            Group::Things(protocol::Channel::Twin) => {
                crate::routes::parse_thing_id(&id).map(Self::Thing)
            }
            Group::Policies => crate::routes::parse_policy_id(&id).map(Self::Policy),
            Group::Things(protocol::Channel::Live) | Group::Connections | Group::Sessions => {
                Err(DittoError::bad_request(
                    "signal.unsupported",
                    "Only the history of things and policies can be read.",
                )
                .describe("Use a topic like `<namespace>/<name>/things/twin/streaming/…`."))
            }
        }
    }

    fn namespace(&self) -> &str {
        match self {
            Self::Thing(id) => id.namespace(),
            Self::Policy(id) => id.namespace(),
        }
    }

    const fn scope(&self) -> ScopeWord {
        match self {
            Self::Thing(_) => ScopeWord::ThingsRead,
            Self::Policy(_) => ScopeWord::PoliciesRead,
        }
    }

    const fn kind(&self) -> NamespacedKind {
        match self {
            Self::Thing(_) => NamespacedKind::Thing,
            Self::Policy(_) => NamespacedKind::Policy,
        }
    }
}

fn long_prefix() -> DittoError {
    DittoError::bad_request(
        "json.format.invalid",
        format!("The field `prefix` has more than {PREFIX_BYTES_MAX} bytes."),
    )
}

fn unfiltered() -> DittoError {
    DittoError::bad_request(
        "signal.unsupported",
        "A `filter` chooses events of things, not of policies.",
    )
    .describe("Leave it out, and choose among what comes.")
}

fn subscription_id(value: &Value) -> Result<String, DittoError> {
    field::<String>(value, "subscriptionId")?.ok_or_else(|| {
        DittoError::bad_request(
            "json.field.missing",
            "The field `subscriptionId` is missing.",
        )
    })
}

fn field<T: serde::de::DeserializeOwned>(
    value: &Value,
    name: &'static str,
) -> Result<Option<T>, DittoError> {
    match value.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => serde_json::from_value(value.clone())
            .map(Some)
            .map_err(|_| {
                DittoError::bad_request(
                    "json.format.invalid",
                    format!("The field `{name}` is malformed."),
                )
                .describe("A revision is a number, an instant is text as RFC 3339 says.")
            }),
    }
}

fn not_found(id: &str) -> DittoError {
    DittoError::new(
        StatusCode::NOT_FOUND,
        "streaming.subscription.not.found",
        format!("There is no subscription `{}`.", id.chars().take(100).collect::<String>()),
    )
    .describe("Subscribe again; a subscription ends when everything was sent, and after a minute without a request.")
}

fn protocol_error(message: &'static str) -> DittoError {
    DittoError::bad_request("streaming.subscription.protocol.error", message)
}

/// Nothing was requested for too long.
fn timed_out() -> DittoError {
    DittoError::new(
        StatusCode::REQUEST_TIMEOUT,
        "streaming.subscription.timeout",
        "Nothing was requested of the subscription for too long.",
    )
    .describe("Subscribe again from the revision that is missing.")
}
