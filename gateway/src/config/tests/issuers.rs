//! Issuers that do not start: whom their tokens are for, where their keys come from, what their templates say.

use super::{check_problem, loaded};

fn issuers(entries: &str) -> String {
    format!("auth: {{ oauth: {{ openid_connect_issuers: {{ {entries} }} }} }}\n")
}

#[test]
fn every_issuer_says_for_whom_its_tokens_are() {
    check_problem(
        &issuers("acme: { issuer: id.example }"),
        &[],
        "`audience` is missing",
    );
    loaded(&issuers("acme: { issuer: id.example, audience: any }"), &[]);
    loaded(
        &issuers("acme: { issuer: id.example, audience: [twinward] }"),
        &[],
    );
}

#[test]
fn an_issuer_stands_once() {
    let yaml = issuers(
        "a: { issuer: id.example, audience: any }, b: { issuers: [\"https://id.example\"], audience: any }",
    );
    check_problem(&yaml, &[], "`id.example` is already the issuer `a`");
    check_problem(
        &issuers("edge: { issuer: id.example, audience: any }"),
        &[],
        "API keys give subjects of the issuer `edge` too",
    );
}

#[test]
fn algorithms_are_known() {
    check_problem(
        &issuers("a: { issuer: id.example, audience: any, algorithms: [RS265] }"),
        &[],
        "the signature algorithm `RS265` is unknown; did you mean",
    );
    check_problem(
        &issuers("a: { issuer: id.example, audience: any, algorithms: [HS256] }"),
        &[],
        "the signature algorithm `HS256` is unknown",
    );
}

#[test]
fn keys_do_not_travel_in_the_clear() {
    let environment = [("OAUTH_PROTOCOL", "http")];
    check_problem(
        &issuers("a: { issuer: id.example, audience: any }"),
        &environment,
        "keys of `id.example` would travel without TLS",
    );
    loaded(
        &issuers("a: { issuer: \"localhost:9000/realms/x\", audience: any }"),
        &environment,
    );
    loaded(
        &issuers("a: { issuer: \"[::1]:9000/x\", audience: any }"),
        &environment,
    );
}

#[test]
fn an_issuer_that_could_not_be_used_does_not_start() {
    for (entry, expected) in [
        (
            "issuer: \"https://id.example\"",
            "1:49: `auth.oauth.openid_connect_issuers.a.issuer`: issuer `https://id.example` of entry `a` must be written without a scheme",
        ),
        (
            "issuers: [id.example, \"id example\"]",
            "`auth.oauth.openid_connect_issuers.a.issuers.1`: issuer `id example` of entry `a` is no host",
        ),
        (
            "issuer: \"\"",
            "`auth.oauth.openid_connect_issuers.a.issuer`: it is empty",
        ),
        ("audience: []", "`issuer` is missing"),
        (
            "issuer: a.example, issuers: [b.example]",
            "`auth.oauth.openid_connect_issuers.a.issuer`: `issuers` stands here, too",
        ),
        (
            "issuer: id.example, audience: []",
            "`auth.oauth.openid_connect_issuers.a.audience`: issuer entry `a` lists no audience",
        ),
        (
            "issuer: id.example, auth_subjects: [\"{{ jwt:sub }}\", \"{{ jwt:sub\"]",
            "`auth.oauth.openid_connect_issuers.a.auth_subjects.1`: template `{{ jwt:sub` of issuer entry `a`: malformed at `{{ jwt:sub`; write a template such as",
        ),
        (
            "issuer: id.example, auth_subjects: [\"{{ header:x }}\"]",
            "placeholder `header:x` is not known here",
        ),
        (
            "issuer: id.example, auth_subjects: [\"{{ jwt:sub | fn:reverse() }}\"]",
            "function `reverse` is not known",
        ),
        (
            "issuer: id.example, prerequisite_conditions: [\"{{ jwt:sub | fn:lower('x') }}\"]",
            "`auth.oauth.openid_connect_issuers.a.prerequisite_conditions.0`: template `{{ jwt:sub | fn:lower('x') }}` of issuer entry `a`: arguments of function `lower` do not fit",
        ),
        (
            "issuer: id.example, inject_claims_into_headers: { x-realm: \"${jwt:realm\" }",
            "`auth.oauth.openid_connect_issuers.a.inject_claims_into_headers.x-realm`: ",
        ),
        (
            "issuer: id.example, auth_subjects: []",
            "so a token would give no subject",
        ),
        (
            "issuer: id.example, jwks_file: nowhere.json",
            "`auth.oauth.openid_connect_issuers.a.jwks_file`: key file `",
        ),
    ] {
        let audience = if entry.contains("audience") {
            ""
        } else {
            ", audience: any"
        };
        check_problem(
            &issuers(&format!("a: {{ {entry}{audience} }}")),
            &[],
            expected,
        );
    }
    check_problem(
        &issuers("\"a:b\": { issuer: id.example, audience: any }"),
        &[],
        "`auth.oauth.openid_connect_issuers.a:b`: `a:b` cannot be the first half of a subject: it is empty or has a `:`; name the entry",
    );
}

#[test]
fn an_issuer_of_operators_is_held_to_the_same() {
    check_problem(
        "devops: { oauth: { openid_connect_issuers: { ops: { issuer: id.example, audience: any, auth_subjects: [\"{{ jwt:sub\"] } } } }\n",
        &[],
        "`devops.oauth.openid_connect_issuers.ops.auth_subjects.0`: template `{{ jwt:sub`",
    );
}
