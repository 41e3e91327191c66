//! Operators' passwords: where a wrong one differs. Each guess is another one, as refused ones are remembered.

use authentication::password::{PasswordHashSettings, PasswordVerifier, hash_generated_password};
use jiff::Timestamp;
use secrecy::SecretString;

use crate::Case;
use crate::sample::Samples;

/// Each takes some milliseconds.
const ROUNDS: usize = 250;
/// What is remembered is looked up, which is quick.
const ROUNDS_REMEMBERED: usize = 50_000;

const PASSWORD: &str = "correct-horse-battery-staple-0000";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "a password that is wrong early or late, with argon2id",
            tolerance: 0.0,
            measure: Box::new(with_argon2),
        },
        Case {
            name: "a password that is wrong early or late, after a good one was remembered",
            tolerance: 0.0,
            measure: Box::new(remembered),
        },
    ]
}

fn verifier() -> PasswordVerifier {
    // The cheapest parameters that are accepted: what is compared at the end is as long as ever.
    let hash = hash_generated_password(&SecretString::from(PASSWORD));
    let settings = PasswordHashSettings {
        hash,
        expires_at: None,
    };
    PasswordVerifier::new(vec![settings]).expect("it was just made")
}

/// One that differs from the password at its beginning or at its end, and from every earlier guess.
fn guess(is_late: bool, number: u32) -> String {
    let own = format!("{number:08x}");
    let same = PASSWORD.get(8..25).unwrap_or_default();
    if is_late {
        format!("correct-{same}{own}")
    } else {
        format!("{own}{same}le-0000-")
    }
}

fn with_argon2() -> Samples {
    let verifier = verifier();
    let mut number = 0;
    let prepare = |text: &mut String, is_late: bool| {
        number += 1;
        *text = guess(is_late, number);
    };
    let check = |text: &String| verifier.verify(text, Timestamp::UNIX_EPOCH);
    Samples::take(ROUNDS, &mut String::new(), (prepare, check))
}

fn remembered() -> Samples {
    let verifier = verifier();
    let now = Timestamp::UNIX_EPOCH;
    assert!(verifier.verify(PASSWORD, now), "the password fits");
    let (early, late) = (guess(false, 1), guess(true, 1));
    let mut text = String::new();
    let prepare = |text: &mut String, is_late: bool| {
        text.clear();
        text.push_str(if is_late { &late } else { &early });
    };
    let check = |text: &String| verifier.verify_remembered(text, now).unwrap_or(false);
    Samples::take(ROUNDS_REMEMBERED, &mut text, (prepare, check))
}
