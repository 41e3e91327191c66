//! `twinward export`: policies and things as JSON lines.

mod importers;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use policies::{Policies, PolicyId};
use serde_json::Value;

use self::importers::Importers;
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
            self.print_policies(&twins.policies, out)?;
        }
        if self.only != Some(Kind::Policies) {
            let read = |after: Option<&str>| twins.things.dump(after).map_err(Into::into);
            self.each("thingId", &read, &mut |thing| writeln!(out, "{thing}"))?;
        }
        Ok(out.flush()?)
    }

    /// Each after those that it imports, which may make it writable. In memory are the ids of those that import any.
    fn print_policies(&self, policies: &Policies, out: &mut dyn Write) -> Result<(), Failure> {
        let mut importers = Importers::default();
        let read = |after: Option<&str>| policies.dump(after).map_err(Into::into);
        self.each("policyId", &read, &mut |policy| {
            if importers.take(policy) {
                return Ok(());
            }
            writeln!(out, "{policy}")
        })?;
        for id in importers.in_order() {
            let id: PolicyId = id.parse().map_err(anyhow::Error::from)?;
            if let Some(policy) = policies.dump_one(&id).map_err(anyhow::Error::from)? {
                writeln!(out, "{policy}")?;
            }
        }
        Ok(())
    }

    fn each(
        &self,
        id: &str,
        read: &dyn Fn(Option<&str>) -> anyhow::Result<Portion>,
        sink: &mut dyn FnMut(&Value) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let mut after: Option<String> = None;
        loop {
            let (portion, next) = read(after.as_deref())?;
            let mut wanted = portion.iter().filter(|value| self.is_wanted(value, id));
            wanted.try_for_each(&mut *sink)?;
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
