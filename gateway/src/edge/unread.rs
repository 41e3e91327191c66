//! The body of a request that was refused without it.
//!
//! A connection whose next body was left unread mostly ends, because nobody can tell its rest from the next request
//! (RFC 9112 §9.3). Callers whose token has expired would begin a connection for every write, and nginx even loses the
//! request behind it, so that a little is read for nobody.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_LENGTH, UPGRADE};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::web::Payload;
use futures_util::StreamExt as _;
use tokio::time::timeout;

/// A body that is longer, or does not say how long it is, is not read here.
const BYTES_MAX: u64 = 64 * 1024;

/// Nobody is waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads the body of a request that was refused with `status` if it is short and there in the time that is `left`; whatever
/// keeps it from arriving only ends the connection.
pub(super) async fn read_out(
    (request, mut body): (&HttpRequest, Payload),
    status: StatusCode,
    left: Duration,
) {
    let headers = request.headers();
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let is_short = length.is_some_and(|length: u64| (1..=BYTES_MAX).contains(&length));
    // A body that comes with an upgrade has no end.
    let goes_on = request.head().connection_type() == ConnectionType::KeepAlive
        && !headers.contains_key(UPGRADE);
    if is_short && goes_on && is_worth_reading(status) {
        let rest = async { while let Some(Ok(_)) = body.next().await {} };
        // What is missing then is the client's loss.
        let _ = timeout(PATIENCE.min(left), rest).await;
    }
}

/// Whether a refusal is about the caller or the path: whoever is wrong about the form of a request, or too fast, gets
/// nothing for it.
fn is_worth_reading(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
    )
}
