//! API keys of configured identities: made here and checked with one fast hash a request, or brought along from Edge
//! Server and checked with a slow one, rarely and elsewhere.
//!
//! A key of ours is `<brand>_<env>_<key id>_<secret><checksum>`. Its secret has 256 bits from the operating system, so a
//! fast hash is enough (NIST SP 800-63B §5.1.1.2 asks for slow ones only below 112 bits) and a bogus key costs no more
//! than a good one.

mod generate;
mod hash;
mod hint;
mod idle_thread;
mod index;
mod key;
mod legacy;
mod memory;
mod news;
mod provider;
mod refusal;
mod settings;
mod slow_hash;
mod slow_lane;
mod usage;
mod verified;
mod verifier;

pub use generate::{
    GeneratedKey, LegacyKey, adopt, generate, generate_legacy, generate_with_pepper,
};
pub use hash::{HashError, HashRemark};
pub use hint::{WeakKey, is_hint, key_hint};
pub use key::{Environment, KeyShapeError, NativeKey, is_brand};
pub use memory::KeyMemory;
pub use news::{KeyNews, KeyObserver};
pub use provider::ApiKeyProvider;
pub use refusal::ApiKeyRefusal;
pub use settings::{ApiKeyCredential, ApiKeySettings, IdentitySettings, SlowLaneSettings};
pub use usage::{KeyUse, KeyUses};
pub use verifier::{KeyVerifier, is_legacy_key_id};

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
