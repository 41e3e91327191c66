//! Why the public edge decides as it does about a request.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Payload, ServiceConfig};

use super::body::read_json;
use super::only;
use crate::app::Operations;
use crate::dependencies::RequestDescription;
use crate::error::Refusal;

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(only(
        "POST",
        web::resource("/explain").route(web::post().to(explain)),
    ));
}

/// `POST /devops/explain`: what the chain, the policy and the limits would say; nothing is carried out.
async fn explain(payload: Payload, operations: Data<Operations>) -> Result<HttpResponse, Refusal> {
    let request: RequestDescription = read_json(payload, &operations).await?;
    let explained = operations.dependencies.explainer.explain(&request).await;
    Ok(HttpResponse::Ok().json(explained))
}
