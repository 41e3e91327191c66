//! API keys and their hashes: what a file holds is read or refused without a word of it, and no text but the key itself
//! opens anything.

use std::sync::Arc;

use authentication::api_key::{
    ApiKeyCredential, Environment, IdentitySettings, KeyMemory, KeyVerifier, NativeKey, generate,
    generate_with_pepper, key_hint,
};
use authentication::{
    ApiKeyProvider, ApiKeySettings, AuthenticationChain, Guard, OnConflict, Scope,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::FutureExt;
use secrecy::{ExposeSecret, SecretString};

use crate::Target;
use crate::headers::{Lines, request};

/// A key of Edge Server, and its hash.
const EDGE_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const EDGE_HASH: &str =
    "scrypt$ln=16,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$z43TML1TtMj5iJf99B4oxWmFDXrMmQF4ejuyxD9ImxM";
const ARGON2: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
/// Longer texts than this are never repeated by an error, which may name an algorithm.
const REPEATED_BYTES_MAX: usize = 16;

/// A key, the hash that the configuration holds, and a chain that knows it.
pub(crate) struct Keys {
    key: String,
    hash: String,
    peppered: String,
    pepper: SecretString,
    verifier: KeyVerifier,
    chain: AuthenticationChain,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let made = generate("tww", Environment::Live);
        let pepper = SecretString::from("\0".repeat(32));
        let peppered = generate_with_pepper("tww", Environment::Live, Some(&pepper));
        let hint = key_hint(&SecretString::from(EDGE_KEY)).expect("a random key");
        let identities = vec![
            identity("native", &made.verifier, None),
            identity("edge", EDGE_HASH, Some(hint)),
        ];
        let settings = ApiKeySettings {
            identities,
            ..ApiKeySettings::default()
        };
        let (memory, guard) = (Arc::new(KeyMemory::default()), Arc::new(Guard::new(None)));
        let provider = ApiKeyProvider::new(settings, memory, guard).expect("a provider");
        Self {
            key: made.key.expose_secret().to_owned(),
            verifier: KeyVerifier::parse(&made.verifier, None).expect("it was just made"),
            hash: made.verifier,
            peppered: peppered.verifier,
            pepper,
            chain: AuthenticationChain::new(vec![Arc::new(provider)], OnConflict::First),
        }
    }

    fn check_hash(&self, text: &str) {
        for pepper in [None, Some(&self.pepper)] {
            match KeyVerifier::parse(text, pepper) {
                Ok(verifier) => {
                    let id = verifier.key_id();
                    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
                    assert!(!id.is_empty() && id.bytes().all(plain), "the key id `{id}`");
                }
                Err(error) => {
                    let said = format!("{error} {error:?}");
                    let is_long = text.len() > REPEATED_BYTES_MAX;
                    assert!(
                        !is_long || !said.contains(text),
                        "an error repeats the hash"
                    );
                }
            }
        }
    }
}

fn identity(name: &str, verifier: &str, hint: Option<String>) -> IdentitySettings {
    IdentitySettings {
        name: name.to_owned(),
        credentials: vec![ApiKeyCredential {
            verifier: verifier.to_owned(),
            hint,
            ..ApiKeyCredential::default()
        }],
        ..IdentitySettings::default()
    }
}

impl Target for Keys {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let (edge, argon2) = (
            BASE64_STANDARD.encode(EDGE_HASH),
            BASE64_STANDARD.encode(ARGON2),
        );
        let texts = [
            self.key.as_str(),
            &self.hash,
            &self.peppered,
            EDGE_KEY,
            EDGE_HASH,
            &edge,
            ARGON2,
            &argon2,
            "things:read@org.acme.*",
            "YOUR_HASH",
        ];
        texts.map(|seed| seed.as_bytes().to_vec()).into()
    }

    fn read(&self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        self.check_hash(&text);
        let _ = text.parse::<Scope>();
        if let Ok(parts) = NativeKey::parse(&text) {
            let start = format!("{}_{}_{}_", parts.brand, parts.environment, parts.key_id);
            assert!(
                text.starts_with(&start),
                "the parts of a key are its beginning"
            );
        }
        let is_the_key = text == self.key;
        assert_eq!(
            self.verifier.verify(&text),
            is_the_key,
            "only the key verifies"
        );
        // A key of Edge Server takes its time, which is no answer yet.
        let bearer = format!("Bearer {text}");
        let lines = Lines::authorization(&bearer);
        let answer = self.chain.authenticate(&request(&lines)).now_or_never();
        let name = answer.and_then(Result::ok);
        let name = name.map(|principal| principal.credential().name.clone());
        let opens = text.trim_matches(' ') == self.key;
        assert_eq!(name.is_some(), opens, "only the key opens anything");
    }
}
