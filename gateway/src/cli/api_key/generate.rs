//! Makes a key.

use std::path::PathBuf;

use authentication::api_key::{
    Environment as KeyEnvironment, generate_legacy, generate_with_pepper,
};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::super::{Console, Failure};
use super::block::{CredentialBlock, in_seconds};
use super::sources::{configuration, key_settings, pepper};
use crate::clock::{Clock, SystemClock};
use crate::config::authentication::ApiKeys;
use crate::config::value::Period;

/// How to make a key.
#[derive(Debug, Args)]
pub(in crate::cli) struct Generate {
    /// The identity the key is for, in the block that --yaml prints
    #[arg(long, default_value = "my-identity")]
    identity: String,
    #[command(flatten)]
    make: Make,
    /// A configuration file whose brand and pepper apply
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long, conflicts_with = "yaml")]
    json: bool,
    /// Print a block for `auth.identities` too
    #[arg(long)]
    yaml: bool,
}

/// What a new key is like.
#[derive(Debug, Args)]
pub(in crate::cli) struct Make {
    /// What the key is for
    #[arg(long, value_enum, default_value = "live")]
    env: KeyKind,
    /// Our form, checked fast, or that of Edge Server with a slow hash
    #[arg(long, value_enum, default_value = "native")]
    format: KeyFormat,
    /// How long the key counts, e.g. `90d`; `never` to leave it open
    #[arg(long, default_value = "90d", value_name = "DURATION")]
    expires: String,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum KeyKind {
    /// Real plants.
    Live,
    /// Trying things out.
    Test,
}

/// What a key looks like.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum KeyFormat {
    /// `<brand>_<env>_<key id>_<secret>`.
    Native,
    /// Base64.
    Edge,
}

/// A key that was just made.
pub(in crate::cli) struct Made {
    pub(super) key: SecretString,
    pub(super) credential: CredentialBlock,
}

impl Make {
    pub(super) fn make(
        &self,
        settings: &ApiKeys,
        pepper: Option<&SecretString>,
    ) -> Result<Made, Failure> {
        let now = in_seconds(SystemClock.now());
        let environment = match self.env {
            KeyKind::Live => KeyEnvironment::Live,
            KeyKind::Test => KeyEnvironment::Test,
        };
        let (key, hash) = match self.format {
            KeyFormat::Native => {
                let made = generate_with_pepper(&settings.brand, environment, pepper);
                (made.key, made.verifier)
            }
            KeyFormat::Edge => {
                let made = generate_legacy();
                (made.key, made.verifier)
            }
        };
        let key_hint = match self.format {
            KeyFormat::Native => None,
            KeyFormat::Edge => authentication::api_key::key_hint(&key).ok(),
        };
        Ok(Made {
            key,
            credential: CredentialBlock {
                hash,
                key_hint,
                created_at: Some(now),
                expires_at: self.end(now)?,
                ..CredentialBlock::default()
            },
        })
    }

    fn end(&self, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
        if self.expires == "never" {
            return Ok(None);
        }
        let lifetime: Period = self
            .expires
            .parse()
            .map_err(|error| Failure::Usage(format!("--expires: {error}")))?;
        let end = now.checked_add(lifetime.duration());
        end.map(Some)
            .map_err(|_| Failure::Usage("--expires: too far away".to_owned()))
    }
}

impl Generate {
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<(), Failure> {
        let config = self
            .config
            .as_deref()
            .map(|file| configuration(file, console));
        let config = config.transpose()?;
        let settings = config.as_ref().map_or_else(ApiKeys::default, key_settings);
        let made = self
            .make
            .make(&settings, config.as_ref().and_then(pepper).as_ref())?;
        let credential = &made.credential;
        if self.json {
            let answer = serde_json::json!({
                "key": made.key.expose_secret(),
                "hash": credential.hash,
                "keyHint": credential.key_hint,
                "createdAt": credential.created_at,
                "expiresAt": credential.expires_at,
            });
            writeln!(console.output, "{answer}")?;
            return Ok(());
        }
        made.show(console)?;
        if self.yaml {
            let identity = serde_json::Value::from(self.identity);
            writeln!(
                console.output,
                "\n{identity}:\n  credentials:\n    - {credential}\n  permissions: []"
            )?;
        }
        Ok(())
    }
}

impl Made {
    /// The two lines of Edge Server.
    pub(super) fn show(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        writeln!(
            console.output,
            "Generated Private Key: {}",
            self.key.expose_secret()
        )?;
        writeln!(
            console.output,
            "Secure Public Hash: {}",
            self.credential.hash
        )?;
        Ok(())
    }
}
