//! From configuration to the plain settings of each room.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::Context;
use audit::FileSettings;
use authentication::{GuardSettings, TrustedPeer};
use devops::{DevopsSettings, HttpsPolicy, LogLevel};
use journal::Retention;
use policies::{
    AnnouncementSettings, Backoff, CreatedKind, CreationRules, NamespacePolicies, PolicyLimits,
};
use rustls::ServerConfig;
use things::ThingLimits;

use crate::app::{EdgeSettings, ServerSettings};
use crate::config::authentication::Authentication;
use crate::config::authentication::{IdentityRateLimit, NamespaceResourceType};
use crate::config::entities::CreationRule;
use crate::config::server::{EdgeHttpApi, EdgeScope, HttpServer, PlainHttp, TlsConfig};
use crate::config::value::{ListenAddress, Period, Switchable};
use crate::config::{Config, limits, streaming, telemetry};
use crate::edge::{OriginPolicy, Peers};
use crate::limits::{LimitSettings, RateLimit};
use crate::streaming::{StreamingSettings, Throttling};
use crate::telemetry::logging::LogFormat;

pub(super) fn logging(config: &telemetry::Logging) -> (LogLevel, LogFormat) {
    let level = config
        .effective_level()
        .as_filter()
        .parse()
        .unwrap_or(LogLevel::Info);
    let format = match config.format {
        telemetry::LogFormat::Text => LogFormat::Text,
        telemetry::LogFormat::Json => LogFormat::Json,
    };
    (level, format)
}

pub(super) fn limits(config: &Config) -> LimitSettings {
    let identities = config.auth.providers().into_iter();
    let identities = identities.flat_map(|providers| &providers.identities);
    let per_key = throttle(&config.http_server, EdgeScope::ApiKey);
    let per_address = throttle(&config.http_server, EdgeScope::Ip);
    let config = &config.limits;
    LimitSettings {
        per_identity: identities
            .filter_map(|(name, identity)| {
                let own = identity.rate_limit.as_ref().map(identity_rate);
                Some((name.clone(), own.or(per_key)?))
            })
            .collect(),
        per_source: per_address.or_else(|| rate(&config.per_source)),
        per_subject: rate(&config.per_subject),
        handshakes_per_source: rate(&config.handshakes_per_source),
        streams_per_source: count(&config.streams_per_source),
        streams_per_subject: count(&config.streams_per_subject),
        waiting_per_source: count(&config.waiting_per_source),
        waiting_per_subject: count(&config.waiting_per_subject),
    }
}

/// What makes callers that keep failing wait; nobody fails where nobody is asked for a credential.
pub(crate) fn guard(config: &Config) -> Option<GuardSettings> {
    let brute_force = config.auth.providers()?.brute_force()?;
    Some(GuardSettings {
        failures: brute_force.failures,
        window: brute_force.window.duration(),
        block: brute_force.block.duration(),
    })
}

/// What Edge Server's rule for `scope` says, if there is one.
fn throttle(server: &HttpServer, scope: EdgeScope) -> Option<RateLimit> {
    let mut rules = server.limits.iter().flat_map(|limits| &limits.throttle);
    let rule = rules.find(|rule| rule.scope == scope)?;
    let requests = NonZeroU32::new(rule.max_requests)?;
    Some(RateLimit {
        requests,
        window: Duration::from_secs(rule.window_secs.into()),
        burst: requests,
    })
}

fn identity_rate(limit: &IdentityRateLimit) -> RateLimit {
    let requests = NonZeroU32::new(limit.max_requests).unwrap_or(NonZeroU32::MIN);
    RateLimit {
        requests,
        window: Duration::from_secs(limit.window_secs.into()),
        burst: requests,
    }
}

fn rate(config: &Switchable<limits::RateLimit>) -> Option<RateLimit> {
    config.settings().map(|limit| RateLimit {
        requests: NonZeroU32::new(limit.requests).unwrap_or(NonZeroU32::MIN),
        window: limit.window.duration(),
        burst: NonZeroU32::new(limit.burst()).unwrap_or(NonZeroU32::MIN),
    })
}

fn count(config: &Switchable<limits::Count>) -> Option<usize> {
    config.settings().map(|count| count.0 as usize)
}

pub(super) fn edge(config: &Config) -> EdgeSettings {
    let server = &config.http_server;
    EdgeSettings {
        peers: Peers {
            on_unix_socket: matches!(server.listen_addr, ListenAddress::Unix(_)),
            trusted_proxies: server
                .trusted_proxies
                .iter()
                .filter_map(|cidr| cidr.network())
                .collect(),
        },
        speaks_tls: matches!(server.tls_config, TlsConfig::Files(_)),
        only_trusted_peers: server.tls_config == TlsConfig::Plain(PlainHttp::TerminatedByProxy),
        body_bytes_max: server.max_body_size.in_memory(),
        request_timeout: server.request_timeout.duration(),
        serves_health: server.enable_healthcheck,
        serves_api: !matches!(server.http_api, EdgeHttpApi::All(false)),
        serves_docs: server.serve_docs,
        origins: OriginPolicy {
            public_hosts: server.public_hosts.clone(),
            allowed_origins: server.allowed_origins.clone(),
        },
        streaming: streaming(&config.streaming),
        https: HttpsPolicy {
            is_forced: server.force_https,
            redirects: server.redirect_to_https,
            strict_for: server.strict_transport_security.map(Period::duration),
        },
        vouching_peers: vouching_peers(config),
    }
}

/// Nobody's, if the header does not count at all.
fn vouching_peers(config: &Config) -> Vec<TrustedPeer> {
    let settings = config.auth.providers();
    let settings = settings.map(Authentication::pre_authenticated_settings);
    settings
        .filter(|settings| settings.enabled)
        .map(|settings| settings.trusted_peers)
        .unwrap_or_default()
}

pub(super) fn audit(config: &Config) -> audit::Settings {
    let audit = &config.audit;
    audit::Settings {
        file: FileSettings {
            path: config.audit_path(),
            bytes_max: audit.max_size.in_memory() as u64,
            age_max: audit.max_age.map(Period::duration),
            keep: audit.keep as usize,
        },
        level: match audit.level {
            telemetry::AuditLevel::Writes => audit::Level::Writes,
            telemetry::AuditLevel::Full => audit::Level::Full,
        },
        on_full: match audit.on_full {
            telemetry::AuditOnFull::Block => audit::OnFull::Block,
            telemetry::AuditOnFull::DropAndCount => audit::OnFull::DropAndCount,
            telemetry::AuditOnFull::FailClosed => audit::OnFull::FailClosed,
        },
        // Every open connection may hold the place of the change that it is about.
        queue: audit::Settings::QUEUE + config.http_server.max_connections,
    }
}

fn streaming(config: &streaming::Streaming) -> StreamingSettings {
    let (websocket, sse) = (&config.websocket, &config.sse);
    StreamingSettings {
        websocket_throttling: websocket.throttling.enabled.then(|| Throttling {
            interval: websocket.throttling.interval.duration(),
            limit: websocket.throttling.limit,
            rejection_factor: websocket.throttling.rejection_factor,
        }),
        websocket_frame_bytes_max: websocket.max_frame_size.in_memory(),
        websocket_outbound_bytes_max: websocket.outbound_buffer.in_memory(),
        sse_throttling: sse.throttling.enabled.then(|| Throttling {
            interval: sse.throttling.interval.duration(),
            limit: sse.throttling.limit,
            rejection_factor: f64::INFINITY,
        }),
        sse_outbound_bytes_max: sse.outbound_buffer.in_memory(),
        sse_heartbeat: sse.heartbeat.duration(),
    }
}

pub(super) fn server(config: &Config, tls: Option<ServerConfig>) -> ServerSettings {
    let server = &config.http_server;
    ServerSettings {
        workers: std::thread::available_parallelism().map_or(1, usize::from),
        connections_max: server
            .max_connections
            .min(edge_connections_max(server))
            .min(descriptors_max().saturating_sub(DESCRIPTORS_RESERVED)),
        shutdown_timeout: server.shutdown_timeout.duration(),
        tls,
    }
}

/// Edge Server's limit of connections, if there is one.
fn edge_connections_max(server: &HttpServer) -> usize {
    let limits = server.limits.as_ref();
    let connections_max = limits.and_then(|limits| limits.max_connections);
    connections_max.unwrap_or(usize::MAX)
}

/// Left for files of the store, outgoing connections and the operator listener.
const DESCRIPTORS_RESERVED: usize = 512;

/// The soft limit of open files of this process.
fn descriptors_max() -> usize {
    std::fs::read_to_string("/proc/self/limits")
        .ok()
        .and_then(|limits| {
            let line = limits
                .lines()
                .find(|line| line.starts_with("Max open files"))?;
            line.split_whitespace().nth(3)?.parse().ok()
        })
        .unwrap_or(1024)
}

pub(super) fn policies(config: &Config) -> PolicyLimits {
    PolicyLimits {
        policy_size_max: config.limits.policy_size.in_memory(),
        imports_max: config.limits.policy_imports,
        default_namespace: config.policies.default_namespace.clone(),
        subject_expiry_granularity: config.policies.subject_expiry_granularity.duration(),
        announcement_granularity: config
            .policies
            .subject_deletion_announcement_granularity
            .duration(),
    }
}

pub(super) fn announcements(config: &Config) -> AnnouncementSettings {
    let announcement = &config.policies.announcement;
    AnnouncementSettings {
        grace_period: announcement.grace_period.duration(),
        timeout_max: announcement.max_timeout.duration(),
        when_deleted: announcement.enable_announcements_when_deleted,
        randomization_interval: announcement.default_randomization_interval.duration(),
        backoff: Backoff {
            shortest: announcement.backoff.min.duration(),
            longest: announcement.backoff.max.duration(),
            random_factor: announcement.backoff.random_factor,
        },
    }
}

pub(super) fn namespace_policies(config: &Config) -> anyhow::Result<NamespacePolicies> {
    let configured = config
        .policies
        .namespace_policies
        .iter()
        .map(|(pattern, ids)| {
            Ok((
                pattern.clone(),
                ids.iter().map(|id| id.parse()).collect::<Result<_, _>>()?,
            ))
        })
        .collect::<Result<Vec<_>, policies::EntityIdError>>()
        .context("`policies.namespace_policies`")?;
    NamespacePolicies::new(configured).context("`policies.namespace_policies`")
}

pub(super) fn creation_rules(config: &Config) -> CreationRules {
    let rules = |rules: &[CreationRule]| rules.iter().map(creation_rule).collect();
    let configured = &config.policies.entity_creation;
    CreationRules {
        grant: rules(&configured.grant),
        revoke: rules(&configured.revoke),
    }
}

fn creation_rule(rule: &CreationRule) -> policies::CreationRule {
    let kinds = rule.resource_types.iter().map(|kind| match kind {
        NamespaceResourceType::Thing => CreatedKind::Thing,
        NamespaceResourceType::Policy => CreatedKind::Policy,
    });
    policies::CreationRule {
        kinds: kinds.collect(),
        namespaces: rule.namespaces.clone(),
        subjects: rule.auth_subjects.clone(),
        definitions: rule.thing_definitions.clone(),
    }
}

pub(super) fn retention(config: &Config) -> Retention {
    Retention {
        age: config.history.retention.duration(),
        revisions_max: config.history.max_revisions,
    }
}

pub(super) fn things(config: &Config) -> ThingLimits {
    ThingLimits {
        thing_size_max: config.limits.thing_size.in_memory(),
        default_namespace: config.policies.default_namespace.clone(),
    }
}

/// Name of this process where instances are listed.
pub(crate) const INSTANCE: &str = "twinward-0";

pub(super) fn devops(config: &Config, tls: Option<ServerConfig>) -> DevopsSettings {
    let operator = &config.devops;
    DevopsSettings {
        instance: INSTANCE.to_owned(),
        trusted_proxies: operator
            .trusted_proxies
            .iter()
            .filter_map(|cidr| cidr.network())
            .collect(),
        only_trusted_peers: operator.tls_config == TlsConfig::Plain(PlainHttp::TerminatedByProxy),
        https: HttpsPolicy {
            is_forced: operator.force_https,
            redirects: operator.redirect_to_https,
            strict_for: operator.strict_transport_security.map(Period::duration),
        },
        brute_force: Some(GuardSettings::default()),
        tls,
        ..DevopsSettings::default()
    }
}
