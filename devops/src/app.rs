//! The operator service's own application: its state, and the order of its middleware.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::Data;
use actix_web::{App, Error};
use authentication::Guard;

use jiff::Timestamp;

use crate::access::OperatorAccess;
use crate::dependencies::DevopsDependencies;
use crate::middleware::{insist_on_https, record_access, require_plain_head};
use crate::routes;
use crate::settings::DevopsSettings;

/// What every request to the operator service shares.
pub(crate) struct Operations {
    pub(crate) settings: DevopsSettings,
    pub(crate) access: Arc<OperatorAccess>,
    pub(crate) dependencies: DevopsDependencies,
    pub(crate) brute_force: Guard,
}

impl Operations {
    pub(crate) fn new(
        settings: DevopsSettings,
        access: Arc<OperatorAccess>,
        dependencies: DevopsDependencies,
    ) -> Self {
        Self {
            access,
            brute_force: Guard::new(settings.brute_force),
            settings,
            dependencies,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.dependencies.clock)()
    }
}

/// The application of one worker. Middleware runs in reverse order: read it bottom-up.
pub(crate) fn create_app(
    operations: Data<Operations>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(operations)
        .configure(routes::configure)
        .wrap(from_fn(require_plain_head))
        .wrap(
            DefaultHeaders::new()
                .add(("Cache-Control", "no-store"))
                .add(("X-Content-Type-Options", "nosniff")),
        )
        .wrap(from_fn(insist_on_https))
        .wrap(from_fn(record_access))
}
