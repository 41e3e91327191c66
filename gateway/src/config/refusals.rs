//! Combinations that must not start: unsafe ones, and names that point nowhere.
//!
//! Every refusal says what to write instead.

use std::path::Path;

use super::{Config, environment::Environment, error::Problem, places::Places};

mod authentication;
mod edge_server;
mod environment;
mod hashes;
mod identities;
mod issuer_settings;
mod issuers;
mod listeners;
mod operators;
mod sections;

/// Everything about `config` that must not start.
pub(super) fn of(config: &Config, places: &Places, environment: &Environment) -> Vec<Problem> {
    let mut refusals = Refusals {
        places,
        problems: Vec::new(),
    };
    refusals.check_environment(environment);
    refusals.check_listeners(config);
    refusals.check_sections(config);
    refusals.check_operators(&config.devops);
    refusals.check_edge_server(&config.http_server);
    if let Some(authentication) = config.auth.providers() {
        refusals.check_chain(authentication);
        refusals.check_issuers(authentication);
        refusals.check_identities(authentication, config);
    }
    refusals.problems
}

/// Every hash of an API key in `config` that cannot be used.
pub(super) fn of_hashes(config: &Config, places: &Places) -> Vec<Problem> {
    let mut refusals = Refusals {
        places,
        problems: Vec::new(),
    };
    if let Some(authentication) = config.auth.providers() {
        refusals.check_hashes(authentication);
    }
    refusals.problems
}

/// Whether users other than owner and group may read the file.
pub(crate) fn others_may_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

/// Collects what must not start.
struct Refusals<'a> {
    places: &'a Places,
    problems: Vec<Problem>,
}

impl Refusals<'_> {
    /// Refuses `key` for the reason in `message`.
    fn refuse(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(Problem {
            place: self.places.nearest(key).cloned(),
            key: key.to_owned(),
            message: message.into(),
        });
    }
}
