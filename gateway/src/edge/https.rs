//! Plain HTTP on the public listener where only HTTPS is wanted.
//!
//! Source: Ditto documentation, page "Operating Ditto", environment variables `FORCE_HTTPS` and `REDIRECT_TO_HTTPS`.
//! Unlike there, only a trusted proxy can say that a client spoke HTTPS.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header;
use devops::{HttpsPolicy, PathUse};

use crate::error::DittoError;

/// # Errors
///
/// 301 or 404 for a request that came without TLS, if it must not.
pub(super) fn check(
    policy: &HttpsPolicy,
    request: &HttpRequest,
    is_secure: bool,
) -> Result<(), DittoError> {
    let checked = policy.check(request, (path_use(request.path()), is_secure));
    checked.map_err(|plain| match plain.location {
        Some(location) => DittoError::new(
            StatusCode::MOVED_PERMANENTLY,
            "gateway:https.required",
            "Only HTTPS is served here.",
        )
        .with_header(header::LOCATION, location),
        None => DittoError::new(
            StatusCode::NOT_FOUND,
            "gateway:https.required",
            "Only HTTPS is served here.",
        )
        .describe("Use `https://` instead of `http://`, and replace any credential that was sent without it."),
    })
}

fn path_use(path: &str) -> PathUse {
    let is_called = ["/api", "/ws"]
        .iter()
        .any(|prefix| path.starts_with(prefix));
    match path {
        "/health" => PathUse::Probe,
        _ if is_called => PathUse::Program,
        _ => PathUse::Person,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[track_caller]
    fn check_refused(target: &str, expected: Option<(u16, &str)>) {
        let policy = HttpsPolicy {
            is_forced: true,
            redirects: true,
            strict_for: None,
        };
        let request = TestRequest::with_uri(target)
            .insert_header(("host", "gw.example:8080"))
            .to_http_request();
        let refused = check(&policy, &request, false).err().map(|error| {
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
    fn programs_are_refused_people_redirected_and_probes_answered() {
        check_refused("/health", None);
        check_refused("/api/2/things?x=1", Some((404, "")));
        check_refused("/ws/2", Some((404, "")));
        check_refused(
            "/openapi.json?x=1",
            Some((301, "https://gw.example/openapi.json?x=1")),
        );
    }
}
