//! YAML as a tree of nodes that know where they were written.

use std::path::Path;

use saphyr::{LoadableYamlNode, MarkedYaml, Marker, Scalar, ScanError, YamlData};

use super::{error::Problem, places::Place};

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) data: Data,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Null,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One entry of a map.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_place: Place,
    pub(crate) value: Node,
}

impl Data {
    /// What it is, in words for an error.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean(_) => "`true` or `false`",
            Self::Integer(_) | Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a block of keys",
        }
    }

    /// Its names among the types of JSON Schema.
    pub(crate) fn schema_types(&self) -> &'static [&'static str] {
        match self {
            Self::Null => &["null"],
            Self::Boolean(_) => &["boolean"],
            Self::Integer(_) => &["integer", "number"],
            Self::Number(_) => &["number"],
            Self::Text(_) => &["string"],
            Self::List(_) => &["array"],
            Self::Map(_) => &["object"],
        }
    }
}

/// Parses the text of `file`; an empty one is an empty map.
pub(crate) fn parse_file(text: &str, file: &Path) -> Result<Node, Problem> {
    let place = |marker: &Marker| Place::File {
        file: file.to_owned(),
        line: marker.line(),
        column: marker.col() + 1,
    };
    let documents = MarkedYaml::load_from_str(text).map_err(|e| scan_problem(text, &e, &place))?;
    match documents.as_slice() {
        [] => Ok(empty_map(place(&Marker::new(0, 1, 0)))),
        [document] => {
            let node = convert(document, &place)?;
            Ok(match node.data {
                Data::Null => empty_map(node.place),
                Data::Boolean(_)
                | Data::Integer(_)
                | Data::Number(_)
                | Data::Text(_)
                | Data::List(_)
                | Data::Map(_) => node,
            })
        }
        [_, second, ..] => Err(Problem::at(
            &place(&second.span.start),
            "",
            "a second YAML document begins here; write one document",
        )),
    }
}

/// Parses one value that was written at `place`, e.g. in an environment variable.
pub(crate) fn parse_value(text: &str, place: &Place) -> Option<Node> {
    let documents = MarkedYaml::load_from_str(text).ok()?;
    match documents.as_slice() {
        [document] => convert(document, &|_| place.clone()).ok(),
        _ => None,
    }
}

fn empty_map(place: Place) -> Node {
    Node {
        place,
        data: Data::Map(Vec::new()),
    }
}

fn scan_problem(text: &str, error: &ScanError, place: &dyn Fn(&Marker) -> Place) -> Problem {
    let marker = error.marker();
    let message = if error.info().contains("duplicated key") {
        let line = text.lines().nth(marker.line().saturating_sub(1));
        let rest: String = line.unwrap_or("").chars().skip(marker.col()).collect();
        let key = rest.split(':').next().unwrap_or("").trim().to_owned();
        format!("the key `{key}` stands here a second time; keep one of the two")
    } else {
        format!("this is not YAML: {}", error.info())
    };
    Problem::at(&place(marker), "", message)
}

fn convert(yaml: &MarkedYaml<'_>, place: &dyn Fn(&Marker) -> Place) -> Result<Node, Problem> {
    let here = place(&yaml.span.start);
    let data = match &yaml.data {
        YamlData::Value(scalar) => scalar_data(scalar),
        YamlData::Sequence(items) => Data::List(
            items
                .iter()
                .map(|item| convert(item, place))
                .collect::<Result<_, _>>()?,
        ),
        YamlData::Mapping(entries) => Data::Map(
            entries
                .iter()
                .map(|(key, value)| convert_entry(key, value, place))
                .collect::<Result<_, _>>()?,
        ),
        YamlData::Tagged(tag, _) => {
            return Err(Problem::at(
                &here,
                "",
                format!("YAML tags such as `{tag}` are not understood; remove it"),
            ));
        }
        YamlData::Representation(..) | YamlData::BadValue | YamlData::Alias(_) => {
            return Err(Problem::at(&here, "", "this is not a value"));
        }
    };
    Ok(Node { place: here, data })
}

fn convert_entry(
    key: &MarkedYaml<'_>,
    value: &MarkedYaml<'_>,
    place: &dyn Fn(&Marker) -> Place,
) -> Result<Entry, Problem> {
    let key_place = place(&key.span.start);
    let YamlData::Value(scalar) = &key.data else {
        return Err(Problem::at(&key_place, "", "a key must be a plain text"));
    };
    let key = match scalar_data(scalar) {
        Data::Text(text) => text,
        Data::Integer(number) => number.to_string(),
        Data::Boolean(value) => value.to_string(),
        Data::Null | Data::Number(_) | Data::List(_) | Data::Map(_) => {
            return Err(Problem::at(&key_place, "", "a key must be a plain text"));
        }
    };
    Ok(Entry {
        key,
        key_place,
        value: convert(value, place)?,
    })
}

fn scalar_data(scalar: &Scalar<'_>) -> Data {
    match scalar {
        Scalar::Null => Data::Null,
        Scalar::Boolean(value) => Data::Boolean(*value),
        Scalar::Integer(value) => Data::Integer(*value),
        Scalar::FloatingPoint(value) => Data::Number(value.into_inner()),
        Scalar::String(text) => Data::Text(text.to_string()),
    }
}
