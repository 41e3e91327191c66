//! The integration tests: one binary, one module per concern, named after what a user of the gateway would call it.

#![expect(
    clippy::indexing_slicing,
    reason = "a missing JSON member panics, which is how a test fails"
)]

mod api_keys;
mod assertions;
mod audit;
mod authentication;
mod behind_proxies;
mod brute_force;
mod catalogue;
mod credentials;
mod cross_origin;
mod deploy;
mod devops;
mod durability;
mod first_start;
mod forged_lines;
mod forwarded;
mod given;
mod javascript_client;
mod limits;
mod messages;
mod moving;
mod namespace_access;
mod openapi;
mod pages;
mod paths;
mod policies;
mod policy_services;
mod processes;
mod reload;
mod revocation;
mod shutdown;
mod streams;
mod things;
mod tidy;
mod tls;
mod tokens;
mod wire;
