//! Names for secrets that say nothing about them outside this process.

use aws_lc_rs::{hmac, rand};
use siphasher::sip128::SipHasher13;

/// Keyed by random bytes that live and die with the process: what it returns can be kept where a secret may not.
pub(crate) struct Fingerprinter(hmac::Key);

/// Stands for a secret in a cache.
pub(crate) type Fingerprint = [u8; 16];

impl Fingerprinter {
    pub(crate) fn new() -> Self {
        let mut key = [0; 32];
        rand::fill(&mut key).expect("the operating system gives random bytes");
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    /// HMAC-SHA-256 of the secret, truncated (RFC 2104 §5).
    pub(crate) fn of(&self, secret: &str) -> Fingerprint {
        let tag = hmac::sign(&self.0, secret.as_bytes());
        let mut fingerprint = Fingerprint::default();
        for (target, source) in fingerprint.iter_mut().zip(tag.as_ref()) {
            *target = *source;
        }
        fingerprint
    }
}

/// As [`Fingerprinter`], several times faster on a token's length: for what is asked on every request.
///
/// SipHash with 128 bits of output is a pseudorandom function: without its key, which never leaves the process any more
/// than the fingerprints do, nobody can make a token or a key that has the fingerprint of another. Nothing is known against the
/// variant with one and three rounds, which takes half the time of that with two and four.
pub(crate) struct TokenFingerprinter(SipHasher13);

impl TokenFingerprinter {
    pub(crate) fn new() -> Self {
        let mut key = [0; 16];
        rand::fill(&mut key).expect("the operating system gives random bytes");
        Self(SipHasher13::new_with_key(&key))
    }

    pub(crate) fn of(&self, token: &str) -> Fingerprint {
        self.0.hash(token.as_bytes()).as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_names_of_their_own() {
        let (one, other) = (TokenFingerprinter::new(), TokenFingerprinter::new());
        assert_eq!(one.of("a.b.c"), one.of("a.b.c"));
        assert_ne!(one.of("a.b.c"), one.of("a.b.d"));
        assert_ne!(one.of("a.b.c"), other.of("a.b.c"));
    }

    #[test]
    fn equal_secrets_have_equal_names_within_one_process_only() {
        let (one, other) = (Fingerprinter::new(), Fingerprinter::new());
        assert_eq!(one.of("a"), one.of("a"));
        assert_ne!(one.of("a"), one.of("b"));
        assert_ne!(one.of("a"), other.of("a"));
    }
}
