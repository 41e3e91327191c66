//! Request bodies: bounded, typed, parsed once.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::{Bytes, Payload};
use policies::DistinctJson;
use serde_json::Value;

use crate::error::{DittoError, body_not_json};

/// Which content type a method's body has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyType {
    /// `application/json`; a missing type or `application/octet-stream` passes, as in Ditto.
    Json,
    /// `application/merge-patch+json` (RFC 7396).
    MergePatch,
}

/// Reads a JSON body of at most `bytes_max` bytes.
pub(super) async fn json(
    request: &HttpRequest,
    payload: Payload,
    (body_type, bytes_max): (BodyType, usize),
) -> Result<Value, DittoError> {
    check_type(request, body_type)?;
    parse(&read(request, payload, bytes_max).await?)
}

/// As [`json`], with `None` for an empty body.
pub(super) async fn optional_json(
    request: &HttpRequest,
    payload: Payload,
    bytes_max: usize,
) -> Result<Option<Value>, DittoError> {
    let body = read(request, payload, bytes_max).await?;
    if body.is_empty() {
        return Ok(None);
    }
    check_type(request, BodyType::Json)?;
    parse(&body).map(Some)
}

/// Reads a body of at most `bytes_max` bytes; one that says it has more is not waited for (RFC 9110 §15.5.14).
pub(super) async fn read(
    request: &HttpRequest,
    payload: Payload,
    bytes_max: usize,
) -> Result<Bytes, DittoError> {
    if stated_length(request).is_some_and(|length| length > bytes_max as u64) {
        return Err(too_large(bytes_max));
    }
    match payload.to_bytes_limited(bytes_max).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(DittoError::bad_request(
            "gateway:body.incomplete",
            "The body did not arrive in full.",
        )),
        Err(_) => Err(too_large(bytes_max)),
    }
}

fn stated_length(request: &HttpRequest) -> Option<u64> {
    let length = request.headers().get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn parse(body: &[u8]) -> Result<Value, DittoError> {
    serde_json::from_slice(body)
        .map(|DistinctJson(value)| value)
        .map_err(|error| body_not_json(&error))
}

fn check_type(request: &HttpRequest, body_type: BodyType) -> Result<(), DittoError> {
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(unsupported(
            "Encoded bodies are not read.",
            "Send the body without `Content-Encoding`.",
        ));
    }
    let sent = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = sent.map(|text| {
        text.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    });
    let accepted = match body_type {
        BodyType::Json => matches!(
            media_type.as_deref(),
            None | Some("application/json" | "application/octet-stream")
        ),
        BodyType::MergePatch => media_type.as_deref() == Some("application/merge-patch+json"),
    };
    if accepted {
        return Ok(());
    }
    Err(unsupported(
        "The content type of the body is not accepted here.",
        match body_type {
            BodyType::Json => "Send `Content-Type: application/json`.",
            BodyType::MergePatch => "Send `Content-Type: application/merge-patch+json`.",
        },
    ))
}

fn unsupported(message: &'static str, description: &'static str) -> DittoError {
    DittoError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "mediatype.unsupported",
        message,
    )
    .describe(description)
}

fn too_large(bytes_max: usize) -> DittoError {
    DittoError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "gateway:body.toolarge",
        format!("The body has more than {bytes_max} bytes."),
    )
    .describe("Send less, or ask the operator for a higher `http_server.max_body_size`.")
}
