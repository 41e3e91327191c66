//! Replaces a key by another, with a time in which both count.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::super::{Console, Failure};
use super::block::{CredentialBlock, in_seconds};
use super::generate::Make;
use super::sources::{configuration, identity, key_settings, pepper};
use super::validate::verifier;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::config::authentication::{Identity, IdentityCredential};
use crate::config::value::Period;
use crate::credential_use;

/// Which key to replace, and how.
#[derive(Debug, Args)]
pub(in crate::cli) struct Rotate {
    /// The identity whose key is replaced
    #[arg(long)]
    identity: String,
    /// The configuration file with its hash
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How long the old key goes on counting; 0 after it was lost to somebody
    #[arg(
        long,
        default_value = "7d",
        value_name = "DURATION",
        conflicts_with = "finish"
    )]
    overlap: String,
    /// Print the block without the old keys, unless one was used in the last 24 hours
    #[arg(long)]
    finish: bool,
    #[command(flatten)]
    make: Make,
}

/// A key that was used so lately is still in use.
const IN_USE_WITHIN: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

impl Rotate {
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<(), Failure> {
        let config = configuration(&self.config, console)?;
        let now = in_seconds(SystemClock.now());
        if self.finish {
            return self.finish(&config, now, console);
        }
        let overlap: Period = self
            .overlap
            .parse()
            .map_err(|error| Failure::Usage(format!("--overlap: {error}")))?;
        let end = now
            .checked_add(overlap.duration())
            .map_err(|_| Failure::Usage("--overlap: too far away".to_owned()))?;
        let identity = identity(&config, &self.identity)?;
        let made = self
            .make
            .make(&key_settings(&config), pepper(&config).as_ref())?;
        made.show(console)?;
        let old = identity
            .all_credentials()
            .map(|credential| CredentialBlock {
                expires_at: credential.expires_at.into_iter().chain([end]).min(),
                ..block_of(credential)
            });
        self.print(old.chain([made.credential.clone()]), console)
    }

    /// Drops every key but the newest.
    fn finish(
        &self,
        config: &Config,
        now: Timestamp,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let identity = identity(config, &self.identity)?;
        let (old, newest) = old_and_newest(identity)?;
        let uses = credential_use::read(&config.store.path)
            .map_err(|error| Failure::Internal(error.to_string()))?;
        let uses = uses.ok_or_else(|| {
            Failure::Usage(format!(
                "no gateway has run with `{}`, so that nothing is known of the keys' use; run this where its data folder is",
                config.store.path.display()
            ))
        })?;
        for credential in old {
            let verifier = verifier(credential.api_key.expose(), pepper(config).as_ref())?;
            let used = uses.get(verifier.key_id());
            if let Some(used) = used.filter(|used| now.duration_since(used.at) < IN_USE_WITHIN) {
                return Err(Failure::Usage(format!(
                    "the old key `{}` was last used at {} from {}; move that client first",
                    verifier.key_id(),
                    used.at,
                    used.source
                )));
            }
        }
        self.print([block_of(newest)].into_iter(), console)
    }

    fn print(
        &self,
        credentials: impl Iterator<Item = CredentialBlock>,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        writeln!(
            console.output,
            "\n# In `auth.identities.{}`, instead of `credential` or `credentials`:\ncredentials:",
            self.identity
        )?;
        for credential in credentials {
            writeln!(console.output, "  - {credential}")?;
        }
        Ok(())
    }
}

/// By when they were made; those that do not say so, in their order, before the others.
fn old_and_newest(
    identity: &Identity,
) -> Result<(Vec<&IdentityCredential>, &IdentityCredential), Failure> {
    let mut credentials: Vec<_> = identity.all_credentials().collect();
    credentials.sort_by_key(|credential| credential.created_at);
    let newest = credentials
        .pop()
        .ok_or_else(|| Failure::Usage("the identity has no credential".to_owned()))?;
    Ok((credentials, newest))
}

fn block_of(credential: &IdentityCredential) -> CredentialBlock {
    CredentialBlock {
        hash: credential.api_key.expose().to_owned(),
        key_hint: credential.key_hint.clone(),
        created_at: credential.created_at,
        not_before: credential.not_before,
        expires_at: credential.expires_at,
        comment: credential.comment.clone(),
    }
}
