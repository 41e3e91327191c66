//! Whether records were changed, removed or put in between: every line names the hash of the one before.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::earlier_files;
use crate::file::hash_of;

/// What the files say.
#[derive(Debug, Default)]
pub struct Report {
    /// The files that were read, the oldest first.
    pub files: Vec<PathBuf>,
    /// How many lines they hold.
    pub lines: u64,
    /// How many processes wrote them.
    pub boots: usize,
    /// How many events the records themselves admit to have lost.
    pub lost: u64,
    /// Lines that were cut off by the end of a process, and are followed by a record that says so.
    pub torn: u64,
    /// Whether the first file follows one that is no longer here, as `keep` may have it.
    pub begins_in_the_middle: bool,
    /// The hash of the last line: keep it elsewhere, and nobody can shorten the file unnoticed.
    pub anchor: Option<String>,
    /// Whether the anchor that was asked for is there.
    pub anchor_found: Option<bool>,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_intact(&self) -> bool {
        self.faults.is_empty() && self.anchor_found != Some(false)
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub path: PathBuf,
    /// In which line, counted from 1.
    pub line: u64,
    /// What.
    pub message: String,
}

/// Reads the file at `path` and those before it; `anchor` is the hash of a line that must be there.
///
/// # Errors
///
/// If a file cannot be read.
pub fn verify(path: &Path, anchor: Option<&str>) -> io::Result<Report> {
    let mut reading = Reading::default();
    reading.report.anchor_found = anchor.map(|_| false);
    for file in earlier_files(path).into_iter().chain([path.to_owned()]) {
        let lines = BufReader::new(File::open(&file)?).split(b'\n');
        for (number, line) in (1_u64..).zip(lines) {
            reading.take(&line?, (&file, number));
            if anchor.is_some() && reading.previous.as_deref() == anchor {
                reading.report.anchor_found = Some(true);
            }
        }
        reading.report.files.push(file);
    }
    Ok(reading.finish())
}

#[derive(Default)]
struct Reading {
    report: Report,
    previous: Option<String>,
    /// The last number of each process.
    sequences: HashMap<String, u64>,
    /// A line that is no record: good only if the next one says that it was cut off.
    unreadable: Option<Fault>,
}

impl Reading {
    fn take(&mut self, line: &[u8], (path, number): (&Path, u64)) {
        self.report.lines += 1;
        let fault = |message: &str| Fault {
            path: path.to_owned(),
            line: number,
            message: message.to_owned(),
        };
        let record: Option<Value> = serde_json::from_slice(line).ok();
        let Some(record) = record.filter(|record| record.get("v") == Some(&1.into())) else {
            let fault = fault("this is no audit record");
            self.report.faults.extend(self.unreadable.replace(fault));
            self.previous = Some(hash_of(line));
            return;
        };
        let text = |name: &str| record.get(name).and_then(Value::as_str);
        let is_first = self.report.lines == 1;
        match (text("prev"), &self.previous) {
            // A file that follows another begins by saying so, and only whole files are ever given up.
            (Some(_), None) if text("event") == Some("audit.rotated") => {
                self.report.begins_in_the_middle = true;
            }
            (Some(_), None) => self
                .report
                .faults
                .push(fault("the lines before this one were removed")),
            (None, None) if is_first => {}
            (named, previous) if named == previous.as_deref() => {}
            (_, _) => self.report.faults.push(fault(
                "the line before was changed or removed, or this one was put in",
            )),
        }
        let is_gap = text("event") == Some("audit.gap");
        let lost = record.pointer("/info/lost").and_then(Value::as_u64);
        let lost = lost.filter(|_| is_gap).unwrap_or(0);
        self.report.lost += lost;
        if let Some(unreadable) = self.unreadable.take() {
            if is_gap && lost == 0 {
                self.report.torn += 1;
            } else {
                self.report.faults.push(unreadable);
            }
        }
        let number_of = record.get("seq").and_then(Value::as_u64);
        if let (Some(boot), Some(sequence)) = (text("boot"), number_of) {
            let known = self.sequences.insert(boot.to_owned(), sequence);
            let expected = known.map(|last| last + lost + 1);
            let begins = expected.is_none() && (is_first || sequence == lost + 1);
            if !begins && expected != Some(sequence) {
                let expected = expected.unwrap_or(lost + 1);
                let message =
                    format!("record {expected} of process `{boot}` is missing, this is {sequence}");
                self.report.faults.push(fault(&message));
            }
        } else {
            self.report.faults.push(fault("the record has no number"));
        }
        self.previous = Some(hash_of(line));
    }

    fn finish(mut self) -> Report {
        self.report.faults.extend(self.unreadable.take());
        self.report.boots = self.sequences.len();
        self.report.anchor = self.previous;
        self.report
    }
}
