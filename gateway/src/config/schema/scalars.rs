//! Texts and numbers held against the schema.

use serde_json::Value;

use super::{Branches, Checker};
use crate::config::{
    error::Problem,
    spelling,
    tree::{Data, Node},
    value::{FORMAT_KEYWORD, parser_of},
};

impl Checker<'_> {
    pub(super) fn check_text(
        &mut self,
        branches: &Branches<'_>,
        node: &Node,
        key: &str,
        text: &str,
    ) -> Value {
        let words = branches.words();
        let free = branches
            .for_text()
            .find(|branch| branch.get("const").is_none() && branch.get("enum").is_none());
        match free {
            _ if words.contains(&text) => {}
            Some(branch) => self.check_format(branch, node, key, text),
            None if words.is_empty() => self.expected(branches, node, key),
            None => {
                let hint = spelling::hint(text, words.iter().copied());
                let message = format!("expected {}, found `{text}`{hint}", branches.expectation());
                self.problems.push(Problem::at(&node.place, key, message));
            }
        }
        Value::from(text)
    }

    pub(super) fn check_number(&mut self, branches: &Branches<'_>, node: &Node, key: &str) {
        let number = match node.data {
            Data::Integer(number) => number as f64,
            Data::Number(number) => number,
            Data::Null | Data::Boolean(_) | Data::Text(_) | Data::List(_) | Data::Map(_) => return,
        };
        let Some(branch) = branches.accepting(&node.data).next() else {
            return;
        };
        let minimum = branch.get("minimum").and_then(Value::as_f64);
        let maximum = match branch.get("format").and_then(Value::as_str) {
            Some("uint32") => Some(f64::from(u32::MAX)),
            _ => branch.get("maximum").and_then(Value::as_f64),
        };
        if let Some(minimum) = minimum.filter(|minimum| number < *minimum) {
            let message = format!("expected at least {minimum}, found {number}");
            self.problems.push(Problem::at(&node.place, key, message));
        }
        if let Some(maximum) = maximum.filter(|maximum| number > *maximum) {
            let message = format!("expected at most {maximum}, found {number}");
            self.problems.push(Problem::at(&node.place, key, message));
        }
    }

    fn check_format(&mut self, branch: &Value, node: &Node, key: &str, text: &str) {
        let format = branch.get(FORMAT_KEYWORD).and_then(Value::as_str);
        if let Some(parser) = format.and_then(parser_of)
            && let Err(message) = parser(text)
        {
            self.problems.push(Problem::at(&node.place, key, message));
        }
        if text.is_empty() && branch.get("minLength").is_some() {
            let message = "expected a text that is not empty";
            self.problems.push(Problem::at(&node.place, key, message));
        }
    }
}
