//! Tokens: one is good, whatever was made of it is not.

use authentication::jwt::{Audience, IssuerSettings};
use authentication::{JwtProvider, JwtSettings};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use jiff::Timestamp;
use serde_json::json;

use crate::Target;

/// A provider with one key from a file, and tokens of that key.
pub(crate) struct Tokens {
    provider: JwtProvider,
    good: Vec<String>,
    now: Timestamp,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Tokens {
    pub(crate) fn new() -> Self {
        let pair = Ed25519KeyPair::generate().expect("a key");
        let jwk =
            json!({ "kty": "OKP", "crv": "Ed25519", "kid": "k", "x": encode(pair.public_key()) });
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), json!({ "keys": [jwk] }).to_string()).expect("a file");
        let mut entry = IssuerSettings::new("acme", "id.example", Audience::Any);
        entry.jwks_file = Some(file.path().to_owned());
        entry.auth_subjects = vec!["{{ jwt:sub }}".to_owned(), "{{ jwt:roles }}".to_owned()];
        let settings = JwtSettings {
            issuers: vec![entry],
            ..JwtSettings::default()
        };
        let now = Timestamp::from_second(1_800_000_000).expect("a time");
        let sign = |header: &str, claims: String| {
            let message = format!("{}.{}", encode(header), encode(claims));
            format!("{message}.{}", encode(pair.sign(message.as_bytes())))
        };
        let claims = |sub: &str| json!({ "iss": "id.example", "sub": sub, "exp": now.as_second() + 600, "roles": ["a", { "b": [1] }] });
        let header = r#"{"alg":"EdDSA","kid":"k"}"#;
        let good = vec![
            sign(header, claims("alice").to_string()),
            sign(header, claims("bob").to_string()),
        ];
        Self {
            provider: JwtProvider::new(settings).expect("a provider"),
            good,
            now,
        }
    }

    fn subject(&self, token: &str) -> Option<String> {
        let verified = self.provider.verify_token(token, self.now).now_or_never();
        let principal = verified.expect("keys from a file need no waiting").ok()?;
        principal.default_subject().map(ToString::to_string)
    }
}

impl Target for Tokens {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let forged = [
            r#"{"alg":"none"}"#,
            r#"{"alg":"EdDSA","kid":"k","crit":["x"]}"#,
            r#"{"alg":"EdDSA","alg":"none","kid":1e999}"#,
        ];
        let forged = forged.map(|header| {
            format!(
                "{}.{}.AA",
                encode(header),
                encode(r#"{"iss":"id.example","exp":-1e9}"#)
            )
        });
        self.good
            .iter()
            .cloned()
            .chain(forged)
            .map(String::into_bytes)
            .collect()
    }

    fn read(&self, input: &[u8]) {
        let token = String::from_utf8_lossy(input);
        let signed = |known: &&String| {
            let message = |text: &str| text.rsplit_once('.').map(|(message, _)| message.to_owned());
            message(known) == message(&token)
        };
        let subject = self.subject(&token);
        let proved = self.good.iter().position(|known| signed(&known));
        if let Some(subject) = subject {
            let expected = proved.map(|position| {
                if position == 0 {
                    "acme:alice"
                } else {
                    "acme:bob"
                }
            });
            assert_eq!(
                Some(subject.as_str()),
                expected,
                "a subject that nobody signed"
            );
        }
    }
}
