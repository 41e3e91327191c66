//! JSON Web Tokens (RFC 7519) of configured OpenID Connect issuers.
//!
//! A token is read ([`JwtFault`] if it is none), its issuer and its times are checked, then its signature with a key of
//! that issuer, then whom it is for and what subjects it makes. A verified token is remembered by a keyed fingerprint
//! until it expires or its key is gone.

mod claims;
mod fault;
mod fetch;
mod integration;
mod issuer;
mod key_store;
mod keys;
mod placeholders;
mod provider;
mod settings;
#[cfg(test)]
pub(crate) mod testing;
mod token_type;
mod unverified;

pub use fault::{JwtFault, JwtRefusal};
pub(crate) use integration::kept_claim;
pub use integration::{IntegrationError, IntegrationSubjects};
pub use issuer::IssuerHealth;
pub use provider::{JwtProvider, RetiredKeys};
pub use settings::{Algorithm, Audience, IssuerSettings, JwtSettings, KeySettings, Protocol};
