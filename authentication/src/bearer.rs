//! The `Authorization: Bearer` header (RFC 6750 §2.1), which tokens and API keys share.

use crate::RequestParts;

/// What stands behind the scheme `Bearer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearer<'a> {
    /// Has a dot, or looks like nothing we know: a token. That it is all base64url and dots is asked by who parses it:
    /// this is asked several times a request, and a remembered token has been looked at before.
    Token(&'a str),
    /// Starts like `<brand>_` and has no dot: an API key, in our shape or meant to be.
    ApiKey(&'a str),
    /// Base64 of a secret, without a dot: a key as Edge Server makes them.
    LegacyKey(&'a str),
    /// The scheme without exactly one word of visible ASCII behind it.
    Malformed,
}

impl<'a> Bearer<'a> {
    /// `None` if there is no such header, or it has another scheme: then it is no credential here.
    pub(crate) fn of(request: &RequestParts<'a>) -> Option<Self> {
        let header = request.headers.header("authorization")?;
        let (scheme, value) = header.split_at_checked("bearer".len())?;
        let is_bearer =
            scheme.eq_ignore_ascii_case("bearer") && (value.is_empty() || value.starts_with(' '));
        is_bearer.then(|| Self::of_value(value.trim_matches(' ')))
    }

    fn of_value(value: &'a str) -> Self {
        if value.is_empty() {
            Self::Malformed
        } else if looks_like_api_key(value) {
            // Keys are short, and tokens have given up at their first nine bytes or their first dot.
            if is_visible(value) {
                Self::ApiKey(value)
            } else {
                Self::Malformed
            }
        } else if looks_like_legacy_key(value) {
            Self::LegacyKey(value)
        } else {
            Self::Token(value)
        }
    }
}

/// One word of visible ASCII, as every credential behind this scheme is.
fn is_visible(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The longest brand in an API key, in bytes.
const BRAND_BYTES_MAX: usize = 8;

/// A word of up to eight letters and digits, then `_`, and no dot anywhere: a token always has dots.
fn looks_like_api_key(value: &str) -> bool {
    let brand = value
        .bytes()
        .take(BRAND_BYTES_MAX + 1)
        .position(|byte| !byte.is_ascii_alphanumeric());
    brand.is_some_and(|length| length > 0 && value.as_bytes().get(length) == Some(&b'_'))
        && !value.contains('.')
}

/// Bytes of a key as Edge Server makes them; tokens are longer, and have dots.
const LEGACY_KEY_BYTES: std::ops::RangeInclusive<usize> = 20..=128;

fn looks_like_legacy_key(value: &str) -> bool {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    LEGACY_KEY_BYTES.contains(&value.len()) && value.trim_end_matches('=').bytes().all(is_base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: Bearer<'_>) {
        assert_eq!(Bearer::of_value(value), expected, "value: {value:?}");
    }

    #[test]
    fn the_shape_decides() {
        check("a.b.c", Bearer::Token("a.b.c"));
        check("nodots", Bearer::Token("nodots"));
        check("tww_live_x", Bearer::ApiKey("tww_live_x"));
        check("TWW_live_x", Bearer::ApiKey("TWW_live_x"));
        let edge = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        check(edge, Bearer::LegacyKey(edge));
        check("abcdefghijklmnopqrs", Bearer::Token("abcdefghijklmnopqrs"));
        check("tww_live.x", Bearer::Token("tww_live.x"));
        check("123456789_x", Bearer::Token("123456789_x"));
        check("_x", Bearer::Token("_x"));
        check("", Bearer::Malformed);
        check("tww_a b", Bearer::Malformed);
        check("tww_a\u{e4}", Bearer::Malformed);
    }
}
