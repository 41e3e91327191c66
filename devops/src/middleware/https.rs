//! Whether a client speaks HTTPS, and what becomes of one that does not.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest};

use super::head::{PROBES, is_from_trusted_proxy};
use crate::app::Operations;
use crate::error::Refusal;
use crate::https::{PathUse, PlainHttp};

/// Refuses plain HTTP, if it is to be refused; probes apart.
pub(super) fn check(request: &HttpRequest, operations: &Operations) -> Result<(), Refusal> {
    let path = request.path();
    let path_use = if PROBES.contains(&path) {
        PathUse::Probe
    } else if path == "/console" || path.starts_with("/console/") {
        PathUse::Person
    } else {
        PathUse::Program
    };
    let policy = &operations.settings.https;
    policy
        .check(request, (path_use, is_secure(request, operations)))
        .map_err(|PlainHttp { location }| Refusal::HttpsRequired { location })
}

/// Binds browsers to HTTPS with every answer that they get over it.
pub(crate) async fn insist_on_https(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let operations = request.app_data::<Data<Operations>>();
    let operations = operations.expect("create_app adds the operations").clone();
    let is_secure = is_secure(request.request(), &operations);
    let mut response = next.call(request).await?;
    let policy = &operations.settings.https;
    policy.insist(is_secure, response.headers_mut());
    Ok(response)
}

/// With this listener, or with a trusted proxy that says so once.
fn is_secure(request: &HttpRequest, operations: &Operations) -> bool {
    let mut protocols = request.headers().get_all("x-forwarded-proto");
    let said = (protocols.next(), protocols.next());
    operations.settings.tls.is_some()
        || is_from_trusted_proxy(request, operations)
            && matches!(said, (Some(protocol), None) if protocol.as_bytes() == b"https")
}
