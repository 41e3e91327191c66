//! Things: the digital twins, their commands and events.
//!
//! The model parses what clients write, the service authorises it with policies and keeps it in the journal.
//! This crate has never heard of HTTP, credentials or the Ditto Protocol.

mod apply;
mod change;
mod command;
mod delivery;
mod edit;
mod error;
mod event;
mod headers;
mod merge;
mod metadata;
mod model;
mod replay;
mod resource;
mod response;
mod service;
mod state;
mod thing_id;
mod view;

pub use command::{ThingAction, ThingCommand};
pub use delivery::Delivery;
pub use error::Error;
pub use event::{EventAction, EventHeaders, ThingEvent};
pub use headers::TwinHeaders;
pub use resource::{ResourceKind, ThingResource};
pub use response::{RetrievedBody, ThingResponse};
pub use service::{AdoptionError, Migrated, Read, ThingLimits, ThingPage, Things, readable_part};
pub use thing_id::ThingId;
