//! What is in memory and in the store.

use std::collections::BTreeMap;

use devops::StatisticsSource;
use journal::{EntityKind, Journal};
use serde_json::{Map, Value, json};

use super::Operator;
use super::namespaces::namespace_of;

/// How many entities are looked at at a time while counting.
const BATCH: usize = 1000;

impl StatisticsSource for Operator {
    /// Nothing here keeps a searchable copy of a thing in memory for as long as the thing itself.
    fn hot_entities(&self) -> Map<String, Value> {
        let counts = self.hot_namespaces();
        let sum = |kind: &str| -> u64 { counts.get(kind).map_or(0, |by| by.values().sum()) };
        let statistics = json!({
            "hotThings": sum("thing"),
            "hotPolicies": sum("policy"),
            "hotSearchWildcardUpdaters": sum("search-wildcard-updater"),
        });
        statistics.as_object().cloned().unwrap_or_default()
    }

    fn hot_namespaces(&self) -> BTreeMap<&'static str, BTreeMap<String, u64>> {
        let mut counts: BTreeMap<&'static str, BTreeMap<String, u64>> = BTreeMap::new();
        for key in self.store.hot_entities() {
            let kind = match key.kind {
                EntityKind::Thing => "thing",
                EntityKind::Policy => "policy",
                EntityKind::Revocation | EntityKind::Erasure | EntityKind::Announcement => continue,
            };
            let namespace = namespace_of(&key).unwrap_or_default().to_owned();
            *counts
                .entry(kind)
                .or_default()
                .entry(namespace)
                .or_default() += 1;
        }
        counts
    }

    fn all_things(&self) -> Option<u64> {
        let mut count = 0;
        let mut after: Option<std::sync::Arc<str>> = None;
        loop {
            let things = self
                .store
                .entities(EntityKind::Thing, after.as_deref(), BATCH)
                .ok()?;
            let existing = things.iter().filter(|(_, thing)| thing.state.is_some());
            count += existing.count() as u64;
            match things.last() {
                Some((key, _)) if things.len() == BATCH => after = Some(key.id.clone()),
                Some(_) | None => return Some(count),
            }
        }
    }
}
