//! Things: the digital twins, their commands and events.
//!
//! The model parses what clients write, the service authorises it with policies and keeps it in the journal.
//! This crate has never heard of HTTP, credentials or the Ditto Protocol.

mod edit;
mod error;
mod event;
mod merge;
mod model;
mod resource;
mod thing_id;

pub use error::Error;
pub use event::{EventAction, EventHeaders, ThingEvent};
pub use resource::{ResourceKind, ThingResource};
pub use thing_id::ThingId;
