//! One reading of a request path: whatever could be read in two ways is refused.

use percent_encoding::percent_decode_str;
use policies::Pointer;
use smallvec::SmallVec;

use crate::error::{DittoError, sentence};

/// The raw segments of a path, still percent-encoded; a single trailing slash does not count.
///
/// Literals are compared byte by byte with raw segments, ids are decoded once by [`decode`].
pub(crate) struct CanonicalPath<'a> {
    pub(crate) segments: SmallVec<[&'a str; 8]>,
    /// Whether there was such a slash, which one route does not tolerate.
    pub(crate) ends_with_slash: bool,
}

impl<'a> CanonicalPath<'a> {
    pub(crate) fn parse(raw: &'a str) -> Result<Self, DittoError> {
        let path = raw
            .strip_prefix('/')
            .ok_or_else(|| ambiguous("it must start with `/`"))?;
        if raw.contains('\\') {
            return Err(ambiguous("it contains a backslash"));
        }
        let (path, ends_with_slash) = match path.strip_suffix('/') {
            Some(path) => (path, true),
            None => (path, false),
        };
        let segments: SmallVec<[&str; 8]> = if path.is_empty() {
            SmallVec::new()
        } else {
            path.split('/').collect()
        };
        for segment in &segments {
            check_segment(segment, raw)?;
        }
        Ok(Self {
            segments,
            ends_with_slash,
        })
    }

    /// Whether some segment is written in a way in which no route literal is: then "not found" would be a guess.
    pub(crate) fn is_suspicious(&self) -> bool {
        self.segments
            .iter()
            .any(|segment| segment.contains(['%', ';']))
    }
}

fn check_segment(segment: &str, raw: &str) -> Result<(), DittoError> {
    if segment.is_empty() {
        // Within a JSON pointer Ditto has a code for this; elsewhere there is none, so it serves for both.
        return Err(DittoError::bad_request(
            "json.pointer.invalid",
            format!("The path `{}` contains `//`.", shown(raw)),
        )
        .describe("Leave out the empty segment."));
    }
    if !segment.contains('%') {
        return if matches!(segment, "." | "..") {
            Err(ambiguous("it contains a dot segment"))
        } else {
            Ok(())
        };
    }
    let decoded = decode(segment)?;
    if matches!(decoded.as_str(), "." | "..") {
        return Err(ambiguous("it contains a dot segment"));
    }
    if decoded.contains(['\0', '\\']) {
        return Err(ambiguous("it contains NUL or a backslash"));
    }
    let lower = decoded.to_ascii_lowercase();
    if ["%2f", "%2e", "%5c", "%00"]
        .iter()
        .any(|twice| lower.contains(twice))
    {
        return Err(ambiguous("it is percent-encoded twice"));
    }
    Ok(())
}

/// Decodes percent-escapes once (RFC 3986 §2.1); `+` stays `+`.
pub(crate) fn decode(segment: &str) -> Result<String, DittoError> {
    if has_malformed_escape(segment) {
        return Err(ambiguous("it contains a malformed percent-escape"));
    }
    percent_decode_str(segment)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| ambiguous("it is not UTF-8 once decoded"))
}

/// Whether some `%` is not followed by two hexadecimal digits (RFC 3986 §2.1).
pub(super) fn has_malformed_escape(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().any(|(at, byte)| {
        *byte == b'%'
            && !bytes
                .get(at + 1..at + 3)
                .is_some_and(|escape| escape.iter().all(u8::is_ascii_hexdigit))
    })
}

/// Reads the rest of a path as JSON pointer: decoded once, after which `%2F` separates like `/`.
pub(crate) fn decode_pointer(segments: &[&str]) -> Result<Pointer, DittoError> {
    let mut text = String::new();
    for segment in segments {
        text.push('/');
        text.push_str(&decode(segment)?);
    }
    text.parse::<Pointer>().map_err(|error| {
        DittoError::bad_request(
            "json.pointer.invalid",
            format!("The pointer `{}` is malformed.", shown(&text)),
        )
        .describe(sentence(error))
    })
}

fn ambiguous(why: &str) -> DittoError {
    DittoError::bad_request(
        "gateway:path.invalid",
        format!("The path cannot be read in one way only: {why}."),
    )
    .describe("Send the path in its plain form and percent-encode ids exactly once.")
}

/// At most the first 200 characters, so that an error does not echo megabytes.
fn shown(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: Option<&[&str]>) {
        let parsed = CanonicalPath::parse(raw).ok();
        assert_eq!(
            parsed.as_ref().map(|path| path.segments.as_slice()),
            expected,
            "path: {raw:?}"
        );
    }

    #[test]
    fn plain_paths_are_split() {
        check(
            "/api/2/things/org.acme:lamp",
            Some(&["api", "2", "things", "org.acme:lamp"]),
        );
        check("/api/2/things/", Some(&["api", "2", "things"]));
        check(
            "/api/2/things/a%3Ab",
            Some(&["api", "2", "things", "a%3Ab"]),
        );
        check("/", Some(&[]));
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for raw in [
            "",
            "api",
            "//api/2/things",
            "/api//2",
            "/api/./2",
            "/api/../devops",
            "/api/%2e%2e/devops",
            "/api/%2E/x",
            "/a%5cb",
            "/a\\b",
            "/a%00b",
            "/a%252fb",
            "/a%252Eb",
            "/a%u0041",
            "/a%",
            "/a%f",
            "/a%c0%af",
            "/a%ff",
            "/api/2//",
        ] {
            check(raw, None);
        }
    }

    #[test]
    fn an_escaped_slash_stays_in_an_id_and_separates_in_a_pointer() {
        assert_eq!(decode("a%2Fb").unwrap(), "a/b");
        let pointer = decode_pointer(&["a%2Fb", "c~1d", "e+f"]).unwrap();
        assert_eq!(pointer.segments(), ["a", "b", "c/d", "e+f"]);
        assert!(decode_pointer(&["a%2F%2Fb"]).is_err());
    }
}
