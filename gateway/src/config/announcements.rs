//! What an operator should know at start-up: settings that were written and have no effect (yet).
//!
//! Nothing is parsed and silently ignored: what is accepted for compatibility, or belongs to a feature that
//! does not exist yet, is named here as soon as somebody sets it.

use super::{
    environment::{Environment, ditto::WITHOUT_EFFECT},
    places::Places,
};

/// Keys of features that do not exist yet; `*` stands for one name of the user's.
const NOT_YET: &[&str] = &["logging.otlp_endpoint"];

/// Keys of Edge Server that this gateway accepts and has no use for.
const NOT_HERE: &[&str] = &[
    "database",
    "grpc_server",
    "http_server.http_api.*",
    "http_server.limits",
    "logging.ditto_sdk",
    "logging.edge_server.audit_logs",
    "logging.edge_server.console_logs",
    "logging.edge_server.rotating_logs",
];

/// A sentence for every setting that was written and has no effect.
pub fn no_effect_yet(places: &Places, environment: &Environment) -> Vec<String> {
    let mut sentences = Vec::new();
    for pattern in NOT_YET {
        sentences.extend(
            written(places, pattern)
                .map(|key| format!("`{key}` is set, but this version does not act on it yet")),
        );
    }
    for pattern in NOT_HERE {
        sentences.extend(written(places, pattern).map(|key| {
            format!(
                "`{key}` is accepted so that files of Edge Server start, and has no effect here"
            )
        }));
    }
    for name in WITHOUT_EFFECT {
        if environment.contains_key(name) {
            sentences.push(format!(
                "the environment variable {name} is set, but has no effect here"
            ));
        }
    }
    sentences
}

fn written<'a>(places: &'a Places, pattern: &'a str) -> impl Iterator<Item = &'a str> {
    places.keys().filter(move |key| matches(pattern, key))
}

fn matches(pattern: &str, key: &str) -> bool {
    let mut pattern = pattern.split('.');
    let mut key = key.split('.');
    loop {
        match (pattern.next(), key.next()) {
            (None, None) => return true,
            (Some(wanted), Some(name)) if wanted == "*" || wanted == name => {}
            (Some(_) | None, _) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_one_name() {
        assert!(matches(
            "auth.identities.*.allow_from",
            "auth.identities.press-07.allow_from"
        ));
        assert!(!matches(
            "auth.identities.*.allow_from",
            "auth.identities.allow_from"
        ));
        assert!(!matches("audit", "audit.path"));
    }
}
