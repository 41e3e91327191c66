//! Who is limited or has to wait, for operators.

use authentication::SuspectName;
use devops::LimitControl;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Operator;
use crate::limits::LimitKey;

impl LimitControl for Operator {
    fn list(&self, now: Timestamp) -> Vec<Value> {
        let refused = self
            .gateway()
            .limits
            .refused(now)
            .into_iter()
            .map(|refused| {
                json!({
                    "id": format!("rate~{}~{}", refused.limit, refused.key.to_text()),
                    "limit": format!("per {}", refused.limit),
                    "who": refused.who,
                    "refused": refused.count,
                    "last": refused.last,
                })
            });
        let suspects = self
            .gateway()
            .keys
            .guard
            .list(now)
            .into_iter()
            .map(|suspect| {
                let (id, who) = match &suspect.who {
                    SuspectName::Source(source) => {
                        let text = source.to_string();
                        (format!("source~{}", text.trim_end_matches("/64")), text)
                    }
                    SuspectName::Identity(name) => (format!("identity~{name}"), name.to_string()),
                };
                json!({
                    "id": id,
                    "limit": format!("failed {}", suspect.method),
                    "who": who,
                    "refused": suspect.failures,
                    "last": suspect.last,
                    "waitSeconds": suspect.wait.map(|wait| wait.as_secs_f64().ceil()),
                })
            });
        suspects.chain(refused).collect()
    }

    fn unblock(&self, id: &str) -> bool {
        let Some((kind, rest)) = id.split_once('~') else {
            return false;
        };
        match kind {
            "source" => rest
                .parse()
                .is_ok_and(|source| self.gateway().keys.guard.unblock_source(source)),
            "identity" => self.gateway().keys.guard.unblock_identity(rest),
            "rate" => rest
                .split_once('~')
                .and_then(|(limit, key)| Some((limit, LimitKey::from_text(key)?)))
                .is_some_and(|(limit, key)| self.gateway().limits.restore(limit, key)),
            _ => false,
        }
    }
}
