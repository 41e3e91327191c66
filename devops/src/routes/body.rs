//! Reads a request's body: bounded in size and time.

use actix_web::web::{Bytes, Payload};
use serde::de::DeserializeOwned;

use crate::app::Operations;
use crate::error::Refusal;

/// The body as JSON; the content type is not looked at, as in Ditto.
pub(super) async fn read_json<T: DeserializeOwned>(
    payload: Payload,
    operations: &Operations,
) -> Result<T, Refusal> {
    let body = read(payload, operations).await?;
    serde_json::from_slice(&body).map_err(|_| Refusal::BodyNotJson)
}

async fn read(payload: Payload, operations: &Operations) -> Result<Bytes, Refusal> {
    let bytes_max = operations.settings.body_bytes_max;
    let body = payload.to_bytes_limited(bytes_max);
    tokio::time::timeout(operations.settings.body_timeout, body)
        .await
        .map_err(|_| Refusal::BodyTooSlow)?
        .map_err(|_| Refusal::BodyTooLarge { bytes_max })?
        .map_err(|_| Refusal::BodyIncomplete)
}
