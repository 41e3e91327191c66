//! The schema of the configuration, and the pass that holds what was written against it.
//!
//! The pass reports unknown keys, wrong types and unparsable values with their place, follows
//! `{ file: … }` and `{ env: … }`, and answers the values as plain JSON for the layers above.

use std::{path::Path, sync::LazyLock};

use serde_json::{Map, Value};

use super::{
    Config,
    environment::Environment,
    error::Problem,
    places::{Places, join},
    spelling,
    tree::{Data, Entry, Node},
};

mod branches;
mod indirection;
mod scalars;

pub(crate) use branches::{Branches, navigate};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| schemars::schema_for!(Config).to_value());

/// The JSON Schema of the configuration file.
pub fn json_schema() -> &'static Value {
    &SCHEMA
}

/// Holds what was written against the schema.
pub(crate) struct Checker<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) folder: &'a Path,
    pub(crate) places: &'a mut Places,
    pub(crate) problems: Vec<Problem>,
}

impl Checker<'_> {
    /// Checks `node` against `schema` and answers its value with indirections resolved.
    pub(crate) fn check(&mut self, schema: &Value, node: &Node, key: &str) -> Value {
        self.places.insert(key, node.place.clone());
        let branches = Branches::of(schema);
        if let Some(text) = self.indirection(&branches, node, key) {
            return text;
        }
        match &node.data {
            Data::Null => self.check_null(&branches, node, key),
            Data::Boolean(value) => self.check_kind(&branches, node, key, Value::from(*value)),
            Data::Integer(value) => {
                self.check_number(&branches, node, key);
                self.check_kind(&branches, node, key, Value::from(*value))
            }
            Data::Number(value) => {
                self.check_number(&branches, node, key);
                self.check_kind(&branches, node, key, Value::from(*value))
            }
            Data::Text(text) => self.check_text(&branches, node, key, text),
            Data::List(items) => self.check_list(&branches, node, key, items),
            Data::Map(entries) => self.check_map(&branches, node, key, entries),
        }
    }

    /// Reports that `node` is something else than the schema wants.
    pub(crate) fn expected(&mut self, branches: &Branches<'_>, node: &Node, key: &str) {
        self.problems.push(Problem::at(
            &node.place,
            key,
            format!(
                "expected {}, found {}",
                branches.expectation(),
                node.data.kind()
            ),
        ));
    }

    fn check_kind(
        &mut self,
        branches: &Branches<'_>,
        node: &Node,
        key: &str,
        value: Value,
    ) -> Value {
        if branches.accepting(&node.data).next().is_none() {
            self.expected(branches, node, key);
        }
        value
    }

    /// A section with nothing in it is a section of defaults; elsewhere nothing must be allowed.
    fn check_null(&mut self, branches: &Branches<'_>, node: &Node, key: &str) -> Value {
        if branches.are_one_section() {
            return Value::Object(Map::new());
        }
        self.check_kind(branches, node, key, Value::Null)
    }

    fn check_list(
        &mut self,
        branches: &Branches<'_>,
        node: &Node,
        key: &str,
        items: &[Node],
    ) -> Value {
        let Some(branch) = branches.accepting(&node.data).next() else {
            self.expected(branches, node, key);
            return Value::Null;
        };
        let item_schema = branch.get("items").unwrap_or(&Value::Bool(true));
        items
            .iter()
            .enumerate()
            .map(|(index, item)| self.check(item_schema, item, &join(key, &index.to_string())))
            .collect()
    }

    fn check_map(
        &mut self,
        branches: &Branches<'_>,
        node: &Node,
        key: &str,
        entries: &[Entry],
    ) -> Value {
        let Some(branch) = branches.for_map(entries) else {
            self.expected(branches, node, key);
            return Value::Null;
        };
        self.check_required(branch, node, key, entries);
        let mut values = Map::new();
        for entry in entries {
            let entry_key = join(key, &entry.key);
            match branches::property(branch, &entry.key) {
                Some(schema) => {
                    let value = self.check(schema, &entry.value, &entry_key);
                    self.places.insert(&entry_key, entry.key_place.clone());
                    values.insert(entry.key.clone(), value);
                }
                None => self.unknown_key(branch, entry, &entry_key),
            }
        }
        Value::Object(values)
    }

    fn check_required(&mut self, branch: &Value, node: &Node, key: &str, entries: &[Entry]) {
        for name in branches::required(branch) {
            if !entries.iter().any(|entry| entry.key == name) {
                self.problems.push(Problem::at(
                    &node.place,
                    key,
                    format!("the key `{name}` is missing"),
                ));
            }
        }
    }

    fn unknown_key(&mut self, branch: &Value, entry: &Entry, key: &str) {
        let message = if key == "resources" {
            "this is a file of an older Edge Server with a `resources` map; write the flat form with `database`, `http_server` and `auth` instead".to_owned()
        } else {
            let hint = spelling::hint(&entry.key, branches::property_names(branch));
            format!("this key is unknown{hint}")
        };
        self.problems
            .push(Problem::at(&entry.key_place, key, message));
    }
}
