//! Makes slow hashes of Edge Server's keys cheap: by a hint, or by a fast hash in their place.

use std::path::PathBuf;

use authentication::api_key::{adopt, key_hint};
use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::super::{Console, Failure};
use super::sources::{configuration, pepper, read_key};
use super::validate::{hashes_of, verifier};

/// Reads the key from standard input.
#[derive(Debug, Args)]
pub(in crate::cli) struct Hint {}

/// Which key to replace the hash of; reads the key from standard input.
#[derive(Debug, Args)]
pub(in crate::cli) struct Adopt {
    /// The identity that has the key
    #[arg(long)]
    identity: String,
    /// The configuration file with its hash
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Hint {
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<(), Failure> {
        let key = read_key(console)?;
        let hint = key_hint(&key).map_err(|weak| Failure::Usage(format!("key.weak: {weak}")))?;
        writeln!(console.output, "{hint}")?;
        Ok(())
    }
}

impl Adopt {
    /// Whether the key was that of the identity.
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<bool, Failure> {
        let config = configuration(&self.config, console)?;
        let hashes = hashes_of(&config, &self.identity)?;
        let key = read_key(console)?;
        let pepper = pepper(&config);
        if !fits_any(&key, &hashes, pepper.as_ref())? {
            writeln!(console.output, "Key is invalid")?;
            return Ok(false);
        }
        let hash = adopt(&key, pepper.as_ref())
            .map_err(|weak| Failure::Usage(format!("key.weak: {weak}")))?;
        writeln!(console.output, "Secure Public Hash: {hash}")?;
        Ok(true)
    }
}

fn fits_any(
    key: &SecretString,
    hashes: &[String],
    pepper: Option<&SecretString>,
) -> Result<bool, Failure> {
    for hash in hashes {
        if verifier(hash, pepper)?.verify(key.expose_secret()) {
            return Ok(true);
        }
    }
    Ok(false)
}
