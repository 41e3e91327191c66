//! The operator service of this process.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use actix_web::dev::Server;
use anyhow::{Context, bail};
use devops::{DevopsDependencies, DevopsSettings, LogControl};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Map, Value, json};

use super::Listener;
use crate::app::Gateway;
use crate::operator::Operator;

pub(super) fn assemble(gateway: Arc<Gateway>, metrics: PrometheusHandle) -> Arc<Operator> {
    Arc::new(Operator {
        gateway,
        metrics,
        status: status(),
        store_failures: AtomicU64::new(0),
    })
}

/// What does not change while the process runs.
fn status() -> Map<String, Value> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let Value::Object(status) = json!({
        "service": "twinward",
        "service-version": env!("CARGO_PKG_VERSION"),
        "processor-count": processors,
    }) else {
        return Map::new();
    };
    status
}

pub(super) fn serve(
    settings: DevopsSettings,
    (operator, log_control): (Arc<Operator>, Arc<dyn LogControl>),
    listener: Listener,
) -> anyhow::Result<Server> {
    let Listener::Tcp(listener) = listener else {
        bail!("the operator service listens on TCP only")
    };
    let clock = Arc::clone(&operator.gateway.clock);
    let dependencies = DevopsDependencies {
        log_control,
        health: Arc::clone(&operator) as _,
        metrics: Arc::clone(&operator) as _,
        status: operator,
        clock: Arc::new(move || clock.now()),
    };
    devops::serve(settings, dependencies, listener).context("the operator service")
}
