//! The members of a token that this crate decides by, with their types checked.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::fault::JwtRefusal;
use super::settings::Algorithm;

/// What the header says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: String,
    pub(super) token_type: Option<String>,
}

/// What the payload says about the token itself.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) issuer: String,
    pub(super) subject: Option<String>,
    pub(super) token_id: Option<String>,
    pub(super) audience: Vec<String>,
    pub(super) expires_at: Timestamp,
    pub(super) not_before: Option<Timestamp>,
    pub(super) issued_at: Option<Timestamp>,
}

/// The longest key id, in bytes.
const KEY_ID_BYTES_MAX: usize = 256;

impl Header {
    /// `crit` is refused with any value (RFC 7515 §4.1.11): no extension is understood here. Members that name or hold
    /// a key (`jku`, `jwk`, `x5u`, `x5c`) are not looked at.
    pub(super) fn read(header: &Map<String, Value>) -> Result<Self, JwtRefusal> {
        for member in ["crit", "enc", "zip", "b64"] {
            if header.contains_key(member) {
                return Err(JwtRefusal::Extension { member });
            }
        }
        let algorithm = text(header, "alg")?.ok_or(JwtRefusal::Member { member: "alg" })?;
        let algorithm = Algorithm::from_name(&algorithm).ok_or(JwtRefusal::Algorithm)?;
        let key_id = text(header, "kid")?
            .filter(|id| {
                (1..=KEY_ID_BYTES_MAX).contains(&id.len()) && !id.contains(char::is_control)
            })
            .ok_or(JwtRefusal::Member { member: "kid" })?;
        Ok(Self {
            algorithm,
            key_id,
            token_type: text(header, "typ")?,
        })
    }
}

impl Claims {
    pub(super) fn read(claims: &Map<String, Value>) -> Result<Self, JwtRefusal> {
        Ok(Self {
            issuer: text(claims, "iss")?.ok_or(JwtRefusal::Member { member: "iss" })?,
            subject: text(claims, "sub")?,
            token_id: text(claims, "jti")?,
            audience: audience(claims)?,
            expires_at: date(claims, "exp")?.ok_or(JwtRefusal::Member { member: "exp" })?,
            not_before: date(claims, "nbf")?,
            issued_at: date(claims, "iat")?,
        })
    }

    /// Checks `exp`, `nbf` and `iat` (RFC 7519 §4.1.4 to §4.1.6) at `now`, tolerating `skew` either way, and the time
    /// between `iat`, or `now` without it, and `exp`.
    pub(super) fn check_time(
        &self,
        now: Timestamp,
        skew: Duration,
        lifetime_max: Duration,
    ) -> Result<(), JwtRefusal> {
        let skew = signed(skew);
        if now.duration_since(self.expires_at) >= skew {
            return Err(JwtRefusal::Expired);
        }
        let early = |start: Timestamp| start.duration_since(now) > skew;
        if self.not_before.is_some_and(early) || self.issued_at.is_some_and(early) {
            return Err(JwtRefusal::NotYetValid);
        }
        let lifetime = self
            .expires_at
            .duration_since(self.issued_at.unwrap_or(now));
        if lifetime > signed(lifetime_max) {
            return Err(JwtRefusal::Lifetime);
        }
        Ok(())
    }
}

fn signed(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}

fn text(object: &Map<String, Value>, member: &'static str) -> Result<Option<String>, JwtRefusal> {
    match object.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(JwtRefusal::Member { member }),
    }
}

/// One text or an array of them (RFC 7519 §4.1.3).
fn audience(claims: &Map<String, Value>) -> Result<Vec<String>, JwtRefusal> {
    let wrong = JwtRefusal::Member { member: "aud" };
    match claims.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text.clone()]),
        Some(Value::Array(elements)) => elements
            .iter()
            .map(|element| element.as_str().map(str::to_owned).ok_or(wrong))
            .collect(),
        Some(_) => Err(wrong),
    }
}

/// Seconds since 1970, a fraction allowed (RFC 7519 §2, NumericDate); negative ones and those after 9999 are refused.
fn date(
    claims: &Map<String, Value>,
    member: &'static str,
) -> Result<Option<Timestamp>, JwtRefusal> {
    let Some(value) = claims.get(member) else {
        return Ok(None);
    };
    let seconds = match value {
        Value::Number(number) => number.as_i64().or_else(|| whole_seconds(number.as_f64()?)),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    };
    seconds
        .filter(|seconds| *seconds >= 0)
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map(Some)
        .ok_or(JwtRefusal::Member { member })
}

fn whole_seconds(seconds: f64) -> Option<i64> {
    /// Above any year of four digits, and exact in both types.
    const SECONDS_MAX: f64 = 1e12;
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the line above")]
    (0.0..SECONDS_MAX)
        .contains(&seconds)
        .then_some(seconds as i64)
}
