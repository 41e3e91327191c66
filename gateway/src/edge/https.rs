//! Plain HTTP where only HTTPS is wanted: redirected, or not found; and the header that keeps browsers from trying.
//!
//! Source: Ditto documentation, page "Operating Ditto", environment variables `FORCE_HTTPS` and `REDIRECT_TO_HTTPS`.
//! Unlike there, only a trusted proxy can say that a client spoke HTTPS.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

use crate::error::DittoError;

/// What is asked of clients that do not speak HTTPS.
#[derive(Debug, Clone, Default)]
pub(crate) struct HttpsPolicy {
    /// Whether only HTTPS is served.
    pub(crate) is_forced: bool,
    /// Whether others are sent there, except from paths that programs call.
    pub(crate) redirects: bool,
    /// How long browsers are to use nothing else (RFC 6797).
    pub(crate) strict_for: Option<Duration>,
}

impl HttpsPolicy {
    /// `/health` is exempt: probes come from next door and learn nothing.
    ///
    /// # Errors
    ///
    /// 301 or 404 for a request that came without TLS, if it must not.
    pub(crate) fn check(&self, request: &HttpRequest, is_secure: bool) -> Result<(), DittoError> {
        let path = request.path();
        if !self.is_forced || is_secure || path == "/health" {
            return Ok(());
        }
        // A program that follows redirects would send its credential in the clear again and again.
        let is_called = ["/api", "/ws"]
            .iter()
            .any(|prefix| path.starts_with(prefix));
        if self.redirects
            && !is_called
            && let Some(location) = location(request)
        {
            return Err(DittoError::new(
                StatusCode::MOVED_PERMANENTLY,
                "gateway:https.required",
                "Only HTTPS is served here.",
            )
            .with_header(header::LOCATION, location));
        }
        Err(DittoError::new(
            StatusCode::NOT_FOUND,
            "gateway:https.required",
            "Only HTTPS is served here.",
        )
        .describe("Use `https://` instead of `http://`, and replace any credential that was sent without it."))
    }

    /// RFC 6797 §7.2: never over plain HTTP.
    pub(crate) fn insist(&self, is_secure: bool, headers: &mut HeaderMap) {
        let Some(strict_for) = self.strict_for.filter(|_| is_secure) else {
            return;
        };
        if let Ok(value) = HeaderValue::from_str(&format!("max-age={}", strict_for.as_secs())) {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
        }
    }
}

/// The same target with the other scheme; without the port, which is that of plain HTTP.
fn location(request: &HttpRequest) -> Option<HeaderValue> {
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_plain) {
        return None;
    }
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let target = request.uri().path_and_query()?;
    HeaderValue::from_str(&format!("https://{host}{target}")).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const FORCED: HttpsPolicy = HttpsPolicy {
        is_forced: true,
        redirects: true,
        strict_for: None,
    };

    #[track_caller]
    fn check(
        policy: &HttpsPolicy,
        (target, is_secure): (&str, bool),
        expected: Option<(u16, &str)>,
    ) {
        let request = TestRequest::with_uri(target)
            .insert_header(("host", "gw.example:8080"))
            .to_http_request();
        let refused = policy.check(&request, is_secure).err().map(|error| {
            let response = error.into_response();
            let location = response.headers().get("location");
            let location = location.and_then(|location| location.to_str().ok());
            (
                response.status().as_u16(),
                location.unwrap_or_default().to_owned(),
            )
        });
        let refused = refused
            .as_ref()
            .map(|(status, location)| (*status, location.as_str()));
        assert_eq!(refused, expected, "{target}");
    }

    #[test]
    fn https_and_probes_pass() {
        check(&FORCED, ("/api/2/things", true), None);
        check(&FORCED, ("/health", false), None);
        check(&HttpsPolicy::default(), ("/api/2/things", false), None);
    }

    #[test]
    fn programs_are_refused_and_people_redirected() {
        check(&FORCED, ("/api/2/things?x=1", false), Some((404, "")));
        check(&FORCED, ("/ws/2", false), Some((404, "")));
        check(
            &FORCED,
            ("/openapi.json?x=1", false),
            Some((301, "https://gw.example/openapi.json?x=1")),
        );
        let without = HttpsPolicy {
            redirects: false,
            ..FORCED
        };
        check(&without, ("/openapi.json", false), Some((404, "")));
    }

    #[test]
    fn browsers_are_bound_over_https_only() {
        let policy = HttpsPolicy {
            strict_for: Some(Duration::from_secs(3600)),
            ..FORCED
        };
        let mut headers = HeaderMap::new();
        policy.insist(false, &mut headers);
        assert!(headers.is_empty());
        policy.insist(true, &mut headers);
        assert_eq!(
            headers.get("strict-transport-security").unwrap(),
            "max-age=3600"
        );
    }
}
