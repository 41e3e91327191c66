//! Who did what, recorded for those who ask later: one JSON line per event, written by a thread of its own.
//!
//! Recording never blocks. It knows no HTTP framework, no policy and no secret: whoever records passes names and ids.
//! The form of the lines is described in `docs/audit.md`.

mod auditor;
mod client_text;
mod error;
mod event;
mod file;
mod first_use;
mod folding;
mod line;
mod query;
mod verify;
mod writer;

pub use auditor::{AuditHealth, Auditor, NotAdmitted, Permit};
pub use error::Error;
pub use event::{
    Actor, Event, EventKind, Method, Outcome, Permission, Reason, Request, Response, Source,
};
pub use file::{FileSettings, earlier_files};
pub use line::is_acted_on;
pub use query::{Filter, query};
pub use verify::{Fault, Report, verify};

use std::sync::Arc;

use jiff::Timestamp;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How much is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Changes, refusals, and the first use of each credential in an hour.
    Writes,
    /// Also every read and every authentication.
    Full,
}

/// What happens when events come faster than they can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFull {
    /// Whoever changes something waits, as long as a request may take.
    Block,
    /// What is merely of interest is lost and counted; whoever changes something waits 50 ms, then is refused.
    DropAndCount,
    /// Whoever changes something, and at [`Level::Full`] whoever asks for anything, is refused at once.
    FailClosed,
}

/// How to record.
#[derive(Clone)]
pub struct Settings {
    /// Where lines go.
    pub file: FileSettings,
    /// How much is recorded.
    pub level: Level,
    /// What happens when events come faster than they can be written.
    pub on_full: OnFull,
    /// How many events may wait for the writer.
    pub queue: usize,
}

impl Settings {
    /// How many events may wait for the writer, unless told otherwise: about 4 MiB of them.
    pub const QUEUE: usize = 8192;
}
