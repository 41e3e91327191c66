//! `twinward backup` and `twinward restore`: copies of the whole store.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use journal::{Backup, BackupError};

use super::store::StoreArguments;
use super::{Console, Failure};

/// Copies of a store; a gateway that serves one makes them itself, at POST /devops/backup.
#[derive(Debug, Subcommand)]
pub(super) enum BackupCommand {
    /// Copy a store that nobody serves into a new file
    Create(Create),
    /// Read a copy to its end, and say whether it is whole
    Verify(Verify),
}

/// What to copy.
#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    store: StoreArguments,
    /// The file to make
    #[arg(value_name = "FILE")]
    output: PathBuf,
}

/// What to check.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The copy; `-` for standard input
    #[arg(value_name = "FILE")]
    input: PathBuf,
}

/// What to make a store of, and where.
#[derive(Debug, Args)]
pub(super) struct Restore {
    #[command(flatten)]
    store: StoreArguments,
    /// The copy; `-` for standard input
    #[arg(value_name = "FILE")]
    input: PathBuf,
}

impl BackupCommand {
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
        match self {
            Self::Create(create) => create.run(console),
            Self::Verify(verify) => verify.run(console),
        }
    }
}

impl Create {
    fn run(self, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
        let journal = self.store.open(console)?;
        let file = new_file(&self.output)?;
        let mut out = BufWriter::new(&file);
        let written = journal.back_up(&mut out).and_then(|backup| {
            let synced = out.flush().and_then(|()| file.sync_all());
            let action = "writing";
            synced.map_err(|source| BackupError::Io { action, source })?;
            Ok(backup)
        });
        journal.close();
        let backup = written.map_err(|error| {
            // Half a copy is none.
            let _ = fs::remove_file(&self.output);
            failure(error)
        })?;
        tell(console, "Copied", &backup)
    }
}

impl Verify {
    fn run(self, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
        let backup = reading(&self.input, console, |input| journal::verify(input))?;
        tell(console, "The copy is whole:", &backup)
    }
}

impl Restore {
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
        let path = self.store.load(console)?.config.store.path;
        let restore = |input: &mut dyn Read| journal::restore(input, &path);
        let backup = reading(&self.input, console, restore)?;
        tell(console, "Restored", &backup)
    }
}

fn reading(
    path: &Path,
    console: &mut Console<'_>,
    work: impl FnOnce(&mut dyn Read) -> Result<Backup, BackupError>,
) -> Result<Backup, Failure> {
    if path.as_os_str() == "-" {
        return work(&mut console.input).map_err(failure);
    }
    let file = File::open(path).map_err(|error| unusable(path, &error))?;
    work(&mut BufReader::new(file)).map_err(failure)
}

/// A file that was not there; only its owner may read it.
pub(super) fn new_file(path: &Path) -> Result<File, Failure> {
    let file = private().create_new(true).open(path);
    file.map_err(|error| unusable(path, &error))
}

/// Opens a file for writing; if that makes it, only its owner may read it.
pub(super) fn private() -> OpenOptions {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

pub(super) fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Usage(format!("`{}` cannot be used: {error}", path.display()))
}

fn failure(error: BackupError) -> Failure {
    let message = format!("{:#}", anyhow::Error::from(error));
    Failure::Store(message)
}

fn tell(console: &mut Console<'_>, verb: &str, backup: &Backup) -> Result<ExitCode, Failure> {
    let Backup { head, entities } = backup;
    writeln!(
        console.output,
        "{verb} {entities} entities, deleted ones included, up to change {}",
        head.0
    )?;
    Ok(ExitCode::SUCCESS)
}
