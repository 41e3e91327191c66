//! Being built.

pub mod bootstrap;
pub mod cli;
pub mod config;
pub mod tls;
