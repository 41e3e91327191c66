//! Settings of Ditto's environment that switch protection off, and restrictions among them that are not enforced here.

use super::Refusals;
use crate::config::{environment::Environment, error::Problem, places::Place};

/// A name, the value that is refused, and what to write instead.
const REFUSED: [(&str, &str, &str); 11] = [
    (
        "DEVOPS_SECURED",
        "false",
        "the operator service never goes unprotected; remove it and use the password that the first start makes, or set `devops.devops_passwords`",
    ),
    (
        "DEVOPS_STATUS_SECURED",
        "false",
        "the status pages never go unprotected; remove it and set `devops.status_passwords`",
    ),
    (
        "DITTO_DEVOPS_FEATURE_HISTORICAL_APIS_ENABLED",
        "false",
        "the past stays readable to whoever may read the present; remove it and set `history.max_revisions: 1`, which keeps none",
    ),
    (
        "DITTO_DEVOPS_FEATURE_MERGE_THINGS_ENABLED",
        "false",
        "merge patches cannot be switched off; remove it and let the proxy refuse the method PATCH",
    ),
    (
        "ENABLE_CORS",
        "true",
        "it would admit every web page; remove it and list the pages' origins in `http_server.allowed_origins`",
    ),
    (
        "ENABLE_DUMMY_AUTH",
        "true",
        "it would believe every caller; set ENABLE_PRE_AUTHENTICATION=true and list your proxies in `auth.pre_authenticated.trusted_proxies`",
    ),
    (
        "DEVOPS_PASSWORD",
        "foobar",
        "everybody knows this password; choose another, or run `twinward password hash` and set `devops.devops_passwords`",
    ),
    (
        "DEVOPS_PASSWORD",
        "status",
        "everybody knows this password; choose another, or run `twinward password hash` and set `devops.devops_passwords`",
    ),
    (
        "STATUS_PASSWORD",
        "foobar",
        "everybody knows this password; choose another, or run `twinward password hash` and set `devops.status_passwords`",
    ),
    (
        "STATUS_PASSWORD",
        "status",
        "everybody knows this password; choose another, or run `twinward password hash` and set `devops.status_passwords`",
    ),
    (
        "THING_EVENT_PARTIAL_ACCESS_EVENTS_ENABLED",
        "false",
        "whoever may read a part of a thing gets that part of its events; remove it and grant READ to whom events may reach",
    ),
];

impl Refusals<'_> {
    pub(super) fn check_environment(&mut self, environment: &Environment) {
        for (name, refused, message) in REFUSED {
            let set = environment.get(name);
            if set.is_some_and(|value| value.trim().eq_ignore_ascii_case(refused)) {
                self.refuse_variable(name, message);
            }
        }
        for name in ["DEVOPS_PASSWORD", "STATUS_PASSWORD"] {
            if environment.get(name).is_some_and(String::is_empty) {
                self.refuse_variable(name, "it is empty; set a password or remove it");
            }
        }
    }

    fn refuse_variable(&mut self, name: &str, message: &str) {
        let place = Place::Environment(name.to_owned());
        self.problems.push(Problem::at(&place, "", message));
    }
}
