//! The alternatives that a schema offers for one value.

use serde_json::Value;

use super::json_schema;
use crate::config::tree::{Data, Entry};

/// The alternatives for one value, references followed.
pub(crate) struct Branches<'a>(Vec<&'a Value>);

impl<'a> Branches<'a> {
    /// The alternatives that `schema` offers.
    pub(crate) fn of(schema: &'a Value) -> Self {
        let mut branches = Vec::new();
        collect(schema, &mut branches);
        Self(branches)
    }

    /// Those that take a value of the kind of `data`.
    pub(crate) fn accepting(&self, data: &Data) -> impl Iterator<Item = &'a Value> {
        let types = data.schema_types();
        let truth = match data {
            Data::Boolean(value) => Some(*value),
            Data::Null
            | Data::Integer(_)
            | Data::Number(_)
            | Data::Text(_)
            | Data::List(_)
            | Data::Map(_) => None,
        };
        self.0
            .iter()
            .copied()
            .filter(move |branch| takes_any_of(branch, types))
            .filter(
                move |branch| match branch.get("const").and_then(Value::as_bool) {
                    Some(wanted) => truth == Some(wanted),
                    None => true,
                },
            )
    }

    /// Those that take a text.
    pub(crate) fn for_text(&self) -> impl Iterator<Item = &'a Value> {
        self.0
            .iter()
            .copied()
            .filter(|branch| takes_any_of(branch, &["string"]))
    }

    /// Whether a list or a block may stand here.
    pub(crate) fn take_structure(&self, data: &Data) -> bool {
        matches!(data, Data::List(_) | Data::Map(_)) && self.accepting(data).next().is_some()
    }

    /// The alternative for a block with these entries: the one that knows most of its keys.
    pub(crate) fn for_map(&self, entries: &[Entry]) -> Option<&'a Value> {
        self.accepting(&Data::Map(Vec::new())).max_by_key(|branch| {
            entries
                .iter()
                .filter(|entry| property(branch, &entry.key).is_some())
                .count()
        })
    }

    /// Whether a block is the only thing that may stand here.
    pub(crate) fn are_one_section(&self) -> bool {
        match self.0.as_slice() {
            [branch] => {
                takes_any_of(branch, &["object"])
                    && !takes_any_of(branch, &["null"])
                    && required(branch).next().is_none()
            }
            _ => false,
        }
    }

    /// The words that may stand here, if only words may.
    pub(crate) fn words(&self) -> Vec<&'a str> {
        self.for_text().flat_map(words_of).collect()
    }

    /// What may stand here, for an error.
    pub(crate) fn expectation(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        for branch in &self.0 {
            for part in expectations_of(branch) {
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
        }
        parts.join(" or ")
    }
}

/// The schema at a dotted `key` of fixed keys.
///
/// # Errors
///
/// The segment that is unknown with the names that are known beside it; no names if they are the user's.
pub(crate) fn navigate(segments: &[&str]) -> Result<&'static Value, (String, Vec<&'static str>)> {
    let mut schema = json_schema();
    for segment in segments {
        let branches = Branches::of(schema);
        let found = branches
            .0
            .iter()
            .find_map(|branch| branch.get("properties")?.get(segment));
        schema = match found {
            Some(schema) => schema,
            None => {
                let known = branches.0.iter().flat_map(|b| property_names(b)).collect();
                return Err(((*segment).to_owned(), known));
            }
        };
    }
    Ok(schema)
}

/// The schema of the entry `name` of a block, user-named ones included.
pub(crate) fn property<'a>(branch: &'a Value, name: &str) -> Option<&'a Value> {
    static ANYTHING: Value = Value::Bool(true);
    let named = branch.get("properties").and_then(|p| p.get(name));
    named.or_else(|| match branch.get("additionalProperties") {
        None | Some(Value::Bool(true)) => Some(&ANYTHING),
        Some(Value::Bool(false)) => None,
        Some(schema) => Some(schema),
    })
}

/// The fixed keys of a block.
pub(crate) fn property_names(branch: &Value) -> impl Iterator<Item = &str> {
    branch
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|properties| properties.keys().map(String::as_str))
}

/// The keys that a block must have.
pub(crate) fn required(branch: &Value) -> impl Iterator<Item = &str> {
    branch
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn collect<'a>(schema: &'a Value, branches: &mut Vec<&'a Value>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let definition = reference
            .strip_prefix('#')
            .and_then(|pointer| json_schema().pointer(pointer));
        collect(definition.unwrap_or(&Value::Bool(true)), branches);
        return;
    }
    let alternatives = schema.get("anyOf").or_else(|| schema.get("oneOf"));
    match alternatives.and_then(Value::as_array) {
        Some(alternatives) => alternatives.iter().for_each(|a| collect(a, branches)),
        None => branches.push(schema),
    }
}

fn takes_any_of(branch: &Value, types: &[&str]) -> bool {
    match branch.get("type") {
        None => true,
        Some(Value::Array(own)) => own
            .iter()
            .filter_map(Value::as_str)
            .any(|t| types.contains(&t)),
        Some(own) => own.as_str().is_some_and(|t| types.contains(&t)),
    }
}

fn words_of(branch: &Value) -> Vec<&str> {
    match (branch.get("const"), branch.get("enum")) {
        (Some(word), _) => word.as_str().into_iter().collect(),
        (None, Some(Value::Array(words))) => words.iter().filter_map(Value::as_str).collect(),
        (None, _) => Vec::new(),
    }
}

fn expectations_of(branch: &Value) -> Vec<String> {
    let words = words_of(branch);
    if !words.is_empty() {
        return words.iter().map(|word| format!("`{word}`")).collect();
    }
    if let Some(Value::Bool(word)) = branch.get("const") {
        return vec![format!("`{word}`")];
    }
    if let Some(format) = branch.get("x-twinward-format").and_then(Value::as_str) {
        return vec![
            match format {
                "cidr" => "a network such as `10.0.0.0/8`",
                "duration" => "a duration such as `60s`",
                "listen-address" => "an address such as `127.0.0.1:8080`",
                "size" => "a size such as `100k`",
                "url" => "a URL such as `https://auth.example/`",
                "uuid" => "a UUID",
                _ => "a point in time such as `2027-01-31T00:00:00Z`",
            }
            .to_owned(),
        ];
    }
    let types = match branch.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(own) => own.as_str().into_iter().collect(),
        None => vec!["anything"],
    };
    types.into_iter().map(type_in_words).collect()
}

fn type_in_words(name: &str) -> String {
    match name {
        "null" => "nothing",
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a text",
        "array" => "a list",
        "object" => "a block of keys",
        other => other,
    }
    .to_owned()
}
