//! What an import reads: JSON lines, arrays, pages of a search, or several of them one after the other.

mod lines;

use std::collections::VecDeque;
use std::io::{self, BufRead};

use policies::DistinctJson;
use serde::Deserialize;
use serde_json::Value;

use self::lines::{Lines, Shape};

/// Something to import, and where it stands.
#[derive(Debug, PartialEq)]
pub(super) struct Item {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// Where something stands: a line, and within an array or page, which element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) item: Option<usize>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "line {}", self.line)?;
        self.item
            .map_or(Ok(()), |item| write!(formatter, ", item {item}"))
    }
}

/// Text that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    /// Its end is known, so that what follows can be read.
    #[error("line {}, column {}: {}; it was skipped", .0.line, .0.column, .0.reason)]
    Skipped(Fault),
    /// What follows cannot be told apart.
    #[error("line {}, column {}: {}; nothing from here on was read", .0.line, .0.column, .0.reason)]
    End(Fault),
}

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Fault {
    line: usize,
    column: usize,
    reason: String,
}

impl Unread {
    /// Whether there is nothing more to read.
    pub(super) const fn is_end(&self) -> bool {
        matches!(self, Self::End(_))
    }
}

/// Reads one item after the other.
pub(super) struct Documents<'r> {
    input: Lines<'r>,
    waiting: VecDeque<Item>,
    /// The line of the last page that says that there is another.
    unfinished: Option<usize>,
}

impl<'r> Documents<'r> {
    pub(super) fn new(input: &'r mut dyn BufRead) -> Self {
        Self {
            input: Lines::new(input),
            waiting: VecDeque::new(),
            unfinished: None,
        }
    }

    /// The next item; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Item>, Unread> {
        loop {
            if let Some(item) = self.waiting.pop_front() {
                return Ok(Some(item));
            }
            let line = match self.input.skip_space() {
                Ok(Some(line)) => line,
                Ok(None) => return Ok(None),
                Err(error) => return Err(self.unreadable(&error)),
            };
            self.input.shape = Shape::default();
            let mut deserializer = serde_json::Deserializer::from_reader(&mut self.input);
            match DistinctJson::deserialize(&mut deserializer) {
                Ok(DistinctJson(value)) if self.input.shape.is_closed() => self.take(line, value),
                Ok(_) => return Err(Unread::End(self.fault("documents run into each other"))),
                Err(error) => return Err(self.skip(line, &error)),
            }
        }
    }

    /// The line of the last page, if that said that there is another.
    pub(super) const fn unfinished(&self) -> Option<usize> {
        self.unfinished
    }

    fn take(&mut self, line: usize, value: Value) {
        match value {
            Value::Array(elements) => self.take_all(line, elements),
            Value::Object(mut page) if is_page(&page) => {
                self.unfinished = page.contains_key("cursor").then_some(line);
                if let Some(Value::Array(elements)) = page.shift_remove("items") {
                    self.take_all(line, elements);
                }
            }
            value @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_)) => self.waiting.push_back(Item {
                place: Place { line, item: None },
                value,
            }),
        }
    }

    fn take_all(&mut self, line: usize, elements: Vec<Value>) {
        let items = elements.into_iter().zip(1..).map(|(value, item)| Item {
            place: Place {
                line,
                item: Some(item),
            },
            value,
        });
        self.waiting.extend(items);
    }

    /// Goes on to the end of a document that is not what it should be.
    fn skip(&mut self, line: usize, error: &serde_json::Error) -> Unread {
        let fault = Fault {
            line: line + error.line().saturating_sub(1),
            column: error.column(),
            reason: without_place(error),
        };
        if !error.is_io() && matches!(self.input.close(), Ok(true)) {
            Unread::Skipped(fault)
        } else {
            Unread::End(fault)
        }
    }

    fn unreadable(&self, error: &io::Error) -> Unread {
        Unread::End(self.fault(&format!("it cannot be read: {error}")))
    }

    fn fault(&self, reason: &str) -> Fault {
        Fault {
            line: self.input.ended + 1,
            column: 0,
            reason: reason.to_owned(),
        }
    }
}

/// A page of a search, as Ditto answers it.
fn is_page(members: &serde_json::Map<String, Value>) -> bool {
    !members.contains_key("thingId")
        && !members.contains_key("policyId")
        && members.get("items").is_some_and(Value::is_array)
}

/// The place within the document would contradict the one in the input.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests;
