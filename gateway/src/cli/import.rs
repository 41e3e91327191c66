//! `twinward import`: takes over policies and things from another installation.

mod adoption;
mod deferred;
mod documents;
mod spool;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use futures_util::future::join_all;
use jiff::Timestamp;
use policies::{Adopted, Existing, PolicyId};
use serde_json::Value;

use self::adoption::{Outcome, Refusal, Unmet};
use self::deferred::Deferred;
use self::documents::{Documents, Item, Place};
use self::spool::{Span, Spool};
use super::backup::unusable;
use super::store::{StoreArguments, Twins};
use super::{Console, Failure};
use crate::clock::{Clock, SystemClock};

/// Items that wait for the disk together.
const AT_ONCE: usize = 64;

/// What to take over, and how.
#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(flatten)]
    store: StoreArguments,
    /// What becomes of policies and things with the same id
    #[arg(long, value_enum, default_value = "skip")]
    existing: OnExisting,
    /// Check everything, and store nothing
    #[arg(long)]
    dry_run: bool,
    /// JSON lines, an array, or pages of a search; `-` or nothing for standard input
    #[arg(value_name = "FILE")]
    input: Option<PathBuf>,
}

/// What becomes of policies and things with the same id.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnExisting {
    /// They stay as they are
    Skip,
    /// They become what is imported
    Overwrite,
    /// They are errors
    Fail,
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Policy,
    Thing,
}

/// What became of one kind.
#[derive(Debug, Default)]
struct Count {
    created: usize,
    overwritten: usize,
    unchanged: usize,
    skipped: usize,
    failed: usize,
}

/// An import under way.
struct Run<'a> {
    twins: &'a Twins,
    existing: Existing,
    is_trial: bool,
    now: Timestamp,
    spool: Spool,
    /// Policies that count as stored and are not yet: those of a trial, and those that need one another.
    coming: HashMap<PolicyId, Span>,
    deferred: Deferred,
    /// Imports of policies that were not there when the one that imports them was taken over.
    unmet: Vec<(Place, Unmet)>,
    policies: Count,
    things: Count,
    /// Items that were neither, and what could not be read.
    unknown: usize,
}

impl Import {
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
        let twins = self.store.create_twins(console)?;
        let mut run = Run {
            twins: &twins,
            existing: match self.existing {
                OnExisting::Skip => Existing::Skip,
                OnExisting::Overwrite => Existing::Overwrite,
                OnExisting::Fail => Existing::Refuse,
            },
            is_trial: self.dry_run,
            now: SystemClock.now(),
            spool: Spool::new(&twins.folder),
            coming: HashMap::new(),
            deferred: Deferred::default(),
            unmet: Vec::new(),
            policies: Count::default(),
            things: Count::default(),
            unknown: 0,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let path = self.input.filter(|path| path.as_os_str() != "-");
        let is_whole = match path {
            None => runtime.block_on(
                run.take_all(&mut Documents::new(&mut console.input), &mut console.errors),
            ),
            Some(path) => {
                let file = File::open(&path).map_err(|error| unusable(&path, &error))?;
                let mut input = BufReader::new(file);
                let mut documents = Documents::new(&mut input);
                runtime.block_on(run.take_all(&mut documents, &mut console.errors))
            }
        }?;
        let missing = run.warn(&mut console.errors)?;
        run.tell(missing, &mut console.output)?;
        let is_done = is_whole && run.policies.failed + run.things.failed + run.unknown == 0;
        twins.journal.close();
        Ok(ExitCode::from(u8::from(!is_done)))
    }
}

impl Run<'_> {
    /// Whether the input could be read to its end.
    async fn take_all(
        &mut self,
        documents: &mut Documents<'_>,
        errors: &mut dyn Write,
    ) -> io::Result<bool> {
        let mut waiting: Vec<(Kind, Item)> = Vec::new();
        let is_whole = loop {
            match documents.next() {
                Ok(Some(item)) => match kind_of(&item.value) {
                    Some(kind) => {
                        // Policies must be there before the things that name them.
                        let is_other = waiting.last().is_some_and(|(last, _)| *last != kind);
                        if is_other || waiting.len() == AT_ONCE {
                            self.adopt_all(std::mem::take(&mut waiting), errors).await?;
                        }
                        waiting.push((kind, item));
                    }
                    None => self.note_unknown(item.place, errors)?,
                },
                Ok(None) => break true,
                Err(error) => {
                    self.adopt_all(std::mem::take(&mut waiting), errors).await?;
                    writeln!(errors, "{error}")?;
                    if error.is_end() {
                        break false;
                    }
                    self.unknown += 1;
                }
            }
        };
        self.adopt_all(waiting, errors).await?;
        self.adopt_deferred(errors).await?;
        if let Some(line) = documents.unfinished() {
            writeln!(
                errors,
                "line {line}: the page has a `cursor`: there are more to fetch"
            )?;
        }
        Ok(is_whole)
    }

    fn note_unknown(&mut self, place: Place, errors: &mut dyn Write) -> io::Result<()> {
        self.unknown += 1;
        writeln!(
            errors,
            "{place}: neither a thing, with a `thingId`, nor a policy, with a `policyId` and `entries`"
        )
    }

    async fn adopt_all(
        &mut self,
        items: Vec<(Kind, Item)>,
        errors: &mut dyn Write,
    ) -> io::Result<()> {
        for (place, outcome) in self.try_all(items).await? {
            match outcome {
                Err(Refusal::Early { item, policy, .. }) => self.defer(place, &item, policy)?,
                settled @ (Ok(_) | Err(Refusal::Failed(..))) => {
                    self.note(place, settled, errors)?;
                }
            }
        }
        Ok(())
    }

    /// What becomes of some items.
    async fn try_all(&mut self, items: Vec<(Kind, Item)>) -> io::Result<Vec<(Place, Outcome)>> {
        let places: Vec<Place> = items.iter().map(|(_, item)| item.place).collect();
        let adoptions = items
            .into_iter()
            .map(|(kind, item)| self.adopt(kind, item.value));
        let adoptions = join_all(adoptions).await;
        let mut outcomes = Vec::with_capacity(places.len());
        for (place, adoption) in places.into_iter().zip(adoptions) {
            for (policy_id, value) in adoption.tried {
                let span = self.spool.push(&value)?;
                self.coming.insert(policy_id, span);
            }
            let unmet = adoption.unmet.into_iter();
            self.unmet.extend(unmet.map(|unmet| (place, unmet)));
            outcomes.push((place, adoption.outcome));
        }
        Ok(outcomes)
    }

    fn note(&mut self, place: Place, outcome: Outcome, errors: &mut dyn Write) -> io::Result<()> {
        match outcome {
            Ok(adopted) => {
                for (kind, adopted) in adopted {
                    self.count(kind).note(adopted);
                }
                Ok(())
            }
            Err(Refusal::Failed(kind, reason) | Refusal::Early { kind, reason, .. }) => {
                self.count(kind).failed += 1;
                writeln!(errors, "{place}: {reason}")
            }
        }
    }

    /// Warns of imports that nothing came for; returns how many.
    fn warn(&self, errors: &mut dyn Write) -> io::Result<usize> {
        let mut missing = 0;
        for (place, Unmet { importer, imported }) in &self.unmet {
            let is_met = self.coming.contains_key(imported)
                || self.twins.policies.is_there(imported).unwrap_or_default();
            if !is_met {
                missing += 1;
                writeln!(
                    errors,
                    "{place}: warning: policy `{importer}` imports `{imported}`, which is not there and brings in nothing"
                )?;
            }
        }
        Ok(missing)
    }

    fn count(&mut self, kind: Kind) -> &mut Count {
        match kind {
            Kind::Policy => &mut self.policies,
            Kind::Thing => &mut self.things,
        }
    }

    fn tell(&self, missing: usize, out: &mut dyn Write) -> io::Result<()> {
        if self.is_trial {
            writeln!(out, "Nothing was stored; this would become of it:")?;
        }
        for (name, count) in [("policies", &self.policies), ("things", &self.things)] {
            let Count {
                created,
                overwritten,
                unchanged,
                skipped,
                failed,
            } = count;
            writeln!(
                out,
                "{name}: {created} created, {overwritten} overwritten, {unchanged} unchanged, {skipped} skipped, {failed} failed"
            )?;
        }
        if missing > 0 {
            writeln!(
                out,
                "warnings: {missing} (imports of policies that are not there)"
            )?;
        }
        Ok(())
    }
}

impl Count {
    fn note(&mut self, adopted: Adopted) {
        match adopted {
            Adopted::Created => self.created += 1,
            Adopted::Overwritten => self.overwritten += 1,
            Adopted::Unchanged => self.unchanged += 1,
            Adopted::Skipped => self.skipped += 1,
        }
    }
}

fn kind_of(value: &Value) -> Option<Kind> {
    if value.get("thingId").is_some() {
        return Some(Kind::Thing);
    }
    let is_policy = value.get("policyId").is_some() && value.get("entries").is_some();
    is_policy.then_some(Kind::Policy)
}
