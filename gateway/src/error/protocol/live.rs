//! Errors of messages, live commands and acknowledgements as Ditto tells them.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use protocol::MessagePathError;

use crate::edge;
use crate::error::{DittoError, sentence, shown};
use crate::live::Error;

impl From<Error> for DittoError {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm a variant: the table is the documentation"
    )]
    fn from(error: Error) -> Self {
        match error {
            Error::Things(error) => error.into(),
            Error::Path(error) => error.into(),
            Error::TooLarge { bytes_max } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "messages:payload.toolarge",
                format!("The message has more than {bytes_max} bytes."),
            )
            .describe("Send less, or ask the operator for a higher `limits.message_size`."),
            Error::Payload { expected: "JSON" } => Self::bad_request(
                "json.invalid",
                "The payload is not the JSON that its content type says.",
            )
            .describe("Send one JSON value encoded as UTF-8, or another `Content-Type`."),
            Error::Payload { expected } => Self::bad_request(
                "messages:payload.invalid",
                format!("The payload is not {expected}, as its content type says."),
            )
            .describe("Encode it as declared, or send another `Content-Type`."),
            Error::SendNotAllowed { thing_id, path } => Self::new(
                StatusCode::FORBIDDEN,
                "messages:send.notallowed",
                format!("You may not send the message `{}` of thing `{thing_id}`.", shown(&path.to_string())),
            )
            .describe(format!("Ask its owner for WRITE on `message:{}`.", shown(&path.to_string()))),
            Error::EventNotAllowed { thing_id, path } => Self::new(
                StatusCode::FORBIDDEN,
                "things:event.notallowed",
                format!("You may not report events at `{}` of thing `{thing_id}`.", shown(&path)),
            )
            .describe("Ask its owner for WRITE on that path and everything below."),
            Error::NoResponse { wait, mismatch, is_message } => no_response(wait, mismatch, is_message),
            Error::ConditionOnWrite => Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "things:live.channelcondition.notallowed",
                "A live channel condition is for retrievals only.",
            )
            .describe("Leave out `live-channel-condition`, or choose the channel with `channel`."),
            Error::ConditionUnreadable => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "things:condition.failed",
                "The live channel condition looks at what you may not read.",
            )
            .describe("Name only fields of the thing that you may READ, or ask its owner."),
            Error::DuplicateCorrelationId { correlation_id } => Self::new(
                StatusCode::CONFLICT,
                "acknowledgement:request.duplicate.correlation-id",
                format!("The correlation id `{}` is in use for another signal of this thing.", shown(&correlation_id)),
            )
            .describe("Wait for the answer to that one, or send another `correlation-id`. An answer has a `status` from 100 to 599."),
            Error::TooManyPending { limit } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too.many.requests",
                format!("{limit} signals wait for their answers already."),
            )
            .describe("Wait for some of those answers, or send without asking for one.")
            .with_header(RETRY_AFTER, HeaderValue::from_static("1")),
            Error::ZeroTimeout => Self::bad_request(
                "header.invalid",
                "The header `timeout` is zero although an answer is requested.",
            )
            .describe("Leave out `timeout`, or set `response-required` to `false` and request no acknowledgements."),
            Error::AcknowledgementsWithoutResponse => Self::bad_request(
                "header.invalid",
                "The header `requested-acks` asks for acknowledgements although `response-required` is `false`.",
            )
            .describe("Over a WebSocket they are told in the response: leave out one of the two headers."),
            Error::TimeoutTooLong { max } => Self::bad_request(
                "timeout.invalid",
                "The header `timeout` is longer than allowed.",
            )
            .describe(format!("It is at most {} s here.", max.as_secs())),
            Error::LabelInvalid => Self::bad_request(
                "acknowledgement:label.invalid",
                "A label of an acknowledgement is malformed.",
            )
            .describe("Labels have 3 to 165 letters, digits, `-`, `_` and `:`."),
            Error::LabelsMalformed => Self::bad_request(
                "header.invalid",
                "A header with labels of acknowledgements is malformed.",
            )
            .describe("It is a list separated by commas, or a JSON array of strings."),
            Error::TooManyLabels => Self::bad_request(
                "header.invalid",
                format!("There are more than {} labels of acknowledgements.", crate::live::LABELS_MAX),
            ),
            Error::LabelBuiltIn { label } => Self::bad_request(
                "acknowledgement:ditto.acklabel.forbidden",
                format!("Nobody but the gateway gives the acknowledgement `{}`.", shown(&label)),
            )
            .describe("Choose a label of your own, and declare it with `declared-acks`."),
            Error::LabelNotDeclared { label } => Self::bad_request(
                "acknowledgement:label.not.declared",
                format!("This session has not declared the label `{}`.", shown(&label)),
            )
            .describe("Open the WebSocket with the label in `declared-acks`."),
            Error::LabelNotUnique { label } => Self::new(
                StatusCode::CONFLICT,
                "acknowledgement:label.not.unique",
                format!("Another session has declared the label `{}`.", shown(&label)),
            )
            .describe("Choose another label, or close that session."),
            Error::CorrelationIdMissing => Self::bad_request(
                "acknowledgement:correlation-id.missing",
                "The acknowledgement has no correlation id.",
            )
            .describe("Send the `correlation-id` of the signal that it is about."),
            Error::SearchNotAwaited => edge::unsupported_header("requested-acks"),
        }
    }
}

impl From<MessagePathError> for DittoError {
    fn from(error: MessagePathError) -> Self {
        let (code, message) = match error {
            MessagePathError::Subject => (
                "messages:subject.invalid",
                "The subject of the message is malformed.",
            ),
            MessagePathError::FeatureId => (
                "messages:featureid.invalid",
                "The feature id of the message is malformed.",
            ),
            MessagePathError::Place => (
                "messages:messageformat.invalid",
                "The path is not that of a message.",
            ),
        };
        Self::bad_request(code, message).describe(sentence(error))
    }
}

fn no_response(
    wait: std::time::Duration,
    mismatch: Option<&'static str>,
    is_message: bool,
) -> DittoError {
    let message = format!("Nobody answered within {} ms.", wait.as_millis());
    let description = match (mismatch, is_message) {
        (Some(why), _) => format!(
            "Received no appropriate live response within the specified timeout. One that arrived was not taken: {why}."
        ),
        (None, true) => "See that a receiver is connected, subscribed to messages and allowed to READ this one.".to_owned(),
        (None, false) => "Received no appropriate live response within the specified timeout. See that the device is connected, subscribed to live commands and allowed to READ the path.".to_owned(),
    };
    DittoError::new(StatusCode::REQUEST_TIMEOUT, "command.timeout", message).describe(description)
}
