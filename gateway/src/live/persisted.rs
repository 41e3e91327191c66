//! What a twin itself says about a write: the acknowledgement `twin-persisted`.

use ::things::{Migrated, ThingResponse};
use serde_json::{Map, Value};

use super::acknowledgement::Acknowledgement;

impl Acknowledgement {
    /// The outcome of a write, with where to find what was created.
    pub(crate) fn persisted(
        response: &ThingResponse,
        (correlation_id, location): (&str, Option<&str>),
    ) -> Self {
        let (status, payload, etag) = match response {
            ThingResponse::Created { value, etag, .. } => (201, Some(value.clone()), *etag),
            ThingResponse::Modified { etag, .. } => (204, None, *etag),
            ThingResponse::Deleted { .. } => (204, None, None),
            ThingResponse::Retrieved { etag, .. } => (200, None, *etag),
        };
        let mut headers = of_command(correlation_id);
        if let Some(etag) = etag {
            headers.insert("etag".to_owned(), etag.to_string().into());
        }
        if let (201, Some(location)) = (status, location) {
            headers.insert("location".to_owned(), location.into());
        }
        Self {
            label: "twin-persisted".into(),
            status,
            payload,
            headers,
        }
    }

    /// The outcome of a migration, with what it changed.
    pub(crate) fn migrated(migrated: &Migrated, correlation_id: &str) -> Self {
        let mut headers = of_command(correlation_id);
        headers.insert("etag".to_owned(), migrated.etag.to_string().into());
        Self {
            label: "twin-persisted".into(),
            status: 200,
            payload: Some(migrated.to_json()),
            headers,
        }
    }
}

/// What every acknowledgement of a command says.
fn of_command(correlation_id: &str) -> Map<String, Value> {
    let mut headers = Map::new();
    headers.insert("correlation-id".to_owned(), correlation_id.into());
    headers.insert("version".to_owned(), 2.into());
    headers
}
