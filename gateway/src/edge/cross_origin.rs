//! Which web pages may call: an allow-list for CORS and for WebSocket handshakes.

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};

use crate::error::DittoError;

/// Origins that may call, besides the gateway's own.
///
/// Source: Fetch standard, section "CORS protocol"; RFC 6455 §10.2.
#[derive(Debug, Clone, Default)]
pub(crate) struct OriginPolicy {
    /// Names that clients use for this gateway, with port if it is not the default one.
    pub(crate) public_hosts: Vec<String>,
    /// Full origins, e.g. `https://app.acme.example`.
    pub(crate) allowed_origins: Vec<String>,
}

const METHODS: &str = "OPTIONS, GET, PUT, PATCH, POST, HEAD, DELETE";

impl OriginPolicy {
    /// Answers a preflight, or `None` if the request is none.
    pub(super) fn preflight(
        &self,
        request: &HttpRequest,
    ) -> Result<Option<HttpResponse>, DittoError> {
        let headers = request.headers();
        let is_preflight = *request.method() == Method::OPTIONS
            && headers.contains_key(header::ORIGIN)
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !is_preflight {
            return Ok(None);
        }
        let mut response = HttpResponse::Ok().finish();
        if !self.allow(request, response.headers_mut()) {
            return Err(refused());
        }
        let answer = response.headers_mut();
        answer.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(METHODS),
        );
        answer.insert(
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("600"),
        );
        if let Some(requested) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, requested.clone());
        }
        Ok(Some(response))
    }

    /// Tells a browser that the page may read the answer, if it may; whether it may.
    pub(super) fn allow(&self, request: &HttpRequest, answer: &mut HeaderMap) -> bool {
        let Some(origin) = request.headers().get(header::ORIGIN) else {
            return false;
        };
        answer.append(header::VARY, HeaderValue::from_static("Origin"));
        if !self.is_allowed(origin, request) {
            return false;
        }
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(
                "correlation-id, ditto-metadata, etag, entity-revision, location, ratelimit, ratelimit-policy, retry-after, www-authenticate",
            ),
        );
        true
    }

    /// A handshake without `Origin` comes from no browser and passes.
    ///
    /// # Errors
    ///
    /// 403 for an origin that is not on the list.
    pub(crate) fn check_handshake(&self, request: &HttpRequest) -> Result<(), DittoError> {
        match request.headers().get(header::ORIGIN) {
            Some(origin) if !self.is_allowed(origin, request) => Err(refused()),
            Some(_) | None => Ok(()),
        }
    }

    /// A page of a foreign origin must not change anything with credentials that a proxy or the browser adds.
    ///
    /// # Errors
    ///
    /// 403 for a write from an origin that is not on the list.
    pub(super) fn check_write(&self, request: &HttpRequest) -> Result<(), DittoError> {
        if matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS
        ) {
            return Ok(());
        }
        self.check_handshake(request)
    }

    fn is_allowed(&self, origin: &HeaderValue, request: &HttpRequest) -> bool {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        if self.allowed_origins.iter().any(|allowed| allowed == origin) {
            return true;
        }
        let Some((_, host)) = origin.split_once("://") else {
            return false;
        };
        let own = request
            .headers()
            .get(header::HOST)
            .and_then(|value| value.to_str().ok());
        own == Some(host) || self.public_hosts.iter().any(|public| public == host)
    }
}

fn refused() -> DittoError {
    DittoError::new(
        StatusCode::FORBIDDEN,
        "gateway:origin.notallowed",
        "Pages of this origin may not call the gateway.",
    )
    .describe("Ask the operator to list the origin under `http_server.allowed_origins`.")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[track_caller]
    fn check(origin: &str, expected: bool) {
        let policy = OriginPolicy {
            public_hosts: vec!["gw.acme.example".to_owned()],
            allowed_origins: vec!["https://good.example".to_owned()],
        };
        let request = TestRequest::default()
            .insert_header((header::HOST, "127.0.0.1:8080"))
            .insert_header((header::ORIGIN, origin))
            .to_http_request();
        assert_eq!(
            policy.check_handshake(&request).is_ok(),
            expected,
            "origin: {origin:?}"
        );
    }

    #[test]
    fn only_listed_and_own_origins_pass() {
        check("https://good.example", true);
        check("https://gw.acme.example", true);
        check("http://127.0.0.1:8080", true);
        check("https://good.example.evil", false);
        check("https://evil.good.example", false);
        check("http://good.example", false);
        check("null", false);
        check("", false);
    }

    #[test]
    fn a_foreign_page_may_not_write() {
        let request = |method: Method| {
            TestRequest::default()
                .method(method)
                .insert_header((header::ORIGIN, "https://evil.example"))
                .to_http_request()
        };
        assert!(
            OriginPolicy::default()
                .check_write(&request(Method::POST))
                .is_err()
        );
        assert!(
            OriginPolicy::default()
                .check_write(&request(Method::GET))
                .is_ok()
        );
    }

    #[test]
    fn a_foreign_preflight_gets_no_permission() {
        let request = TestRequest::default()
            .method(Method::OPTIONS)
            .insert_header((header::ORIGIN, "https://evil.example"))
            .insert_header((header::ACCESS_CONTROL_REQUEST_METHOD, "GET"))
            .to_http_request();
        assert!(OriginPolicy::default().preflight(&request).is_err());
    }
}
