//! Puts another configuration in force.

use std::sync::Arc;

use actix_web::rt::task::JoinHandle;
use devops::{AccessSettings, LoggerName};
use jiff::Timestamp;
use policies::Principal;
use tokio::signal::unix::{SignalKind, signal};

use super::certificates::{Certificates, Renewed};
use super::watch::{LOOK_EVERY, Watch};
use super::withdrawn::Withdrawn;
use super::{InForce, ReloadStatus, fixed};
use crate::app::Gateway;
use crate::assembly::Reassembled;
use crate::config::Loaded;
use crate::operator::Operator;
use crate::streaming::CutReason;
use crate::telemetry::audit::keys::record_changes;
use crate::telemetry::metrics;

/// What a change of the configuration reaches.
#[derive(Clone)]
pub(crate) struct Reloading {
    pub(crate) in_force: Arc<InForce>,
    pub(crate) operator: Arc<Operator>,
    pub(crate) certificates: Arc<Certificates>,
}

/// Waits for changes, and carries them out one after the other.
pub(crate) struct Reloader {
    reloading: Reloading,
    loaded: Loaded,
    watch: Watch,
}

/// A configuration that was read, and everything that was made of it.
struct Prepared {
    loaded: Loaded,
    gateway: Gateway,
    access: AccessSettings,
    certificates: Renewed,
    warnings: Vec<String>,
}

impl Reloader {
    /// `loaded` is what is in force, and `watch` knows its files as they looked before it was made of them.
    pub(crate) fn new(reloading: Reloading, loaded: Loaded, watch: Watch) -> Self {
        Self {
            reloading,
            loaded,
            watch,
        }
    }

    pub(crate) fn reloading(&self) -> &Reloading {
        &self.reloading
    }

    /// Carries out changes until the task is aborted.
    ///
    /// # Errors
    ///
    /// If signals cannot be received.
    pub(crate) fn run(mut self) -> std::io::Result<JoinHandle<()>> {
        let mut hangup = signal(SignalKind::hangup())?;
        Ok(actix_web::rt::spawn(async move {
            // The watch is younger than the reading of the configuration itself.
            let now = crate::config::digest_of(self.loaded.file.as_deref());
            let mut is_stale = now != self.loaded.digest;
            let mut look = tokio::time::interval(LOOK_EVERY);
            loop {
                let trigger = tokio::select! {
                    _ = hangup.recv() => "SIGHUP",
                    _ = look.tick() => if std::mem::take(&mut is_stale) || self.watch.look() { "a changed file" } else { continue },
                };
                tracing::info!(trigger, "Reading the configuration again");
                // From before the reading on, so that a change during it counts.
                self.watch = Watch::of(self.loaded.files());
                self.reload().await;
                let files = self.loaded.files();
                if !self.watch.is_of(&files) {
                    self.watch = Watch::of(files);
                }
            }
        }))
    }

    async fn reload(&mut self) {
        let (reloading, loaded) = (self.reloading.clone(), self.loaded.clone());
        let prepared = actix_web::web::block(move || prepare(&reloading, &loaded)).await;
        let result = match prepared {
            Ok(Ok(prepared)) => self.put_in_force(prepared),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = result {
            self.reject(&error);
        }
    }

    /// Everything that can fail comes before the first change.
    fn put_in_force(&mut self, prepared: Prepared) -> anyhow::Result<()> {
        let Prepared {
            loaded,
            gateway,
            access,
            certificates,
            warnings,
        } = prepared;
        let Reloading {
            in_force,
            certificates: shown,
            ..
        } = &self.reloading;
        let (auditor, now) = (gateway.auditor.clone(), gateway.clock.now());
        self.reloading.operator.access.replace(access)?;
        shown.replace(certificates, &auditor, now);
        let lifetime = crate::assembly::token_lifetime_max(&loaded.config);
        gateway.revocations.set_token_lifetime_max(lifetime);
        self.set_log_level(&loaded);
        let withdrawn = Withdrawn::between(
            (&self.loaded.config, &self.loaded.values),
            (&loaded.config, &loaded.values),
        );
        let hub = Arc::clone(&gateway.hub);
        let jwt = gateway.jwt.clone();
        let configured_keys = Arc::clone(&gateway.configured_keys);
        let before = in_force.gateway();
        let status = ReloadStatus {
            epoch: in_force.status().epoch + 1,
            digest: loaded.digest.clone(),
            since: now,
            rejected: None,
            warnings: warnings.clone(),
        };
        auditor.set_epoch(status.epoch);
        in_force.replace(gateway);
        in_force.set_status(status.clone());
        self.reloading.operator.configured(&loaded);
        // After the replacement: whoever comes back at once is asked for what counts now.
        let is_meant = |principal: &Principal| {
            let misses_key = jwt
                .as_ref()
                .map(|jwt| jwt.misses_key_in_file(principal, before.jwt.as_deref()));
            withdrawn.concerns(principal) || misses_key == Some(true)
        };
        let cut = hub
            .sessions()
            .cut_where(&is_meant, &CutReason::Reconfigured);
        auditor.record(audit::Event::config_loaded(
            now,
            loaded.digest.clone(),
            &warnings,
        ));
        let keys = (&*before.configured_keys, &*configured_keys);
        record_changes(&auditor, keys, now);
        if loaded.config.auth.is_dev_mode() {
            auditor.record(audit::Event::config_dev_mode(now));
        }
        for warning in &warnings {
            tracing::warn!("{warning}");
        }
        shown.warn(&loaded.config.http_server.public_hosts);
        metrics::config_reloads("loaded").increment(1);
        tracing::info!(
            config.epoch = status.epoch,
            config.digest = loaded.digest,
            sessions_cut = cut,
            "Another configuration is in force"
        );
        self.loaded = loaded;
        Ok(())
    }

    fn set_log_level(&self, loaded: &Loaded) {
        let level = crate::assembly::log_level(&loaded.config);
        // What an operator set meanwhile stays, unless the file itself says something else than before.
        if level == crate::assembly::log_level(&self.loaded.config) {
            return;
        }
        let set = self
            .reloading
            .operator
            .log_control
            .set_level(&LoggerName::root(), level, None);
        if let Err(error) = set {
            tracing::warn!(%error, "The log level of the configuration is not in force");
        }
    }

    fn reject(&self, error: &anyhow::Error) {
        let why = format!("{error:#}");
        let in_force = &self.reloading.in_force;
        let gateway = in_force.gateway();
        let now: Timestamp = gateway.clock.now();
        let digest = crate::config::digest_of(self.loaded.file.as_deref());
        gateway
            .auditor
            .record(audit::Event::config_rejected(now, digest, &why));
        in_force.set_status(ReloadStatus {
            rejected: Some((now, why.clone())),
            ..in_force.status()
        });
        metrics::config_reloads("rejected").increment(1);
        tracing::error!(
            "The configuration stays as it was, because the new one cannot be used: {why}"
        );
    }
}

/// Reads everything again and makes what a start would make of it; changes nothing. Blocks: secrets are hashed.
fn prepare(reloading: &Reloading, old: &Loaded) -> anyhow::Result<Prepared> {
    let gateway = reloading.in_force.gateway();
    let now = gateway.clock.now();
    let mut loaded = old.again()?;
    let mut warnings = fixed::pin(
        (&old.config, &old.values),
        (&mut loaded.config, &loaded.values),
    );
    let certificates = reloading.certificates.read(&loaded.config, now)?;
    let Reassembled {
        gateway: reassembled,
        access,
        notices,
    } = crate::assembly::reassemble(&gateway, old, &loaded)?;
    warnings.extend(notices);
    warnings.extend(loaded.announcements.iter().cloned());
    Ok(Prepared {
        gateway: reassembled,
        loaded,
        access,
        certificates,
        warnings,
    })
}
