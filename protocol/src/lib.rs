//! The Ditto Protocol: topic paths, envelopes, control frames, and their mapping to and from signals.
//!
//! Shared by every stream. This crate turns text into commands and results into bytes; it decides nothing, sends
//! nothing and has never heard of HTTP or sockets.

mod control_message;
mod envelope;
mod error;
pub mod headers;
mod incoming;
mod message;
mod outgoing;
mod topic_path;

pub use control_message::{ControlMessage, ControlMessageError, StreamKind, Subscription};
pub use envelope::Envelope;
pub use error::Error;
pub use incoming::{Incoming, LiveFrame, LiveKind, Reaction, SignalKind};
pub use message::{MessageDirection, MessagePath, MessagePathError};
pub use topic_path::{
    Channel, CommandAction, Criterion, EventAction, Group, SearchAction, StreamingAction,
    TopicPart, TopicPath, TopicPathError,
};
