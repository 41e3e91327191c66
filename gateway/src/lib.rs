//! The public edge and the wiring of the process: knows actix-web and every other crate.

mod app;
mod assembly;
pub mod bootstrap;
pub mod cli;
mod clock;
pub mod config;
mod credential_use;
mod edge;
mod error;
mod limits;
mod live;
mod openapi;
mod operator;
mod reload;
mod routes;
mod streaming;
mod telemetry;
pub mod tls;

pub use assembly::serve;
