//! `fn:format('{name} in {/address/city}')`: renders JSON objects as text.

use policies::Pointer;
use serde_json::Value;

use super::{Template, TooManyValues, multiply};

/// The pieces of a format, sections nested.
#[derive(Debug, Clone)]
pub(super) struct Format(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    /// `{name}` or `{/json/pointer}`.
    Field(Pointer),
    /// `{.}`: the element of the section itself.
    Current,
    /// `{#array}…{/array}`: once per element.
    Section {
        array: Pointer,
        body: Vec<Self>,
    },
}

/// The deepest nesting of sections.
const SECTIONS_MAX: usize = 8;

impl Format {
    /// `None` if a brace or a section is not closed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser { rest: text };
        let pieces = parser.pieces(None, 0)?;
        parser.rest.is_empty().then_some(Self(pieces))
    }

    /// Each object among the values, rendered; one empty text if nothing is.
    pub(super) fn render_all(&self, values: &[String]) -> Result<Vec<String>, TooManyValues> {
        let mut rendered = Vec::new();
        let mut bytes = 0;
        for value in values {
            let Ok(object @ Value::Object(_)) = serde_json::from_str(value) else {
                continue;
            };
            let texts = render(&self.0, &object)?;
            bytes += texts.iter().map(String::len).sum::<usize>();
            rendered.extend(texts);
            if rendered.len() > Template::VALUES_MAX || bytes > Template::BYTES_MAX {
                return Err(TooManyValues);
            }
        }
        if rendered.is_empty() {
            rendered.push(String::new());
        }
        Ok(rendered)
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    /// Up to the end of the text, or of the section that is open.
    fn pieces(&mut self, section: Option<&str>, depth: usize) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        loop {
            let text = self.text();
            if !text.is_empty() {
                pieces.push(Piece::Text(text));
            }
            let Some(rest) = self.rest.strip_prefix('{') else {
                return (self.rest.is_empty() && section.is_none()).then_some(pieces);
            };
            let (tag, rest) = rest.split_once('}')?;
            let tag = tag.trim().to_owned();
            self.rest = rest;
            if section.is_some_and(|open| tag.strip_prefix('/') == Some(open)) {
                return Some(pieces);
            }
            pieces.push(self.piece(&tag, depth)?);
        }
    }

    fn piece(&mut self, tag: &str, depth: usize) -> Option<Piece> {
        match tag.strip_prefix('#') {
            Some(_) if depth == SECTIONS_MAX => None,
            Some(name) => Some(Piece::Section {
                array: name.parse().ok()?,
                body: self.pieces(Some(name), depth + 1)?,
            }),
            None if tag == "." => Some(Piece::Current),
            None if tag.is_empty() => None,
            None => Some(Piece::Field(tag.parse().ok()?)),
        }
    }

    /// Text up to the next `{`; `\{` and `\}` stand for the braces.
    fn text(&mut self) -> String {
        let mut text = String::new();
        while let Some(at) = self.rest.find(['{', '\\']) {
            let (before, tail) = self.rest.split_at_checked(at).unwrap_or((self.rest, ""));
            text.push_str(before);
            self.rest = tail;
            if tail.starts_with('{') {
                return text;
            }
            let escaped = [("\\{", '{'), ("\\}", '}'), ("\\", '\\')]
                .into_iter()
                .find_map(|(escape, stands_for)| Some((tail.strip_prefix(escape)?, stands_for)));
            if let Some((rest, stands_for)) = escaped {
                text.push(stands_for);
                self.rest = rest;
            }
        }
        text.push_str(self.rest);
        self.rest = "";
        text
    }
}

/// The product over all pieces: a field that is an array multiplies the output.
fn render(pieces: &[Piece], context: &Value) -> Result<Vec<String>, TooManyValues> {
    let mut product = vec![String::new()];
    for piece in pieces {
        let texts = match piece {
            Piece::Text(text) => vec![text.clone()],
            Piece::Field(pointer) => texts_of(pointer.resolve(context)),
            Piece::Current => texts_of(Some(context)),
            Piece::Section { array, body } => vec![render_section(array.resolve(context), body)?],
        };
        product = multiply(&product, &texts)?;
    }
    Ok(product)
}

fn render_section(array: Option<&Value>, body: &[Piece]) -> Result<String, TooManyValues> {
    let mut text = String::new();
    for element in array.and_then(Value::as_array).into_iter().flatten() {
        text.extend(render(body, element)?);
        if text.len() > Template::BYTES_MAX {
            return Err(TooManyValues);
        }
    }
    Ok(text)
}

fn texts_of(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(elements)) if !elements.is_empty() => {
            elements.iter().map(text_of).collect()
        }
        Some(Value::Array(_)) | None => vec![String::new()],
        Some(value) => vec![text_of(value)],
    }
}

/// A scalar as text, anything else as JSON.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
