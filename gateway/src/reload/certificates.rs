//! The certificates of both listeners.

use std::sync::Arc;

use anyhow::Context;
use audit::{Auditor, Event};
use jiff::Timestamp;
use rustls::ServerConfig;

use crate::config::Config;
use crate::config::server::TlsConfig;
use crate::tls::{Certificate, Facts, Loaded};

/// Days before the end of a certificate on which operators are reminded.
const REMINDERS: [i64; 3] = [30, 14, 3];

/// The certificates that are shown; of a plain listener none.
pub(crate) struct Certificates {
    public: Option<Arc<Certificate>>,
    devops: Option<Arc<Certificate>>,
}

/// Certificates that were read and may be shown.
pub(crate) struct Renewed(Vec<(&'static str, Loaded)>);

impl Certificates {
    /// # Errors
    ///
    /// [`crate::tls::TlsError`] if files cannot be used at `now`.
    pub(crate) fn open(config: &Config, now: Timestamp) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            public: Certificate::open(&config.http_server.tls_config, now)
                .context("the public listener's certificate")?,
            devops: Certificate::open(&config.devops.tls_config, now)
                .context("the operator listener's certificate")?,
        }))
    }

    pub(crate) fn public(&self) -> Option<ServerConfig> {
        self.public.as_ref().map(Certificate::server_config)
    }

    pub(crate) fn devops(&self) -> Option<ServerConfig> {
        self.devops.as_ref().map(Certificate::server_config)
    }

    /// Reads the files again, and changes nothing yet.
    ///
    /// # Errors
    ///
    /// As [`Certificates::open`].
    pub(super) fn read(&self, config: &Config, now: Timestamp) -> anyhow::Result<Renewed> {
        let mut renewed = Vec::new();
        for (name, certificate, tls) in [
            ("public", &self.public, &config.http_server.tls_config),
            ("devops", &self.devops, &config.devops.tls_config),
        ] {
            if let (Some(_), TlsConfig::Files(files)) = (certificate, tls) {
                let loaded = Certificate::read(files, now)
                    .with_context(|| format!("the certificate of listener `{name}`"))?;
                renewed.push((name, loaded));
            }
        }
        Ok(Renewed(renewed))
    }

    /// Shows them from the next handshakes on.
    pub(super) fn replace(&self, renewed: Renewed, auditor: &Auditor, now: Timestamp) {
        for (name, loaded) in renewed.0 {
            let facts = loaded.facts.clone();
            if !self
                .of(name)
                .is_some_and(|certificate| certificate.replace(loaded))
            {
                continue;
            }
            if let Some(not_after) = facts.not_after {
                auditor.record(Event::tls_reloaded(now, name, not_after));
            }
            tracing::info!(
                listener = name,
                tls.not_after = facts.not_after.map(tracing::field::display),
                tls.names = facts.names.join(","),
                "Listener `{name}` shows another certificate from now on"
            );
        }
    }

    /// What operators must know, by listener.
    pub(crate) fn facts(&self) -> Vec<(&'static str, Facts)> {
        ["public", "devops"]
            .into_iter()
            .filter_map(|name| Some((name, self.of(name)?.facts())))
            .collect()
    }

    /// Says what may keep clients from trusting them.
    pub(crate) fn warn(&self, public_hosts: &[String]) {
        for (name, facts) in self.facts() {
            let hosts: &[String] = if name == "public" { public_hosts } else { &[] };
            for doubt in facts.doubts(hosts) {
                tracing::warn!(
                    listener = name,
                    "The certificate of listener `{name}`: {doubt}"
                );
            }
        }
    }

    /// Reminds of certificates that end soon; `since` is when this was last done.
    pub(crate) fn remind(&self, auditor: &Auditor, since: Option<Timestamp>, now: Timestamp) {
        for (name, facts) in self.facts() {
            let (Some(days), Some(not_after)) = (facts.days_left(now), facts.not_after) else {
                continue;
            };
            let before = since.and_then(|since| facts.days_left(since));
            if !is_reminder_due(days, before) {
                continue;
            }
            auditor.record(Event::tls_expiring(now, name, not_after, days));
            tracing::warn!(
                listener = name,
                tls.not_after = %not_after,
                "The certificate of listener `{name}` expires in {days} days"
            );
        }
    }

    fn of(&self, name: &str) -> Option<&Arc<Certificate>> {
        match name {
            "public" => self.public.as_ref(),
            "devops" => self.devops.as_ref(),
            _ => None,
        }
    }
}

/// Once when a day of reminding is reached, and at the start if it was reached before.
fn is_reminder_due(days: i64, before: Option<i64>) -> bool {
    REMINDERS
        .iter()
        .any(|day| days <= *day && before.is_none_or(|before| before > *day))
}

#[cfg(test)]
mod tests {
    use super::is_reminder_due;

    #[test]
    fn reminders_come_thirty_fourteen_and_three_days_before() {
        assert!(is_reminder_due(29, None));
        assert!(is_reminder_due(30, Some(31)));
        assert!(!is_reminder_due(29, Some(30)));
        assert!(is_reminder_due(14, Some(15)));
        assert!(is_reminder_due(2, Some(4)));
        assert!(!is_reminder_due(31, None));
        assert!(!is_reminder_due(1, Some(1)));
    }
}
