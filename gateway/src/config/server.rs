//! `http_server`: the public listener.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use super::value::{Cidr, ListenAddress, Period, Size};

mod edge;

pub use edge::{EdgeEndpoint, EdgeHttpApi, EdgeLimits, EdgeScope, EdgeSwitch, EdgeThrottle};

/// The public listener.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(transform = accept_request_timeout_ms)]
pub struct HttpServer {
    /// Where it listens.
    pub listen_addr: ListenAddress,
    /// Plain HTTP or a certificate.
    pub tls_config: TlsConfig,
    /// Names that clients use; an `Origin` equal to one of them passes.
    pub public_hosts: Vec<String>,
    /// Further origins for CORS and WebSocket; `null` never passes.
    pub allowed_origins: Vec<String>,
    /// Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<Cidr>,
    /// The HTTP API: on, off, or Edge Server's switches per endpoint.
    pub http_api: EdgeHttpApi,
    /// Whether `/health` answers.
    pub enable_healthcheck: bool,
    /// Whether `/docs` shows `/openapi.json` as a page.
    pub serve_docs: bool,
    /// Names of the identities allowed here; absent: all.
    pub auth: Option<Vec<String>>,
    /// How long a request may take.
    pub request_timeout: Period,
    /// How long open requests may go on after the gateway was told to stop.
    pub shutdown_timeout: Period,
    /// Whether only HTTPS is served, with this listener or with a trusted proxy.
    pub force_https: bool,
    /// Whether plain HTTP is redirected where people, not programs, come.
    pub redirect_to_https: bool,
    /// How long browsers are told to use nothing but HTTPS; absent: they are not.
    pub strict_transport_security: Option<Period>,
    /// The largest body that is read.
    pub max_body_size: Size,
    /// How many connections may be open at once.
    #[schemars(range(min = 1))]
    pub max_connections: usize,
    /// Edge Server's limits block.
    pub limits: Option<EdgeLimits>,
}

impl Default for HttpServer {
    fn default() -> Self {
        Self {
            listen_addr: ListenAddress::Tcp {
                host: "127.0.0.1".to_owned(),
                port: 8080,
            },
            tls_config: TlsConfig::default(),
            public_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            trusted_proxies: loopback_networks(),
            http_api: EdgeHttpApi::All(true),
            enable_healthcheck: true,
            serve_docs: false,
            auth: None,
            request_timeout: Period::from_secs(60),
            shutdown_timeout: Period::from_secs(20),
            force_https: false,
            redirect_to_https: false,
            strict_transport_security: None,
            max_body_size: Size::from_kibibytes(1024),
            max_connections: 20_000,
            limits: None,
        }
    }
}

/// How a listener speaks: plain or TLS.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub enum TlsConfig {
    /// Plain HTTP, for the reason given.
    Plain(PlainHttp),
    /// TLS with this certificate.
    Files(TlsFiles),
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self::Plain(PlainHttp::DevMode)
    }
}

/// Why a listener may speak plain HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlainHttp {
    /// Only this machine connects.
    DevMode,
    /// A proxy in front ends TLS, and only `trusted_proxies` may connect.
    TerminatedByProxy,
}

/// Certificate and key, PEM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate chain, leaf first.
    pub cert: PathBuf,
    /// The private key of the leaf.
    pub key: PathBuf,
    /// What relative paths were resolved against, for errors.
    #[serde(skip)]
    pub base: PathBuf,
}

/// Every address of this machine itself: the default of every `trusted_proxies`.
pub(crate) fn loopback_networks() -> Vec<Cidr> {
    ["127.0.0.0/8", "::1/128"]
        .iter()
        .map(|network| network.parse().expect("the loopback networks parse"))
        .collect()
}

/// Edge Server writes the request timeout in milliseconds under a name of its own.
fn accept_request_timeout_ms(schema: &mut Schema) {
    if let Some(properties) = schema.get_mut("properties").and_then(|p| p.as_object_mut()) {
        properties.insert(
            REQUEST_TIMEOUT_MS.to_owned(),
            serde_json::json!({
                "description": "How long a request may take, in milliseconds; the same setting as `request_timeout`.",
                "type": "integer",
                "minimum": 0,
            }),
        );
    }
}

/// Edge Server's name of `request_timeout`; folded into it while the file is read.
pub(crate) const REQUEST_TIMEOUT_MS: &str = "request_timeout_ms";
