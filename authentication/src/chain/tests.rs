//! Order, conflicts, aggregation.

use policies::Credential;

use super::*;
use crate::BackendFault;
use crate::testing::{Headers, request, revoking};

/// Answers what it was told, to see what the chain makes of it.
struct Scripted(ProviderKind, Answer);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Good,
    Refused,
    Revoked,
    Malformed,
    Unavailable,
    NotApplicable,
    RefusesRequest,
}
use Answer::{Good, Malformed, NotApplicable, Refused, RefusesRequest, Revoked, Unavailable};

mod every_combination;
mod proof;

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
            Good | Revoked => {
                let subject = format!("{}:x", self.0.as_str()).parse().unwrap();
                let credential = Credential {
                    token_id: (self.1 == Revoked).then(|| "lost".into()),
                    ..Credential::default()
                };
                AuthenticationOutcome::Authenticated(Principal::new(
                    self.0,
                    vec![subject],
                    None,
                    credential,
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

const KINDS: [ProviderKind; 3] = [
    ProviderKind::PreAuthenticated,
    ProviderKind::Jwt,
    ProviderKind::ApiKey,
];

/// A chain of these providers, in which the token `lost` is revoked.
fn chain(on_conflict: OnConflict, providers: &[(ProviderKind, Answer)]) -> AuthenticationChain {
    let providers = providers
        .iter()
        .map(|(kind, answer)| Arc::new(Scripted(*kind, *answer)) as _)
        .collect();
    AuthenticationChain::new(providers, on_conflict).with_revocations(revoking("lost"))
}

fn ask(chain: &AuthenticationChain) -> Result<Principal, AuthenticationError> {
    let headers = Headers::default();
    let parts = request(&headers, "");
    futures_util::FutureExt::now_or_never(chain.authenticate(&parts)).unwrap()
}

#[track_caller]
fn check(on_conflict: OnConflict, answers: [Answer; 3], expected: &str) {
    let providers: Vec<_> = KINDS.into_iter().zip(answers).collect();
    let actual = match ask(&chain(on_conflict, &providers)) {
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

#[test]
fn a_revoked_credential_is_a_refused_one() {
    let revoked = chain(OnConflict::First, &[(ProviderKind::Jwt, Revoked)]);
    let error = ask(&revoked).unwrap_err();
    assert!(matches!(
        error,
        AuthenticationError::Revoked {
            provider: ProviderKind::Jwt,
            ..
        }
    ));
    assert!(error.is_unauthenticated());
    check(OnConflict::First, [NotApplicable, Revoked, Good], "api_key");
}

#[test]
fn what_providers_conclude_is_counted() {
    #[derive(Default)]
    struct Counting(parking_lot::Mutex<Vec<(ProviderKind, Conclusion)>>);
    impl ChainObserver for Counting {
        fn concluded(
            &self,
            provider: ProviderKind,
            conclusion: Conclusion,
            duration: Option<std::time::Duration>,
        ) {
            assert!(duration.is_some(), "all of these waited");
            self.0.lock().push((provider, conclusion));
        }
    }
    let counting = Arc::new(Counting::default());
    let jwt = |answer| {
        let chain = chain(OnConflict::Reject, &[(ProviderKind::Jwt, answer)]);
        let _ = ask(&chain.with_observer(Arc::clone(&counting) as _));
    };
    for answer in [
        Good,
        Refused,
        Revoked,
        Malformed,
        Unavailable,
        NotApplicable,
        RefusesRequest,
    ] {
        jwt(answer);
    }
    let headers = Headers::default();
    let about = RequestParts {
        purpose: Purpose::Explain,
        ..request(&headers, "")
    };
    let chain = chain(OnConflict::Reject, &[(ProviderKind::Jwt, Good)]);
    let chain = chain.with_observer(Arc::clone(&counting) as _);
    let explained = futures_util::FutureExt::now_or_never(chain.explain(&about));
    assert!(explained.unwrap().1.is_ok(), "and is not counted");
    let expected = [
        Conclusion::Authenticated,
        Conclusion::Refused,
        Conclusion::Revoked,
        Conclusion::Malformed,
        Conclusion::Unavailable,
    ];
    assert_eq!(
        *counting.0.lock(),
        expected.map(|conclusion| (ProviderKind::Jwt, conclusion))
    );
}

#[track_caller]
fn check_explained(on_conflict: OnConflict, answers: [Answer; 3], expected: [&str; 3]) {
    let providers: Vec<_> = KINDS.into_iter().zip(answers).collect();
    let chain = chain(on_conflict, &providers);
    let headers = Headers::default();
    let parts = request(&headers, "");
    let explained = futures_util::FutureExt::now_or_never(chain.explain(&parts));
    let (steps, concluded) = explained.unwrap();
    let shown: Vec<_> = steps
        .iter()
        .map(|step| match &step.verdict {
            StepVerdict::Skipped => "skipped",
            StepVerdict::Failed(_) => "failed",
            StepVerdict::Accepted => "accepted",
            StepVerdict::NotAsked => "not asked",
        })
        .collect();
    assert_eq!(shown, expected);
    assert!(steps.iter().map(|step| step.provider).eq(KINDS));
    assert_eq!(
        concluded,
        ask(&chain),
        "an explanation decides as a request"
    );
}

#[test]
fn an_explanation_says_what_each_provider_concluded() {
    let (skipped, failed, accepted, not_asked) = ("skipped", "failed", "accepted", "not asked");
    let first = OnConflict::First;
    check_explained(first, [NotApplicable; 3], [skipped; 3]);
    check_explained(first, [Refused, Good, Good], [failed, accepted, not_asked]);
    check_explained(
        first,
        [Revoked, NotApplicable, Good],
        [failed, skipped, accepted],
    );
    check_explained(
        first,
        [Unavailable, Good, Good],
        [failed, not_asked, not_asked],
    );
    check_explained(
        first,
        [NotApplicable, RefusesRequest, Good],
        [not_asked, failed, not_asked],
    );
    check_explained(
        OnConflict::Reject,
        [Good, Good, NotApplicable],
        [not_asked; 3],
    );
}
