//! Every error of every crate becomes Ditto's error JSON, only here.

mod authentication;
mod json;
mod policies;
mod protocol;
mod reach;
mod things;

use std::borrow::Cow;

use ::policies::EntityTag;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, CONTENT_TYPE, HeaderName, HeaderValue};
use journal::{AppendError, StoreError};
use json_writer::scratch::compact_json;
use json_writer::{ObjectWriter, WriteJson};
use serde_json::Value;

use crate::limits::TooManyRequests;

pub(crate) use json::{body_not_json, json_invalid};

/// One error as clients see it: on HTTP a response, in a stream the value of an error envelope.
///
/// Status and code are the stable part; sentences are not.
/// Source: Ditto documentation, page "HTTP API concepts", section "Error responses".
#[derive(Debug, Clone)]
pub(crate) struct DittoError(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    description: Option<Cow<'static, str>>,
    href: Option<&'static str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    exceeded: Option<TooManyRequests>,
}

/// 409 if the store refused because an operator keeps a namespace closed.
fn fenced(error: &(dyn std::error::Error + 'static)) -> Option<DittoError> {
    let mut causes = std::iter::successors(Some(error), |cause| cause.source());
    let part = causes.find_map(|cause| {
        // Errors that only pass another one on do not name it as their source.
        let store = match (cause.downcast_ref(), cause.downcast_ref()) {
            (Some(::things::Error::Store(store)), _) | (_, Some(AppendError::Store(store))) => {
                Some(store)
            }
            (_, _) => cause.downcast_ref::<StoreError>(),
        };
        match store {
            Some(StoreError::Fenced { part }) => Some(part),
            Some(_) | None => None,
        }
    })?;
    let error = DittoError::new(
        StatusCode::CONFLICT,
        "namespace.blocked",
        format!("The namespace `{part}` is blocked at the moment."),
    );
    Some(error.describe("An operator is working on it. Try again later."))
}

/// Members in Ditto's order.
impl WriteJson for DittoError {
    fn write_json(&self, buffer: &mut Vec<u8>) {
        let parts = &*self.0;
        let mut object = ObjectWriter::begin(buffer);
        object.member("status", &parts.status.as_u16());
        object.member("error", &parts.code);
        object.member("message", &parts.message);
        object.optional("description", parts.description.as_ref());
        object.optional("href", parts.href);
        object.end();
    }
}

impl DittoError {
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Parts {
            status,
            code: code.into(),
            message: message.into(),
            description: None,
            href: None,
            headers: Vec::new(),
            exceeded: None,
        }))
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// Logs `error` with its chain, once; the client learns only that something broke.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        if let Some(fenced) = fenced(error) {
            return fenced;
        }
        tracing::error!(error = %ErrorChain(error), "A request failed inside the gateway");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "gateway:internalerror", "The gateway could not handle the request.")
            .describe("Nothing is known to be wrong with the request. Try again, or tell the operator the correlation-id.")
    }

    /// Keeps which limit refused, for those who list who is limited.
    #[must_use]
    pub(crate) fn by_limit(mut self, exceeded: TooManyRequests) -> Self {
        self.0.exceeded = Some(exceeded);
        self
    }

    /// The limit that refused, if one did.
    pub(crate) fn exceeded(&self) -> Option<&TooManyRequests> {
        self.0.exceeded.as_ref()
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn describe(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.0.description = Some(description.into());
        self
    }

    #[must_use]
    pub(crate) fn refer_to(mut self, href: &'static str) -> Self {
        self.0.href = Some(href);
        self
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    #[must_use]
    pub(crate) fn with_etag(self, etag: Option<&EntityTag>) -> Self {
        match etag.and_then(|etag| HeaderValue::from_str(&etag.to_string()).ok()) {
            Some(value) => self.with_header(header::ETAG, value),
            None => self,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn code(&self) -> &str {
        &self.0.code
    }

    /// `{"status","error","message","description"?,"href"?}`.
    pub(crate) fn to_json(&self) -> Value {
        serde_json::from_slice(&compact_json(self)).unwrap_or_default()
    }

    pub(crate) fn into_response(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.status);
        for (name, value) in &self.0.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        if self.0.status == StatusCode::NOT_MODIFIED {
            return response.finish();
        }
        response
            .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
            .body(compact_json(&self))
    }
}

/// A rule of a crate below as a sentence of its own.
pub(crate) fn sentence(rule: impl std::fmt::Display) -> String {
    let mut text = format!("{rule}.");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// Client text as an error may echo it: bounded, without control characters.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .filter(|each| !each.is_control())
        .take(200)
        .collect()
}

/// An error and everything that led to it, in one line.
pub(crate) struct ErrorChain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for ErrorChain<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(formatter, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn rules_become_sentences() {
        assert_eq!(sentence("an id is short"), "An id is short.");
        assert_eq!(sentence("`a` is text"), "`a` is text.");
        assert_eq!(sentence("ä"), "ä.");
    }
}
