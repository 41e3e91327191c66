//! What the stages behind a placeholder do.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::format::Format;
use super::like::like;
use super::{Placeholder, PlaceholderSource, Resolution, Template, TooManyValues};

/// One stage.
#[derive(Debug, Clone)]
pub(super) enum Function {
    Default(Argument),
    FilterElements {
        operator: Operator,
        comparison: Argument,
    },
    FilterAll {
        value: Argument,
        operator: Operator,
        comparison: Argument,
    },
    FilterExists {
        value: Argument,
        expected: bool,
    },
    SubstringBefore(String),
    SubstringAfter(String),
    Lower,
    Upper,
    Trim,
    Replace(Argument, Argument),
    Split(String),
    Join(String),
    UrlEncode,
    UrlDecode,
    Base64Encode,
    Base64Decode,
    Delete,
    Format(Format),
}

/// A text in quotes, or a placeholder.
#[derive(Debug, Clone)]
pub(super) enum Argument {
    Constant(String),
    Placeholder(Placeholder),
}

/// How `fn:filter` compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Like,
    Exists,
}

impl Argument {
    pub(super) fn placeholder(&self) -> Option<&Placeholder> {
        match self {
            Self::Constant(_) => None,
            Self::Placeholder(placeholder) => Some(placeholder),
        }
    }

    fn values(&self, source: &dyn PlaceholderSource) -> Vec<String> {
        match self {
            Self::Constant(text) => vec![text.clone()],
            Self::Placeholder(placeholder) => placeholder.values(source),
        }
    }

    /// The values, or the empty text if there is none.
    fn values_or_empty(&self, source: &dyn PlaceholderSource) -> Vec<String> {
        let mut values = self.values(source);
        if values.is_empty() {
            values.push(String::new());
        }
        values
    }
}

impl Operator {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "eq" => Some(Self::Equal),
            "ne" => Some(Self::NotEqual),
            "like" => Some(Self::Like),
            "exists" => Some(Self::Exists),
            _ => None,
        }
    }

    fn holds(self, value: &str, comparison: &str) -> bool {
        match self {
            Self::Equal => value == comparison,
            Self::NotEqual => value != comparison,
            Self::Like => like(value, comparison),
            Self::Exists => value.is_empty() == (comparison == "false"),
        }
    }
}

impl Function {
    /// Those that may be placeholders.
    pub(super) fn arguments(&self) -> Vec<&Argument> {
        match self {
            Self::Default(argument)
            | Self::FilterElements {
                comparison: argument,
                ..
            }
            | Self::FilterExists {
                value: argument, ..
            } => vec![argument],
            Self::FilterAll {
                value, comparison, ..
            } => vec![value, comparison],
            Self::Replace(from, to) => vec![from, to],
            Self::SubstringBefore(_)
            | Self::SubstringAfter(_)
            | Self::Lower
            | Self::Upper
            | Self::Trim
            | Self::Split(_)
            | Self::Join(_)
            | Self::UrlEncode
            | Self::UrlDecode
            | Self::Base64Encode
            | Self::Base64Decode
            | Self::Delete
            | Self::Format(_) => Vec::new(),
        }
    }

    /// `Deleted` stays what it is; only `default` and `delete` do something with `Unresolved`.
    pub(super) fn apply(
        &self,
        input: Resolution,
        source: &dyn PlaceholderSource,
    ) -> Result<Resolution, TooManyValues> {
        match (self, input) {
            (_, Resolution::Deleted) | (Self::Delete, _) => Ok(Resolution::Deleted),
            (Self::Default(argument), Resolution::Unresolved) => {
                Ok(Resolution::of(argument.values(source)))
            }
            (_, Resolution::Unresolved) => Ok(Resolution::Unresolved),
            (_, Resolution::Resolved(values)) => self.apply_to(values, source),
        }
    }

    fn apply_to(
        &self,
        values: Vec<String>,
        source: &dyn PlaceholderSource,
    ) -> Result<Resolution, TooManyValues> {
        let map =
            |change: &dyn Fn(&str) -> String| values.iter().map(|value| change(value)).collect();
        let keep = |change: &dyn Fn(&str) -> Option<String>| {
            values.iter().filter_map(|value| change(value)).collect()
        };
        let values: Vec<String> = match self {
            Self::Default(_) => values,
            Self::Delete => return Ok(Resolution::Deleted),
            Self::FilterElements {
                operator,
                comparison,
            } => matching(values, *operator, &comparison.values(source)),
            Self::FilterAll {
                value,
                operator,
                comparison,
            } => {
                let comparisons = comparison.values_or_empty(source);
                let holds = |value: &String| {
                    comparisons
                        .iter()
                        .any(|comparison| operator.holds(value, comparison))
                };
                only_if(value.values_or_empty(source).iter().any(holds), values)
            }
            Self::FilterExists { value, expected } => {
                let exists = value.values(source).iter().any(|value| !value.is_empty());
                only_if(exists == *expected, values)
            }
            Self::SubstringBefore(separator) => {
                keep(&|value| Some(value.split_once(separator)?.0.to_owned()))
            }
            Self::SubstringAfter(separator) => {
                keep(&|value| Some(value.split_once(separator)?.1.to_owned()))
            }
            Self::Lower => map(&str::to_lowercase),
            Self::Upper => map(&str::to_uppercase),
            Self::Trim => map(&|value| value.trim().to_owned()),
            Self::Replace(from, to) => replace(&values, &from.values(source), &to.values(source))?,
            Self::Split(separator) => values
                .iter()
                .flat_map(|value| split(value, separator))
                .collect(),
            Self::Join(separator) => vec![join(&values, separator)?],
            Self::UrlEncode => {
                map(&|value| url::form_urlencoded::byte_serialize(value.as_bytes()).collect())
            }
            Self::UrlDecode => keep(&url_decode),
            Self::Base64Encode => map(&|value| STANDARD.encode(value)),
            Self::Base64Decode => {
                keep(&|value| String::from_utf8(STANDARD.decode(value).ok()?).ok())
            }
            Self::Format(format) => format.render_all(&values)?,
        };
        Ok(Resolution::of(values))
    }
}

fn only_if(condition: bool, values: Vec<String>) -> Vec<String> {
    if condition { values } else { Vec::new() }
}

/// The distinct elements for which some comparison holds, in their order.
fn matching(values: Vec<String>, operator: Operator, comparisons: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for value in values {
        if !kept.contains(&value)
            && comparisons
                .iter()
                .any(|comparison| operator.holds(&value, comparison))
        {
            kept.push(value);
        }
    }
    kept
}

/// Replaces the first value of one argument by the first of the other; without either there is no result.
fn replace(
    values: &[String],
    from: &[String],
    to: &[String],
) -> Result<Vec<String>, TooManyValues> {
    let (Some(from), Some(to)) = (from.first(), to.first()) else {
        return Ok(Vec::new());
    };
    if from.is_empty() {
        return Ok(values.to_vec());
    }
    let grown: usize = values
        .iter()
        .map(|value| value.len() + value.matches(from.as_str()).count() * to.len())
        .sum();
    if grown > 2 * Template::BYTES_MAX {
        return Err(TooManyValues);
    }
    Ok(values
        .iter()
        .map(|value| value.replace(from.as_str(), to))
        .collect())
}

fn join(values: &[String], separator: &str) -> Result<String, TooManyValues> {
    if values.len() * separator.len() > Template::BYTES_MAX {
        return Err(TooManyValues);
    }
    Ok(values.join(separator))
}

/// The pieces without the empty ones at the end; the value itself if the separator is not in it.
fn split(value: &str, separator: &str) -> Vec<String> {
    if !value.contains(separator) {
        return vec![value.to_owned()];
    }
    let mut pieces: Vec<String> = value.split(separator).map(str::to_owned).collect();
    while pieces.last().is_some_and(String::is_empty) {
        pieces.pop();
    }
    pieces
}

/// Decodes one form-encoded text; `None` if the bytes are no UTF-8.
fn url_decode(value: &str) -> Option<String> {
    let escaped = value.replace('&', "%26").replace('=', "%3D");
    let (decoded, _) = url::form_urlencoded::parse(escaped.as_bytes()).next()?;
    (!decoded.contains(char::REPLACEMENT_CHARACTER)).then(|| decoded.into_owned())
}
