//! JSON Web Tokens (RFC 7519) of configured OpenID Connect issuers.

mod fault;
mod settings;

pub use fault::{JwtFault, JwtRefusal};
pub use settings::{Algorithm, Audience, IssuerSettings, JwtSettings, KeySettings, Protocol};
