//! `twinward api-key`: keys for identities, with the words of Edge Server's command line.
//!
//! Source: Ditto Edge Server documentation, page "Identity and Access Guide".

use std::{path::PathBuf, process::ExitCode};

use authentication::api_key::{Environment as KeyEnvironment, KeyVerifier, generate_with_pepper};
use clap::{Args, Subcommand, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

use super::{Console, Failure};
use crate::config::{LoadOptions, authentication::ApiKeys, load, value::Secret};

/// Make and check API keys.
#[derive(Debug, Subcommand)]
pub(super) enum ApiKeyCommand {
    /// Make a key; it is shown once and stored nowhere
    Generate(Generate),
    /// Check a key against a hash: exit code 0 valid, 1 invalid, 2 unreadable
    Validate(Validate),
}

/// How to make a key.
#[derive(Debug, Args)]
pub(super) struct Generate {
    /// The identity the key is for, in the block that --yaml prints
    #[arg(long, default_value = "my-identity")]
    identity: String,
    /// What the key is for
    #[arg(long, value_enum, default_value = "live")]
    env: KeyKind,
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

/// What a key is for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum KeyKind {
    /// Real plants.
    Live,
    /// Trying things out.
    Test,
}

/// What to check.
#[derive(Debug, Args)]
pub(super) struct Validate {
    #[command(flatten)]
    key: KeySource,
    #[command(flatten)]
    hash: HashSource,
    /// The identity in that file; absent: any of them
    #[arg(long, requires = "config")]
    identity: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct KeySource {
    /// The key; other users of this machine can see it while the command runs
    #[arg(long)]
    key: Option<String>,
    /// Read the key from standard input
    #[arg(long)]
    key_stdin: bool,
    /// Read the key from this environment variable
    #[arg(long, value_name = "VAR")]
    key_env: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct HashSource {
    /// The hash
    #[arg(long)]
    hash: Option<String>,
    /// A configuration file with hashes
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ApiKeyCommand {
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
        match self {
            Self::Generate(generate) => generate.run(console).map(|()| ExitCode::SUCCESS),
            Self::Validate(validate) => validate.run(console).map(|valid| {
                if valid {
                    ExitCode::SUCCESS
                } else {
                    ExitCode::from(1)
                }
            }),
        }
    }
}

impl Generate {
    fn run(self, console: &mut Console<'_>) -> Result<(), Failure> {
        let settings = match &self.config {
            Some(file) => key_settings(file, console)?,
            None => ApiKeys::default(),
        };
        let environment = match self.env {
            KeyKind::Live => KeyEnvironment::Live,
            KeyKind::Test => KeyEnvironment::Test,
        };
        let pepper = settings.pepper.as_ref().map(Secret::secret_string);
        let made = generate_with_pepper(&settings.brand, environment, pepper.as_ref());
        let key = made.key.expose_secret();
        let hash = &made.verifier;
        if self.json {
            let answer = serde_json::json!({ "key": key, "hash": hash });
            writeln!(console.output, "{answer}")?;
            return Ok(());
        }
        writeln!(console.output, "Generated Private Key: {key}")?;
        writeln!(console.output, "Secure Public Hash: {hash}")?;
        if self.yaml {
            let identity = serde_json::Value::from(self.identity);
            writeln!(
                console.output,
                "\n{identity}:\n  credential: {{ api_key: \"{hash}\" }}\n  permissions: []"
            )?;
        }
        Ok(())
    }
}

impl Validate {
    fn run(self, console: &mut Console<'_>) -> Result<bool, Failure> {
        let (hashes, pepper) = self.hashes(console)?;
        let key = self.key.read(console)?;
        let mut valid = false;
        for hash in hashes {
            let verifier = KeyVerifier::parse(&hash, pepper.as_ref())
                .map_err(|error| Failure::Usage(format!("{}: {error}", error.code())))?;
            valid |= verifier.verify(key.expose_secret());
        }
        let verdict = if valid {
            "Key is valid"
        } else {
            "Key is invalid"
        };
        writeln!(console.output, "{verdict}")?;
        Ok(valid)
    }

    fn hashes(
        &self,
        console: &Console<'_>,
    ) -> Result<(Vec<String>, Option<SecretString>), Failure> {
        let Some(file) = &self.hash.config else {
            return Ok((self.hash.hash.iter().cloned().collect(), None));
        };
        let loaded = load(&LoadOptions {
            file: Some(file.clone()),
            environment: console.environment.clone(),
            ..LoadOptions::default()
        })?;
        let providers = loaded.config.auth.providers();
        let wanted = |name: &String| {
            self.identity
                .as_ref()
                .is_none_or(|identity| identity == name)
        };
        let hashes: Vec<String> = providers
            .into_iter()
            .flat_map(|providers| &providers.identities)
            .filter(|(name, _)| wanted(name))
            .flat_map(|(_, identity)| identity.all_credentials())
            .map(|credential| credential.api_key.expose().to_owned())
            .collect();
        if hashes.is_empty() {
            return Err(Failure::Usage("the file has no such identity".to_owned()));
        }
        let pepper = providers.and_then(|providers| providers.api_keys.pepper.as_ref());
        Ok((hashes, pepper.map(Secret::secret_string)))
    }
}

impl KeySource {
    /// A line break at the end of standard input is dropped, and nothing else.
    fn read(self, console: &mut Console<'_>) -> Result<SecretString, Failure> {
        if let Some(key) = self.key {
            writeln!(
                console.errors,
                "warning: other users of this machine can see a key given as an argument; use --key-stdin"
            )?;
            return Ok(key.into());
        }
        if let Some(name) = self.key_env {
            let key = console.environment.get(&name).cloned();
            return key.map(SecretString::from).ok_or_else(|| {
                Failure::Usage(format!("the environment variable `{name}` is not set"))
            });
        }
        let mut key = String::new();
        console.input.read_to_string(&mut key)?;
        let key = key.strip_suffix('\n').unwrap_or(&key);
        let key = key.strip_suffix('\r').unwrap_or(key);
        Ok(key.to_owned().into())
    }
}

fn key_settings(file: &std::path::Path, console: &Console<'_>) -> Result<ApiKeys, Failure> {
    let loaded = load(&LoadOptions {
        file: Some(file.to_owned()),
        environment: console.environment.clone(),
        ..LoadOptions::default()
    })?;
    let providers = loaded.config.auth.providers();
    Ok(providers.map_or_else(ApiKeys::default, |providers| providers.api_keys.clone()))
}
