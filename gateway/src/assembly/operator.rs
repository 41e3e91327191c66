//! The operator service of this process.

use std::path::PathBuf;
use std::sync::Arc;

use actix_web::dev::Server;
use anyhow::{Context, bail};
use arc_swap::ArcSwap;
use devops::{DevopsDependencies, DevopsSettings, LogControl, OperatorAccess};
use jiff::Timestamp;
use journal::Embedded;
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::Listener;
use crate::config::Config;
use crate::config::value::Secret;
use crate::operator::{ClosedNamespaces, Operator, StoreChecks, access_settings};
use crate::reload::{Certificates, InForce};

/// What operators work on besides the gateway.
pub(super) struct Parts {
    pub(super) store: Arc<Embedded>,
    pub(super) closed_namespaces: Arc<ClosedNamespaces>,
    pub(super) configuration: Value,
    pub(super) certificates: Arc<Certificates>,
    pub(super) store_path: PathBuf,
    /// Where the public listener is.
    pub(super) address: String,
}

/// Who may enter; `first` is the password that the first start made.
pub(super) fn access(
    config: &Config,
    first: Option<Secret>,
) -> anyhow::Result<Arc<OperatorAccess>> {
    OperatorAccess::new(access_settings(&config.devops, first)).context("`devops`")
}

pub(super) fn assemble(
    (in_force, access): (Arc<InForce>, Arc<OperatorAccess>),
    (log_control, metrics): (Arc<dyn LogControl>, PrometheusHandle),
    parts: Parts,
) -> Arc<Operator> {
    Arc::new(Operator {
        in_force,
        access,
        log_control,
        metrics,
        status: status(&parts.address),
        store_path: parts.store_path,
        room: Mutex::default(),
        store: parts.store,
        closed_namespaces: parts.closed_namespaces,
        configuration: ArcSwap::from_pointee(parts.configuration),
        store_checks: StoreChecks::default(),
        certificates: parts.certificates,
    })
}

/// What does not change while the process runs.
fn status(address: &str) -> Map<String, Value> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let hostname = rustix::system::uname();
    let Value::Object(status) = json!({
        "service": "twinward",
        "service-version": env!("CARGO_PKG_VERSION"),
        "build-timestamp": built_at(option_env!("TWINWARD_BUILD_EPOCH")),
        "hostname": hostname.nodename().to_string_lossy(),
        "local-address": address,
        "instance": super::INSTANCE,
        "processor-count": processors,
        "total-memory": total_memory(),
    }) else {
        return Map::new();
    };
    status
}

/// When the sources were made, as `build.rs` noted it.
fn built_at(epoch: Option<&str>) -> Option<Timestamp> {
    Timestamp::from_second(epoch?.parse().ok()?).ok()
}

/// Of the machine, as Linux counts it.
fn total_memory() -> Option<String> {
    let memory = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = memory.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(format!("{} MB", kibibytes / 1024))
}

pub(super) fn serve(
    settings: DevopsSettings,
    operator: Arc<Operator>,
    listener: Listener,
) -> anyhow::Result<Server> {
    let Listener::Tcp(listener) = listener else {
        bail!("the operator service listens on TCP only")
    };
    let clock = Arc::clone(&operator.gateway().clock);
    let access = Arc::clone(&operator.access);
    let dependencies = DevopsDependencies {
        log_control: Arc::clone(&operator.log_control),
        health: Arc::clone(&operator) as _,
        metrics: Arc::clone(&operator) as _,
        status: Arc::clone(&operator) as _,
        configuration: Arc::clone(&operator) as _,
        statistics: Arc::clone(&operator) as _,
        backup: Arc::clone(&operator) as _,
        commands: Arc::clone(&operator) as _,
        sessions: Some(Arc::clone(&operator) as _),
        limits: Some(Arc::clone(&operator) as _),
        issuers: Arc::clone(&operator) as _,
        denials: Arc::clone(&operator) as _,
        explainer: Arc::clone(&operator) as _,
        revocations: Arc::clone(&operator.gateway().revocations),
        audit: operator,
        clock: Arc::new(move || clock.now()),
    };
    devops::serve(settings, access, dependencies, listener).context("the operator service")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_has_the_time_of_its_sources_or_none() {
        let shown = |epoch| built_at(epoch).map(|at| at.to_string());
        let known = Some("2023-11-14T22:13:20Z".to_owned());
        assert_eq!(shown(Some("1700000000")), known);
        assert_eq!(shown(Some("yesterday")), None);
        assert_eq!(shown(None), None);
        assert_eq!(status("here")["service"], "twinward");
    }
}
