//! The query string, decoded once.

use percent_encoding::percent_decode_str;

use super::canonical_path::has_malformed_escape;
use crate::error::DittoError;

/// Parameters in the order sent; form style, so `+` is a blank.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(raw: &str) -> Result<Self, DittoError> {
        if raw.is_empty() {
            return Ok(Self::default());
        }
        raw.split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name)?, decode(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The last value of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every value of this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

fn decode(text: &str) -> Result<String, DittoError> {
    if has_malformed_escape(text) {
        return Err(invalid(
            "The query string contains a `%` without two hexadecimal digits.",
        ));
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| invalid("The query string is not UTF-8 once decoded."))
}

fn invalid(message: &'static str) -> DittoError {
    DittoError::bad_request("gateway:query.invalid", message)
        .describe("Percent-encode it as RFC 3986 says: a percent sign itself is `%25`.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_wins_and_plus_is_a_blank() {
        let query = Query::parse("a=1&b=x+y%2B&a=2&c").unwrap();
        assert_eq!(query.get("a"), Some("2"));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(query.get("b"), Some("x y+"));
        assert_eq!(query.get("c"), Some(""));
    }

    #[test]
    fn what_cannot_be_decoded_is_refused() {
        for raw in ["a=%ff", "a=%", "a=%zz", "%", "b=1&%2=x", "a=100%+1"] {
            assert!(Query::parse(raw).is_err(), "{raw}");
        }
        assert_eq!(Query::parse("a=%25zz").unwrap().get("a"), Some("%zz"));
    }
}
