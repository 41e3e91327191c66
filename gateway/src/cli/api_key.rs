//! `twinward api-key`: keys for identities, with the words of Edge Server's command line.
//!
//! Source: Ditto Edge Server documentation, page "Identity and Access Guide".

mod block;
mod generate;
mod inspect;
mod replace;
mod rotate;
mod sources;
mod validate;

use std::process::ExitCode;

use clap::Subcommand;

use super::{Console, Failure};

/// Make and check API keys.
#[derive(Debug, Subcommand)]
pub(super) enum ApiKeyCommand {
    /// Make a key; it is shown once and stored nowhere
    Generate(generate::Generate),
    /// Check a key against a hash: exit code 0 valid, 1 invalid, 2 unreadable
    Validate(validate::Validate),
    /// Say what a key on standard input says of itself, never the secret: exit code 0, 1 wrong checksum, 2 no key
    Inspect,
    /// Print the lookup hint of an Edge Server key, which spares slow hashes
    Hint(replace::Hint),
    /// Print a fast hash of an Edge Server key to replace its slow one
    Adopt(replace::Adopt),
    /// Make a key that replaces another one, with a time in which both count
    Rotate(rotate::Rotate),
}

impl ApiKeyCommand {
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
        match self {
            Self::Generate(generate) => generate.run(console).map(|()| ExitCode::SUCCESS),
            Self::Validate(validate) => validate.run(console).map(verdict),
            Self::Inspect => inspect::run(console).map(verdict),
            Self::Hint(hint) => hint.run(console).map(|()| ExitCode::SUCCESS),
            Self::Adopt(adopt) => adopt.run(console).map(verdict),
            Self::Rotate(rotate) => rotate.run(console).map(|()| ExitCode::SUCCESS),
        }
    }
}

fn verdict(is_good: bool) -> ExitCode {
    ExitCode::from(u8::from(!is_good))
}
