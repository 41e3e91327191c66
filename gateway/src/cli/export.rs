//! `twinward export`: policies and things as JSON lines.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::backup::new_file;
use super::store::{StoreArguments, Twins};
use super::{Console, Failure};

/// What to print.
#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    store: StoreArguments,
    /// Leave out everything else
    #[arg(long, value_enum)]
    only: Option<Kind>,
    /// Leave out other namespaces
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// The file to make; standard output if there is none
    #[arg(value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What can be exported by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Policies
    Policies,
    /// Things
    Things,
}

/// A portion, and where the next one begins.
type Portion = (Vec<Value>, Option<String>);

impl Export {
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
        let twins = self.store.open_twins(console)?;
        match &self.output {
            None => self.print(&twins, &mut BufWriter::new(&mut console.output))?,
            Some(path) => {
                let file = new_file(path)?;
                self.print(&twins, &mut BufWriter::new(&file))?;
                file.sync_all()?;
            }
        }
        twins.journal.close();
        Ok(ExitCode::SUCCESS)
    }

    /// Policies first: an import needs them there when their things come.
    fn print(&self, twins: &Twins, out: &mut dyn Write) -> Result<(), Failure> {
        if self.only != Some(Kind::Things) {
            let read = |after: Option<&str>| twins.policies.dump(after).map_err(Into::into);
            self.print_all("policyId", &read, out)?;
        }
        if self.only != Some(Kind::Policies) {
            let read = |after: Option<&str>| twins.things.dump(after).map_err(Into::into);
            self.print_all("thingId", &read, out)?;
        }
        Ok(out.flush()?)
    }

    fn print_all(
        &self,
        id: &str,
        read: &dyn Fn(Option<&str>) -> anyhow::Result<Portion>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let mut after: Option<String> = None;
        loop {
            let (portion, next) = read(after.as_deref())?;
            for value in portion.iter().filter(|value| self.is_wanted(value, id)) {
                writeln!(out, "{value}")?;
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn is_wanted(&self, value: &Value, id: &str) -> bool {
        let namespace = |value: &Value| {
            let id = value.get(id)?.as_str()?;
            Some(id.split_once(':')?.0.to_owned())
        };
        self.namespace.is_none() || namespace(value) == self.namespace
    }
}
