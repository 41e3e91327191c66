//! Errors of JSON bodies.

use std::borrow::Cow;

use serde_json::error::Category;

use super::{DittoError, shown};

/// How deep JSON may be nested to be read at all.
const LEVELS_MAX: usize = 127;

/// The body is not JSON at all, or not in one way only.
pub(crate) fn body_not_json(error: &serde_json::Error) -> DittoError {
    let place = format!("line {}, column {}", error.line(), error.column());
    let text = error.to_string();
    let (message, description) = if text.starts_with("recursion limit") {
        (
            format!("The body is nested more than {LEVELS_MAX} levels deep: {place}."),
            "Send less deeply nested JSON.",
        )
    } else if error.classify() == Category::Data {
        // It fits every value, so that this is about a repeated member, and says which; the place stands at its end.
        let what = text.split(" at line ").next().unwrap_or_default();
        (
            format!(
                "The body cannot be read in one way only, {}: {place}.",
                shown(what)
            ),
            "Name every member of an object once.",
        )
    } else {
        (
            format!("The body is not valid JSON: {place}."),
            "Send one JSON value, encoded as UTF-8.",
        )
    };
    DittoError::bad_request("json.invalid", message).describe(description)
}

/// The JSON has another shape than it must.
pub(crate) fn json_invalid(message: impl Into<Cow<'static, str>>) -> DittoError {
    DittoError::bad_request("json.invalid", message)
}

#[cfg(test)]
mod tests {
    use policies::DistinctJson;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = serde_json::from_str::<DistinctJson>(text).unwrap_err();
        assert_eq!(body_not_json(&error).message(), expected, "{text}");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        check("{", "The body is not valid JSON: line 1, column 1.");
        check(
            r#"{"a":{"b":1,"b":2}}"#,
            "The body cannot be read in one way only, the member `b` is repeated: line 1, column 18.",
        );
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        check(
            &deep(LEVELS_MAX + 1),
            "The body is nested more than 127 levels deep: line 1, column 128.",
        );
        assert!(serde_json::from_str::<DistinctJson>(&deep(LEVELS_MAX)).is_ok());
    }
}
