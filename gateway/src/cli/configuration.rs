//! `twinward config`: what a start would say, and what a file may contain.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand, ValueEnum};
use saphyr::{LoadableYamlNode, Yaml, YamlEmitter};

use super::{Console, Failure};
use crate::config::{LoadOptions, json_schema, load};

/// Check and describe the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Say what a start with this configuration would say
    Check(Check),
    /// Print the schema of the file, for editors
    Schema(Schema),
}

/// What to check.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The configuration file
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// How to print the schema.
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// The format
    #[arg(value_enum, default_value = "json")]
    format: SchemaFormat,
}

/// The formats of the schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SchemaFormat {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

impl ConfigCommand {
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
        match self {
            Self::Check(check) => check.run(console)?,
            Self::Schema(schema) => writeln!(console.output, "{}", schema.text()?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Check {
    fn run(self, console: &mut Console<'_>) -> Result<(), Failure> {
        let loaded = load(&LoadOptions {
            file: self.config,
            environment: console.environment.clone(),
            ..LoadOptions::default()
        })?;
        let notices = crate::assembly::check(&loaded.config)?;
        for announcement in loaded.announcements.iter().chain(&notices) {
            writeln!(console.output, "note: {announcement}")?;
        }
        writeln!(console.output, "The configuration can be used")?;
        Ok(())
    }
}

impl Schema {
    fn text(&self) -> Result<String, Failure> {
        let json = format!("{:#}", json_schema());
        match self.format {
            SchemaFormat::Json => Ok(json),
            SchemaFormat::Yaml => yaml_of(&json),
        }
    }
}

/// JSON is YAML, only not the way people write it.
fn yaml_of(json: &str) -> Result<String, Failure> {
    let failed = |message: String| Failure::Internal(format!("the schema as YAML: {message}"));
    let documents = Yaml::load_from_str(json).map_err(|error| failed(error.to_string()))?;
    let mut yaml = String::new();
    for document in &documents {
        YamlEmitter::new(&mut yaml)
            .dump(document)
            .map_err(|error| failed(error.to_string()))?;
    }
    Ok(yaml)
}
