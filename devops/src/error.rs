//! Everything that the operator service refuses, as Ditto's error JSON.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use crate::challenge::Challenge;
use crate::middleware::PathFault;

/// Why a request was not answered; its text is the error's message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("The path can be read in more than one way: {0}.")]
    AmbiguousPath(PathFault),
    #[error("The path with its query is longer than {bytes_max} bytes.")]
    TargetTooLong { bytes_max: usize },
    #[error("The header fields are too many or too long.")]
    HeadersTooLarge,
    #[error("Connect through the proxy.")]
    PeerNotTrusted,
    #[error("Only HTTPS is served here.")]
    HttpsRequired { location: Option<HeaderValue> },
    #[error("There is nothing at this path.")]
    UnknownRoute,
    #[error("This path does not take that method.")]
    MethodNotAllowed { allowed: &'static str },
    #[error("The header `{name}` came more than once.")]
    DuplicateHeader { name: &'static str },
    #[error("This needs a valid operator credential.")]
    NotAuthenticated { challenge: Challenge },
    #[error("The token was refused: {reason}.")]
    TokenRejected {
        code: &'static str,
        reason: String,
        challenge: Challenge,
    },
    #[error("The token is good, but none of its subjects may enter here.")]
    NotAdmitted { challenge: Challenge },
    #[error("The token cannot be checked at the moment.")]
    IssuerUnavailable,
    #[error("You may look, but not change anything.")]
    ReadOnly,
    #[error("A page of another site may not change anything here.")]
    CrossSite,
    #[error("Too many failed attempts came from this address.")]
    TooManyAttempts { retry_after: Duration },
    #[error("The body is larger than {bytes_max} bytes.")]
    BodyTooLarge { bytes_max: usize },
    #[error("The body did not arrive in time.")]
    BodyTooSlow,
    #[error("The body broke off.")]
    BodyIncomplete,
    #[error("The body is not the JSON object that was expected.")]
    BodyNotJson,
    #[error("The body lacks the member `{field}`.")]
    FieldMissing { field: &'static str },
    #[error("The member `{field}` is not valid.")]
    FieldInvalid {
        field: &'static str,
        expected: &'static str,
    },
    #[error("The query is not valid.")]
    QueryInvalid { expected: &'static str },
    #[error("No such service or instance answered.")]
    NobodyAnswered,
    #[error("Nobody answered this command.")]
    NobodyAnswers,
    #[error("The timeout is not valid.")]
    TimeoutInvalid,
    #[error("There is no such {what}.")]
    NotFound { what: &'static str },
    #[error("{reason}")]
    NotPossible { reason: String },
    #[error("The store did not do it.")]
    StoreFailed,
    #[error("The call was not carried out, because it could not be recorded.")]
    NotRecordable,
    #[error("{reason}")]
    NotReady { reason: String },
    #[error("The last health check found this process down.")]
    Unhealthy,
    #[error("The request could not be handled.")]
    Internal,
}

impl Refusal {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::AmbiguousPath(_) => (StatusCode::BAD_REQUEST, "gateway:path.ambiguous"),
            Self::TargetTooLong { .. } => (StatusCode::URI_TOO_LONG, "gateway:uri.toolong"),
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers.too.large",
            ),
            Self::PeerNotTrusted => (StatusCode::FORBIDDEN, "gateway:peer.nottrusted"),
            Self::HttpsRequired { location: None } => {
                (StatusCode::NOT_FOUND, "gateway:https.required")
            }
            Self::HttpsRequired { location: Some(_) } => {
                (StatusCode::MOVED_PERMANENTLY, "gateway:https.required")
            }
            Self::UnknownRoute => (StatusCode::NOT_FOUND, "gateway:route.notfound"),
            Self::MethodNotAllowed { .. } => {
                (StatusCode::METHOD_NOT_ALLOWED, "gateway:method.notallowed")
            }
            Self::DuplicateHeader { .. } => {
                (StatusCode::BAD_REQUEST, "gateway:duplicate.header.field")
            }
            Self::NotAuthenticated { .. } | Self::NotAdmitted { .. } => {
                (StatusCode::UNAUTHORIZED, "gateway:authentication.failed")
            }
            Self::TokenRejected { code, .. } => (StatusCode::UNAUTHORIZED, code),
            Self::IssuerUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "gateway:publickey.provider.unavailable",
            ),
            Self::ReadOnly => (StatusCode::FORBIDDEN, "devops:role.insufficient"),
            Self::CrossSite => (StatusCode::FORBIDDEN, "gateway:origin.notallowed"),
            Self::TooManyAttempts { .. } => (StatusCode::TOO_MANY_REQUESTS, "too.many.requests"),
            Self::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "gateway:body.toolarge"),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "gateway:body.timeout"),
            Self::BodyIncomplete | Self::BodyNotJson | Self::FieldInvalid { .. } => {
                (StatusCode::BAD_REQUEST, "json.invalid")
            }
            Self::FieldMissing { .. } => (StatusCode::BAD_REQUEST, "json.field.missing"),
            Self::QueryInvalid { .. } => (StatusCode::BAD_REQUEST, "gateway:query.invalid"),
            Self::NobodyAnswered | Self::NobodyAnswers => {
                (StatusCode::REQUEST_TIMEOUT, "command.timeout")
            }
            Self::TimeoutInvalid => (StatusCode::BAD_REQUEST, "gateway:timeout.invalid"),
            Self::NotFound { .. } => (StatusCode::NOT_FOUND, "devops:notfound"),
            Self::NotPossible { .. } => (StatusCode::BAD_REQUEST, "json.invalid"),
            Self::StoreFailed | Self::NotRecordable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "gateway:service.unavailable",
            ),
            Self::NotReady { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "devops:notready"),
            Self::Unhealthy => (StatusCode::INTERNAL_SERVER_ERROR, "devops:unhealthy"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "gateway:internalerror"),
        }
    }

    fn description(&self) -> &'static str {
        match self {
            Self::AmbiguousPath(_) => {
                "Write fixed parts of the path plainly, and only names percent-encoded."
            }
            Self::TargetTooLong { .. } => "Shorten it.",
            Self::HeadersTooLarge => {
                "Send at most 64 fields, with names of 64 bytes and values of 16 KiB at most."
            }
            Self::PeerNotTrusted => {
                "Only addresses listed under `devops.trusted_proxies` may connect here."
            }
            Self::HttpsRequired { .. } => {
                "Use `https://` instead of `http://`, and replace any credential that was sent without it."
            }
            Self::UnknownRoute => "See docs/operator-api.md for the paths there are.",
            Self::MethodNotAllowed { .. } => "The header Allow names the methods it takes.",
            Self::DuplicateHeader { .. } => "Send it once.",
            Self::NotAuthenticated { challenge } => challenge.description(),
            Self::TokenRejected { .. } => "Get a new token from an issuer of the operators.",
            Self::NotAdmitted { .. } => {
                "Ask for one of your subjects to be listed in the configuration of this surface."
            }
            Self::IssuerUnavailable => "The issuer's keys are not available. Try again.",
            Self::ReadOnly => "Ask an operator who is not in `devops.read_only_subjects`.",
            Self::CrossSite => "Send the request from the console, or without a browser.",
            Self::TooManyAttempts { .. } => "Wait as long as the header Retry-After says.",
            Self::BodyTooLarge { .. } => "Send less.",
            Self::BodyTooSlow | Self::BodyIncomplete => "Send it again.",
            Self::BodyNotJson => "docs/operator-api.md shows what each path takes.",
            Self::FieldMissing { .. } => "Add it.",
            Self::FieldInvalid { expected, .. } | Self::QueryInvalid { expected } => expected,
            Self::NobodyAnswered => "/overall/status lists the services and instances there are.",
            Self::NobodyAnswers => {
                "Some commands are never answered; others go to another target or service. See docs/operator-api.md."
            }
            Self::TimeoutInvalid => "It is a duration such as 10s, of at most 60 seconds.",
            Self::NotFound { .. } => "List them to see which there are.",
            Self::NotPossible { .. } => "Correct the request.",
            Self::StoreFailed => "Nothing was changed. /status/health says how the store is.",
            Self::NotRecordable => {
                "Nothing was changed. /status/health says why no audit record can be written."
            }
            Self::NotReady { .. } => "Send requests elsewhere until this answers 200.",
            Self::Unhealthy => "/status/health says what is wrong.",
            Self::Internal => {
                "Nothing is known to be wrong with the request; the log has the cause."
            }
        }
    }

    fn header(&self) -> Option<(header::HeaderName, HeaderValue)> {
        match self {
            Self::MethodNotAllowed { allowed } => {
                Some((header::ALLOW, HeaderValue::from_static(allowed)))
            }
            Self::NotAuthenticated { challenge }
            | Self::TokenRejected { challenge, .. }
            | Self::NotAdmitted { challenge } => HeaderValue::try_from(challenge.to_string())
                .ok()
                .map(|challenge| (header::WWW_AUTHENTICATE, challenge)),
            Self::HttpsRequired { location } => Some((header::LOCATION, location.clone()?)),
            Self::IssuerUnavailable => Some((header::RETRY_AFTER, HeaderValue::from_static("1"))),
            Self::TooManyAttempts { retry_after } => Some((
                header::RETRY_AFTER,
                HeaderValue::from(retry_after.as_millis().div_ceil(1000).max(1) as u64),
            )),
            Self::AmbiguousPath(_)
            | Self::ReadOnly
            | Self::CrossSite
            | Self::TargetTooLong { .. }
            | Self::UnknownRoute
            | Self::HeadersTooLarge
            | Self::PeerNotTrusted
            | Self::DuplicateHeader { .. }
            | Self::BodyTooLarge { .. }
            | Self::BodyTooSlow
            | Self::BodyIncomplete
            | Self::BodyNotJson
            | Self::FieldMissing { .. }
            | Self::FieldInvalid { .. }
            | Self::QueryInvalid { .. }
            | Self::NobodyAnswered
            | Self::NobodyAnswers
            | Self::TimeoutInvalid
            | Self::NotFound { .. }
            | Self::NotPossible { .. }
            | Self::StoreFailed
            | Self::NotRecordable
            | Self::NotReady { .. }
            | Self::Unhealthy
            | Self::Internal => None,
        }
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status_and_code().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code) = self.status_and_code();
        let mut response = HttpResponse::build(status);
        if let Some(header) = self.header() {
            response.insert_header(header);
        }
        response.json(json!({
            "status": status.as_u16(),
            "error": code,
            "message": self.to_string(),
            "description": self.description(),
        }))
    }
}
