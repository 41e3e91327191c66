//! Revoked credentials: list, add, remove.

use std::sync::Arc;

use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use authentication::{NewRevocation, Revocation, RevocationError, Revocations};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tracing::error;

use super::answerers::name;
use super::body::read_json;
use super::{get, only};
use crate::app::Operations;
use crate::error::Refusal;
use crate::middleware::{note_about, operator_of};

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(only(
            "GET, HEAD, POST",
            web::resource("/revocations")
                .route(get().to(list))
                .route(web::post().to(add)),
        ))
        .service(only(
            "GET, HEAD, DELETE",
            web::resource("/revocations/{id}")
                .route(get().to(retrieve))
                .route(web::delete().to(remove)),
        ));
}

/// The body of a revocation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    kind: Option<String>,
    value: Option<String>,
    issued_before: Option<Timestamp>,
    #[serde(default)]
    permanent: bool,
    reason: Option<String>,
}

impl Body {
    fn parse(self, operator: &str) -> Result<NewRevocation, Refusal> {
        let kind = self.kind.ok_or(Refusal::FieldMissing { field: "kind" })?;
        Ok(NewRevocation {
            kind: kind.parse().map_err(|_| Refusal::FieldInvalid {
                field: "kind",
                expected: "It is jti, key, subject or issuer.",
            })?,
            value: self.value.ok_or(Refusal::FieldMissing { field: "value" })?,
            issued_before: self.issued_before,
            permanent: self.permanent,
            reason: self.reason,
            created_by: operator.to_owned(),
        })
    }
}

/// `GET /devops/revocations`: all that are in force.
async fn list(operations: Data<Operations>) -> HttpResponse {
    let all = operations.dependencies.revocations.list();
    HttpResponse::Ok().json(json!({ "revocations": all }))
}

/// `GET /devops/revocations/{id}`: one of them.
async fn retrieve(
    request: HttpRequest,
    operations: Data<Operations>,
) -> Result<HttpResponse, Refusal> {
    let found = find(&operations.dependencies.revocations, &request)?;
    Ok(HttpResponse::Ok().json(found))
}

/// `POST /devops/revocations`: 201 with the revocation once it is durable and in force.
async fn add(
    request: HttpRequest,
    payload: Payload,
    operations: Data<Operations>,
) -> Result<HttpResponse, Refusal> {
    let body: Body = read_json(payload, &operations).await?;
    let revocation = body.parse(&operator_of(&request))?;
    let about = format!("{} {}", revocation.kind.as_str(), revocation.value);
    note_about(&request, &about);
    let revocations = &operations.dependencies.revocations;
    let added = revocations.add(revocation, operations.now()).await;
    Ok(HttpResponse::Created().json(added?))
}

/// `DELETE /devops/revocations/{id}`: what it refused is accepted again.
async fn remove(
    request: HttpRequest,
    operations: Data<Operations>,
) -> Result<HttpResponse, Refusal> {
    let revocations = &operations.dependencies.revocations;
    let found = find(revocations, &request)?;
    match revocations.remove(&found.id, operations.now()).await? {
        Some(_) => Ok(HttpResponse::NoContent().finish()),
        None => Err(Refusal::NotFound { what: "revocation" }),
    }
}

fn find(revocations: &Revocations, request: &HttpRequest) -> Result<Arc<Revocation>, Refusal> {
    let id = name(request, "id")?.unwrap_or_default();
    let all = revocations.list();
    let found = all.into_iter().find(|each| each.id.as_str() == id);
    found.ok_or(Refusal::NotFound { what: "revocation" })
}

impl From<RevocationError> for Refusal {
    fn from(error: RevocationError) -> Self {
        match error {
            RevocationError::Store(failure) => {
                error!(
                    error = &failure as &dyn std::error::Error,
                    "A revocation was not stored"
                );
                Self::StoreFailed
            }
            RevocationError::Value
            | RevocationError::Subject
            | RevocationError::Text
            | RevocationError::Permanent
            | RevocationError::TooMany => Self::NotPossible {
                reason: format!("Not revoked: {error}."),
            },
        }
    }
}
