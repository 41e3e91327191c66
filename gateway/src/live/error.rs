//! Everything that can be wrong with messages, live commands and acknowledgements, in the words of the domain.

use std::time::Duration;

use protocol::{MessagePath, MessagePathError};
use things::ThingId;

/// Why a signal was not handed on, or why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The thing or its policy says no, or there is none.
    #[error(transparent)]
    Things(#[from] things::Error),
    /// The path of the message is malformed.
    #[error(transparent)]
    Path(#[from] MessagePathError),
    /// The payload has more bytes than a message may have.
    #[error("a message has at most {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    /// The payload is not what its content type says.
    #[error("the payload is not {expected}")]
    Payload { expected: &'static str },
    /// The sender may not send it.
    #[error("message `{path}` to thing `{thing_id}` is not permitted")]
    SendNotAllowed {
        thing_id: ThingId,
        path: MessagePath,
    },
    /// The sender may not report the event.
    #[error("event at `{path}` of thing `{thing_id}` is not permitted")]
    EventNotAllowed { thing_id: ThingId, path: String },
    /// Nobody answered in time.
    #[error("no answer within {wait:?}")]
    NoResponse {
        wait: Duration,
        /// Why an answer that did arrive was not taken.
        mismatch: Option<&'static str>,
        /// Whether a message was sent, rather than a command.
        is_message: bool,
    },
    /// Only retrievals can choose their channel by a condition.
    #[error("a live channel condition on a write")]
    ConditionOnWrite,
    /// The condition looks at what the caller may not read.
    #[error("the live channel condition looks at what the caller may not read")]
    ConditionUnreadable,
    /// Another signal of the same thing waits under the same id.
    #[error("a signal with correlation id `{correlation_id}` is being waited for already")]
    DuplicateCorrelationId { correlation_id: String },
    /// Too much is being waited for.
    #[error("{limit} signals are being waited for already")]
    TooManyPending { limit: usize },
    /// The timeout is zero although an answer is asked for.
    #[error("an answer is asked for and not waited for")]
    ZeroTimeout,
    /// Acknowledgements are asked for, and their result is not to be told.
    #[error("acknowledgements are asked for without a response")]
    AcknowledgementsWithoutResponse,
    /// A timeout longer than allowed.
    #[error("a timeout is at most {max:?}")]
    TimeoutTooLong { max: Duration },
    /// A label breaks its grammar.
    #[error("a label is malformed")]
    LabelInvalid,
    /// The list of labels is none.
    #[error("a list of labels is malformed")]
    LabelsMalformed,
    /// More labels than one signal or session may name.
    #[error("too many labels")]
    TooManyLabels,
    /// The label is for the system itself.
    #[error("label `{label}` is built in")]
    LabelBuiltIn { label: String },
    /// The label was not declared by the session that uses it.
    #[error("label `{label}` is not declared")]
    LabelNotDeclared { label: String },
    /// Another session has declared the label.
    #[error("label `{label}` is declared by another session")]
    LabelNotUnique { label: String },
    /// An acknowledgement names no signal.
    #[error("an acknowledgement has no correlation id")]
    CorrelationIdMissing,
    /// Nothing here could say when a search index has followed.
    #[error("`search-persisted` is not given")]
    SearchNotAwaited,
}
