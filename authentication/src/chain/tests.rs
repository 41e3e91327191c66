//! Order, conflicts, aggregation.

use policies::Credential;

use super::*;
use crate::BackendFault;
use crate::testing::{Headers, request};

/// Answers what it was told, to see what the chain makes of it.
struct Scripted(ProviderKind, Answer);

#[derive(Clone, Copy)]
enum Answer {
    Good,
    Refused,
    Malformed,
    Unavailable,
    NotApplicable,
    RefusesRequest,
}
use Answer::{Good, Malformed, NotApplicable, Refused, RefusesRequest, Unavailable};

impl AuthenticationProvider for Scripted {
    fn kind(&self) -> ProviderKind {
        self.0
    }

    fn refuse(&self, _: &RequestParts<'_>) -> Result<(), AuthenticationError> {
        if matches!(self.1, RefusesRequest) {
            return Err(AuthenticationError::PreAuthenticatedQuery);
        }
        Ok(())
    }

    fn is_applicable(&self, _: &RequestParts<'_>) -> bool {
        !matches!(self.1, NotApplicable | RefusesRequest)
    }

    fn authenticate<'a>(&'a self, _: &'a RequestParts<'a>) -> Attempt<'a> {
        let outcome = match self.1 {
            Good => {
                let subject = format!("{}:x", self.0.as_str()).parse().unwrap();
                AuthenticationOutcome::Authenticated(Principal::new(
                    self.0,
                    vec![subject],
                    None,
                    Credential::default(),
                ))
            }
            Refused => AuthenticationOutcome::Failed(AuthenticationError::JwtSeveral),
            Malformed => {
                AuthenticationOutcome::Failed(AuthenticationError::PreAuthenticatedSeveral {
                    count: 2,
                })
            }
            Unavailable => AuthenticationOutcome::Failed(AuthenticationError::Unavailable {
                issuer: "acme".into(),
                fault: BackendFault::Timeout,
            }),
            NotApplicable | RefusesRequest => AuthenticationOutcome::NotApplicable,
        };
        Attempt::Pending(Box::pin(std::future::ready(outcome)))
    }
}

#[track_caller]
fn check(on_conflict: OnConflict, answers: [Answer; 3], expected: &str) {
    let kinds = [
        ProviderKind::PreAuthenticated,
        ProviderKind::Jwt,
        ProviderKind::ApiKey,
    ];
    let providers = kinds
        .into_iter()
        .zip(answers)
        .map(|(kind, answer)| Arc::new(Scripted(kind, answer)) as Arc<dyn AuthenticationProvider>)
        .collect();
    let chain = AuthenticationChain::new(providers, on_conflict);
    let headers = Headers::default();
    let parts = request(&headers, "");
    let result = futures_util::FutureExt::now_or_never(chain.authenticate(&parts)).unwrap();
    let actual = match result {
        Ok(principal) => principal.provider().as_str().to_owned(),
        Err(error) => format!("{:?}: {error}", error.class()),
    };
    assert_eq!(actual, expected);
}

#[test]
fn one_applicable_provider_decides_in_either_mode() {
    for mode in [OnConflict::Reject, OnConflict::First] {
        check(
            mode,
            [NotApplicable; 3],
            "Unauthenticated: no credential of a configured kind",
        );
        check(
            mode,
            [Good, NotApplicable, NotApplicable],
            "pre_authenticated",
        );
        check(mode, [NotApplicable, Good, NotApplicable], "jwt");
        check(mode, [NotApplicable, NotApplicable, Good], "api_key");
        check(
            mode,
            [NotApplicable, Refused, NotApplicable],
            "Unauthenticated: several tokens in one request",
        );
        check(
            mode,
            [NotApplicable, Unavailable, NotApplicable],
            "Unavailable: the keys of issuer `acme` are not available: timeout",
        );
    }
}

#[test]
fn different_kinds_conflict_whatever_they_would_answer() {
    for answers in [
        [Good, Good, NotApplicable],
        [Refused, Good, NotApplicable],
        [Unavailable, NotApplicable, Good],
    ] {
        check(
            OnConflict::Reject,
            answers,
            "BadRequest: credentials of 2 different kinds",
        );
    }
    check(
        OnConflict::Reject,
        [Good; 3],
        "BadRequest: credentials of 3 different kinds",
    );
}

#[test]
fn first_lets_the_next_provider_try_after_a_refusal_only() {
    let check = |answers, expected| check(OnConflict::First, answers, expected);
    check([Good, Refused, Refused], "pre_authenticated");
    check([Refused, Good, Refused], "jwt");
    check([Refused, Malformed, Good], "api_key");
    check(
        [Refused, Unavailable, Good],
        "Unavailable: the keys of issuer `acme` are not available: timeout",
    );
    check([Good, Unavailable, Good], "pre_authenticated");
}

#[test]
fn failures_are_aggregated_with_the_bad_request_first() {
    let check = |answers, expected| check(OnConflict::First, answers, expected);
    check(
        [Refused, Refused, NotApplicable],
        "Unauthenticated: 2 providers refused",
    );
    check(
        [Refused, Refused, Refused],
        "Unauthenticated: 3 providers refused",
    );
    check(
        [Refused, Malformed, Refused],
        "BadRequest: the pre-authenticated header names 2 subjects, one is allowed",
    );
}

#[test]
fn a_request_that_a_provider_refuses_is_not_saved_by_another() {
    let expected = "BadRequest: a query parameter claims to be pre-authenticated";
    for mode in [OnConflict::Reject, OnConflict::First] {
        check(mode, [RefusesRequest, Good, NotApplicable], expected);
        check(mode, [Good, NotApplicable, RefusesRequest], expected);
    }
}
