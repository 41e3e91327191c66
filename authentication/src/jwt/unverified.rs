//! A token as sent: read, not believed.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policies::DistinctJson;
use serde_json::{Map, Value};

use super::fault::JwtFault;

/// The longest token, in bytes.
pub(super) const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// A token whose signature nobody has checked: good for finding the issuer's key, for nothing else.
pub(super) struct UnverifiedJwt<'a> {
    token: Cow<'a, str>,
    message_length: usize,
    signature: Vec<u8>,
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
}

impl<'a> UnverifiedJwt<'a> {
    /// Reads the compact form (RFC 7515 §3.1): base64url without padding or spare bits, objects with distinct members.
    pub(super) fn parse(token: Cow<'a, str>) -> Result<Self, JwtFault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(JwtFault::TooLong);
        }
        let mut parts = token.split('.');
        let mut next = || {
            parts
                .next()
                .filter(|part| !part.is_empty())
                .ok_or(JwtFault::Parts)
        };
        let (header, claims, signature) = (next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(JwtFault::Parts);
        }
        let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtFault::Base64);
        let object = |part| parse_object(&decode(part)?).ok_or(JwtFault::Json);
        Ok(Self {
            message_length: header.len() + 1 + claims.len(),
            signature: decode(signature)?,
            header: object(header)?,
            claims: object(claims)?,
            token,
        })
    }

    /// What is signed.
    pub(super) fn message(&self) -> &[u8] {
        self.token
            .as_bytes()
            .get(..self.message_length)
            .unwrap_or_default()
    }

    /// The signature.
    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// The object in these bytes; `None` if they are anything else, or name a member twice (RFC 7515 §4).
fn parse_object(bytes: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice::<DistinctJson>(bytes).ok()?.0 {
        Value::Object(object) => Some(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    }
}
