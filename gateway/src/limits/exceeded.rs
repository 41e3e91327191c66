//! A budget that is used up, and what the caller is told.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};

use super::{Limits, RateLimit};
use crate::error::DittoError;

/// A budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyRequests {
    /// Which limit.
    pub(crate) limit: &'static str,
    pub(super) budget: Option<RateLimit>,
    pub(super) retry_after: Duration,
}

impl TooManyRequests {
    /// The limit in words.
    fn words(&self) -> String {
        match self.limit {
            Limits::WAITING_PER_SOURCE | Limits::WAITING_PER_SUBJECT => {
                format!("of requests {}", self.limit)
            }
            limit => format!("per {limit}"),
        }
    }

    /// Whole seconds, at least one, as `Retry-After` is written.
    pub(crate) fn retry_after_seconds(&self) -> u64 {
        (self.retry_after.as_secs() + u64::from(self.retry_after.subsec_nanos() > 0)).max(1)
    }
}

impl From<TooManyRequests> for DittoError {
    fn from(exceeded: TooManyRequests) -> Self {
        let retry_after = exceeded.retry_after_seconds();
        let error = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too.many.requests",
            format!("The limit {} is used up.", exceeded.words()),
        )
        .describe(format!(
            "Try again in {retry_after} s, and then less often."
        ))
        .with_header(header::RETRY_AFTER, HeaderValue::from(retry_after))
        .by_limit(exceeded);
        let Some(budget) = exceeded.budget else {
            return error;
        };
        // Source: IETF draft "RateLimit header fields for HTTP", fields RateLimit and RateLimit-Policy.
        let policy = format!(
            "\"{}\";q={};w={}",
            exceeded.limit,
            budget.requests,
            budget.window.as_secs().max(1)
        );
        let state = format!("\"{}\";r=0;t={retry_after}", exceeded.limit);
        [("ratelimit-policy", policy), ("ratelimit", state)]
            .into_iter()
            .fold(error, |error, (name, value)| {
                match HeaderValue::from_str(&value) {
                    Ok(value) => error.with_header(HeaderName::from_static(name), value),
                    Err(_) => error,
                }
            })
    }
}
