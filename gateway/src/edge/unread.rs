//! The body of a request that was refused without it.
//!
//! A connection on which a body was left unread must end, because nobody can tell its rest from the next request
//! (RFC 9112 §9.3). Callers whose token has expired would begin a connection for every write, nginx even loses the
//! request behind it, so that a little is read for nobody.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, EXPECT};
use actix_web::web::Payload;
use tokio::time::timeout;

/// A body that is longer, or does not say how long it is, is not read.
const BYTES_MAX: u64 = 64 * 1024;

/// Nobody is waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads the body if it is short; whatever keeps it from arriving only ends the connection.
pub(super) async fn read_out(request: &HttpRequest, status: StatusCode, body: Option<Payload>) {
    let Some(body) = body else {
        return;
    };
    let headers = request.headers();
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let is_short = length.is_some_and(|length| (1..=BYTES_MAX).contains(&length));
    // Who waits for leave to send it sends nothing.
    if is_about_caller_or_path(status) && is_short && !headers.contains_key(EXPECT) {
        let limit = usize::try_from(BYTES_MAX).unwrap_or(usize::MAX);
        let _ = timeout(PATIENCE, body.to_bytes_limited(limit)).await;
    }
}

/// Whatever is wrong with the form of a request, its connection must end; whoever is too fast gets nothing for it.
fn is_about_caller_or_path(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
    )
}
