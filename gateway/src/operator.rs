//! What the operator service asks of the gateway.

mod access;
mod audit;
mod commands;
mod conditions;
mod configuration;
mod denials;
mod disk;
mod explain;
mod issuers;
mod limited;
mod namespaces;
mod sessions;
mod statistics;
mod store_check;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use devops::health::{DetailLevel, HealthStatus};
use devops::{
    BackupSource, Health, HealthSource, LogControl, MetricsSource, OperatorAccess, Readiness,
    StatusSource,
};
use journal::Embedded;
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::app::Gateway;
use crate::reload::{Certificates, InForce};
use crate::telemetry::metrics;
pub(crate) use access::access_settings;
pub(crate) use configuration::effective;
pub(crate) use denials::{Denial, Denials};
pub(crate) use namespaces::{ClosedNamespaces, FencedJournal};
pub(crate) use store_check::StoreChecks;

/// Health, metrics and status of this process.
pub(crate) struct Operator {
    pub(crate) in_force: Arc<InForce>,
    pub(crate) access: Arc<OperatorAccess>,
    /// The store without the fence of closed namespaces.
    pub(crate) store: Arc<Embedded>,
    pub(crate) closed_namespaces: Arc<ClosedNamespaces>,
    /// What is in force, without secrets.
    pub(crate) configuration: ArcSwap<Value>,
    pub(crate) log_control: Arc<dyn LogControl>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) status: Map<String, Value>,
    pub(crate) store_path: PathBuf,
    pub(crate) store_checks: StoreChecks,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) room: Mutex<Option<disk::Room>>,
}

impl Operator {
    /// The gateway as configured now.
    pub(crate) fn gateway(&self) -> Arc<Gateway> {
        self.in_force.gateway()
    }

    /// Looks at everything that probes must not look at themselves; run every few seconds.
    pub(crate) async fn look_around(self: &Arc<Self>) {
        self.look_at_store().await;
        *self.room.lock() = disk::Room::at(&self.store_path);
        self.expire_log_levels();
        let is_healthy = self.health().is_healthy();
        self.gateway()
            .is_healthy
            .store(is_healthy, Ordering::Relaxed);
    }

    /// Takes back log levels whose end has come.
    fn expire_log_levels(&self) {
        if let Err(error) = self.log_control.expire(self.gateway().clock.now()) {
            tracing::warn!(%error, "Log levels that were to end did not");
        }
    }

    fn persistence(&self) -> Health {
        let health = self.store_checks.health();
        let health = if self.store.accepts_writes() {
            health
        } else {
            health.with_detail(DetailLevel::Error, "the store accepts no more writes")
        };
        let closed = self.closed_namespaces.list();
        let health = if closed.is_empty() {
            health
        } else {
            health.with_detail(DetailLevel::Warn, json!({ "blocked-namespaces": closed }))
        };
        health.labelled("persistence")
    }

    fn streams(&self) -> Health {
        let sessions = self.gateway().hub.sessions().count();
        Health::of(HealthStatus::Up)
            .with_detail(DetailLevel::Info, json!({ "sessions": sessions }))
            .labelled("streams")
    }
}

impl HealthSource for Operator {
    fn health(&self) -> Health {
        let mut parts = vec![
            self.persistence(),
            disk::health(*self.room.lock()),
            self.streams(),
        ];
        parts.extend(self.conditions());
        parts.extend(self.issuer_health());
        Health::composite(parts)
    }

    fn readiness(&self) -> Readiness {
        if self.gateway().is_up() {
            Readiness::Ready
        } else {
            Readiness::NotReady {
                reason: "The gateway is shutting down.".to_owned(),
            }
        }
    }
}

impl BackupSource for Operator {
    fn back_up(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let backup = self.store.back_up(out).map_err(io::Error::other)?;
        tracing::info!(
            position = backup.head.0,
            entities = backup.entities,
            "The store was copied"
        );
        Ok(())
    }
}

impl MetricsSource for Operator {
    fn render(&self) -> String {
        for (limit, keys) in self.gateway().limits.keys() {
            metrics::limit_keys(limit).set(keys as f64);
        }
        self.measure_conditions();
        self.measure_issuers();
        metrics::journal(self.store.written());
        metrics::policies_compiled(self.gateway().policies.compilations());
        self.metrics.run_upkeep();
        self.metrics.render()
    }
}

impl StatusSource for Operator {
    fn static_status(&self) -> Map<String, Value> {
        let mut status = self.status.clone();
        status.extend(self.condition_status());
        status
    }
}
