//! The certificate of a listener, replaced while connections go on.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::facts::Facts;
use super::{TlsError, load};
use crate::config::server::{TlsConfig, TlsFiles};

/// A chain with its key, ready for handshakes, and what operators must know of it.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(super) key: Arc<CertifiedKey>,
    pub(crate) facts: Facts,
}

/// What a listener shows from the next handshake on. Connections that are open keep what they began with.
pub(crate) struct Certificate(ArcSwap<Loaded>);

impl Certificate {
    /// The certificate that a listener begins with; `None` if it speaks plain HTTP.
    ///
    /// # Errors
    ///
    /// [`TlsError`] if the files cannot be used at `now`.
    pub(crate) fn open(tls: &TlsConfig, now: Timestamp) -> Result<Option<Arc<Self>>, TlsError> {
        match tls {
            TlsConfig::Plain(_) => Ok(None),
            TlsConfig::Files(files) => {
                let loaded = load(files, now)?;
                Ok(Some(Arc::new(Self(ArcSwap::from_pointee(loaded)))))
            }
        }
    }

    /// Reads files as a start would, and changes nothing.
    ///
    /// # Errors
    ///
    /// [`TlsError`] if they cannot be used at `now`.
    pub(crate) fn read(files: &TlsFiles, now: Timestamp) -> Result<Loaded, TlsError> {
        load(files, now)
    }

    /// Shows `loaded` from the next handshake on; false if it is what is shown already.
    pub(crate) fn replace(&self, loaded: Loaded) -> bool {
        if self.0.load().key.cert == loaded.key.cert {
            return false;
        }
        self.0.store(Arc::new(loaded));
        true
    }

    /// What operators must know of the one in use.
    pub(crate) fn facts(&self) -> Facts {
        self.0.load().facts.clone()
    }

    /// TLS 1.3 and 1.2 with this certificate, and `http/1.1` only.
    pub(crate) fn server_config(self: &Arc<Self>) -> ServerConfig {
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
                .expect("the provider has cipher suites for both versions")
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(Resolver(Arc::clone(self))));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }
}

/// Hands the certificate of now to a handshake.
struct Resolver(Arc<Certificate>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.0.load().key))
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Resolver")
    }
}
