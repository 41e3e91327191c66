//! Certificates: PEM files into a `rustls` server configuration, with errors that name the file and the fault.
//!
//! TLS 1.2 and 1.3 (RFC 8446); the only protocol offered by ALPN (RFC 7301) is `http/1.1`.

use std::{
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use rustls::{InconsistentKeys, ServerConfig, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::config::server::{TlsConfig, TlsFiles};

mod validity;

use self::validity::Validity;

/// A certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`{path}` (relative paths start at `{base}`) cannot be read by user {user}: {source}")]
    Unreadable {
        /// The resolved path.
        path: PathBuf,
        /// What relative paths were resolved against.
        base: PathBuf,
        /// The id of the user this process runs as.
        user: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds no PEM at all.
    #[error("`{path}` is not PEM: it has no line `-----BEGIN …-----`")]
    NotPem {
        /// The file.
        path: PathBuf,
    },
    /// A PEM file holds something else than was needed.
    #[error("`{path}` is PEM, but holds no readable {wanted}")]
    Missing {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// The key is not that of the certificate.
    #[error(
        "the key in `{key}` does not belong to the first certificate in `{cert}`; after a renewal, use the new key"
    )]
    KeyMismatch {
        /// The file with the certificate.
        cert: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// The certificate is no longer valid.
    #[error("the certificate in `{path}` expired on {at}")]
    Expired {
        /// The file.
        path: PathBuf,
        /// When.
        at: Timestamp,
    },
    /// The certificate is not valid yet.
    #[error("the certificate in `{path}` is not valid before {at}")]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// From when on it will be.
        at: Timestamp,
    },
    /// The TLS library refuses it for another reason.
    #[error("the certificate in `{path}` cannot be used: {source}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// What a listener speaks: `None` is plain HTTP.
///
/// # Errors
///
/// [`TlsError`] if the files cannot be used at `now`.
pub fn server_config(tls: &TlsConfig, now: Timestamp) -> Result<Option<ServerConfig>, TlsError> {
    match tls {
        TlsConfig::Plain(_) => Ok(None),
        TlsConfig::Files(files) => load(files, now).map(Some),
    }
}

fn load(files: &TlsFiles, now: Timestamp) -> Result<ServerConfig, TlsError> {
    let chain = certificates(&files.cert, &files.base)?;
    let key = private_key(&files.key, &files.base)?;
    if let Some(leaf) = chain.first() {
        check_validity(leaf, &files.cert, now)?;
    }
    let refused = |source| TlsError::Refused {
        path: files.cert.clone(),
        source,
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| {
            if error == rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) {
                TlsError::KeyMismatch {
                    cert: files.cert.clone(),
                    key: files.key.clone(),
                }
            } else {
                refused(error)
            }
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path, base: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path, base)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) | Err(_) => Err(missing(path, &pem, "certificate")),
    }
}

fn private_key(path: &Path, base: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = read(path, base)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| missing(path, &pem, "private key"))
}

fn read(path: &Path, base: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable {
        path: path.to_owned(),
        base: base.to_owned(),
        user: current_user(),
        source,
    })
}

/// The id of the user this process runs as: the owner of its entry in `/proc`.
fn current_user() -> String {
    std::fs::metadata("/proc/self").map_or_else(|_| "?".to_owned(), |own| own.uid().to_string())
}

fn missing(path: &Path, pem: &[u8], wanted: &'static str) -> TlsError {
    let path = path.to_owned();
    let begin: &[u8] = b"-----BEGIN ";
    if pem.windows(begin.len()).any(|window| window == begin) {
        TlsError::Missing { path, wanted }
    } else {
        TlsError::NotPem { path }
    }
}

fn check_validity(leaf: &[u8], path: &Path, now: Timestamp) -> Result<(), TlsError> {
    let path = || path.to_owned();
    match Validity::of_certificate(leaf) {
        Some(validity) if now > validity.not_after => Err(TlsError::Expired {
            path: path(),
            at: validity.not_after,
        }),
        Some(validity) if now < validity.not_before => Err(TlsError::NotYetValid {
            path: path(),
            at: validity.not_before,
        }),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
