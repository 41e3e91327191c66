//! `twinward import`: takes over policies and things from another installation.

mod documents;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use futures_util::future::join_all;
use jiff::Timestamp;
use policies::{Adopted, Adoption, Existing, PolicyId};
use serde_json::Value;
use things::{AdoptionError, ThingId};

use self::documents::{Documents, Item, Place};
use super::backup::unusable;
use super::store::{StoreArguments, Twins};
use super::{Console, Failure};
use crate::clock::{Clock, SystemClock};
use crate::error::ErrorChain;

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
    /// Policies that a trial would have stored.
    tried: HashSet<PolicyId>,
    policies: Count,
    things: Count,
    /// Items that were neither.
    unknown: usize,
}

/// Policies and things that were made of one item, or why one was not.
type Outcome = Result<Vec<(Kind, Adopted)>, (Kind, String)>;

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
            tried: HashSet::new(),
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
        run.tell(&mut console.output)?;
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
                    break false;
                }
            }
        };
        self.adopt_all(waiting, errors).await?;
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
        let places: Vec<Place> = items.iter().map(|(_, item)| item.place).collect();
        let adoptions = items
            .into_iter()
            .map(|(kind, item)| self.adopt(kind, item.value));
        let outcomes = join_all(adoptions).await;
        for (place, (tried, outcome)) in places.into_iter().zip(outcomes) {
            self.tried.extend(tried);
            match outcome {
                Ok(adopted) => {
                    for (kind, adopted) in adopted {
                        self.count(kind).note(adopted);
                    }
                }
                Err((kind, reason)) => {
                    self.count(kind).failed += 1;
                    writeln!(errors, "{place}: {reason}")?;
                }
            }
        }
        Ok(())
    }

    /// Takes over one item; also returns the policies that it would have stored.
    async fn adopt(&self, kind: Kind, value: Value) -> (Vec<PolicyId>, Outcome) {
        let mut tried = Vec::new();
        let outcome = match kind {
            Kind::Policy => {
                let adopted = self.adopt_policy(&value, &mut tried).await;
                adopted.map(|adopted| vec![(Kind::Policy, adopted)])
            }
            Kind::Thing => self.adopt_thing(value, &mut tried).await,
        };
        (tried, outcome)
    }

    async fn adopt_policy(
        &self,
        value: &Value,
        tried: &mut Vec<PolicyId>,
    ) -> Result<Adopted, (Kind, String)> {
        let text = value.get("policyId").and_then(Value::as_str);
        let name = text.unwrap_or_default();
        let failed = |reason: String| (Kind::Policy, format!("policy `{name}`: {reason}"));
        let policy_id: PolicyId = name
            .parse()
            .map_err(|error: policies::EntityIdError| failed(error.to_string()))?;
        let adoption = self.adoption(value).map_err(failed)?;
        let adopted = self
            .twins
            .policies
            .adopt(policy_id.clone(), value, &adoption)
            .await
            .map_err(|error| failed(ErrorChain(&error).to_string()))?;
        tried.push(policy_id);
        Ok(adopted)
    }

    async fn adopt_thing(&self, mut value: Value, tried: &mut Vec<PolicyId>) -> Outcome {
        let text = value.get("thingId").and_then(Value::as_str);
        let name = text.unwrap_or_default().to_owned();
        let failed = |reason: String| (Kind::Thing, format!("thing `{name}`: {reason}"));
        let thing_id: ThingId = name
            .parse()
            .map_err(|error: policies::EntityIdError| failed(error.to_string()))?;
        if value.get("_copyPolicyFrom").is_some() {
            let reason = "`_copyPolicyFrom` is for creations through the API, not for imports";
            return Err(failed(reason.to_owned()));
        }
        let adoption = self.adoption(&value).map_err(failed)?;
        let mut adopted = Vec::new();
        if let Some(policy) = take_policy(&mut value, &thing_id) {
            adopted.push((Kind::Policy, self.adopt_policy(&policy, tried).await?));
        }
        let things = &self.twins.things;
        let outcome = match things.adopt(thing_id, value, &adoption).await {
            Err(AdoptionError::PolicyUnknown { policy_id })
                if self.tried.contains(&policy_id) || tried.contains(&policy_id) =>
            {
                Ok(Adopted::Created)
            }
            other => other.map_err(|error| failed(ErrorChain(&error).to_string())),
        };
        adopted.push((Kind::Thing, outcome?));
        Ok(adopted)
    }

    fn adoption(&self, value: &Value) -> Result<Adoption, String> {
        Ok(Adoption {
            existing: self.existing,
            is_trial: self.is_trial,
            created: time(value, "_created")?,
            modified: time(value, "_modified")?,
            now: self.now,
        })
    }

    fn count(&mut self, kind: Kind) -> &mut Count {
        match kind {
            Kind::Policy => &mut self.policies,
            Kind::Thing => &mut self.things,
        }
    }

    fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
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

/// The policy that comes with a thing, under the id that the thing names.
fn take_policy(thing: &mut Value, thing_id: &ThingId) -> Option<Value> {
    let members = thing.as_object_mut()?;
    let mut policy = members.shift_remove("_policy")?;
    let stated = members.get("policyId").cloned();
    let own = policy.get("policyId").cloned();
    let policy_id = stated
        .or(own)
        .unwrap_or_else(|| Value::from(thing_id.as_str()));
    members.insert("policyId".to_owned(), policy_id.clone());
    if let Some(policy) = policy.as_object_mut() {
        policy.entry("policyId").or_insert(policy_id);
    }
    Some(policy)
}

/// A time in a member that only readers see.
fn time(value: &Value, member: &str) -> Result<Option<Timestamp>, String> {
    match value.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(time) => time
            .as_str()
            .and_then(|text| text.parse().ok())
            .map(Some)
            .ok_or_else(|| format!("`{member}` is no RFC 3339 time")),
    }
}
