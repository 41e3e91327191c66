//! `twinward password`: hashes for `devops.devops_passwords` and `devops.status_passwords`.

use std::process::ExitCode;

use authentication::password::{generate_password, hash_password};
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};

use super::{Console, Failure};

/// Hash passwords of operators.
#[derive(Debug, Subcommand)]
pub(super) enum PasswordCommand {
    /// Hash the password on standard input, or a new one
    Hash(Hash),
}

/// What to hash.
#[derive(Debug, Args)]
pub(super) struct Hash {
    /// Make a password and print it above its hash
    #[arg(long)]
    generate: bool,
}

impl PasswordCommand {
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
        let Self::Hash(hash) = self;
        let password = if hash.generate {
            let password = generate_password();
            writeln!(console.output, "Password: {}", password.expose_secret())?;
            password
        } else {
            read_password(console)?
        };
        let hash = hash_password(password.expose_secret());
        writeln!(console.output, "{hash}")?;
        Ok(ExitCode::SUCCESS)
    }
}

fn read_password(console: &mut Console<'_>) -> Result<SecretString, Failure> {
    let mut line = String::new();
    console.input.read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    match password {
        "" => Err(Failure::Usage(
            "expected a password on standard input, e.g. `twinward password hash < FILE`, or --generate".to_owned(),
        )),
        "foobar" | "status" => Err(Failure::Usage(
            "everybody knows this password; choose another, or use --generate".to_owned(),
        )),
        _ => Ok(password.to_owned().into()),
    }
}
