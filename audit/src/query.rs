//! Finding records.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use crate::earlier_files;

/// Which records are wanted; what is absent is not asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// The name in the configuration, the id, the key id, a subject, or the `sub` of a token.
    pub identity: Option<String>,
    /// The kind, or its first word.
    pub event: Option<String>,
    /// The outcome.
    pub outcome: Option<String>,
    /// The reason.
    pub reason: Option<String>,
    /// The client's address.
    pub source: Option<String>,
    /// The correlation id.
    pub request: Option<String>,
}

impl Filter {
    fn matches(&self, record: &Value) -> bool {
        let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
        let at: Option<Timestamp> = text("/ts").and_then(|time| time.parse().ok());
        let is = |wanted: &Option<String>, pointer: &str| {
            wanted
                .as_deref()
                .is_none_or(|wanted| text(pointer) == Some(wanted))
        };
        self.since.is_none_or(|since| at >= Some(since))
            && self
                .until
                .is_none_or(|until| at.is_some_and(|at| at < until))
            && self
                .event
                .as_deref()
                .is_none_or(|wanted| text("/event").is_some_and(|kind| is_kind(kind, wanted)))
            && is(&self.outcome, "/outcome")
            && is(&self.reason, "/reason")
            && is(&self.source, "/src/ip")
            && is(&self.request, "/req/id")
            && self
                .identity
                .as_deref()
                .is_none_or(|wanted| is_about(record, wanted))
    }
}

/// `auth` stands for `auth.allow` and `auth.deny`.
fn is_kind(kind: &str, wanted: &str) -> bool {
    kind.strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn is_about(record: &Value, wanted: &str) -> bool {
    let Some(actor) = record.get("actor") else {
        return false;
    };
    let named = ["identity", "id", "kid", "sub"]
        .iter()
        .any(|name| actor.get(name).and_then(Value::as_str) == Some(wanted));
    let subjects = actor.get("subjects").and_then(Value::as_array);
    named || subjects.is_some_and(|subjects| subjects.iter().any(|subject| subject == wanted))
}

/// Copies the matching lines of the file at `path` and of those before it, the oldest first; returns how many.
///
/// # Errors
///
/// If a file cannot be read or `output` cannot be written.
pub fn query(path: &Path, filter: &Filter, output: &mut dyn Write) -> io::Result<u64> {
    let mut found = 0;
    for file in earlier_files(path)
        .iter()
        .map(std::path::PathBuf::as_path)
        .chain([path])
    {
        for line in BufReader::new(File::open(file)?).split(b'\n') {
            let line = line?;
            let record: Option<Value> = serde_json::from_slice(&line).ok();
            if record.is_some_and(|record| filter.matches(&record)) {
                output.write_all(&line)?;
                output.write_all(b"\n")?;
                found += 1;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"v":1,"ts":"2026-11-20T07:14:09.501332Z","event":"auth.deny","outcome":"deny","reason":"expired","actor":{"identity":"press-07","id":"plant-3/press-07","kid":"01IYT0XLWR","method":"api_key","subjects":["edge:press-07"]},"src":{"ip":"10.20.4.17"},"req":{"id":"c-51ab"}}"#;

    #[track_caller]
    fn check(set: impl FnOnce(&mut Filter), expected: bool) {
        let mut filter = Filter::default();
        set(&mut filter);
        let record = serde_json::from_str(RECORD).unwrap();
        assert_eq!(filter.matches(&record), expected, "{filter:?}");
    }

    #[test]
    fn what_is_not_asked_for_matches() {
        check(|_| {}, true);
    }

    #[test]
    fn every_condition_counts() {
        let text = |text: &str| Some(text.to_owned());
        for name in [
            "press-07",
            "plant-3/press-07",
            "01IYT0XLWR",
            "edge:press-07",
        ] {
            check(|filter| filter.identity = text(name), true);
        }
        check(|filter| filter.identity = text("press"), false);
        check(|filter| filter.event = text("auth"), true);
        check(|filter| filter.event = text("auth.deny"), true);
        check(|filter| filter.event = text("aut"), false);
        check(|filter| filter.outcome = text("allow"), false);
        check(|filter| filter.reason = text("expired"), true);
        check(|filter| filter.source = text("10.20.4.1"), false);
        check(|filter| filter.request = text("c-51ab"), true);
        let noon: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        check(|filter| filter.since = Some(noon), false);
        check(|filter| filter.until = Some(noon), true);
    }
}
