//! What the integration tests share: a real gateway process, callers of it, and the outside systems it talks to.
//!
//! Nothing here knows the gateway's code: it is started as its users start it and spoken to over sockets. Helpers panic
//! with what they expected, because their caller is always a test.

#![expect(
    clippy::indexing_slicing,
    reason = "a missing JSON member panics, which is how a test fails"
)]

mod answer;
mod authority;
mod caller;
mod collector;
mod event_stream;
mod gateway;
mod issuer;
mod moved_clock;
mod nginx;
mod oidc_provider;
mod process;
mod proxy;
mod raw;
mod recipe;
mod settings;
mod web_socket;

pub use answer::Answer;
pub use authority::{Authority, write_private};
pub use caller::Caller;
pub use collector::{CollectedSpan, Collector};
pub use event_stream::{EventStream, ServerSentEvent};
pub use gateway::{Endpoints, StartFailure, TestGateway};
pub use issuer::{Issuer, Reply, SigningKey, encode, seconds_from_now};
pub use moved_clock::MovedClock;
pub use nginx::Nginx;
pub use oidc_provider::{OidcProvider, TokenShape};
pub use process::{
    bound, deadline, eventually, gateway_executable, is_long_run, node_script, python,
};
pub use proxy::{Proxy, Vouching};
pub use raw::{raw_exchange, raw_status};
pub use recipe::{Moved, Recipe, RecipeNginx, recipe};
pub use settings::{merged, open_settings};
pub use web_socket::{Closed, Socket};
