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
use rustls::{InconsistentKeys, crypto::aws_lc_rs, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::config::server::TlsFiles;

mod certificate;
mod facts;
mod x509;

pub(crate) use certificate::{Certificate, Loaded};
pub(crate) use facts::Facts;

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

fn load(files: &TlsFiles, now: Timestamp) -> Result<Loaded, TlsError> {
    let chain = certificates(&files.cert, &files.base)?;
    let key = private_key(&files.key, &files.base)?;
    let facts = Facts::of(&chain.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    check_validity(&facts, &files.cert, now)?;
    let key =
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| {
            if error == rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) {
                TlsError::KeyMismatch {
                    cert: files.cert.clone(),
                    key: files.key.clone(),
                }
            } else {
                TlsError::Refused {
                    path: files.cert.clone(),
                    source: error,
                }
            }
        })?;
    Ok(Loaded {
        key: Arc::new(key),
        facts,
    })
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

fn check_validity(facts: &Facts, path: &Path, now: Timestamp) -> Result<(), TlsError> {
    let path = || path.to_owned();
    match (facts.not_before, facts.not_after) {
        (_, Some(end)) if now > end => Err(TlsError::Expired {
            path: path(),
            at: end,
        }),
        (Some(start), _) if now < start => Err(TlsError::NotYetValid {
            path: path(),
            at: start,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
