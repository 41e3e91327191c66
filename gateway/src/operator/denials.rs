//! The latest refusals of the public edge, for operators who look.

use std::collections::VecDeque;

use devops::DenialSource;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::Operator;

/// As many are kept.
const KEPT_MAX: usize = 50;

/// Longest correlation id that is kept, in characters: clients choose it.
const ID_CHARS_MAX: usize = 64;

/// One refusal; nothing in it is secret.
#[derive(Debug, Clone)]
pub(crate) struct Denial {
    pub(crate) at: Timestamp,
    pub(crate) status: u16,
    pub(crate) method: &'static str,
    pub(crate) route: &'static str,
    pub(crate) source: Option<std::net::IpAddr>,
    pub(crate) correlation_id: String,
}

/// The latest ones.
#[derive(Default)]
pub(crate) struct Denials(Mutex<VecDeque<Denial>>);

impl Denials {
    pub(crate) fn note(&self, mut denial: Denial) {
        if denial.correlation_id.chars().count() > ID_CHARS_MAX {
            let cut = denial.correlation_id.chars().take(ID_CHARS_MAX);
            denial.correlation_id = cut.collect();
        }
        let mut kept = self.0.lock();
        if kept.len() >= KEPT_MAX {
            kept.pop_back();
        }
        kept.push_front(denial);
    }

    fn list(&self) -> Vec<Denial> {
        self.0.lock().iter().cloned().collect()
    }
}

impl DenialSource for Operator {
    fn recent(&self) -> Vec<Value> {
        let denials = self.gateway().denials.list();
        denials
            .into_iter()
            .map(|denial| {
                json!({
                    "at": denial.at,
                    "status": denial.status,
                    "method": denial.method,
                    "route": denial.route,
                    "source": denial.source,
                    "correlationId": denial.correlation_id,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_and_no_more() {
        let denials = Denials::default();
        for number in 0..KEPT_MAX + 5 {
            denials.note(Denial {
                at: Timestamp::UNIX_EPOCH,
                status: 401,
                method: "GET",
                route: "/api/2/things",
                source: None,
                correlation_id: format!("{number}{}", "x".repeat(1000)),
            });
        }
        let kept = denials.list();
        assert_eq!(kept.len(), KEPT_MAX);
        assert!(kept[0].correlation_id.starts_with("54x"));
        assert_eq!(kept[0].correlation_id.len(), ID_CHARS_MAX);
    }
}
