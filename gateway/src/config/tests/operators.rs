//! Who may use the operator service: what is refused, and what it says to write instead.

use super::*;

const ISSUER: &str =
    "oauth: { openid_connect_issuers: { ops: { issuer: id.acme.example, audience: [ops] } } }";

#[test]
fn a_password_in_the_clear_is_refused_with_what_to_do_and_never_shown() {
    let yaml = "devops: { devops_passwords: [hunter2-canary] }\n";
    check_problem(
        yaml,
        &[],
        "run `twinward password hash` and write what it prints",
    );
    check_problem(yaml, &[], "`devops.devops_passwords.0`");
    assert!(!problems(yaml, &[]).concat().contains("canary"));
    check_problem(
        "devops: { status_passwords: [{ hash: hunter2, expires_at: 2030-01-01T00:00:00Z }] }\n",
        &[],
        "`devops.status_passwords.0`: it is no hash",
    );
}

#[test]
fn a_hash_of_htpasswd_starts() {
    let hash = "$2y$05$abcdefghijklmnopqrstuuW5Xc0QnS3iXlq3l1yWf1nGmpCDrY1lC";
    let yaml = format!("devops: {{ devops_passwords: [\"{hash}\"] }}\n");
    assert!(loaded(&yaml, &[]).config.devops.names_operator());
}

#[test]
fn methods_and_lists_agree() {
    check_problem(
        "devops: { devops_oauth2_subjects: [\"ops:alice\"] }\n",
        &[],
        "`devops.devops_authentication_method` is `basic`; write `oauth2`",
    );
    check_problem(
        &format!(
            "devops: {{ devops_authentication_method: oauth2, devops_passwords: [\"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA\"], {ISSUER} }}\n"
        ),
        &[],
        "passwords open nothing while",
    );
    check_problem(
        "devops: { read_only_subjects: [\"ops:bob\"] }\n",
        &[],
        "a password has no subjects",
    );
}

#[test]
fn tokens_need_an_issuer_of_the_operators() {
    check_problem(
        "devops: { devops_authentication_method: oauth2 }\n",
        &[],
        "no issuer of theirs is configured",
    );
    check_problem(
        &format!(
            "devops: {{ devops_authentication_method: oauth2, {} }}\n",
            ISSUER.replace("oauth: {", "oauth: { protocol: http,")
        ),
        &[],
        "because `devops.oauth.protocol` is `http`",
    );
}

#[test]
fn tokens_admit_those_listed_be_it_nobody() {
    let yaml = format!("devops: {{ devops_authentication_method: oauth2, {ISSUER} }}\n");
    let loaded = loaded(&yaml, &[]);
    assert!(loaded.config.devops.names_operator());
    assert!(
        loaded.announcements.is_empty(),
        "{:?}",
        loaded.announcements
    );
}
