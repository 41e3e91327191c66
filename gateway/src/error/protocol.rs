//! Errors of envelopes as Ditto tells them.

mod live;

use actix_web::http::StatusCode;
use protocol::Error;

use super::{DittoError, json_invalid, sentence, shown};

impl From<Error> for DittoError {
    fn from(error: Error) -> Self {
        match error {
            Error::Empty => Self::bad_request("json.format.invalid", "The frame is empty.")
                .describe("Send a control message or one JSON object."),
            Error::NotAnObject => json_invalid("The frame is no JSON object.")
                .describe("Send a control message or one JSON object."),
            Error::MissingField { field } => Self::bad_request(
                "json.field.missing",
                format!("The member `{field}` is missing."),
            ),
            Error::FieldType { field, expected } => {
                json_invalid(format!("The member `{field}` must be {expected}."))
            }
            Error::UnknownTopicPath { topic, source } => Self::bad_request(
                "protocoladapter:unknown.topicpath",
                format!("`{}` is no topic: {source}.", shown(&topic)),
            )
            .describe("Write a topic as in `org.acme/lamp/things/twin/commands/modify`."),
            Error::GroupNotAccessible { topic } => Self::bad_request(
                "protocoladapter:unknown.topicpath",
                format!("`{}` is no topic here.", shown(&topic)),
            ),
            Error::UnknownCommand { topic } => Self::bad_request(
                "protocoladapter:unknown.command",
                format!("There is no command with the topic `{}`.", shown(&topic)),
            ),
            Error::UnknownPath { path } => Self::bad_request(
                "protocoladapter:unknown.path",
                format!(
                    "There is nothing at the path `{}` for this command.",
                    shown(&path)
                ),
            ),
            Error::InvalidPath { path, source } => Self::bad_request(
                "protocoladapter:invalid.path",
                format!("`{}` is no path.", shown(&path)),
            )
            .describe(sentence(source)),
            Error::IllegalValue { reason } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "protocoladapter:illegal.adaptable",
                format!("The value does not fit the command: {reason}."),
            ),
            Error::HeadersTooLarge { bytes_max } => Self::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers.too.large",
                format!("The headers have more than {bytes_max} bytes."),
            )
            .describe("Send fewer or shorter headers."),
            Error::Header { name, expected } => Self::bad_request(
                "header.invalid",
                format!("The value of the header `{}` is invalid.", shown(&name)),
            )
            .describe(format!("It must be {expected}.")),
            Error::MessagePath(error) => error.into(),
            Error::Policies(error) => error.into(),
            Error::Things(error) => error.into(),
        }
    }
}
