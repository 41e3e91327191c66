//! The store that a command works on, while no gateway does.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use journal::{Embedded, EmbeddedOptions, Journal, StoreError};
use policies::Policies;
use things::Things;

use super::{Console, Failure};
use crate::assembly;
use crate::config::{Flags, LoadOptions, Loaded, load};

/// Which store.
#[derive(Debug, Args)]
pub(super) struct StoreArguments {
    /// The configuration file that says where the store is, and how large policies and things may be
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of the store
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// What is kept in it.
pub(super) struct Twins {
    pub(super) journal: Arc<Embedded>,
    pub(super) policies: Arc<Policies>,
    pub(super) things: Arc<Things>,
    /// The folder of the store.
    pub(super) folder: PathBuf,
}

impl StoreArguments {
    pub(super) fn load(&self, console: &Console<'_>) -> Result<Loaded, Failure> {
        let data = self.data.as_ref();
        let data = data.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
        Ok(load(&LoadOptions {
            file: self.config.clone(),
            environment: console.environment.clone(),
            flags: Flags {
                data,
                ..Flags::default()
            },
        })?)
    }

    /// Opens a store that is there already.
    pub(super) fn open(&self, console: &Console<'_>) -> Result<Arc<Embedded>, Failure> {
        let path = self.load(console)?.config.store.path;
        if !path.join("journal").is_dir() {
            return Err(Failure::Store(format!(
                "there is no store in `{}`",
                path.display()
            )));
        }
        open(&path)
    }

    /// Opens a store that is there already, for reading and writing what is in it.
    pub(super) fn open_twins(&self, console: &Console<'_>) -> Result<Twins, Failure> {
        let journal = self.open(console)?;
        twins(&self.load(console)?, journal)
    }

    /// Opens a store, or makes one.
    pub(super) fn create_twins(&self, console: &Console<'_>) -> Result<Twins, Failure> {
        let loaded = self.load(console)?;
        let journal = open(&loaded.config.store.path)?;
        twins(&loaded, journal)
    }
}

fn twins(loaded: &Loaded, journal: Arc<Embedded>) -> Result<Twins, Failure> {
    let erased: Arc<dyn Journal> = Arc::clone(&journal) as _;
    let (policies, things) = assembly::twins(&loaded.config, &erased)?;
    Ok(Twins {
        journal,
        policies,
        things,
        folder: loaded.config.store.path.clone(),
    })
}

fn open(path: &std::path::Path) -> Result<Arc<Embedded>, Failure> {
    Embedded::open(path, EmbeddedOptions::default()).map_err(|error| match error {
        StoreError::Locked { path } => Failure::Store(format!(
            "the store at `{path}` is in use: stop the gateway that serves it, or let it make a copy \
             (POST /devops/backup of its operator service) and restore that elsewhere"
        )),
        other @ (StoreError::Engine { .. }
        | StoreError::Damaged { .. }
        | StoreError::Fenced { .. }
        | StoreError::Closed) => Failure::from(anyhow::Error::from(other)),
    })
}
