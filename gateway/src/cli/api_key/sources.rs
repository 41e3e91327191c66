//! Where keys and hashes come from.

use std::path::{Path, PathBuf};

use clap::Args;
use secrecy::SecretString;

use super::super::{Console, Failure};
use crate::config::authentication::{ApiKeys, Identity};
use crate::config::value::Secret;
use crate::config::{Config, LoadOptions, load_without_hashes};

/// Where the key is read from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct KeySource {
    /// The key; other users of this machine can see it while the command runs
    #[arg(long)]
    pub(super) key: Option<String>,
    /// Read the key from standard input
    #[arg(long)]
    pub(super) key_stdin: bool,
    /// Read the key from this environment variable
    #[arg(long, value_name = "VAR")]
    pub(super) key_env: Option<String>,
}

impl KeySource {
    pub(super) fn read(self, console: &mut Console<'_>) -> Result<SecretString, Failure> {
        let key = if let Some(key) = self.key {
            writeln!(
                console.errors,
                "warning: other users of this machine can see a key given as an argument; use --key-stdin"
            )?;
            key.into()
        } else if let Some(name) = self.key_env {
            let key = console.environment.get(&name).cloned();
            key.map(SecretString::from).ok_or_else(|| {
                Failure::Usage(format!("the environment variable `{name}` is not set"))
            })?
        } else {
            return read_key(console);
        };
        without_white_space(key)
    }
}

/// A line break at the end of standard input is dropped, and nothing else.
pub(super) fn read_key(console: &mut Console<'_>) -> Result<SecretString, Failure> {
    let mut key = String::new();
    console.input.read_to_string(&mut key)?;
    let key = key.strip_suffix('\n').unwrap_or(&key);
    let key = key.strip_suffix('\r').unwrap_or(key);
    without_white_space(key.to_owned().into())
}

/// White space is reported, never repaired: who pasted it must know.
fn without_white_space(key: SecretString) -> Result<SecretString, Failure> {
    let text = secrecy::ExposeSecret::expose_secret(&key);
    match text.find(char::is_whitespace) {
        _ if text.is_empty() => Err(Failure::Usage("key.empty: the key is empty".to_owned())),
        Some(position) => Err(Failure::Usage(format!(
            "key.whitespace: the key has white space at byte {position}"
        ))),
        None => Ok(key),
    }
}

/// A configuration file, as a start would read it but for the hashes, which may be what is about to be replaced.
pub(super) fn configuration(file: &Path, console: &Console<'_>) -> Result<Config, Failure> {
    let loaded = load_without_hashes(&LoadOptions {
        file: Some(PathBuf::from(file)),
        environment: console.environment.clone(),
        ..LoadOptions::default()
    })?;
    Ok(loaded.config)
}

/// How keys are made and checked under this configuration.
pub(super) fn key_settings(config: &Config) -> ApiKeys {
    let providers = config.auth.providers();
    providers.map_or_else(ApiKeys::default, |providers| providers.api_keys.clone())
}

/// What verifiers are made with under this configuration.
pub(super) fn pepper(config: &Config) -> Option<SecretString> {
    let providers = config.auth.providers()?;
    providers
        .api_keys
        .pepper
        .as_ref()
        .map(Secret::secret_string)
}

/// The identity with this name.
pub(super) fn identity<'a>(config: &'a Config, name: &str) -> Result<&'a Identity, Failure> {
    config
        .auth
        .providers()
        .and_then(|providers| providers.identities.get(name))
        .ok_or_else(|| Failure::Usage(format!("the file has no identity `{name}`")))
}
