//! Tokens that no honest provider issues.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// `token` with its header changed by `change`, the signature left as it is.
pub(crate) fn with_header(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let (header, payload, signature) = parts(token);
    let mut header = decoded(header);
    change(&mut header);
    format!("{}.{payload}.{signature}", encoded(&header))
}

/// `token` with its claims changed by `change`, the signature left as it is.
pub(crate) fn with_claims(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let (header, payload, signature) = parts(token);
    let mut claims = decoded(payload);
    change(&mut claims);
    format!("{header}.{}.{signature}", encoded(&claims))
}

/// `token` saying that its signature need not be checked (RFC 7518 §3.6).
pub(crate) fn unsigned(token: &str) -> String {
    with_header(token, |header| header["alg"] = json!("none"))
}

/// The claims of `token` signed by HMAC with a text that everybody knows (RFC 8725 §2.1).
pub(crate) fn signed_with_public_text(token: &str, text: &str) -> String {
    let (header, payload, _) = parts(token);
    let mut hmac_header = Header::new(Algorithm::HS256);
    hmac_header.kid = decoded(header)["kid"].as_str().map(str::to_owned);
    let key = EncodingKey::from_secret(text.as_bytes());
    jsonwebtoken::encode(&hmac_header, &decoded(payload), &key).expect("claims can be signed")
}

/// `token` with the first character of its signature replaced by another.
pub(crate) fn tampered(token: &str) -> String {
    let (header, payload, signature) = parts(token);
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    let rest: String = signature.chars().skip(1).collect();
    format!("{header}.{payload}.{other}{rest}")
}

fn parts(token: &str) -> (&str, &str, &str) {
    let (header, rest) = token.split_once('.').expect("a compact token");
    let (payload, signature) = rest.split_once('.').expect("a compact token");
    (header, payload, signature)
}

fn decoded(part: &str) -> Value {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn encoded(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}
