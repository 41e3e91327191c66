//! The whole HTTP surface for operators; a scope names its credentials exactly once, a route never does.

mod answerers;
mod backup;
mod body;
pub(crate) mod configuration;
mod console;
mod explain;
mod limits;
mod logging;
mod metrics;
mod overall;
mod piggyback;
mod probes;
mod revocations;
mod sessions;
mod statistics;
mod status;

use actix_web::guard;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route};

use crate::error::Refusal;
use crate::middleware::{require_devops, require_metrics, require_status};

pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .configure(probes::configure)
        .service(
            web::scope("/status")
                .configure(status::configure)
                .wrap(from_fn(require_status)),
        )
        .service(
            web::scope("/overall")
                .configure(overall::configure)
                .wrap(from_fn(require_status)),
        )
        .service(
            web::scope("/metrics")
                .configure(metrics::configure)
                .wrap(from_fn(require_metrics)),
        )
        .service(
            web::scope("/stats/things/details")
                .configure(statistics::configure_details)
                .wrap(from_fn(require_devops)),
        )
        .service(
            web::scope("/stats")
                .configure(statistics::configure)
                .wrap(from_fn(require_status)),
        )
        .service(
            web::scope("/devops")
                .configure(logging::configure)
                .configure(configuration::configure)
                .configure(piggyback::configure)
                .configure(sessions::configure)
                .configure(revocations::configure)
                .configure(limits::configure)
                .configure(explain::configure)
                .configure(backup::configure)
                .configure(console::configure_stream)
                .wrap(from_fn(require_devops)),
        )
        .service(
            web::scope("/console")
                .configure(console::configure)
                .wrap(from_fn(console::require_console)),
        )
        .default_service(web::to(unknown_route));
}

async fn unknown_route() -> Result<HttpResponse, Refusal> {
    Err(Refusal::UnknownRoute)
}

/// A GET route, which answers HEAD as well (RFC 9110 §9.3.2).
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Ends a resource: any method but `allowed` is 405.
fn only(allowed: &'static str, resource: Resource) -> Resource {
    resource.default_service(web::to(move || async move {
        Err::<HttpResponse, _>(Refusal::MethodNotAllowed { allowed })
    }))
}
