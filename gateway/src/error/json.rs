//! Errors of JSON bodies.

use super::DittoError;

/// The body is not JSON at all.
pub(crate) fn body_not_json(error: &serde_json::Error) -> DittoError {
    DittoError::bad_request(
        "json.invalid",
        format!(
            "The body is not valid JSON: line {}, column {}.",
            error.line(),
            error.column()
        ),
    )
    .describe("Send one JSON value, encoded as UTF-8.")
}

/// The JSON has another shape than it must.
pub(crate) fn json_invalid(message: impl Into<String>) -> DittoError {
    DittoError::bad_request("json.invalid", message)
}
