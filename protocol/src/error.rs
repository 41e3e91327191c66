//! Everything that can be wrong with a frame, in the words of the protocol.

use policies::PointerError;

use crate::{MessagePathError, TopicPathError};

/// A frame that is no usable envelope.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The frame has no text at all.
    #[error("the frame is empty")]
    Empty,
    /// The frame is not JSON, or not a JSON object.
    #[error("the frame is not a JSON object")]
    NotAnObject,
    /// A member that the envelope must have is absent.
    #[error("the envelope has no `{field}`")]
    MissingField {
        /// The member's name.
        field: &'static str,
    },
    /// A member has the wrong JSON type.
    #[error("`{field}` must be {expected}")]
    FieldType {
        /// The member's name.
        field: &'static str,
        /// What it must be, e.g. `a string`.
        expected: &'static str,
    },
    /// The topic does not follow its grammar.
    #[error("unknown topic `{topic}`: {source}")]
    UnknownTopicPath {
        /// The topic as sent.
        topic: String,
        /// The rule that it breaks.
        source: TopicPathError,
    },
    /// The topic is fine, but no command has this combination of group and action.
    #[error("no command has the topic `{topic}`")]
    UnknownCommand {
        /// The topic as sent.
        topic: String,
    },
    /// The topic names a group that is not for clients.
    #[error("the topic `{topic}` is not for clients")]
    GroupNotAccessible {
        /// The topic as sent.
        topic: String,
    },
    /// The headers are too large together.
    #[error("the headers have more than {bytes_max} bytes")]
    HeadersTooLarge {
        /// What they may have.
        bytes_max: usize,
    },
    /// Nothing of the addressed kind of entity lies at this path.
    #[error("unknown path `{path}`")]
    UnknownPath {
        /// The path as sent.
        path: String,
    },
    /// The path is no JSON pointer.
    #[error("invalid path `{path}`: {source}")]
    InvalidPath {
        /// The path as sent.
        path: String,
        /// The rule that it breaks.
        source: PointerError,
    },
    /// The path is not that of a message.
    #[error("invalid path of a message: {0}")]
    MessagePath(#[from] MessagePathError),
    /// An id or key of a thing breaks its rules.
    #[error(transparent)]
    Things(#[from] things::Error),
    /// An id, key or field selector of a policy breaks its rules.
    #[error(transparent)]
    Policies(#[from] policies::Error),
    /// The value cannot belong to the command.
    #[error("illegal value: {reason}")]
    IllegalValue {
        /// What is wrong, e.g. `` `thingIds` must be an array of strings ``.
        reason: &'static str,
    },
    /// A header has a value that its definition forbids.
    #[error("header `{name}` must be {expected}")]
    Header {
        /// The header's name, lower-case.
        name: String,
        /// What it must be, e.g. `true or false`.
        expected: &'static str,
    },
}
