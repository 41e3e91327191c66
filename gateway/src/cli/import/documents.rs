//! What an import reads: JSON lines, arrays, pages of a search, or several of them one after the other.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use policies::DistinctJson;
use serde::Deserialize;
use serde_json::Value;

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

/// Text that is no JSON; what follows it cannot be told apart.
#[derive(Debug, thiserror::Error)]
#[error("line {line}, column {column}: {reason}; nothing from here on was read")]
pub(super) struct NotJson {
    line: usize,
    column: usize,
    reason: String,
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
            input: Lines { input, ended: 0 },
            waiting: VecDeque::new(),
            unfinished: None,
        }
    }

    /// The next item; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Item>, NotJson> {
        loop {
            if let Some(item) = self.waiting.pop_front() {
                return Ok(Some(item));
            }
            let line = match self.input.skip_space() {
                Ok(Some(line)) => line,
                Ok(None) => return Ok(None),
                Err(error) => return Err(self.unreadable(&error)),
            };
            let mut deserializer = serde_json::Deserializer::from_reader(&mut self.input);
            let DistinctJson(value) =
                DistinctJson::deserialize(&mut deserializer).map_err(|error| NotJson {
                    line: line + error.line().saturating_sub(1),
                    column: error.column(),
                    reason: without_place(&error),
                })?;
            self.take(line, value);
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

    fn unreadable(&self, error: &io::Error) -> NotJson {
        NotJson {
            line: self.input.ended + 1,
            column: 0,
            reason: format!("it cannot be read: {error}"),
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

/// Counts the lines that went through.
struct Lines<'r> {
    input: &'r mut dyn BufRead,
    ended: usize,
}

impl Lines<'_> {
    /// Reads on to the next document; returns its line.
    fn skip_space(&mut self) -> io::Result<Option<usize>> {
        loop {
            let buffer = self.input.fill_buf()?;
            let Some(&byte) = buffer.first() else {
                return Ok(None);
            };
            if !byte.is_ascii_whitespace() {
                return Ok(Some(self.ended + 1));
            }
            self.ended += usize::from(byte == b'\n');
            self.input.consume(1);
        }
    }
}

impl Read for Lines<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(bytes)?;
        let read = bytes.iter().take(count);
        self.ended += read.filter(|byte| **byte == b'\n').count();
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: &[&str]) {
        let mut input = input.as_bytes();
        let mut documents = Documents::new(&mut input);
        let mut found = Vec::new();
        loop {
            match documents.next() {
                Ok(Some(item)) => found.push(format!("{}: {}", item.place, item.value)),
                Ok(None) => break,
                Err(error) => {
                    found.push(error.to_string());
                    break;
                }
            }
        }
        found.extend(
            documents
                .unfinished()
                .map(|line| format!("goes on: {line}")),
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_are_items() {
        check("", &[]);
        check(" \n\r\n", &[]);
        check(
            "{\"a\":1}\n\n{\"b\":2}",
            &["line 1: {\"a\":1}", "line 3: {\"b\":2}"],
        );
        check("{\n\"a\":1}\n7\n", &["line 1: {\"a\":1}", "line 3: 7"]);
    }

    #[test]
    fn arrays_and_pages_have_items() {
        check("\n[1,\n2]", &["line 2, item 1: 1", "line 2, item 2: 2"]);
        check(
            "{\"items\":[{}],\"cursor\":\"x\"}\n",
            &["line 1, item 1: {}", "goes on: 1"],
        );
        check(
            "{\"items\":[1],\"cursor\":\"x\"}{\"items\":[2]}",
            &["line 1, item 1: 1", "line 1, item 1: 2"],
        );
        // A thing may have anything in it.
        check(
            "{\"thingId\":\"a:b\",\"items\":[1]}",
            &["line 1: {\"thingId\":\"a:b\",\"items\":[1]}"],
        );
    }

    #[test]
    fn what_is_no_json_ends_it() {
        check(
            "{}\n{\"a\":\n nul}\n{}",
            &[
                "line 1: {}",
                "line 3, column 5: expected ident; nothing from here on was read",
            ],
        );
        check(
            "{\"a\":1",
            &["line 1, column 6: EOF while parsing an object; nothing from here on was read"],
        );
        check(
            "{\"a\":1,\"a\":2}",
            &["line 1, column 13: a member is repeated; nothing from here on was read"],
        );
    }
}
