//! An issuer's public keys (RFC 7517), ready to verify with.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::signature::{self, ParsedPublicKey, RsaPublicKeyComponents, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tracing::warn;

use super::settings::Algorithm;

/// The most keys of one issuer.
const KEYS_MAX: usize = 100;
/// The longest RSA modulus, in bytes.
const MODULUS_BYTES_MAX: usize = 8192 / 8;
/// Shorter is broken, longer costs its square to verify.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The longest RSA exponent, in bytes.
const EXPONENT_BYTES_MAX: usize = 4;

/// The keys of one issuer by their ids.
#[derive(Debug, Default)]
pub(super) struct KeySet(HashMap<String, Arc<PublicKey>>);

/// One key, with the algorithms it may verify.
pub(super) struct PublicKey {
    /// What it was made from, to know it again.
    source: Value,
    verifiers: Vec<(Algorithm, ParsedPublicKey)>,
    /// Whether its issuer gave it up: then what it verified counts no longer.
    retired: AtomicBool,
}

/// Why a document gives no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeySetFault {
    /// It is no key set.
    Shape,
    /// It has keys, and none that can be used: an issuer that gives its keys up publishes an empty set.
    NoUsableKey,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517 §5). A key that cannot be used is skipped: it must not disable the others.
    ///
    /// A key that `previous` has too stays the same object; one that is gone is retired.
    pub(super) fn read(
        document: &[u8],
        allowed: &[Algorithm],
        previous: &Self,
    ) -> Result<Self, KeySetFault> {
        let document: Value = serde_json::from_slice(document).map_err(|_| KeySetFault::Shape)?;
        let keys = document
            .get("keys")
            .and_then(Value::as_array)
            .ok_or(KeySetFault::Shape)?;
        let mut set = HashMap::new();
        if keys.len() > KEYS_MAX {
            warn!(
                "An issuer publishes {} keys, the first {KEYS_MAX} are read",
                keys.len()
            );
        }
        for jwk in keys.iter().take(KEYS_MAX) {
            match key_of(jwk, allowed, previous) {
                Ok((key_id, _)) if set.contains_key(key_id) => {
                    warn!(
                        jwt.key_id = key_id,
                        "Skipped a second key with id `{key_id}`"
                    );
                }
                Ok((key_id, key)) => {
                    set.insert(key_id.to_owned(), key);
                }
                Err(reason) => warn!("Skipped a key of an issuer: {reason}"),
            }
        }
        if set.is_empty() && !keys.is_empty() {
            return Err(KeySetFault::NoUsableKey);
        }
        Ok(Self(set))
    }

    /// The same keys, each for those of its algorithms that are allowed.
    pub(super) fn allowing(&self, allowed: &[Algorithm]) -> Self {
        let none = Self::default();
        let keys = self.0.values().filter_map(|key| {
            let (key_id, key) = key_of(&key.source, allowed, &none).ok()?;
            Some((key_id.to_owned(), key))
        });
        Self(keys.collect())
    }

    pub(super) fn find(&self, key_id: &str) -> Option<&Arc<PublicKey>> {
        self.0.get(key_id)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Retires every key that `successor` does not hold, and names them.
    pub(super) fn hand_over(&self, successor: &Self) -> Vec<String> {
        let mut retired = Vec::new();
        for (key_id, key) in &self.0 {
            if successor
                .find(key_id)
                .is_none_or(|kept| !Arc::ptr_eq(kept, key))
            {
                key.retired.store(true, Ordering::Release);
                retired.push(key_id.clone());
            }
        }
        retired
    }
}

impl PublicKey {
    /// `None` if the key is not for this algorithm.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        let (_, verifier) = self
            .verifiers
            .iter()
            .find(|(allowed, _)| *allowed == algorithm)?;
        Some(verifier.verify_sig(message, signature).is_ok())
    }

    /// Whether `other` was made from the same key.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.source == other.source
    }

    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<_> = self
            .verifiers
            .iter()
            .map(|(algorithm, _)| algorithm)
            .collect();
        formatter
            .debug_struct("PublicKey")
            .field("algorithms", &algorithms)
            .finish_non_exhaustive()
    }
}

fn key_of<'j>(
    jwk: &'j Value,
    allowed: &[Algorithm],
    previous: &KeySet,
) -> Result<(&'j str, Arc<PublicKey>), &'static str> {
    let key_id = text(jwk, "kid").ok_or("no `kid`")?;
    if let Some(known) = previous.find(key_id)
        && known.source == *jwk
    {
        return Ok((key_id, Arc::clone(known)));
    }
    if jwk.get("use").is_some_and(|usage| usage != "sig") {
        return Err("its `use` is not `sig`");
    }
    let operations = jwk
        .get("key_ops")
        .map(|operations| operations.as_array().ok_or("`key_ops` is no array"));
    if operations
        .transpose()?
        .is_some_and(|operations| !operations.iter().any(|operation| operation == "verify"))
    {
        return Err("its `key_ops` lack `verify`");
    }
    let wanted = match jwk.get("alg") {
        None => None,
        Some(name) => Some(
            name.as_str()
                .and_then(Algorithm::from_name)
                .ok_or("its `alg` is not supported")?,
        ),
    };
    let verifiers = verifiers(jwk, |algorithm| {
        wanted.is_none_or(|wanted| wanted == algorithm)
            && (allowed.is_empty() || allowed.contains(&algorithm))
    })?;
    if verifiers.is_empty() {
        return Err("no configured algorithm fits it");
    }
    Ok((
        key_id,
        Arc::new(PublicKey {
            source: jwk.clone(),
            verifiers,
            retired: AtomicBool::new(false),
        }),
    ))
}

/// A symmetric key (`oct`) never loads: who can verify with it can sign with it.
fn verifiers(
    jwk: &Value,
    wanted: impl Fn(Algorithm) -> bool,
) -> Result<Vec<(Algorithm, ParsedPublicKey)>, &'static str> {
    match text(jwk, "kty") {
        Some("RSA") => rsa(jwk, wanted),
        Some("EC") => elliptic(jwk, wanted),
        Some("OKP") => edwards(jwk, wanted),
        Some(_) | None => Err("its `kty` is not RSA, EC or OKP"),
    }
}

fn rsa(
    jwk: &Value,
    wanted: impl Fn(Algorithm) -> bool,
) -> Result<Vec<(Algorithm, ParsedPublicKey)>, &'static str> {
    let modulus = bytes(jwk, "n", MODULUS_BYTES_MAX + 1)?;
    let modulus: Vec<u8> = modulus.into_iter().skip_while(|byte| *byte == 0).collect();
    let bits = modulus.len() * 8
        - modulus
            .first()
            .map_or(0, |first| first.leading_zeros() as usize);
    if !MODULUS_BITS.contains(&bits) {
        return Err("its modulus has not 2048 to 8192 bits");
    }
    let exponent = bytes(jwk, "e", EXPONENT_BYTES_MAX)?;
    if exponent.last().is_none_or(|last| last % 2 == 0) || exponent == [1] {
        return Err("its exponent is not odd and above 1");
    }
    let components = RsaPublicKeyComponents {
        n: modulus,
        e: exponent,
    };
    [
        (Algorithm::Rs256, &signature::RSA_PKCS1_2048_8192_SHA256),
        (Algorithm::Rs384, &signature::RSA_PKCS1_2048_8192_SHA384),
        (Algorithm::Rs512, &signature::RSA_PKCS1_2048_8192_SHA512),
        (Algorithm::Ps256, &signature::RSA_PSS_2048_8192_SHA256),
        (Algorithm::Ps384, &signature::RSA_PSS_2048_8192_SHA384),
        (Algorithm::Ps512, &signature::RSA_PSS_2048_8192_SHA512),
    ]
    .into_iter()
    .filter(|(algorithm, _)| wanted(*algorithm))
    .map(|(algorithm, parameters)| {
        let key = components.to_parsed_public_key(parameters);
        Ok((algorithm, key.map_err(|_| "its numbers make no key")?))
    })
    .collect()
}

fn elliptic(
    jwk: &Value,
    wanted: impl Fn(Algorithm) -> bool,
) -> Result<Vec<(Algorithm, ParsedPublicKey)>, &'static str> {
    let (algorithm, parameters, length) = match text(jwk, "crv") {
        Some("P-256") => (Algorithm::Es256, &signature::ECDSA_P256_SHA256_FIXED, 32),
        Some("P-384") => (Algorithm::Es384, &signature::ECDSA_P384_SHA384_FIXED, 48),
        Some("P-521") => (Algorithm::Es512, &signature::ECDSA_P521_SHA512_FIXED, 66),
        Some(_) | None => return Err("its `crv` is not P-256, P-384 or P-521"),
    };
    let (x, y) = (bytes(jwk, "x", length)?, bytes(jwk, "y", length)?);
    if x.len() != length || y.len() != length {
        return Err("its coordinates have the wrong length");
    }
    let uncompressed = [&[4][..], &x, &y].concat();
    one(wanted, algorithm, parameters, &uncompressed)
}

fn edwards(
    jwk: &Value,
    wanted: impl Fn(Algorithm) -> bool,
) -> Result<Vec<(Algorithm, ParsedPublicKey)>, &'static str> {
    let x = bytes(jwk, "x", 32)?;
    if text(jwk, "crv") != Some("Ed25519") || x.len() != 32 {
        return Err("its `crv` is not Ed25519");
    }
    if has_low_order(&x) {
        return Err("its point has a low order");
    }
    one(wanted, Algorithm::EdDsa, &signature::ED25519, &x)
}

fn one(
    wanted: impl Fn(Algorithm) -> bool,
    algorithm: Algorithm,
    parameters: &'static dyn VerificationAlgorithm,
    key: &[u8],
) -> Result<Vec<(Algorithm, ParsedPublicKey)>, &'static str> {
    if !wanted(algorithm) {
        return Ok(Vec::new());
    }
    let key = ParsedPublicKey::new(parameters, key).map_err(|_| "its point is not on the curve")?;
    Ok(vec![(algorithm, key)])
}

/// Every encoding of a point whose order divides 8: a signature of zeros would verify with it for many messages.
fn has_low_order(point: &[u8]) -> bool {
    const LAST_BYTES: [(u8, [u8; 3]); 2] = [(0x26, [0xe8, 0x95, 0x8f]), (0xc7, [0x17, 0x6a, 0x70])];
    let Some((last, rest)) = point.split_last() else {
        return true;
    };
    let (first, middle) = rest.split_first().unwrap_or((&0, &[]));
    let last = last & 0x7f;
    let zero_or_one = *first <= 1 && middle.iter().all(|byte| *byte == 0) && last == 0;
    let near_prime = *first >= 0xec && middle.iter().all(|byte| *byte == 0xff) && last == 0x7f;
    let order_eight = LAST_BYTES
        .iter()
        .any(|(start, next)| first == start && middle.starts_with(next));
    zero_or_one || near_prime || order_eight
}

fn text<'j>(jwk: &'j Value, member: &str) -> Option<&'j str> {
    jwk.get(member).and_then(Value::as_str)
}

fn bytes(jwk: &Value, member: &str, length_max: usize) -> Result<Vec<u8>, &'static str> {
    text(jwk, member)
        .filter(|text| text.len() <= length_max * 2)
        .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
        .filter(|bytes| bytes.len() <= length_max)
        .ok_or("a number of it is missing, too long or not base64url")
}
