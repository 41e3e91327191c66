//! How the issuers of tokens are, for `/status/health` and metrics.

use authentication::IssuerHealth;
use devops::health::{DetailLevel, HealthStatus};
use devops::{Health, IssuerSource};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Operator;
use crate::telemetry::metrics::revocations;

impl Operator {
    /// Of clients and of operators, as far as there are any.
    pub(super) fn issuer_health(&self) -> impl Iterator<Item = Health> {
        [
            ("issuers", self.clients_issuers()),
            ("operator-issuers", self.operators_issuers()),
        ]
        .into_iter()
        .filter(|(_, issuers)| !issuers.is_empty())
        .map(|(label, issuers)| health(&issuers).labelled(label))
    }

    /// Measures issuers and revocations.
    pub(super) fn measure_issuers(&self) {
        measure("public", &self.clients_issuers());
        measure("operators", &self.operators_issuers());
        revocations().set(self.gateway().revocations.len() as f64);
    }

    fn operators_issuers(&self) -> Vec<IssuerHealth> {
        self.access.issuer_health(self.gateway().clock.now())
    }

    fn clients_issuers(&self) -> Vec<IssuerHealth> {
        let gateway = self.gateway();
        let jwt = gateway.jwt.as_ref();
        jwt.map(|jwt| jwt.issuer_health(gateway.clock.now()))
            .unwrap_or_default()
    }
}

impl IssuerSource for Operator {
    fn issuers(&self) -> Vec<Value> {
        let of_clients = self.clients_issuers();
        let of_operators = self.operators_issuers();
        let of_clients = of_clients.iter().map(|issuer| shown("public", issuer));
        let of_operators = of_operators.iter().map(|issuer| shown("operators", issuer));
        of_clients.chain(of_operators).collect()
    }
}

/// One part per issuer. An issuer's outage is never this gateway's: what is wrong is a warning.
fn health(issuers: &[IssuerHealth]) -> Health {
    Health::composite(issuers.iter().map(one).collect())
}

fn one(issuer: &IssuerHealth) -> Health {
    let status = if issuer.usable {
        HealthStatus::Up
    } else {
        HealthStatus::Unknown
    };
    let detail = json!({
        "issuer": issuer.issuer,
        "keys": issuer.keys,
        "usable": issuer.usable,
        "lastSuccess": issuer.last_success.map(|at| at.to_string()),
    });
    let health = Health::of(status).with_detail(DetailLevel::Info, detail);
    let health = match failing(issuer) {
        Some((at, reason)) => health.with_detail(
            DetailLevel::Warn,
            json!({ "lastFailure": at.to_string(), "reason": reason }),
        ),
        None => health,
    };
    health.labelled(issuer.name.clone())
}

fn shown(listener: &str, issuer: &IssuerHealth) -> Value {
    json!({
        "listener": listener,
        "name": issuer.name,
        "issuer": issuer.issuer,
        "keys": issuer.keys,
        "usable": issuer.usable,
        "lastSuccess": issuer.last_success,
        "failing": failing(issuer).map(|(_, reason)| reason),
    })
}

/// The last failure, unless a fetch succeeded since.
fn failing(issuer: &IssuerHealth) -> Option<&(Timestamp, String)> {
    let failure = issuer.last_failure.as_ref()?;
    let is_over = issuer
        .last_success
        .is_some_and(|success| success > failure.0);
    (!is_over).then_some(failure)
}

/// `jwt_issuer_keys`, `jwt_issuer_usable` and `jwt_key_fetches_total`, by the listener whose tokens it makes, the issuer's
/// configured name and `iss`.
fn measure(listener: &str, issuers: &[IssuerHealth]) {
    for issuer in issuers {
        let labels = [
            ("listener", listener.to_owned()),
            ("issuer", issuer.name.clone()),
            ("iss", issuer.issuer.clone()),
        ];
        metrics::gauge!("jwt_issuer_keys", &labels).set(issuer.keys as f64);
        metrics::gauge!("jwt_issuer_usable", &labels).set(f64::from(u8::from(issuer.usable)));
        for (outcome, count) in [("succeeded", issuer.successes), ("failed", issuer.failures)] {
            let [listener, name, iss] = labels.clone();
            let labels = [listener, name, iss, ("outcome", outcome.to_owned())];
            metrics::counter!("jwt_key_fetches_total", &labels).absolute(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer() -> IssuerHealth {
        IssuerHealth {
            name: "acme".to_owned(),
            issuer: "id.example".to_owned(),
            keys: 2,
            usable: true,
            last_success: Some(at(10)),
            last_failure: None,
            successes: 1,
            failures: 0,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[track_caller]
    fn check(issuer: IssuerHealth, expected_status: &str, expected_warning: Option<&str>) {
        let json = health(&[issuer]).to_json();
        assert_eq!(json["status"], expected_status, "{json}");
        let details = json["children"][0]["details"].as_array().unwrap();
        let warning = details
            .iter()
            .find_map(|detail| detail["WARN"]["reason"].as_str());
        assert_eq!(warning, expected_warning, "{json}");
    }

    #[test]
    fn an_outage_is_a_warning_and_never_down() {
        let failure = Some((at(20), "timeout".to_owned()));
        check(issuer(), "UP", None);
        check(
            IssuerHealth {
                last_failure: failure.clone(),
                ..issuer()
            },
            "UP",
            Some("timeout"),
        );
        check(
            IssuerHealth {
                last_failure: failure.clone(),
                last_success: Some(at(30)),
                ..issuer()
            },
            "UP",
            None,
        );
        check(
            IssuerHealth {
                last_failure: failure,
                usable: false,
                ..issuer()
            },
            "UNKNOWN",
            Some("timeout"),
        );
    }
}
