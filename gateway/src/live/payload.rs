//! Payloads of messages: bytes with a content type over HTTP, a JSON value in an envelope.
//!
//! Text becomes a JSON string, JSON stays JSON, everything else becomes base64.
//! Source: Ditto documentation, page "Protocol specification for Things messages".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8};
use policies::DistinctJson;
use serde_json::Value;

use super::error::Error;

/// The content type of bytes that nobody described.
pub(crate) const OCTET_STREAM: &str = "application/octet-stream";

/// How a content type is carried in an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Text(&'static Encoding),
    Json,
    Binary,
}

impl Shape {
    fn of(content_type: &str) -> Self {
        let mut parts = content_type.split(';');
        let media_type = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let Some((kind, subtype)) = media_type.split_once('/') else {
            return Self::Binary;
        };
        let is_script = |name: &str| {
            subtype == name || subtype.starts_with("vnd.") && subtype.ends_with(&format!("+{name}"))
        };
        match kind {
            "application" if subtype == "json" || subtype.ends_with("+json") => Self::Json,
            "application" if is_script("javascript") || is_script("ecmascript") => {
                charset(parts).map_or(Self::Binary, Self::Text)
            }
            "text" => charset(parts).map_or(Self::Binary, Self::Text),
            _ => Self::Binary,
        }
    }
}

/// The declared charset, UTF-8 by default; `None` if nobody here knows it.
fn charset<'p>(mut parameters: impl Iterator<Item = &'p str>) -> Option<&'static Encoding> {
    let declared = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"'))
    });
    declared.map_or(Some(UTF_8), |label| Encoding::for_label(label.as_bytes()))
}

/// The value that stands for a body; `None` if there is none.
///
/// # Errors
///
/// [`Error::Payload`] if the body is not what `content_type` says.
pub(crate) fn to_value(content_type: &str, body: &Bytes) -> Result<Option<Value>, Error> {
    if body.is_empty() {
        return Ok(None);
    }
    match Shape::of(content_type) {
        // What is sent on has each member once: two readers must not see two documents.
        Shape::Json => serde_json::from_slice(body)
            .map(|DistinctJson(value)| value)
            .map_err(|_| Error::Payload { expected: "JSON" }),
        Shape::Text(encoding) => {
            let (text, had_errors) = encoding.decode_without_bom_handling(body);
            if had_errors {
                return Err(Error::Payload {
                    expected: "text in its charset",
                });
            }
            Ok(Value::from(text))
        }
        Shape::Binary => Ok(Value::from(STANDARD.encode(body))),
    }
    .map(Some)
}

/// The body that a value stands for, and what it is.
pub(crate) fn to_body(content_type: Option<&str>, value: &Value) -> (Bytes, String) {
    let Some(content_type) = content_type.filter(|text| is_media_type(text)) else {
        return (plain(value), OCTET_STREAM.to_owned());
    };
    let body = match (Shape::of(content_type), value) {
        (Shape::Json, value) => Bytes::from(value.to_string()),
        (Shape::Text(encoding), Value::String(text)) => {
            Bytes::from(encoding.encode(text).0.into_owned())
        }
        (Shape::Binary, Value::String(text)) => STANDARD
            .decode(text)
            .map_or_else(|_| Bytes::from(text.clone()), Bytes::from),
        (Shape::Text(_) | Shape::Binary, value) => plain(value),
    };
    (body, content_type.to_owned())
}

/// Whether it is what RFC 9110 §8.3.1 calls a media type; what is none says nothing.
fn is_media_type(text: &str) -> bool {
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let is_parameter = |part: &str| {
        part.split_once('=').is_some_and(|(name, value)| {
            let is_quoted = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
            is_token(name) && (is_quoted || is_token(value))
        })
    };
    media_type
        .split_once('/')
        .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
        && parts.all(|part| part.is_empty() || is_parameter(part))
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    let is_in_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_in_token)
}

/// How many bytes a value stands for.
pub(crate) fn length(content_type: Option<&str>, value: &Value) -> usize {
    match (content_type.map(Shape::of), value) {
        (Some(Shape::Binary), Value::String(text)) => text.trim_end_matches('=').len() * 3 / 4,
        (_, Value::String(text)) => text.len(),
        (_, value) => value.to_string().len(),
    }
}

fn plain(value: &Value) -> Bytes {
    let text = value.as_str();
    Bytes::from(text.map_or_else(|| value.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(content_type: &str, body: &[u8], expected: Value) {
        let body = Bytes::copy_from_slice(body);
        let value = to_value(content_type, &body).unwrap().unwrap();
        assert_eq!(value, expected, "{content_type}");
        let (back, back_type) = to_body(Some(content_type), &value);
        assert_eq!(back_type, content_type);
        assert_eq!(back, body, "{content_type}");
    }

    #[test]
    fn every_content_type_survives_the_envelope() {
        check("text/plain", "Grüße".as_bytes(), json!("Grüße"));
        check(
            "text/plain; charset=ISO-8859-1",
            b"Gr\xfc\xdfe",
            json!("Grüße"),
        );
        check("TEXT/HTML;charset=\"utf-8\"", b"<p>", json!("<p>"));
        check("application/javascript", b"a=1", json!("a=1"));
        check(
            "application/json",
            br#"{"a":[1,null]}"#,
            json!({"a": [1, null]}),
        );
        check("application/json", b"null", Value::Null);
        check("application/vnd.acme+json", b"[1]", json!([1]));
        check(
            "application/octet-stream",
            &[1, 2, 3, 4, 5, 6],
            json!("AQIDBAUG"),
        );
        check("image/png", &[0xff, 0], json!("/wA="));
        check("text/plain; charset=klingon", b"abc", json!("YWJj"));
    }

    #[test]
    fn what_is_not_what_it_says_is_refused() {
        for (content_type, body) in [
            ("application/json", &b"{"[..]),
            ("application/json", &br#"{"a":1,"a":2}"#[..]),
            ("text/plain", &[0xff, 0xfe, 0xfd][..]),
        ] {
            let refused = to_value(content_type, &Bytes::copy_from_slice(body));
            assert!(
                matches!(refused, Err(Error::Payload { .. })),
                "{content_type}"
            );
        }
        assert_eq!(to_value("application/json", &Bytes::new()).unwrap(), None);
    }

    #[test]
    fn without_a_content_type_the_bytes_are_as_they_came() {
        let octets = |bytes: &'static [u8]| (Bytes::from_static(bytes), OCTET_STREAM.to_owned());
        assert_eq!(to_body(None, &json!("hello")), octets(b"hello"));
        for nonsense in [
            "nonsense",
            "foo bar/",
            "/json",
            "text/",
            "a b/c",
            "text/plain; charset",
            "text/plain; x=a b",
            "text/plain, text/html",
        ] {
            assert_eq!(
                to_body(Some(nonsense), &json!({"a": 1})),
                octets(br#"{"a":1}"#),
                "{nonsense}"
            );
        }
        for media_type in ["text/plain;", "text/plain ; a=b;c=\"d e\"", "x/y+z"] {
            assert!(is_media_type(media_type), "{media_type}");
        }
    }

    #[test]
    fn the_length_is_that_of_the_payload() {
        assert_eq!(length(Some("image/png"), &json!("/wA=")), 2);
        assert_eq!(length(Some("text/plain"), &json!("Grüße")), 7);
        assert_eq!(length(Some("application/json"), &json!({"a": 1})), 7);
        assert_eq!(length(None, &json!("hello")), 5);
    }
}
