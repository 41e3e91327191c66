//! Decision tables and a naive evaluator to compare with.

mod naive;
mod tables;
mod views;

use serde_json::{Value, json};

use crate::effective::{self, PolicySource};
use crate::{Enforcer, Error, Placeholders, Policy, PolicyId};

/// There are no other policies.
struct Alone;

impl PolicySource for Alone {
    fn policy(&mut self, _: &PolicyId) -> Result<Option<std::sync::Arc<Policy>>, Error> {
        Ok(None)
    }
}

/// Compiles rules like `a +RW thing:/`: a subject, permissions granted (`+`) or revoked (`-`), a resource.
fn enforcer(rules: &[&str]) -> Enforcer {
    let entries: serde_json::Map<String, Value> = rules
        .iter()
        .enumerate()
        .map(|(at, rule)| {
            let [subject, permissions, resource] =
                rule.split(' ').collect::<Vec<_>>().try_into().unwrap();
            let (sign, letters) = permissions.split_at(1);
            let names: Vec<&str> = letters.chars().map(name).collect();
            let (grant, revoke) = match sign {
                "+" => (names, Vec::new()),
                _ => (Vec::new(), names),
            };
            let entry = json!({
                "subjects": { format!("t:{subject}"): {"type": "test"} },
                "resources": { resource: {"grant": grant, "revoke": revoke} },
            });
            (format!("e{at}"), entry)
        })
        .collect();
    let policy_id = "a:p".parse().unwrap();
    let value = json!({ "entries": entries });
    let policy = Policy::from_json(policy_id, &value, Placeholders::Keep).unwrap();
    let entries = effective::resolve(&policy, &mut Alone).unwrap();
    effective::compile(&entries, None, jiff::Timestamp::UNIX_EPOCH)
}

fn name(letter: char) -> &'static str {
    match letter {
        'R' => "READ",
        'W' => "WRITE",
        'X' => "EXECUTE",
        other => panic!("no permission {other}"),
    }
}
