//! Whether a request that changes something was made by this service's own page, or by no page at all.

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::error::Refusal;

/// Refuses what a page of another site made a browser send (Fetch Metadata, and RFC 6454 §7 for browsers without it).
pub(super) fn check_same_site(request: &HttpRequest) -> Result<(), Refusal> {
    let text = |name: &str| {
        let value = request.headers().get(name)?;
        Some(value.to_str().unwrap_or(""))
    };
    if text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(Refusal::CrossSite);
    }
    let host = text(header::HOST.as_str()).unwrap_or("");
    match text(header::ORIGIN.as_str()) {
        Some(origin) if !is_of_host(origin, host) => Err(Refusal::CrossSite),
        Some(_) | None => Ok(()),
    }
}

fn is_of_host(origin: &str, host: &str) -> bool {
    let authority = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    !host.is_empty() && authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[track_caller]
    fn check(headers: &[(&str, &str)], expected: bool) {
        let request = headers
            .iter()
            .fold(TestRequest::post(), |request, header| {
                request.insert_header(*header)
            })
            .to_http_request();
        assert_eq!(check_same_site(&request).is_ok(), expected, "{headers:?}");
    }

    #[test]
    fn no_page_and_the_own_page_pass() {
        check(&[], true);
        check(&[("host", "ops:8081"), ("origin", "http://ops:8081")], true);
        check(&[("host", "OPS"), ("origin", "https://ops")], true);
        check(&[("sec-fetch-site", "same-origin")], true);
    }

    #[test]
    fn another_page_does_not() {
        check(&[("host", "ops:8081"), ("origin", "http://evil")], false);
        check(
            &[("host", "ops:8081"), ("origin", "http://ops:8082")],
            false,
        );
        check(&[("host", "ops:8081"), ("origin", "null")], false);
        check(&[("host", ""), ("origin", "http://")], false);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "same-site")], false);
    }
}
