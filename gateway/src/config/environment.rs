//! Settings from the environment: `TWINWARD__SECTION__KEY`, and the names that Ditto's gateway knows.
//!
//! Source: Ditto documentation, page "Operating Ditto", section "Configuration".

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    devops::{Devops, OperatorPassword},
    error::Problem,
    places::Place,
    schema::{Branches, Checker, navigate},
    spelling,
    tree::{Data, Node, parse_value},
    value::Secret,
};

pub(super) mod ditto;

/// The environment's variables, by name.
pub type Environment = BTreeMap<String, String>;

/// What the names of our own settings begin with.
const PREFIX: &str = "TWINWARD__";

/// Every setting that the environment makes, the strongest last: our own names win over Ditto's.
pub(super) fn overrides(
    environment: &Environment,
    file_layer: &Value,
    checker: &mut Checker<'_>,
) -> Vec<(Vec<String>, Node)> {
    let ditto = ditto::settings(environment, file_layer);
    let own = environment.iter().filter_map(|(name, value)| {
        let keys = name.strip_prefix(PREFIX)?.to_lowercase();
        let keys: Vec<String> = keys.split("__").map(str::to_owned).collect();
        Some((name.clone(), keys, value.clone()))
    });
    ditto
        .into_iter()
        .chain(own)
        .filter_map(|(name, keys, value)| {
            let place = Place::Environment(name);
            node_of(place, &keys, &value, checker).map(|node| (keys, node))
        })
        .collect()
}

/// `DEVOPS_PASSWORD` and `STATUS_PASSWORD` replace configured passwords; only their hashes stay in memory.
pub(super) fn hash_operator_passwords(environment: &Environment, devops: &mut Devops) {
    for (name, passwords) in [
        ("DEVOPS_PASSWORD", &mut devops.devops_passwords),
        ("STATUS_PASSWORD", &mut devops.status_passwords),
    ] {
        if let Some(password) = environment.get(name) {
            let hash = ::authentication::password::hash_password(password);
            *passwords = vec![OperatorPassword::Hash(Secret::from(hash))];
        }
    }
}

fn node_of(place: Place, keys: &[String], value: &str, checker: &mut Checker<'_>) -> Option<Node> {
    let segments: Vec<&str> = keys.iter().map(String::as_str).collect();
    match navigate(&segments) {
        Ok(schema) => Some(value_node(place, &Branches::of(schema), value)),
        Err((segment, known)) => {
            let message = if known.is_empty() {
                "the environment sets fixed keys only; write entries with names of your own into the file".to_owned()
            } else {
                format!(
                    "the key `{segment}` is unknown{}",
                    spelling::hint(&segment, known)
                )
            };
            checker
                .problems
                .push(Problem::at(&place, &keys.join("."), message));
            None
        }
    }
}

/// A text stays a text where one may stand; anything else is read as YAML.
fn value_node(place: Place, branches: &Branches<'_>, value: &str) -> Node {
    let text = Data::Text(value.to_owned());
    let parsed = parse_value(value, &place);
    let takes_text = branches.for_text().next().is_some();
    let data = match parsed {
        Some(node) if branches.take_structure(&node.data) => node.data,
        Some(node) if matches!(node.data, Data::Map(_)) && takes_text => node.data,
        Some(node)
            if matches!(node.data, Data::Boolean(_))
                && branches.accepting(&node.data).next().is_some() =>
        {
            node.data
        }
        Some(node) if !takes_text => node.data,
        Some(_) | None => text,
    };
    Node { place, data }
}
