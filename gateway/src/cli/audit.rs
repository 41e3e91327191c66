//! `twinward audit`: finding records, and finding out whether somebody changed them. Both work without the gateway.

use std::path::PathBuf;
use std::process::ExitCode;

use ::audit::{Filter, Report, query, verify};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::{Console, Failure};
use crate::clock::{Clock, SystemClock};
use crate::config::value::Period;
use crate::config::{LoadOptions, load};

/// Read audit records.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Print the records that match, the oldest first
    Query(Box<Query>),
    /// Say whether records were changed, removed or put in between; exit code 1 if so
    Verify(Verify),
}

/// Which file.
#[derive(Debug, Args)]
struct Where {
    /// The configuration file that says where the records are
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The audit file itself; earlier files next to it are read, too
    #[arg(short, long, value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
}

/// What to print.
#[derive(Debug, Args)]
pub(super) struct Query {
    #[command(flatten)]
    place: Where,
    /// Not before: a time (2026-11-20T07:00:00Z), or how long ago (1h)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before: a time, or how long ago
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The name, id, key id, subject or token subject of whoever did it
    #[arg(long, value_name = "NAME")]
    identity: Option<String>,
    /// The kind of event (auth.deny), or its first word (auth)
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// allow, deny, error or info
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// The reason of a refusal, e.g. expired
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// The client's address
    #[arg(long, value_name = "ADDRESS")]
    source: Option<String>,
    /// The correlation id
    #[arg(long, value_name = "ID")]
    request: Option<String>,
}

/// What to check.
#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    place: Where,
    /// The hash of a line that must be there, from an earlier verification or from the log
    #[arg(long, value_name = "HASH")]
    anchor: Option<String>,
}

impl AuditCommand {
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
        match self {
            Self::Query(query) => query.run(console),
            Self::Verify(verify) => verify.run(console),
        }
    }
}

impl Where {
    fn path(self, console: &Console<'_>) -> Result<PathBuf, Failure> {
        if let Some(file) = self.file {
            return Ok(file);
        }
        let loaded = load(&LoadOptions {
            file: self.config,
            environment: console.environment.clone(),
            ..LoadOptions::default()
        })?;
        Ok(loaded.config.audit_path())
    }
}

impl Query {
    fn run(self, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
        let now = SystemClock.now();
        let filter = Filter {
            since: self.since.map(|text| moment(&text, now)).transpose()?,
            until: self.until.map(|text| moment(&text, now)).transpose()?,
            identity: self.identity,
            event: self.event,
            outcome: self.outcome,
            reason: self.reason,
            source: self.source,
            request: self.request,
        };
        let path = self.place.path(console)?;
        query(&path, &filter, &mut console.output).map_err(|error| unreadable(&path, &error))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Verify {
    fn run(self, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
        let path = self.place.path(console)?;
        let report =
            verify(&path, self.anchor.as_deref()).map_err(|error| unreadable(&path, &error))?;
        for fault in &report.faults {
            let place = format!("{}:{}", fault.path.display(), fault.line);
            writeln!(console.output, "{place}: {}", fault.message)?;
        }
        for line in findings(&report) {
            writeln!(console.output, "{line}")?;
        }
        Ok(ExitCode::from(u8::from(!report.is_intact())))
    }
}

fn findings(report: &Report) -> Vec<String> {
    let mut lines = vec![format!(
        "{} records of {} starts in {} files",
        report.lines,
        report.boots,
        report.files.len()
    )];
    if report.begins_in_the_middle {
        lines.push(
            "Older files are not here: they were given up, as `audit.keep` says, or removed by somebody"
                .to_owned(),
        );
    }
    if report.torn > 0 {
        lines.push(format!(
            "{} lines were cut off when a process ended",
            report.torn
        ));
    }
    if report.lost > 0 {
        lines.push(format!("{} events were not recorded", report.lost));
    }
    match report.anchor_found {
        Some(true) => lines.push("The anchor is there".to_owned()),
        Some(false) => {
            lines.push("The anchor is NOT there: records were removed or changed".to_owned())
        }
        None => {}
    }
    if let Some(anchor) = &report.anchor {
        lines.push(format!("Anchor: {anchor}"));
    }
    let verdict = if report.is_intact() {
        "The chain is intact"
    } else {
        "The chain is NOT intact"
    };
    lines.push(verdict.to_owned());
    lines
}

/// A time, or how long before `now`.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let ago = text
        .parse::<Period>()
        .ok()
        .filter(|_| text.ends_with(char::is_alphabetic));
    ago.and_then(|ago| now.checked_sub(ago.duration()).ok())
        .ok_or_else(|| {
            Failure::Usage(format!(
                "expected a time such as `2026-11-20T07:00:00Z`, or how long ago, such as `1h`, found `{text}`"
            ))
        })
}

fn unreadable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::Usage(format!(
        "the audit file `{}` cannot be read: {error}",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let now: Timestamp = "2026-11-20T07:00:00Z".parse().unwrap();
        let moment = moment(text, now).ok().map(|moment| moment.to_string());
        assert_eq!(moment.as_deref(), expected, "{text:?}");
    }

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        check("2026-11-19T12:00:00+01:00", Some("2026-11-19T11:00:00Z"));
        check("1h", Some("2026-11-20T06:00:00Z"));
        check("30d", Some("2026-10-21T07:00:00Z"));
        check("5", None);
        check("yesterday", None);
    }
}
