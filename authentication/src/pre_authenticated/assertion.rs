//! A proof that the proxy itself vouches: that a request comes from its address is not enough where others share it.
//!
//! The proxy signs what the gateway acts on with a shared secret (HMAC-SHA-256, RFC 2104) and sends the proof along. Each
//! proof counts once, for its request only, and not for long.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::used_proofs::UsedProofs;
use crate::{Purpose, RequestParts, SettingsError};

/// Name of the header with the proof.
pub(super) const ASSERTION: &str = "x-ditto-pre-authenticated-assertion";

/// What the proxy and the gateway share, and how long a proof counts.
#[derive(Debug, Clone)]
pub struct AssertionSettings {
    /// The key of the proofs.
    pub secret: SecretString,
    /// How far the time in a proof may be from now, either way.
    pub max_age: Duration,
}

/// Why a proof is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionRefusal {
    /// There is none.
    #[error("missing")]
    Missing,
    /// Not `v=1,t=…,n=…,s=…`.
    #[error("malformed")]
    Malformed,
    /// Made for something else, or with another secret.
    #[error("wrong signature")]
    Signature,
    /// Made too long ago, or for later.
    #[error("out of its time")]
    Stale,
    /// It was used before.
    #[error("replayed")]
    Replayed,
    /// It was made before used ones were noted, and so may have been used.
    #[error("older than what is remembered")]
    Forgotten,
    /// More proofs are in their time than can be remembered: none is believed until some are over.
    #[error("too many at once")]
    TooMany,
}

impl AssertionRefusal {
    /// A stable word for audit and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "assertion_missing",
            Self::Malformed => "assertion_malformed",
            Self::Signature => "assertion_signature",
            Self::Stale => "assertion_stale",
            Self::Replayed => "assertion_replayed",
            Self::Forgotten => "assertion_forgotten",
            Self::TooMany => "assertion_too_many",
        }
    }
}

/// Shorter secrets are refused, in bytes: as much as the tag has.
const SECRET_BYTES_MIN: usize = 32;
/// Bytes of a nonce.
const NONCE_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// Checks proofs.
pub(super) struct AssertionVerifier {
    key: hmac::Key,
    max_age: Duration,
    used: Arc<UsedProofs>,
}

/// `v=1,t=<seconds>,n=<nonce>,s=<64 hexadecimal digits>`, in this order.
#[derive(Debug, PartialEq, Eq)]
struct Assertion<'a> {
    time: i64,
    nonce: &'a str,
    signature: [u8; 32],
}

impl AssertionVerifier {
    pub(super) fn new(
        settings: &AssertionSettings,
        used: Arc<UsedProofs>,
    ) -> Result<Self, SettingsError> {
        let secret = settings.secret.expose_secret().as_bytes();
        if secret.len() < SECRET_BYTES_MIN {
            return Err(SettingsError::AssertionSecret {
                bytes_min: SECRET_BYTES_MIN,
            });
        }
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            max_age: settings.max_age,
            used,
        })
    }

    /// Whether the proof of this request is good for `subjects`, the value of the header as it came. Uses it up.
    pub(super) fn verify(
        &self,
        request: &RequestParts<'_>,
        subjects: &str,
    ) -> Result<(), AssertionRefusal> {
        let text = request.headers.header(ASSERTION);
        let assertion = Assertion::parse(text.ok_or(AssertionRefusal::Missing)?)
            .ok_or(AssertionRefusal::Malformed)?;
        let signed = signed_text(request, subjects, &assertion);
        hmac::verify(&self.key, signed.as_bytes(), &assertion.signature)
            .map_err(|_| AssertionRefusal::Signature)?;
        // Only after the signature: what a stranger sends must not fill the memory of nonces.
        if self.is_stale(assertion.time, request.now) {
            return Err(AssertionRefusal::Stale);
        }
        let proof = (assertion.time, assertion.nonce);
        match request.purpose {
            Purpose::Admit => self.used.use_up(proof, request.now),
            Purpose::Explain => self.used.check(proof, request.now),
        }
    }

    fn is_stale(&self, time: i64, now: Timestamp) -> bool {
        now.as_second().abs_diff(time) > self.max_age.as_secs()
    }
}

/// What is signed: six lines, without a line end behind the last. The target is path and query as the gateway gets them.
fn signed_text(request: &RequestParts<'_>, subjects: &str, assertion: &Assertion<'_>) -> String {
    let separator = if request.query.is_empty() { "" } else { "?" };
    format!(
        "twinward-assertion-v1\n{}\n{}{separator}{}\n{subjects}\n{}\n{}",
        request.method, request.path, request.query, assertion.time, assertion.nonce
    )
}

impl<'a> Assertion<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut fields = text.split(',');
        let mut field = |name: &str| fields.next()?.trim_matches(' ').strip_prefix(name);
        let version = field("v=")?;
        let (time, nonce, signature) = (field("t=")?, field("n=")?, field("s=")?);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_number = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
        if version != "1"
            || !is_number
            || !NONCE_BYTES.contains(&nonce.len())
            || !nonce.bytes().all(is_plain)
            || fields.next().is_some()
        {
            return None;
        }
        Some(Self {
            time: time.parse().ok()?,
            nonce,
            signature: from_hex(signature)?,
        })
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        let digits = text.get(2 * index..2 * index + 2)?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Headers, now, request};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const NONCE: &str = "nonce-0123456789";

    fn verifier() -> AssertionVerifier {
        let settings = AssertionSettings {
            secret: SecretString::from(SECRET),
            max_age: Duration::from_secs(30),
        };
        let used = Arc::new(UsedProofs::default());
        used.cover(Some(settings.max_age), now() - Duration::from_secs(60));
        AssertionVerifier::new(&settings, used).unwrap()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A proof for `GET /api/2/things?ids=a:b` as `nginx:alice`, `offset` seconds from now.
    fn proof(offset: i64, nonce: &str) -> String {
        let time = now().as_second() + offset;
        let text = format!(
            "twinward-assertion-v1\nGET\n/api/2/things?ids=a:b\nnginx:alice\n{time}\n{nonce}"
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let signature = hex(hmac::sign(&key, text.as_bytes()).as_ref());
        format!("v=1,t={time},n={nonce},s={signature}")
    }

    fn ask(
        verifier: &AssertionVerifier,
        proof: &str,
        change: impl FnOnce(&mut RequestParts<'_>),
        subjects: &str,
    ) -> Result<(), AssertionRefusal> {
        let headers = Headers(vec![(ASSERTION, proof.to_owned())]);
        let mut parts = request(&headers, "ids=a:b");
        change(&mut parts);
        verifier.verify(&parts, subjects)
    }

    #[test]
    fn a_proof_counts_once() {
        let verifier = verifier();
        let proof = proof(0, NONCE);
        assert_eq!(ask(&verifier, &proof, |_| {}, "nginx:alice"), Ok(()));
        let again = ask(&verifier, &proof, |_| {}, "nginx:alice");
        assert_eq!(again, Err(AssertionRefusal::Replayed));
    }

    #[test]
    fn a_proof_that_is_only_asked_about_still_counts() {
        let verifier = verifier();
        let proof = proof(0, NONCE);
        let about = |parts: &mut RequestParts<'_>| parts.purpose = Purpose::Explain;
        for _ in 0..2 {
            assert_eq!(ask(&verifier, &proof, about, "nginx:alice"), Ok(()));
        }
        assert_eq!(ask(&verifier, &proof, |_| {}, "nginx:alice"), Ok(()));
        let used = ask(&verifier, &proof, about, "nginx:alice");
        assert_eq!(used, Err(AssertionRefusal::Replayed));
    }

    #[test]
    fn a_proof_counts_for_its_request_only() {
        let wrong = Err(AssertionRefusal::Signature);
        let verifier = verifier();
        let proof = proof(0, NONCE);
        let ask =
            |change: fn(&mut RequestParts<'_>), subjects| ask(&verifier, &proof, change, subjects);
        assert_eq!(ask(|_| {}, "nginx:root"), wrong);
        assert_eq!(ask(|_| {}, "nginx:alice "), wrong);
        assert_eq!(ask(|parts| parts.method = "PUT", "nginx:alice"), wrong);
        assert_eq!(
            ask(|parts| parts.path = "/api/2/policies", "nginx:alice"),
            wrong
        );
        assert_eq!(ask(|parts| parts.query = "ids=a:c", "nginx:alice"), wrong);
        assert_eq!(ask(|parts| parts.query = "", "nginx:alice"), wrong);
        assert_eq!(ask(|_| {}, "nginx:alice"), Ok(()));
    }

    #[test]
    fn a_proof_counts_in_its_time() {
        let verifier = verifier();
        for (offset, expected) in [
            (-31, Err(AssertionRefusal::Stale)),
            (-30, Ok(())),
            (30, Ok(())),
            (31, Err(AssertionRefusal::Stale)),
        ] {
            let nonce = format!("nonce-0123456789{}", offset + 100);
            let outcome = ask(&verifier, &proof(offset, &nonce), |_| {}, "nginx:alice");
            assert_eq!(outcome, expected, "offset: {offset}");
        }
    }

    #[test]
    fn what_is_no_proof_is_refused() {
        let good = proof(0, NONCE);
        let verifier = verifier();
        for text in [
            "",
            "v=1",
            &good.replace("v=1", "v=2"),
            &good.replace("t=1", "t=+1"),
            &good.replace(NONCE, "short"),
            &good.replace(NONCE, "nonce 0123456789"),
            &format!("{good},x=1"),
            &format!("{good}0"),
            &good.replace("s=", "s=\u{e4}"),
        ] {
            let outcome = ask(&verifier, text, |_| {}, "nginx:alice");
            assert_eq!(outcome, Err(AssertionRefusal::Malformed), "text: {text}");
        }
        let without = Headers(Vec::new());
        let missing = verifier.verify(&request(&without, ""), "nginx:alice");
        assert_eq!(missing, Err(AssertionRefusal::Missing));
    }

    #[test]
    fn short_secrets_are_refused() {
        let settings = AssertionSettings {
            secret: SecretString::from("too short"),
            max_age: Duration::from_secs(30),
        };
        assert!(AssertionVerifier::new(&settings, Arc::default()).is_err());
    }
}
