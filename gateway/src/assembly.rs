//! From configuration to a running process: what is opened, in which order, and what happens when it ends.

mod authentication;
mod background;
mod closing;
mod listener;
mod operator;
mod revocations;
mod settings;
mod shutdown;

use std::io::IsTerminal;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};

use ::authentication::Guard;
use ::authentication::api_key::{ApiKeyProvider, KeyMemory};
use actix_web::web::Data;
use anyhow::Context;
use audit::Auditor;
use journal::{Embedded, EmbeddedOptions, Journal, StoreError};
use policies::{Policies, SubjectKeeper};
use sd_notify::NotifyState;
use things::Things;

use crate::app::{self, Gateway};
use crate::bootstrap::{Bootstrap, Presentation};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Loaded, telemetry};
use crate::credential_use;
use crate::limits::Limits;
use crate::live::Live;
use crate::operator::{ClosedNamespaces, FencedJournal, effective};
use crate::reload::{Certificates, InForce, ReloadStatus, Reloader, Reloading, Watch};
use crate::streaming::Hub;
use crate::telemetry::audit::keys::{KeyRecorder, follow_revocations};
use crate::telemetry::traces::Traces;
use crate::telemetry::{logging, metrics};
pub(crate) use authentication::KeyServices;
use authentication::Predecessor;
pub(crate) use closing::Closing;
use listener::Endpoints;
pub(crate) use listener::Listener;
pub(crate) use revocations::token_lifetime_max;
pub(crate) use settings::INSTANCE;
use shutdown::Servers;

/// Runs the gateway until it is told to stop.
///
/// # Errors
///
/// Whatever kept it from starting, or from storing what it had acknowledged; [`StoreError`] is among the causes if the
/// store was the reason.
pub fn serve(loaded: Loaded) -> anyhow::Result<()> {
    let (level, format) = settings::logging(&loaded.config.logging);
    let log_control = logging::install(level, format).context("logging could not be started")?;
    for announcement in &loaded.announcements {
        tracing::warn!("{announcement}");
    }
    // From before they are read on, so that a change during the start counts.
    let watch = Watch::of(loaded.files());
    actix_web::rt::System::new().block_on(run((loaded, watch), log_control))
}

async fn run(
    (loaded, watch): (Loaded, Watch),
    log_control: Arc<dyn devops::LogControl>,
) -> anyhow::Result<()> {
    let config = &loaded.config;
    // The store first: it is locked, so that two processes never make credentials or endpoints in one folder.
    let journal = open_store(&loaded)?;
    let bootstrap = Bootstrap::prepare(&loaded)?;
    for notice in &bootstrap.notices {
        tracing::warn!("{notice}");
    }
    let metrics = metrics::install().context("metrics could not be started")?;
    let closed_namespaces = Arc::new(ClosedNamespaces::default());
    let fenced = FencedJournal::new(
        Arc::clone(&journal) as Arc<dyn Journal>,
        Arc::clone(&closed_namespaces),
    );
    let auditor = auditor(&loaded)?;
    let gateway = assemble(
        config,
        (Arc::new(fenced) as Arc<dyn Journal>, auditor.clone()),
        &bootstrap,
    )?;
    let in_force = InForce::new(gateway, status(&loaded), traces(&config.logging)?);
    let gateway = in_force.gateway();
    let certificates = Certificates::open(config, gateway.clock.now())?;
    certificates.warn(&config.http_server.public_hosts);
    let public = Listener::bind(&config.http_server.listen_addr).context("the public listener")?;
    let private = Listener::bind(&config.devops.listen_addr).context("the operator listener")?;
    let endpoints = Endpoints {
        public: public.address(),
        devops: private.address(),
    };
    let server_settings = settings::server(config, certificates.public());
    let public_server = app::serve(Data::from(Arc::clone(&in_force)), public, server_settings)
        .context("the public listener")?;
    let access = operator::access(config, bootstrap.operator_password())?;
    let operator = operator::assemble(
        (Arc::clone(&in_force), access),
        (log_control, metrics),
        operator::Parts {
            store: Arc::clone(&journal),
            closed_namespaces,
            configuration: effective(&loaded, INSTANCE),
            certificates: Arc::clone(&certificates),
            store_path: config.store.path.clone(),
            address: endpoints.public.clone(),
        },
    );
    let reloading = Reloading {
        in_force: Arc::clone(&in_force),
        operator: Arc::clone(&operator),
        certificates: Arc::clone(&certificates),
    };
    let operator_settings = settings::devops(config, certificates.devops());
    let operator_server = operator::serve(operator_settings, Arc::clone(&operator), private)?;
    let servers = Servers::start(public_server, operator_server);
    hand_over(&loaded, bootstrap, &endpoints)?;
    endpoints
        .announce(config)
        .context("writing endpoints.json")?;
    endpoints.record(config, &auditor, gateway.clock.now());
    until_shutdown(&loaded, Reloader::new(reloading, loaded.clone(), watch)).await?;
    let limit = config.http_server.shutdown_timeout.duration();
    servers.drain(&gateway, limit).await;
    background::write_key_uses(&gateway.keys, &config.store.path, &mut None);
    journal.close();
    auditor.record(audit::Event::server_stop(gateway.clock.now()));
    auditor.close();
    stop_tracing(&in_force).await;
    endpoints.withdraw(&config.store.path);
    tracing::info!("Stopped");
    Ok(())
}

/// Tells whoever supervises the process and wants to know, as systemd does with `Type=notify` (sd_notify(3)).
fn tell_supervisor(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "The supervisor could not be told how far the process is");
    }
}

/// Where spans go, if anywhere.
fn traces(logging: &telemetry::Logging) -> anyhow::Result<Option<Traces>> {
    let start = |endpoint: &String| Traces::start(endpoint, logging.otlp_sampling);
    let traces = logging.otlp_endpoint.as_ref().map(start);
    Ok(traces.transpose()?)
}

/// The last spans are sent on this runtime, so that nothing may wait for them here.
async fn stop_tracing(in_force: &Arc<InForce>) {
    if in_force.traces().is_none() {
        return;
    }
    let in_force = Arc::clone(in_force);
    let stopped = tokio::task::spawn_blocking(move || in_force.traces().map(Traces::shut_down));
    if let Err(error) = stopped.await {
        tracing::warn!(%error, "The last traces could not be sent");
    }
}

/// Runs what goes on besides the requests until the process is told to stop.
async fn until_shutdown(loaded: &Loaded, reloader: Reloader) -> anyhow::Result<()> {
    let (config, reloading) = (&loaded.config, reloader.reloading());
    let in_force = Arc::clone(&reloading.in_force);
    let gateway = in_force.gateway();
    let tasks = [
        background::keys(&in_force),
        background::forgetting(&in_force, config.history.retention.duration()),
        background::expiry(&in_force),
        background::announcements(&in_force),
        background::upkeep(&in_force, Arc::clone(&reloading.operator)),
        background::note_key_uses(&gateway.keys, config.store.path.clone()),
        background::reminders(&in_force, Arc::clone(&reloading.certificates)),
        reloader.run()?,
    ];
    tell_supervisor(NotifyState::Ready);
    shutdown::requested().await?;
    tell_supervisor(NotifyState::Stopping);
    for task in tasks {
        task.abort();
    }
    Ok(())
}

/// Tries everything that a start makes of the configuration, short of opening the store and listening; returns what a
/// start would say of keys.
pub(crate) fn check(config: &Config) -> anyhow::Result<Vec<String>> {
    settings::namespace_policies(config)?;
    Certificates::open(config, SystemClock.now())?;
    operator::access(config, None)?;
    let keys = key_services(config, &Auditor::off());
    authentication::assemble(config, None, (&keys, None))?;
    let Some(providers) = config.auth.providers() else {
        return Ok(Vec::new());
    };
    let settings = providers.api_key_settings(None);
    let (memory, guard) = (Arc::clone(&keys.memory), Arc::clone(&keys.guard));
    Ok(ApiKeyProvider::new(settings, memory, guard)?.notices())
}

/// The configuration that a start puts in force.
fn status(loaded: &Loaded) -> ReloadStatus {
    ReloadStatus {
        epoch: 1,
        digest: loaded.digest.clone(),
        since: SystemClock.now(),
        rejected: None,
        warnings: Vec::new(),
    }
}

/// What becomes of a gateway when it is configured otherwise.
pub(crate) struct Reassembled {
    pub(crate) gateway: Gateway,
    pub(crate) access: devops::AccessSettings,
    /// What an operator should know.
    pub(crate) notices: Vec<String>,
}

/// The successor of `gateway`: the same store and sessions, the same state of whatever is configured as before.
pub(crate) fn reassemble(
    gateway: &Gateway,
    old: &Loaded,
    new: &Loaded,
) -> anyhow::Result<Reassembled> {
    let config = &new.config;
    let bootstrap = Bootstrap::prepare(new)?.without_new();
    let keys = if old.values.is_same(&new.values, "auth.brute_force") {
        gateway.keys.clone()
    } else {
        KeyServices {
            memory: Arc::clone(&gateway.keys.memory),
            proofs: Arc::clone(&gateway.keys.proofs),
            ..key_services(config, &gateway.auditor)
        }
    };
    let predecessor = Predecessor {
        gateway,
        changes: (&old.values, &new.values),
    };
    let authentication::Assembled {
        chain,
        providers,
        jwt,
        namespaces,
        integration,
    } = authentication::assemble(config, bootstrap.identity(), (&keys, Some(&predecessor)))?;
    crate::streaming::revocation::follow_keys(jwt.as_ref(), &gateway.hub);
    let access = crate::operator::access_settings(&config.devops, bootstrap.operator_password());
    let successor = Gateway {
        chain: authentication::watched(chain, &gateway.revocations),
        providers,
        keys,
        configured_keys: Arc::new(config.configured_keys()),
        jwt,
        namespaces,
        integration,
        limits: Arc::new(gateway.limits.renewed(settings::limits(config))),
        settings: Arc::new(settings::edge(config)),
        ..gateway.clone()
    };
    Ok(Reassembled {
        gateway: successor,
        access,
        notices: bootstrap.notices,
    })
}

/// How much the configuration says to log.
pub(crate) fn log_level(config: &Config) -> devops::LogLevel {
    settings::logging(&config.logging).0
}

/// The record begins with who serves what is configured.
fn auditor(loaded: &Loaded) -> anyhow::Result<Auditor> {
    let settings = settings::audit(&loaded.config);
    let auditor = Auditor::start(settings, Arc::new(|| SystemClock.now())).context("`audit`")?;
    let now = SystemClock.now();
    auditor.record(audit::Event::server_start(now, env!("CARGO_PKG_VERSION")));
    auditor.record(audit::Event::config_loaded(
        now,
        loaded.digest.clone(),
        &loaded.announcements,
    ));
    if loaded.config.auth.is_dev_mode() {
        auditor.record(audit::Event::config_dev_mode(now));
    }
    Ok(auditor)
}

fn open_store(loaded: &Loaded) -> Result<Arc<Embedded>, StoreError> {
    let options = EmbeddedOptions {
        accept_damaged_tail: loaded.flags.accept_damaged_tail,
        ..EmbeddedOptions::default()
    };
    Embedded::open(&loaded.config.store.path, options)
}

/// Shows credentials that this start made, where only the operator sees them.
fn hand_over(loaded: &Loaded, bootstrap: Bootstrap, endpoints: &Endpoints) -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    let in_the_open = loaded.flags.print_credentials || output.is_terminal();
    let presentation = Presentation {
        output: &mut output,
        in_the_open,
    };
    Ok(bootstrap.hand_over(&endpoints.for_curl(&loaded.config), presentation)?)
}

/// What outlives every chain of providers.
fn key_services(config: &Config, auditor: &Auditor) -> KeyServices {
    let recorder = Arc::new(KeyRecorder(auditor.clone()));
    KeyServices {
        memory: Arc::new(KeyMemory::observed_by(recorder)),
        guard: Arc::new(Guard::new(settings::guard(config))),
        proofs: Arc::default(),
    }
}

/// The policies and things of `journal`, bounded as configured.
pub(crate) fn twins(
    config: &Config,
    journal: &Arc<dyn Journal>,
) -> anyhow::Result<(Arc<Policies>, Arc<Things>)> {
    let policies = Arc::new(
        Policies::new(Arc::clone(journal), settings::policies(config))
            .with_namespace_policies(settings::namespace_policies(config)?)
            .with_retention(settings::retention(config))
            .with_creation_rules(settings::creation_rules(config)),
    );
    let things = Arc::new(
        Things::new(
            Arc::clone(journal),
            Arc::clone(&policies),
            settings::things(config),
        )
        .with_retention(settings::retention(config)),
    );
    Ok((policies, things))
}

/// Everything behind the public listener.
fn assemble(
    config: &Config,
    (journal, auditor): (Arc<dyn Journal>, Auditor),
    bootstrap: &Bootstrap,
) -> anyhow::Result<Gateway> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (policies, things) = twins(config, &journal)?;
    let announcing = policies.watch_subjects()?;
    let hub = Hub::start(
        Arc::clone(&journal),
        Arc::clone(&things),
        Arc::clone(&clock),
    )
    .context("the publisher")?;
    let keys = key_services(config, &auditor);
    match credential_use::read(&config.store.path) {
        Ok(uses) => keys.memory.uses().restore(uses.unwrap_or_default()),
        Err(error) => tracing::warn!(%error, "When keys were last used cannot be read"),
    }
    let authentication::Assembled {
        chain,
        providers,
        jwt,
        namespaces,
        integration,
    } = authentication::assemble(config, bootstrap.identity(), (&keys, None))?;
    let revocations = revocations::open(config, Arc::clone(&journal))?;
    crate::streaming::revocation::follow(&revocations, &hub);
    follow_revocations(&revocations, &auditor, &clock);
    crate::streaming::revocation::follow_keys(jwt.as_ref(), &hub);
    Ok(Gateway {
        live: Arc::new(Live::new(
            Arc::clone(&things),
            Arc::clone(&hub),
            config.limits.message_size.in_memory(),
        )),
        limits: Arc::new(Limits::new(settings::limits(config))),
        settings: Arc::new(settings::edge(config)),
        auditor,
        closing: Arc::default(),
        is_healthy: Arc::new(AtomicBool::new(true)),
        denials: Arc::default(),
        in_force: Weak::new(),
        things,
        subjects: Arc::new(SubjectKeeper::new(
            Arc::clone(&policies),
            settings::announcements(config),
            announcing,
        )),
        policies,
        journal,
        chain: authentication::watched(chain, &revocations),
        providers,
        keys,
        configured_keys: Arc::new(config.configured_keys()),
        jwt,
        revocations,
        namespaces,
        integration,
        hub,
        clock,
    })
}

#[cfg(test)]
mod tests;
