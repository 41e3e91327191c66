//! API keys: where a wrong one differs, and whether its id is known.

use std::sync::Arc;

use authentication::api_key::{
    ApiKeyCredential, Environment, IdentitySettings, KeyMemory, KeyVerifier, generate,
};
use authentication::{
    ApiKeyProvider, ApiKeySettings, Attempt, AuthenticationProvider, Guard, HeaderLookup,
    RequestParts,
};
use jiff::Timestamp;
use secrecy::ExposeSecret;

use crate::Case;
use crate::sample::Samples;

const ROUNDS: usize = 50_000;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "an API key that is wrong early or late, against its hash",
            tolerance: 0.0,
            measure: Box::new(against_the_hash),
        },
        Case {
            name: "an API key with a known or an unknown id, as a request",
            // Ids of keys are no secret, and stand in records; no network lets anybody see less than this.
            tolerance: 25.0,
            measure: Box::new(known_and_unknown_id),
        },
    ]
}

fn against_the_hash() -> Samples {
    let made = generate("tww", Environment::Live);
    let verifier = KeyVerifier::parse(&made.verifier, None).expect("it was just made");
    let key = made.key.expose_secret();
    let (early, late) = (changed(key, 20), changed(key, key.len() - 1));
    let mut text = String::new();
    let prepare = |text: &mut String, is_late: bool| {
        text.clear();
        text.push_str(if is_late { &late } else { &early });
    };
    Samples::take(
        ROUNDS,
        &mut text,
        (prepare, |text: &String| verifier.verify(text)),
    )
}

/// The key with another character at this place.
fn changed(key: &str, place: usize) -> String {
    key.char_indices()
        .map(|(at, character)| match (at == place, character) {
            (true, 'a') => 'b',
            (true, _) => 'a',
            (false, character) => character,
        })
        .collect()
}

/// Two keys with fitting checksums: one has the id of a configured key, the other one that nobody has.
fn known_and_unknown_id() -> Samples {
    let (known, stranger) = (
        generate("tww", Environment::Live),
        generate("tww", Environment::Live),
    );
    let provider = provider(known.verifier);
    let forged = with_id(
        stranger.key.expose_secret(),
        (&stranger.key_id, &known.key_id),
    );
    let unknown = stranger.key.expose_secret().to_owned();
    let mut headers = Authorization(String::new());
    let prepare = |headers: &mut Authorization, is_unknown: bool| {
        headers.0.clear();
        headers.0.push_str("Bearer ");
        headers
            .0
            .push_str(if is_unknown { &unknown } else { &forged });
    };
    let check = |headers: &Authorization| {
        let request = request(headers);
        let attempt = provider.authenticate(&request);
        matches!(attempt, Attempt::Pending(_))
    };
    Samples::take(ROUNDS, &mut headers, (prepare, check))
}

fn provider(verifier: String) -> ApiKeyProvider {
    let identity = IdentitySettings {
        name: "press-07".to_owned(),
        credentials: vec![ApiKeyCredential {
            verifier,
            ..ApiKeyCredential::default()
        }],
        ..IdentitySettings::default()
    };
    let settings = ApiKeySettings {
        identities: vec![identity],
        ..ApiKeySettings::default()
    };
    let (memory, guard) = (Arc::new(KeyMemory::default()), Arc::new(Guard::new(None)));
    ApiKeyProvider::new(settings, memory, guard).expect("it was just made")
}

struct Authorization(String);

impl HeaderLookup for Authorization {
    fn header(&self, name: &str) -> Option<&str> {
        (name == "authorization").then_some(&self.0)
    }
}

fn request(headers: &Authorization) -> RequestParts<'_> {
    RequestParts::from_socket(headers, Timestamp::UNIX_EPOCH)
}

const CHECKSUM_LENGTH: usize = 6;

/// The key with another id, and a checksum that fits again.
fn with_id(key: &str, (from, to): (&str, &str)) -> String {
    let body = key.replace(from, to);
    let body = body.get(..body.len() - CHECKSUM_LENGTH).unwrap_or_default();
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    let digits = digits.map(char::from);
    format!("{body}{}", digits.iter().collect::<String>())
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
