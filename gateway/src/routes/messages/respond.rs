//! From what a device answered, or others acknowledged, to an HTTP response.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use protocol::headers;
use serde_json::{Map, Value};

use crate::live::{Acknowledgements, Outcome, payload};

/// Headers of an answer that the response states itself, or that only a server may decide on.
const NOT_PASSED_ON: [&str; 8] = [
    "content-type",
    "correlation-id",
    "location",
    "requested-acks",
    "response-required",
    "status",
    "timeout",
    "timestamp",
];

/// The answer itself if one was awaited, else the acknowledgements.
pub(super) fn outcome(outcome: &Outcome, is_response_required: bool) -> HttpResponse {
    match outcome {
        Outcome::Response(envelope) => {
            let nothing = Map::new();
            let headers = envelope.headers.as_ref().unwrap_or(&nothing);
            device(envelope.status, headers, envelope.value.as_ref())
        }
        Outcome::Acknowledged(all) => acknowledgements(all, is_response_required),
    }
}

/// Status, payload and content type as the device states them.
///
/// Source: Ditto documentation, page "Messages", section on responses.
pub(super) fn device(
    status: Option<u16>,
    headers: &Map<String, Value>,
    value: Option<&Value>,
) -> HttpResponse {
    let mut response = start(status);
    pass_on(&mut response, headers);
    let status = status_of(status);
    match value {
        Some(value) if !is_bodiless(status) => {
            let content_type = headers.get("content-type").and_then(Value::as_str);
            let (body, content_type) = payload::to_body(content_type, value);
            let content_type = HeaderValue::from_str(&content_type)
                .unwrap_or(HeaderValue::from_static(payload::OCTET_STREAM));
            // A device's page must not run as one of ours.
            response
                .insert_header((header::CONTENT_TYPE, content_type))
                .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .body(body)
        }
        Some(_) | None => response.finish(),
    }
}

/// One acknowledgement speaks for itself, several are listed; without a required response only their statuses.
pub(super) fn acknowledgements(all: &Acknowledgements, is_response_required: bool) -> HttpResponse {
    if !is_response_required {
        return if all.is_success() {
            super::super::respond::accepted()
        } else {
            statuses(all)
        };
    }
    match all.only() {
        Some(only) => {
            let mut headers = only.headers.clone();
            headers
                .entry("content-type")
                .or_insert_with(|| "application/json".into());
            device(Some(only.status), &headers, only.payload.as_ref())
        }
        None => start(Some(all.status()))
            .content_type("application/json")
            .body(all.to_json().to_string()),
    }
}

fn statuses(all: &Acknowledgements) -> HttpResponse {
    let mut response = start(Some(all.status()));
    match all.only() {
        Some(_) => response.finish(),
        None => response
            .content_type("application/json")
            .body(all.statuses_to_json().to_string()),
    }
}

fn start(status: Option<u16>) -> HttpResponseBuilder {
    HttpResponse::build(status_of(status))
}

/// A 502 would say that the gateway itself is going down, a 1xx that more will follow.
fn status_of(status: Option<u16>) -> StatusCode {
    match status {
        Some(502) | None => StatusCode::OK,
        Some(status) if status < 200 => StatusCode::OK,
        Some(status) => StatusCode::from_u16(status).unwrap_or(StatusCode::OK),
    }
}

fn is_bodiless(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Headers that Ditto gives a meaning; a device's own stay in its envelope.
fn pass_on(response: &mut HttpResponseBuilder, headers: &Map<String, Value>) {
    for (name, value) in headers {
        let is_passed_on = headers::definition(name).is_some()
            && headers::is_emitted(name)
            && !NOT_PASSED_ON.contains(&name.as_str());
        if !is_passed_on {
            continue;
        }
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::from_str(&text),
        ) {
            response.insert_header((name, value));
        }
    }
}
