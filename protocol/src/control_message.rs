//! The text frames that are no JSON: they start and stop streams and renew the session's token.

use std::collections::HashMap;
use std::fmt;

use percent_encoding::percent_decode_str;

/// A text frame that is no envelope.
///
/// Recognised by how it starts, case-sensitively; what stands between that and the first `?` does not count.
/// Source: Ditto documentation, page "WebSocket protocol binding".
#[derive(Clone, PartialEq, Eq)]
pub enum ControlMessage {
    /// Begins a stream, or replaces what was asked of it before.
    Start(StreamKind, Subscription),
    /// Ends a stream.
    Stop(StreamKind),
    /// Brings a new token; empty if the frame has none.
    JwtToken(String),
}

/// What can be streamed to a session on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// Events of twins.
    Events,
    /// Messages to and from things.
    Messages,
    /// Commands to devices.
    LiveCommands,
    /// Events of devices.
    LiveEvents,
    /// Announcements of policies.
    PolicyAnnouncements,
    /// Announcements about the session itself; an extension.
    SessionAnnouncements,
}

/// What a stream is narrowed and extended by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Exact namespaces; empty means all.
    pub namespaces: Vec<String>,
    /// An RQL expression, not parsed yet.
    pub filter: Option<String>,
    /// A field selector that may hold placeholders, not parsed yet.
    pub extra_fields: Option<String>,
    /// Tags the errors of this subscription.
    pub correlation_id: Option<String>,
}

/// The parameters of a control message are malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlMessageError {
    /// A parameter has no `=`.
    #[error("a parameter is written `<name>=<value>`")]
    MissingValue,
    /// A parameter stands there twice.
    #[error("the parameter `{0}` is repeated")]
    Repeated(String),
    /// A parameter is longer than anybody needs, and would be kept.
    #[error("the parameter `{name}` has at most {bytes_max} bytes")]
    TooLong {
        /// Its name.
        name: &'static str,
        /// What its value may have.
        bytes_max: usize,
    },
    /// A `%` is not followed by two hexadecimal digits.
    #[error("a `%` in a parameter is written `%25`")]
    MalformedEscape,
    /// A parameter is not UTF-8 once it is decoded.
    #[error("a parameter is not UTF-8")]
    NotUtf8,
}

impl ControlMessage {
    /// Reads a text frame; `None` if it is no control message.
    ///
    /// # Errors
    ///
    /// The first rule that the parameters of a START break. Those of a STOP are not read, and a token that cannot be read
    /// is none.
    pub fn parse(text: &str) -> Option<Result<Self, ControlMessageError>> {
        let (_, query) = text.split_once('?').unwrap_or((text, ""));
        if text.starts_with(JWT_TOKEN) {
            return Some(Ok(jwt_token(query)));
        }
        StreamKind::ALL.iter().find_map(|kind| {
            if text.starts_with(kind.start()) {
                Some(subscription(query).map(|subscription| Self::Start(*kind, subscription)))
            } else if text.starts_with(kind.stop()) {
                Some(Ok(Self::Stop(*kind)))
            } else {
                None
            }
        })
    }

    /// The frame that confirms this message once it took effect; a token is confirmed by silence.
    pub fn ack(&self) -> Option<String> {
        match self {
            Self::Start(kind, _) => Some(format!("{}:ACK", kind.start())),
            Self::Stop(kind) => Some(format!("{}:ACK", kind.stop())),
            Self::JwtToken(_) => None,
        }
    }
}

const JWT_TOKEN: &str = "JWT-TOKEN";

impl StreamKind {
    /// Every kind of stream.
    pub const ALL: &[Self] = &[
        Self::Events,
        Self::Messages,
        Self::LiveCommands,
        Self::LiveEvents,
        Self::PolicyAnnouncements,
        Self::SessionAnnouncements,
    ];

    const fn start(self) -> &'static str {
        match self {
            Self::Events => "START-SEND-EVENTS",
            Self::Messages => "START-SEND-MESSAGES",
            Self::LiveCommands => "START-SEND-LIVE-COMMANDS",
            Self::LiveEvents => "START-SEND-LIVE-EVENTS",
            Self::PolicyAnnouncements => "START-SEND-POLICY-ANNOUNCEMENTS",
            Self::SessionAnnouncements => "START-SEND-SESSION-ANNOUNCEMENTS",
        }
    }

    const fn stop(self) -> &'static str {
        match self {
            Self::Events => "STOP-SEND-EVENTS",
            Self::Messages => "STOP-SEND-MESSAGES",
            Self::LiveCommands => "STOP-SEND-LIVE-COMMANDS",
            Self::LiveEvents => "STOP-SEND-LIVE-EVENTS",
            Self::PolicyAnnouncements => "STOP-SEND-POLICY-ANNOUNCEMENTS",
            Self::SessionAnnouncements => "STOP-SEND-SESSION-ANNOUNCEMENTS",
        }
    }
}

fn jwt_token(query: &str) -> ControlMessage {
    let mut parameters = parameters(query).unwrap_or_default();
    ControlMessage::JwtToken(parameters.remove("jwtToken").unwrap_or_default())
}

fn subscription(query: &str) -> Result<Subscription, ControlMessageError> {
    let mut parameters = parameters(query)?;
    // An empty filter is one, and no expression; of the others, an empty value means none.
    let filter = parameters.remove("filter");
    let mut take = |name| bounded(name, parameters.remove(name));
    Ok(Subscription {
        namespaces: take("namespaces")?.map_or_else(Vec::new, |list| namespaces(&list)),
        filter,
        extra_fields: take("extraFields")?,
        correlation_id: take("correlation-id")?,
    })
}

/// What the value of a parameter has at most; a filter has a limit of its own.
const PARAMETER_BYTES_MAX: usize = 16 * 1024;

fn bounded(
    name: &'static str,
    value: Option<String>,
) -> Result<Option<String>, ControlMessageError> {
    let value = value.filter(|value| !value.is_empty());
    if value
        .as_ref()
        .is_some_and(|value| value.len() > PARAMETER_BYTES_MAX)
    {
        return Err(ControlMessageError::TooLong {
            name,
            bytes_max: PARAMETER_BYTES_MAX,
        });
    }
    Ok(value)
}

fn namespaces(list: &str) -> Vec<String> {
    list.split(',')
        .filter(|namespace| !namespace.is_empty())
        .map(str::to_owned)
        .collect()
}

fn parameters(query: &str) -> Result<HashMap<String, String>, ControlMessageError> {
    let mut parameters = HashMap::new();
    if query.is_empty() {
        return Ok(parameters);
    }
    for parameter in query.split('&') {
        let (name, value) = parameter
            .split_once('=')
            .ok_or(ControlMessageError::MissingValue)?;
        let name = form_decode(name)?;
        if parameters.contains_key(&name) {
            return Err(ControlMessageError::Repeated(name));
        }
        parameters.insert(name, form_decode(value)?);
    }
    Ok(parameters)
}

/// Decodes `application/x-www-form-urlencoded` text.
fn form_decode(text: &str) -> Result<String, ControlMessageError> {
    let starts_escape = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(starts_escape) {
        return Err(ControlMessageError::MalformedEscape);
    }
    let text = text.replace('+', " ");
    percent_decode_str(&text)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| ControlMessageError::NotUtf8)
}

impl fmt::Debug for ControlMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(kind, subscription) => formatter
                .debug_tuple("Start")
                .field(kind)
                .field(subscription)
                .finish(),
            Self::Stop(kind) => formatter.debug_tuple("Stop").field(kind).finish(),
            Self::JwtToken(_) => formatter.write_str("JwtToken([REDACTED])"),
        }
    }
}

#[cfg(test)]
mod tests;
