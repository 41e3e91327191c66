//! Failures of the chain as Ditto tells them.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use authentication::{AuthenticationError, BackendFault, ErrorClass, ProviderKind};

use super::{DittoError, shown};

const FAILED: &str = "gateway:authentication.failed";
const CHECK: &str = "Check the credentials.";

impl From<AuthenticationError> for DittoError {
    fn from(error: AuthenticationError) -> Self {
        let class = error.class();
        tracing::debug!(reason = %error, "Authentication failed");
        let told = tell(&error);
        match class {
            // RFC 9110 §15.5.2: a 401 names a way in.
            ErrorClass::Unauthenticated => {
                told.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            ErrorClass::Unavailable => {
                told.with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
            }
            ErrorClass::BadRequest | ErrorClass::Throttled | ErrorClass::Forbidden => told,
        }
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm a variant: the table is the documentation"
)]
fn tell(error: &AuthenticationError) -> DittoError {
    match error {
        AuthenticationError::NoApplicableProvider => {
            unauthenticated(FAILED, "No credential of a kind that is accepted here was sent.", CHECK)
        }
        AuthenticationError::Conflicting { .. } => DittoError::bad_request(
            "gateway:authentication.conflicting",
            "The request carries credentials of different kinds.",
        )
        .describe("Send one of them."),
        AuthenticationError::PreAuthenticatedQuery => DittoError::bad_request(
            "gateway:authentication.query.notallowed",
            "An identity in the query string is never read.",
        )
        .describe("Leave the parameter `x-ditto-pre-authenticated` out."),
        AuthenticationError::PreAuthenticatedEmpty => {
            unauthenticated(FAILED, "The pre-authenticated header names no subject.", CHECK)
        }
        AuthenticationError::PreAuthenticatedSeveral { .. } => DittoError::bad_request(
            "header.invalid",
            "The pre-authenticated header names several subjects, one is allowed.",
        )
        .describe("Ask whoever runs the proxy to send one."),
        AuthenticationError::PreAuthenticatedSubject { .. } | AuthenticationError::PreAuthenticatedIssuer { .. } => {
            unauthenticated(FAILED, "The pre-authenticated header names no acceptable subject.", CHECK)
        }
        AuthenticationError::JwtMalformed { fault } => {
            DittoError::bad_request("jwt:invalid", "The bearer token is no JSON Web Token.")
                .describe(format!("Send a signed token in compact form: {fault}."))
        }
        AuthenticationError::JwtSeveral => {
            unauthenticated(FAILED, "The request carries several tokens.", "Send one of them.")
        }
        AuthenticationError::JwtIssuerNotSupported { issuer } => unauthenticated(
            "gateway:jwt.issuer.notsupported",
            format!("Tokens of issuer `{}` are not accepted.", shown(issuer)),
            "Get a token from an issuer that this gateway trusts, or ask the operator to configure yours.",
        ),
        AuthenticationError::JwtRefused { refusal } => {
            unauthenticated(FAILED, "The token was refused.", format!("Get a new token: {refusal}."))
        }
        AuthenticationError::JwtConditionFailed { .. } => unauthenticated(
            "gateway:jwt.condition.failed",
            "The token does not meet the conditions set for its issuer.",
            "Ask the operator which claims a token must have.",
        ),
        AuthenticationError::AssertionRefused { .. } => {
            unauthenticated(FAILED, "The proxy did not prove that it vouches for the caller.", CHECK)
        }
        AuthenticationError::ApiKeySource { .. } => DittoError::new(
            StatusCode::FORBIDDEN,
            "gateway:identity.source.notallowed",
            "This API key may not be used from this address.",
        )
        .describe("The operator lists the addresses under the identity's `allow_from`."),
        AuthenticationError::SlowLaneFull => DittoError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "gateway:authentication.provider.unavailable",
            "The credential cannot be checked at the moment.",
        )
        .describe("Too many keys with slow hashes are being checked. Try again."),
        // Every failure of an API key reads the same, so that guessing teaches nothing.
        AuthenticationError::ApiKeyRefused { .. } => unauthenticated(FAILED, "The credential was refused.", CHECK),
        AuthenticationError::Revoked { provider: ProviderKind::ApiKey, .. } => {
            unauthenticated(FAILED, "The credential was refused.", CHECK)
        }
        AuthenticationError::Revoked { .. } => unauthenticated(
            FAILED,
            "The credential was revoked.",
            "Log in again. If that does not help, ask the operator who revoked it.",
        ),
        AuthenticationError::ApiKeyInQuery { .. } => DittoError::bad_request(
            "gateway:authentication.query.notallowed",
            "An API key in the query string is never read.",
        )
        .describe("Send it as `Authorization: Bearer`, and replace this key: whoever logs addresses knows it now."),
        AuthenticationError::Unavailable { fault, .. } => unavailable(*fault),
        AuthenticationError::TooManyFailures { retry_after } => throttled(*retry_after),
        AuthenticationError::Several { failures } => several(failures),
    }
}

/// Says nothing about the credential: whoever guesses must not learn that he was right.
fn throttled(retry_after: Duration) -> DittoError {
    let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
    let seconds = seconds.max(1);
    DittoError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too.many.requests",
        "Too many credentials from here were refused.",
    )
    .describe(format!(
        "Check the credentials, and try again in {seconds} s."
    ))
    .with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
}

fn unauthenticated(
    code: &'static str,
    message: impl Into<Cow<'static, str>>,
    description: impl Into<Cow<'static, str>>,
) -> DittoError {
    DittoError::new(StatusCode::UNAUTHORIZED, code, message).describe(description)
}

fn unavailable(fault: BackendFault) -> DittoError {
    let code = match fault {
        BackendFault::Unreachable => "gateway:publickey.provider.unavailable",
        BackendFault::UnexpectedAnswer | BackendFault::Timeout => {
            "gateway:authentication.provider.unavailable"
        }
    };
    DittoError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        code,
        "The token cannot be checked at the moment.",
    )
    .describe("The issuer's keys are not available. Try again.")
}

/// One failure that says more than 401 is told as it is, others are told together.
///
/// Source: Ditto documentation, page "Authentication", section on the order of mechanisms.
fn several(failures: &[AuthenticationError]) -> DittoError {
    let told: Vec<DittoError> = failures.iter().map(tell).collect();
    if let Some(other) = told
        .iter()
        .find(|error| error.status() != StatusCode::UNAUTHORIZED)
    {
        return other.clone();
    }
    let reasons: Vec<String> = told
        .iter()
        .filter_map(|error| error.0.description.as_deref())
        .map(|description| format!("{{ {description} }}"))
        .collect();
    unauthenticated(
        FAILED,
        "Several credentials were tried and none was accepted.",
        format!("Each was refused for a reason: {}.", reasons.join(", ")),
    )
}
