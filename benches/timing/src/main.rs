//! Whether the time of a refusal tells how wrong a credential is: `cargo run --release -p timing`.
//!
//! Each case checks credentials of two classes in random order and compares the two samples by Welch's t-test, as dudect
//! does (Reparaz, Balasch and Verbauwhede, 2017). A difference that somebody could see over a network has |t| far above
//! the bound. The program ends with 1 if one case is above it in each of its runs.

#![expect(clippy::print_stdout, reason = "its output is for who runs it")]

mod keys;
mod passwords;
mod sample;

use std::process::ExitCode;

use sample::Samples;

/// Beyond this, two samples do not have the same mean; dudect's bound for a leak.
const T_MAX: f64 = 4.5;
/// A machine that does something else meanwhile can move one run, hardly three in the same direction.
const RUNS: usize = 3;

/// Two classes of credentials that should take the same time.
struct Case {
    name: &'static str,
    /// Nanoseconds that the means may differ by: more than none only where what is told is public.
    tolerance: f64,
    /// Takes both samples once.
    measure: Box<dyn Fn() -> Samples>,
}

fn main() -> ExitCode {
    let mut leaks = 0;
    for case in keys::cases().into_iter().chain(passwords::cases()) {
        let statistics: Vec<f64> = (0..RUNS).map(|_| told(&case)).collect();
        if is_leak(&statistics) {
            println!("{}: the two differ in every run", case.name);
            leaks += 1;
        }
    }
    ExitCode::from(u8::from(leaks > 0))
}

/// Measures once, and says what came out.
fn told(case: &Case) -> f64 {
    let samples = (case.measure)();
    let t = samples.t(case.tolerance);
    let (one, other) = samples.means();
    println!("{}: {one:.0} ns, {other:.0} ns, t = {t:.2}", case.name);
    t
}

/// Whether every run says so, and says the same.
fn is_leak(statistics: &[f64]) -> bool {
    statistics.iter().all(|t| *t > T_MAX) || statistics.iter().all(|t| *t < -T_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_alone_or_runs_that_disagree_are_no_leak() {
        assert!(is_leak(&[5.0, 60.0, 4.6]));
        assert!(is_leak(&[-5.0, -60.0, -4.6]));
        assert!(!is_leak(&[5.0, 60.0, 4.4]));
        assert!(!is_leak(&[5.0, -60.0, 5.0]));
    }

    #[test]
    fn a_comparison_that_stops_at_the_first_difference_is_found() {
        let secret = [7_u8; 4096];
        let (mut early, mut late) = (secret, secret);
        early[0] ^= 1;
        late[4095] ^= 1;
        let leaky = |guess: &[u8; 4096]| guess.iter().zip(&secret).all(|(one, other)| one == other);
        let mut guess = secret;
        let prepare = |guess: &mut [u8; 4096], is_late: bool| {
            *guess = if is_late { late } else { early };
        };
        let samples = Samples::take(
            2_000,
            &mut guess,
            (prepare, |guess: &[u8; 4096]| leaky(guess)),
        );
        assert!(samples.t(0.0).abs() > T_MAX, "t = {}", samples.t(0.0));
        assert_eq!(
            samples.t(1e9),
            0.0,
            "nobody minds a difference that is tolerated"
        );
    }
}
