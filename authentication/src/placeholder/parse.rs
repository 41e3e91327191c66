//! Reads templates.

use super::format::Format;
use super::function::{Argument, Function, Operator};
use super::{Part, Placeholder, Template, TemplateError};

pub(super) fn template(text: &str, prefixes: &[&str]) -> Result<Template, TemplateError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((at, open, close)) = next_opening(rest) {
        let (literal, tail) = rest.split_at_checked(at).ok_or_else(|| malformed(rest))?;
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.to_owned()));
        }
        let body = tail.get(open.len()..).unwrap_or_default();
        let end = find_unquoted(body, close).ok_or_else(|| malformed(tail))?;
        let (expression, after) = body.split_at_checked(end).ok_or_else(|| malformed(tail))?;
        parts.push(pipeline(expression, prefixes)?);
        rest = after.get(close.len()..).unwrap_or_default();
    }
    if rest.contains("}}") {
        return Err(malformed(rest));
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest.to_owned()));
    }
    Ok(Template { parts })
}

/// `{{ … }}`, or the older `${ … }`.
fn next_opening(text: &str) -> Option<(usize, &'static str, &'static str)> {
    [("{{", "}}"), ("${", "}")]
        .into_iter()
        .filter_map(|(open, close)| Some((text.find(open)?, open, close)))
        .min_by_key(|(at, ..)| *at)
}

fn malformed(near: &str) -> TemplateError {
    TemplateError::Malformed {
        near: near.chars().take(40).collect(),
    }
}

fn pipeline(expression: &str, prefixes: &[&str]) -> Result<Part, TemplateError> {
    let stages = split_unquoted(expression, '|');
    let mut start = None;
    let mut functions = Vec::new();
    for (position, stage) in stages.iter().map(|stage| stage.trim()).enumerate() {
        match stage.strip_prefix("fn:") {
            Some(call) => functions.push(function(call, prefixes)?),
            None if position == 0 => start = Some(placeholder(stage, prefixes)?),
            None => return Err(malformed(stage)),
        }
    }
    if functions.len() > Template::FUNCTIONS_MAX {
        return Err(TemplateError::TooComplex);
    }
    Ok(Part::Pipeline { start, functions })
}

fn placeholder(text: &str, prefixes: &[&str]) -> Result<Placeholder, TemplateError> {
    let known = text
        .split_once(':')
        .map(|(prefix, name)| (prefix.trim(), name.trim()))
        .filter(|(prefix, name)| prefixes.contains(prefix) && !name.is_empty());
    let (prefix, name) = known.ok_or_else(|| TemplateError::UnknownPlaceholder {
        placeholder: text.to_owned(),
    })?;
    if name.contains(['{', '}', '\'', '"', '(', ')']) {
        return Err(malformed(text));
    }
    Ok(Placeholder {
        prefix: prefix.to_owned(),
        name: name.to_owned(),
    })
}

fn function(call: &str, prefixes: &[&str]) -> Result<Function, TemplateError> {
    let (name, rest) = call.split_once('(').ok_or_else(|| malformed(call))?;
    let inner = rest.strip_suffix(')').ok_or_else(|| malformed(call))?;
    let name = name.trim();
    let arguments = arguments(inner, prefixes)?;
    let signature = || TemplateError::Signature {
        function: name.to_owned(),
    };
    match (name, arguments.as_slice()) {
        ("default", [argument]) => Ok(Function::Default(argument.clone())),
        ("filter", arguments) => filter(arguments).ok_or_else(signature),
        ("substring-before", [Argument::Constant(text)]) => {
            Ok(Function::SubstringBefore(text.clone()))
        }
        ("substring-after", [Argument::Constant(text)]) => {
            Ok(Function::SubstringAfter(text.clone()))
        }
        ("lower", []) => Ok(Function::Lower),
        ("upper", []) => Ok(Function::Upper),
        ("trim", []) => Ok(Function::Trim),
        ("replace", [from, to]) => Ok(Function::Replace(from.clone(), to.clone())),
        ("split", [Argument::Constant(text)]) if !text.is_empty() => {
            Ok(Function::Split(text.clone()))
        }
        ("join", [Argument::Constant(text)]) => Ok(Function::Join(text.clone())),
        ("url-encode", []) => Ok(Function::UrlEncode),
        ("url-decode", []) => Ok(Function::UrlDecode),
        ("base64-encode", []) => Ok(Function::Base64Encode),
        ("base64-decode", []) => Ok(Function::Base64Decode),
        ("delete", []) => Ok(Function::Delete),
        ("format", [Argument::Constant(text)]) => Format::parse(text)
            .map(Function::Format)
            .ok_or_else(signature),
        (
            "default" | "substring-before" | "substring-after" | "lower" | "upper" | "trim"
            | "replace" | "split" | "join" | "url-encode" | "url-decode" | "base64-encode"
            | "base64-decode" | "delete" | "format",
            _,
        ) => Err(signature()),
        (_, _) => Err(TemplateError::UnknownFunction {
            function: name.to_owned(),
        }),
    }
}

/// Either about the elements, `(operator, comparison)`, or about something else, `(value, operator[, comparison])`.
fn filter(arguments: &[Argument]) -> Option<Function> {
    match arguments {
        [value @ Argument::Placeholder(_), Argument::Constant(exists)] if exists == "exists" => {
            Some(Function::FilterExists {
                value: value.clone(),
                expected: true,
            })
        }
        [Argument::Constant(operator), comparison] => Some(Function::FilterElements {
            operator: Operator::from_name(operator)?,
            comparison: comparison.clone(),
        }),
        [
            value,
            Argument::Constant(exists),
            Argument::Constant(expected),
        ] if exists == "exists" => Some(Function::FilterExists {
            value: value.clone(),
            expected: match expected.as_str() {
                "true" => true,
                "false" => false,
                _ => return None,
            },
        }),
        [value, Argument::Constant(operator), comparison] => Some(Function::FilterAll {
            value: value.clone(),
            operator: Operator::from_name(operator)?,
            comparison: comparison.clone(),
        }),
        _ => None,
    }
}

fn arguments(text: &str, prefixes: &[&str]) -> Result<Vec<Argument>, TemplateError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    split_unquoted(text, ',')
        .into_iter()
        .map(|argument| argument_of(argument.trim(), prefixes))
        .collect()
}

fn argument_of(text: &str, prefixes: &[&str]) -> Result<Argument, TemplateError> {
    for quote in ['\'', '"'] {
        if let Some(rest) = text.strip_prefix(quote) {
            let inner = rest
                .strip_suffix(quote)
                .filter(|inner| !inner.contains(quote));
            return inner
                .map(|inner| Argument::Constant(inner.to_owned()))
                .ok_or_else(|| malformed(text));
        }
    }
    placeholder(text, prefixes).map(Argument::Placeholder)
}

fn split_unquoted(text: &str, separator: char) -> Vec<&str> {
    let mut quote = None;
    text.split(|character| {
        track_quote(&mut quote, character);
        quote.is_none() && character == separator
    })
    .collect()
}

fn find_unquoted(text: &str, wanted: &str) -> Option<usize> {
    let mut quote = None;
    text.char_indices()
        .find(|(at, character)| {
            track_quote(&mut quote, *character);
            quote.is_none() && text.get(*at..).is_some_and(|rest| rest.starts_with(wanted))
        })
        .map(|(at, _)| at)
}

fn track_quote(quote: &mut Option<char>, character: char) {
    match *quote {
        Some(open) if open == character => *quote = None,
        None if matches!(character, '\'' | '"') => *quote = Some(character),
        Some(_) | None => {}
    }
}
