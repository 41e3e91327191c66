//! Every error code of the policies API, and the test that meets it.

use crate::catalogue::{Row, check, check_never, read};

const CODES: &str = "tests/it/policies/codes.rs";
const TABLE: &str = "every_code_has_its_request";

const CATALOGUE: [Row; 46] = [
    ("policies:id.invalid", CODES, TABLE),
    ("policies:id.notsettable", CODES, TABLE),
    ("policies:label.invalid", CODES, TABLE),
    ("policies:entry.invalid", CODES, TABLE),
    ("policies:subjectid.invalid", CODES, TABLE),
    ("policies:subjectexpiry.invalid", CODES, TABLE),
    ("policies:subjectannouncement.invalid", CODES, TABLE),
    ("policies:import.invalid", CODES, TABLE),
    ("policies:imports.toolarge", CODES, TABLE),
    (
        "policies:view.invalid",
        "tests/it/policy_services.rs",
        "the_resolved_view_shows_what_is_imported",
    ),
    ("policies:policy.toolarge", CODES, TABLE),
    ("policies:policy.notfound", CODES, TABLE),
    (
        "policies:policy.history.notfound",
        "tests/it/policies/history.rs",
        "the_past_of_a_policy_is_read_over_http_and_the_web_socket",
    ),
    ("policies:entry.notfound", CODES, TABLE),
    ("policies:subject.notfound", CODES, TABLE),
    ("policies:subjects.notfound", CODES, TABLE),
    ("policies:resource.notfound", CODES, TABLE),
    ("policies:resources.notfound", CODES, TABLE),
    ("policies:import.notfound", CODES, TABLE),
    ("policies:imports.notfound", CODES, TABLE),
    ("policies:policy.notcreatable", CODES, TABLE),
    ("policies:policy.notmodifiable", CODES, TABLE),
    ("policies:entry.notmodifiable", CODES, TABLE),
    ("policies:subject.notmodifiable", CODES, TABLE),
    ("policies:subjects.notmodifiable", CODES, TABLE),
    ("policies:resource.notmodifiable", CODES, TABLE),
    ("policies:resources.notmodifiable", CODES, TABLE),
    ("policies:import.notmodifiable", CODES, TABLE),
    ("policies:imports.notmodifiable", CODES, TABLE),
    ("policies:policy.modificationinvalid", CODES, TABLE),
    ("policies:entry.modificationinvalid", CODES, TABLE),
    ("policies:policy.conflict", CODES, TABLE),
    ("policies:entry.referenceconflict", CODES, TABLE),
    ("policies:import.referenceconflict", CODES, TABLE),
    (
        "policies:action.failed",
        "tests/it/policy_services.rs",
        "an_action_is_denied_without_token_or_permission",
    ),
    ("policies:precondition.failed", CODES, TABLE),
    // That the writes are turned away which these are made of: policies/src/service/tests/crowd.rs.
    (
        "policies:policy.toomanymodifyingrequests",
        "gateway/src/error/policies.rs",
        "what_only_a_crowd_meets_has_its_code",
    ),
    (
        "namespace.blocked",
        "tests/it/devops/namespaces.rs",
        "nothing_in_a_closed_namespace_is_read_or_written",
    ),
    (
        "entity.notcreatable",
        "tests/it/policies/creation.rs",
        "what_no_rule_grants_is_not_created",
    ),
    (
        "gateway:namespace.notaccessible",
        "tests/it/namespace_access.rs",
        "no_route_reaches_a_namespace_that_is_out_of_reach",
    ),
    // Every route waits in the same way; here the wait is for sure too long.
    (
        "command.timeout",
        "tests/it/messages.rs",
        "waiting_has_bounds",
    ),
    ("json.invalid", CODES, TABLE),
    ("json.field.missing", CODES, TABLE),
    ("placeholder:placeholder.notresolvable", CODES, TABLE),
    (
        "command.headers.invalid",
        "tests/it/policies/history.rs",
        "the_past_of_a_policy_is_read_over_http_and_the_web_socket",
    ),
    (
        "signal.unsupported",
        "tests/it/policies/history.rs",
        "policies_have_a_history_too",
    ),
];

/// Codes of Ditto that no request can meet here.
const NEVER: [&str; 1] = ["policies:policy.unavailable"];

#[test]
fn every_code_has_a_test() {
    check(&CATALOGUE);
}

/// What the gateway says of policies is in the catalogue, so that a new code brings its test.
#[test]
fn there_is_no_other_code() {
    let told = read("gateway/src/error/policies.rs");
    let told = told.split('"').filter(|text| {
        let rest = text.strip_prefix("policies:");
        rest.is_some_and(|rest| rest.contains('.') && !rest.contains(['{', ' ']))
    });
    for code in told {
        let is_known = CATALOGUE.iter().any(|(known, ..)| *known == code);
        // It has no body, and so no code that a client sees.
        assert!(
            is_known || code == "policies:precondition.notmodified",
            "{code}"
        );
    }
}

#[test]
fn codes_that_never_come_are_told_as_differences() {
    check_never(&NEVER, &["gateway/src/error/policies.rs"]);
}
