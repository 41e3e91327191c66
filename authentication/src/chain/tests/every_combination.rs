//! Every order of providers with every outcome of each, against the rules written down naively.

use super::*;

const ANSWERS: [Answer; 7] = [
    Good,
    Refused,
    Revoked,
    Malformed,
    Unavailable,
    NotApplicable,
    RefusesRequest,
];

/// What the documentation says, step by step.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Principal(ProviderKind),
    RequestRefused,
    Conflict(Vec<ProviderKind>),
    Nobody,
    /// The outcome of this one, as it is.
    Of(Answer),
    AllOf(usize),
}

fn expected(on_conflict: OnConflict, providers: &[(ProviderKind, Answer)]) -> Expected {
    if providers
        .iter()
        .any(|(_, answer)| *answer == RefusesRequest)
    {
        return Expected::RequestRefused;
    }
    let applicable: Vec<_> = providers
        .iter()
        .filter(|(_, answer)| *answer != NotApplicable)
        .collect();
    if on_conflict == OnConflict::Reject && applicable.len() > 1 {
        return Expected::Conflict(applicable.iter().map(|(kind, _)| *kind).collect());
    }
    let mut failures = Vec::new();
    for (kind, answer) in applicable {
        match answer {
            Good => return Expected::Principal(*kind),
            Unavailable => return Expected::Of(Unavailable),
            Refused | Revoked | Malformed | NotApplicable | RefusesRequest => {
                failures.push(*answer);
            }
        }
    }
    match failures.as_slice() {
        [] => Expected::Nobody,
        [only] => Expected::Of(*only),
        several if several.contains(&Malformed) => Expected::Of(Malformed),
        several => Expected::AllOf(several.len()),
    }
}

fn actual(result: Result<Principal, AuthenticationError>) -> Expected {
    use AuthenticationError as Error;
    match result {
        Ok(principal) => Expected::Principal(principal.provider()),
        Err(Error::PreAuthenticatedQuery) => Expected::RequestRefused,
        Err(Error::Conflicting { providers }) => Expected::Conflict(providers),
        Err(Error::NoApplicableProvider) => Expected::Nobody,
        Err(Error::JwtSeveral) => Expected::Of(Refused),
        Err(Error::Revoked { .. }) => Expected::Of(Revoked),
        Err(Error::PreAuthenticatedSeveral { .. }) => Expected::Of(Malformed),
        Err(Error::Unavailable { .. }) => Expected::Of(Unavailable),
        Err(Error::Several { failures }) => Expected::AllOf(failures.len()),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn every_order_with_every_outcome() {
    let [first, second, third] = KINDS;
    let orders = [
        [first, second, third],
        [first, third, second],
        [second, first, third],
        [second, third, first],
        [third, first, second],
        [third, second, first],
    ];
    let mut combinations = 0;
    for order in orders {
        for number in 0..ANSWERS.len().pow(3) {
            let answers = [number, number / 7, number / 49].map(|part| ANSWERS[part % 7]);
            let providers: Vec<_> = order.into_iter().zip(answers).collect();
            for mode in [OnConflict::Reject, OnConflict::First] {
                assert_eq!(
                    actual(ask(&chain(mode, &providers))),
                    expected(mode, &providers),
                    "{mode:?}, {providers:?}"
                );
                combinations += 1;
            }
        }
    }
    assert_eq!(combinations, 6 * 343 * 2);
}
