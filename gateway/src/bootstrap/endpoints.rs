//! Where the listeners can be reached, in words for `curl`.

use std::net::IpAddr;

use crate::config::{Config, server::TlsConfig, value::ListenAddress};

/// What stands between `curl` and the path, for each listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The public listener, e.g. `http://127.0.0.1:8080`.
    pub public: String,
    /// The operators' listener, e.g. `http://127.0.0.1:8081`.
    pub operators: String,
}

impl Endpoints {
    /// Those of a configuration; a port 0 in it has to be replaced by the one that was bound.
    pub fn of(config: &Config) -> Self {
        Self {
            public: endpoint(
                &config.http_server.listen_addr,
                &config.http_server.tls_config,
            ),
            operators: endpoint(&config.devops.listen_addr, &config.devops.tls_config),
        }
    }
}

fn endpoint(address: &ListenAddress, tls: &TlsConfig) -> String {
    let scheme = match tls {
        TlsConfig::Plain(_) => "http",
        TlsConfig::Files(_) => "https",
    };
    match address {
        ListenAddress::Tcp { host, port } => match host.parse::<IpAddr>() {
            Ok(ip) if ip.is_unspecified() => format!("{scheme}://localhost:{port}"),
            Ok(_) | Err(_) => format!("{scheme}://{address}"),
        },
        ListenAddress::Unix(path) => {
            format!("--unix-socket '{}' {scheme}://localhost", path.display())
        }
    }
}
