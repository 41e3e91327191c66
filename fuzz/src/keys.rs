//! API keys and their hashes: no text but the key itself verifies.

use authentication::api_key::{Environment, KeyVerifier, generate};
use secrecy::ExposeSecret;

use crate::Target;

/// A key and the hash that the configuration holds.
pub(crate) struct Keys {
    key: String,
    hash: String,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let made = generate("tww", Environment::Live);
        Self {
            key: made.key.expose_secret().to_owned(),
            hash: made.verifier,
        }
    }
}

impl Target for Keys {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let legacy =
            "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
        let argon = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
        [self.key.as_str(), self.hash.as_str(), legacy, argon]
            .map(|seed| seed.as_bytes().to_vec())
            .into()
    }

    fn read(&self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        let _ = KeyVerifier::parse(&text, None);
        let known = KeyVerifier::parse(&self.hash, None).expect("a hash that was made here");
        assert_eq!(
            known.verify(&text),
            text == self.key,
            "only the key verifies"
        );
    }
}
