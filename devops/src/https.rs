//! Plain HTTP where only HTTPS is wanted: redirected, or refused; and the header that keeps browsers from trying.
//!
//! Both listeners have a policy each; what they answer to whom it refuses is theirs. A client speaks HTTPS if the listener
//! does, or if a trusted proxy says so.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// What is asked of clients that do not speak HTTPS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpsPolicy {
    /// Whether only HTTPS is served.
    pub is_forced: bool,
    /// Whether others are sent there, except from paths that programs call.
    pub redirects: bool,
    /// How long browsers are to use nothing else (RFC 6797).
    pub strict_for: Option<Duration>,
}

/// A request came without TLS and must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainHttp {
    /// Where the same can be had with it, for people.
    pub location: Option<HeaderValue>,
}

/// What a path is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathUse {
    /// Probes come from next door and learn nothing: they are always answered.
    Probe,
    /// A program that follows redirects would send its credential in the clear again and again.
    Program,
    /// Somebody with a browser.
    Person,
}

impl HttpsPolicy {
    /// # Errors
    ///
    /// [`PlainHttp`] for a request that came without TLS, if it must not.
    pub fn check(
        &self,
        request: &HttpRequest,
        (path_use, is_secure): (PathUse, bool),
    ) -> Result<(), PlainHttp> {
        if !self.is_forced || is_secure || path_use == PathUse::Probe {
            return Ok(());
        }
        let redirects = self.redirects && path_use == PathUse::Person;
        Err(PlainHttp {
            location: redirects.then(|| location(request)).flatten(),
        })
    }

    /// RFC 6797 §7.2: never over plain HTTP.
    pub fn insist(&self, is_secure: bool, headers: &mut HeaderMap) {
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
        asked: (PathUse, bool),
        expected: Result<(), Option<&'static str>>,
    ) {
        let request = TestRequest::with_uri("/page?x=1")
            .insert_header(("host", "gw.example:8080"))
            .to_http_request();
        let expected = expected.map_err(|location| PlainHttp {
            location: location.map(HeaderValue::from_static),
        });
        assert_eq!(policy.check(&request, asked), expected, "{asked:?}");
    }

    #[test]
    fn https_and_probes_pass() {
        check(&FORCED, (PathUse::Program, true), Ok(()));
        check(&FORCED, (PathUse::Probe, false), Ok(()));
        check(&HttpsPolicy::default(), (PathUse::Program, false), Ok(()));
    }

    #[test]
    fn programs_are_refused_and_people_redirected() {
        check(&FORCED, (PathUse::Program, false), Err(None));
        let there = Some("https://gw.example/page?x=1");
        check(&FORCED, (PathUse::Person, false), Err(there));
        let without = HttpsPolicy {
            redirects: false,
            ..FORCED
        };
        check(&without, (PathUse::Person, false), Err(None));
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
