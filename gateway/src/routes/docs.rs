//! `GET /openapi.json` and `GET /docs`: what is served, for programs and for people. The same for everybody.

use actix_web::HttpResponse;
use actix_web::http::header;

use crate::openapi;

const PAGE: &str = include_str!("docs/index.html");
const STYLE: &str = include_str!("docs/style.css");
const SCRIPT: &str = include_str!("docs/app.js");

/// The page may use its own files and call its own service, nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the page consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocsFile {
    /// `/docs`
    Page,
    /// `/docs/style.css`
    Style,
    /// `/docs/app.js`
    Script,
}

impl DocsFile {
    /// Reads what follows `/docs`.
    pub(super) fn parse(tail: &[&str]) -> Option<Self> {
        match tail {
            [] => Some(Self::Page),
            ["style.css"] => Some(Self::Style),
            ["app.js"] => Some(Self::Script),
            _ => None,
        }
    }
}

/// 200 with the description.
pub(super) fn describe(serves_docs: bool) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(openapi::document(serves_docs))
}

/// 200 with a file of the page.
pub(super) fn show(file: DocsFile) -> HttpResponse {
    let (media_type, text) = match file {
        DocsFile::Page => ("text/html; charset=utf-8", PAGE),
        DocsFile::Style => ("text/css; charset=utf-8", STYLE),
        DocsFile::Script => ("text/javascript; charset=utf-8", SCRIPT),
    };
    HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("Cross-Origin-Opener-Policy", "same-origin"))
        .insert_header(("Cross-Origin-Resource-Policy", "same-origin"))
        .body(text)
}
