//! The sockets that clients and operators connect to.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use audit::{Auditor, Event};
use jiff::Timestamp;
use serde_json::json;

use crate::bootstrap;
use crate::config::Config;
use crate::config::server::{PlainHttp, TlsConfig};
use crate::config::value::ListenAddress;

/// A bound socket.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Binds, so that a port in use is told at start-up; a stale Unix socket of an earlier run is replaced.
    pub(super) fn bind(address: &ListenAddress) -> io::Result<Self> {
        match address {
            ListenAddress::Tcp { host, port } => {
                let listener = TcpListener::bind((host.as_str(), *port))
                    .map_err(|error| not_bound(&format!("{host}:{port}"), &error))?;
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(listener))
            }
            ListenAddress::Unix(path) => Self::bind_unix(path),
        }
    }

    fn bind_unix(path: &Path) -> io::Result<Self> {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            let message = format!("{} is in use by another process", path.display());
            return Err(io::Error::new(io::ErrorKind::AddrInUse, message));
        }
        match std::fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path)?,
            Ok(_) => {
                let message = format!("{} exists and is no socket", path.display());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
            Err(_) => {}
        }
        let listener = UnixListener::bind(path).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot listen on {}: {error}", path.display()),
            )
        })?;
        listener.set_nonblocking(true)?;
        Ok(Self::Unix(listener))
    }

    /// `host:port` or `unix:/path`, with the port that was really taken.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => listener
                .local_addr()
                .map_or_else(|_| "?".to_owned(), |address| address.to_string()),
            Self::Unix(listener) => {
                let path = listener
                    .local_addr()
                    .ok()
                    .and_then(|address| address.as_pathname().map(Path::to_owned));
                path.map_or_else(|| "?".to_owned(), |path| format!("unix:{}", path.display()))
            }
        }
    }
}

/// Who cannot listen at `address` must know whether somebody else does.
fn not_bound(address: &str, error: &io::Error) -> io::Error {
    let is_taken = error.kind() == io::ErrorKind::AddrInUse;
    let whose = if is_taken {
        "another process does already: "
    } else {
        ""
    };
    let message = format!("cannot listen on {address}: {whose}{error}");
    io::Error::new(error.kind(), message)
}

/// Where the two listeners are, for whoever started the process with port 0.
pub(crate) struct Endpoints {
    pub(super) public: String,
    pub(super) devops: String,
}

impl Endpoints {
    const FILE: &str = "endpoints.json";

    /// Logs the addresses and writes them to `endpoints.json` in the store's folder, all at once.
    pub(super) fn announce(&self, config: &Config) -> io::Result<()> {
        let folder = &config.store.path;
        for (address, tls, whom) in [
            (&self.public, &config.http_server.tls_config, "clients"),
            (&self.devops, &config.devops.tls_config, "operators"),
        ] {
            let tls = tls_words(tls);
            tracing::info!(address, tls, "Listening for {whom}, TLS is {tls}");
        }
        let is_tls = matches!(config.devops.tls_config, TlsConfig::Files(_));
        let text = json!({ "public": self.public, "devops": self.devops, "devops_tls": is_tls })
            .to_string();
        let unfinished = folder.join(".endpoints.json");
        std::fs::write(&unfinished, text)?;
        std::fs::rename(unfinished, folder.join(Self::FILE))
    }

    /// Records where the process listens, and whether with TLS.
    pub(super) fn record(&self, config: &Config, auditor: &Auditor, now: Timestamp) {
        for (name, address, tls) in [
            ("public", &self.public, &config.http_server.tls_config),
            ("devops", &self.devops, &config.devops.tls_config),
        ] {
            let tls = tls_words(tls);
            auditor.record(Event::server_listen(now, name, address, tls));
        }
    }

    /// The same with what `curl` needs before it; a port 0 of the configuration is the one that was taken.
    pub(super) fn for_curl(&self, config: &Config) -> bootstrap::Endpoints {
        let mut bound = config.clone();
        for (address, configured) in [
            (&self.public, &mut bound.http_server.listen_addr),
            (&self.devops, &mut bound.devops.listen_addr),
        ] {
            if let (ListenAddress::Tcp { port, .. }, Ok(taken)) =
                (configured, address.parse::<SocketAddr>())
            {
                *port = taken.port();
            }
        }
        bootstrap::Endpoints::of(&bound)
    }

    /// Removes the file: nobody listens there any more.
    pub(super) fn withdraw(&self, folder: &Path) {
        let _ = std::fs::remove_file(folder.join(Self::FILE));
    }
}

/// Whether a listener speaks TLS, and if not, why.
fn tls_words(tls: &TlsConfig) -> &'static str {
    match tls {
        TlsConfig::Plain(PlainHttp::DevMode) => "off (dev_mode)",
        TlsConfig::Plain(PlainHttp::TerminatedByProxy) => "off (terminated_by_proxy)",
        TlsConfig::Files(_) => "on",
    }
}
