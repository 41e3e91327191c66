//! API keys of configured identities: made here, stored as a keyed hash, checked with one hash a request.
//!
//! A key is `<brand>_<env>_<key id>_<secret><checksum>`. Its secret has 256 bits from the operating system, so a fast
//! hash is enough (NIST SP 800-63B §5.1.1.2 asks for slow ones only below 112 bits) and a bogus key costs no more than
//! a good one.

mod generate;
mod key;
mod provider;
mod verifier;

pub use generate::{GeneratedKey, generate, generate_with_pepper};
pub use key::{Environment, KeyShapeError, NativeKey, is_brand};
pub use provider::{
    ApiKeyCredential, ApiKeyProvider, ApiKeyRefusal, ApiKeySettings, IdentitySettings,
};
pub use verifier::{HashError, KeyVerifier};

/// Whether `key` is what `verifier` was made from; without a pepper.
///
/// # Errors
///
/// [`HashError`] if the verifier cannot be read.
pub fn validate(key: &str, verifier: &str) -> Result<bool, HashError> {
    Ok(KeyVerifier::parse(verifier, None)?.verify(key))
}

#[cfg(test)]
mod tests;
