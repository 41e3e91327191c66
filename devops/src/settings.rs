//! What an operator can set about the operator service: plain data, filled by whoever reads the configuration.

use std::time::Duration;

use authentication::GuardSettings;
use ipnet::IpNet;

use crate::https::HttpsPolicy;

/// The operator service's settings.
#[derive(Debug, Clone)]
pub struct DevopsSettings {
    /// Name of this process in answers that list instances.
    pub instance: String,
    /// Peers whose `X-Forwarded-For` names the source that failed attempts count for, and whose `X-Forwarded-Proto` says
    /// what the client spoke.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether nobody but these proxies is answered, probes apart.
    pub only_trusted_peers: bool,
    /// What is asked of clients that do not speak HTTPS.
    pub https: HttpsPolicy,
    /// How failed attempts slow a source down; `None` never does.
    pub brute_force: Option<GuardSettings>,
    /// Certificate and protocol versions; `None` speaks plain HTTP.
    pub tls: Option<rustls::ServerConfig>,
    /// Connections at once; more wait in the backlog.
    pub connections_max: usize,
    /// Largest request body.
    pub body_bytes_max: usize,
    /// How long a client may take to send a request's head.
    pub head_timeout: Duration,
    /// How long a client may take to send a request's body.
    pub body_timeout: Duration,
    /// How long open requests may go on after the stop.
    pub shutdown_timeout: Duration,
}

impl DevopsSettings {
    /// Longest path with its query, in bytes.
    pub const TARGET_BYTES_MAX: usize = 8 * 1024;
}

impl Default for DevopsSettings {
    fn default() -> Self {
        Self {
            instance: "gateway-0".to_owned(),
            trusted_proxies: Vec::new(),
            only_trusted_peers: false,
            https: HttpsPolicy::default(),
            brute_force: Some(GuardSettings::default()),
            tls: None,
            connections_max: 256,
            body_bytes_max: 64 * 1024,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(5),
        }
    }
}

/// How the operators' page logs in where tokens are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsoleSettings {
    /// The issuer's address, with its scheme.
    pub issuer: Option<String>,
    /// The public client registered with it.
    pub client_id: Option<String>,
    /// The scope that is asked for.
    pub scope: String,
    /// The resource that the token is for (RFC 8707).
    pub resource: Option<String>,
}
