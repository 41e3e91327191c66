//! Rules in every arrangement, and what they must not believe.

use policies::{ClaimValues, Credential, Principal, ProviderKind};

use super::NamespacedKind::{Policy, Thing};
use super::*;
use crate::testing::{Headers, now};

fn rule(conditions: &[&str], allowed: &[&str], blocked: &[&str]) -> NamespaceRule {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    NamespaceRule {
        conditions: texts(conditions),
        kinds: Vec::new(),
        allowed: texts(allowed),
        blocked: texts(blocked),
    }
}

fn principal(provider: ProviderKind, claims: &[(&str, &[&str])]) -> Principal {
    let claims: ClaimValues = claims
        .iter()
        .map(|(name, values)| {
            (
                (*name).into(),
                values.iter().map(ToString::to_string).collect(),
            )
        })
        .collect();
    let credential = Credential {
        claims,
        ..Credential::default()
    };
    Principal::new(provider, Vec::new(), None, credential)
}

fn view(rules: &[NamespaceRule], principal: &Principal, headers: &Headers) -> NamespaceView {
    let access = Arc::new(NamespaceAccess::new(rules).unwrap());
    access.view(&NamespaceFacts {
        principal,
        headers,
        now: now(),
    })
}

#[track_caller]
fn check(rules: &[NamespaceRule], expected: &[(&str, bool)]) {
    let alice = principal(ProviderKind::Jwt, &[("org", &["acme"])]);
    let view = view(rules, &alice, &Headers(vec![("x-plant", "3".to_owned())]));
    for (namespace, allowed) in expected {
        assert_eq!(
            view.allows(Thing, namespace),
            *allowed,
            "{namespace:?} under {rules:?}"
        );
    }
}

#[test]
fn without_rules_everything_is_allowed_and_with_one_only_what_it_says() {
    check(&[], &[("any", true), ("", true)]);
    check(
        &[rule(&[], &["acme", "acme.*"], &[])],
        &[
            ("acme", true),
            ("acme.a", true),
            ("acme.a.b", true),
            ("acmex", false),
            ("ACME", false),
            ("", false),
        ],
    );
    check(
        &[rule(&[], &["acme.?"], &[])],
        &[("acme.a", true), ("acme.ab", false), ("acme", false)],
    );
    check(&[rule(&[], &[], &[])], &[("any", true)]);
}

#[test]
fn whoever_blocks_wins_wherever_it_stands() {
    let (allow, block) = (
        rule(&[], &["acme.*"], &[]),
        rule(&[], &["other"], &["acme.secret*"]),
    );
    for rules in [[allow.clone(), block.clone()], [block, allow]] {
        check(
            &rules,
            &[
                ("acme.a", true),
                ("acme.secret", false),
                ("acme.secrets.x", false),
                ("other", true),
            ],
        );
    }
    check(
        &[rule(&[], &[], &["acme"])],
        &[("acme", false), ("other", true)],
    );
}

#[test]
fn a_rule_counts_if_all_its_conditions_hold() {
    let org = "{{ jwt:org | fn:filter('eq','acme') }}";
    let plant = "{{ header:X-Plant | fn:filter('eq','3') }}";
    check(
        &[rule(&[org, plant], &["a"], &[])],
        &[("a", true), ("b", false)],
    );
    check(
        &[rule(&[org, "{{ header:x-none }}"], &["a"], &[])],
        &[("a", false)],
    );
    check(
        &[
            rule(&["{{ jwt:none }}"], &["a"], &[]),
            rule(&[org], &["b"], &[]),
        ],
        &[("a", false), ("b", true)],
    );
    check(
        &[rule(
            &["{{ time:now[y] | fn:filter('like','2026-*') }}"],
            &["a"],
            &[],
        )],
        &[("a", true)],
    );
    check(
        &[rule(
            &["{{ time:now | fn:filter('like','2025-*') }}"],
            &["a"],
            &[],
        )],
        &[("a", false)],
    );
}

#[test]
fn a_rule_about_claims_does_not_count_without_a_verified_token() {
    let rules = [rule(
        &["{{ jwt:org | fn:default('acme') }}"],
        &["acme"],
        &[],
    )];
    let forged = Headers(vec![(
        "authorization",
        "Bearer e30.eyJvcmciOiJhY21lIn0.AA".to_owned(),
    )]);
    for provider in [ProviderKind::PreAuthenticated, ProviderKind::ApiKey] {
        let view = view(&rules, &principal(provider, &[]), &forged);
        assert!(!view.allows(Thing, "acme"), "{provider:?}");
    }
    let view = view(&rules, &principal(ProviderKind::Jwt, &[]), &forged);
    assert!(view.allows(Thing, "acme"));
}

#[test]
fn rules_may_be_about_one_kind() {
    let things = NamespaceRule {
        kinds: vec![Thing],
        ..rule(&[], &["acme"], &[])
    };
    let alice = principal(ProviderKind::Jwt, &[]);
    let view = view(&[things], &alice, &Headers::default());
    assert!(view.allows(Policy, "other") && !view.allows(Thing, "other"));
    assert!(view.restricts(Thing) && !view.restricts(Policy));
}

#[test]
fn a_condition_that_grows_without_bounds_allows_nothing() {
    let many: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    let credential = Credential {
        claims: [("roles".into(), many.into())].into(),
        ..Credential::default()
    };
    let alice = Principal::new(ProviderKind::Jwt, Vec::new(), None, credential);
    let rules = [
        rule(&[], &["a"], &[]),
        rule(&["{{ jwt:roles }}{{ jwt:roles }}"], &["b"], &["a"]),
    ];
    let view = view(&rules, &alice, &Headers::default());
    assert!(!view.allows(Thing, "a") && !view.allows(Thing, "b"));
}

#[test]
fn what_conditions_ask_for_is_known_beforehand() {
    let access = NamespaceAccess::new(&[
        rule(
            &[
                "{{ jwt:org/name | fn:filter('eq',jwt:other) }}",
                "{{ header:X-A }}",
            ],
            &[],
            &[],
        ),
        rule(&["{{ jwt:org/name }}"], &[], &[]),
    ])
    .unwrap();
    assert_eq!(access.claims(), ["org/name".into(), "other".into()]);
    let headers = Headers(vec![("x-a", "1".to_owned()), ("x-b", "2".to_owned())]);
    let kept = KeptHeaders::of(&access, &headers);
    let kept = |name| crate::HeaderLookup::header(&kept, name);
    assert_eq!((kept("x-a"), kept("x-b")), (Some("1"), None));
    assert!(!access.depends_on_time());
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    let refused = |rule: NamespaceRule| NamespaceAccess::new(&[rule]).unwrap_err().to_string();
    assert!(refused(rule(&[], &["a|b"], &[])).contains("`a|b`"));
    assert!(refused(rule(&[], &[], &["\u{e4}"])).contains("pattern"));
    assert!(refused(rule(&[], &[""], &[])).contains("pattern"));
    assert!(refused(rule(&["{{ request:subjectId }}"], &[], &[])).contains("request:subjectId"));
    assert!(refused(rule(&["{{ time:tomorrow }}"], &[], &[])).contains("time:tomorrow"));
    assert!(refused(rule(&["{{ header:Authorization }}"], &[], &[])).contains("secret"));
}
