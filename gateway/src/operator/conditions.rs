//! The conditions that the process runs under: its configuration, its certificates, and whether it is recorded.

use devops::Health;
use devops::health::{DetailLevel, HealthStatus};
use serde_json::{Map, Value, json};

use super::{Operator, effective};
use crate::assembly::INSTANCE;
use crate::config::Loaded;
use crate::telemetry::metrics;

/// A certificate that ends within so many days is a warning.
const WARNING_DAYS: i64 = 14;

impl Operator {
    /// Another configuration is in force.
    pub(crate) fn configured(&self, loaded: &Loaded) {
        self.configuration
            .store(std::sync::Arc::new(effective(loaded, INSTANCE)));
    }

    pub(super) fn conditions(&self) -> Vec<Health> {
        let mut conditions = vec![self.configuration_health()];
        conditions.extend(self.audit_health());
        conditions.extend(self.certificate_health());
        conditions
    }

    /// What `/status` says of them.
    pub(super) fn condition_status(&self) -> Map<String, Value> {
        let certificates = self.certificates.facts().into_iter().map(|(name, facts)| {
            let time = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string());
            let facts = json!({
                "not-before": time(facts.not_before),
                "not-after": time(facts.not_after),
                "names": facts.names,
            });
            (name.to_owned(), facts)
        });
        let mut status = Map::new();
        status.insert("configuration".to_owned(), self.in_force.status().to_json());
        status.insert(
            "certificates".to_owned(),
            Value::Object(certificates.collect()),
        );
        status
    }

    pub(super) fn measure_conditions(&self) {
        for (name, facts) in self.certificates.facts() {
            if let Some(not_after) = facts.not_after {
                metrics::certificate_expiry(name).set(not_after.as_second() as f64);
            }
        }
        let status = self.in_force.status();
        metrics::config_epoch().set(status.epoch as f64);
        metrics::config_is_rejected().set(f64::from(u8::from(status.rejected.is_some())));
        if let Some(health) = self.gateway().auditor.health() {
            metrics::audit(&health);
        }
    }

    /// A configuration that was not put in force harms nobody yet, and will with the next start.
    fn configuration_health(&self) -> Health {
        let status = self.in_force.status();
        let health = Health::of(HealthStatus::Up).labelled("configuration");
        match status.rejected {
            None => health.with_detail(DetailLevel::Info, json!({ "epoch": status.epoch })),
            Some((at, why)) => health.with_detail(
                DetailLevel::Warn,
                json!({ "epoch": status.epoch, "rejected": { "at": at.to_string(), "why": why } }),
            ),
        }
    }

    fn audit_health(&self) -> Option<Health> {
        let audit = self.gateway().auditor.health()?;
        let health = Health::of(HealthStatus::Up).labelled("audit");
        let detail = json!({ "written": audit.written, "lost": audit.lost });
        Some(match audit.failure {
            None if audit.lost == 0 => health.with_detail(DetailLevel::Info, detail),
            None => health.with_detail(DetailLevel::Warn, detail),
            // Degraded, not down: whoever only reads is served all the same.
            Some(failure) => health.with_detail(
                DetailLevel::Warn,
                format!("audit records cannot be written: {failure}"),
            ),
        })
    }

    fn certificate_health(&self) -> Option<Health> {
        let facts = self.certificates.facts();
        if facts.is_empty() {
            return None;
        }
        let now = self.gateway().clock.now();
        let listeners = facts.into_iter().map(|(name, facts)| {
            let health = Health::of(HealthStatus::Up).labelled(name);
            let (Some(not_after), Some(days)) = (facts.not_after, facts.days_left(now)) else {
                return health;
            };
            let detail = json!({ "not-after": not_after.to_string(), "days-left": days });
            health.with_detail(certificate_level(days), detail)
        });
        Some(Health::composite(listeners.collect()).labelled("certificates"))
    }
}

/// Never an error, which would make supervisors restart the process: it would not start with an expired certificate.
const fn certificate_level(days_left: i64) -> DetailLevel {
    if days_left <= WARNING_DAYS {
        DetailLevel::Warn
    } else {
        DetailLevel::Info
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_warns_and_takes_nothing_down() {
        assert_eq!(certificate_level(15), DetailLevel::Info);
        for days in [14, 0, -1, -400] {
            assert_eq!(certificate_level(days), DetailLevel::Warn, "{days}");
        }
    }
}
