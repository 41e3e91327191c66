//! Whether the time of a key check tells where a wrong key differs: `cargo run --release -p authentication --example key_timing`.
//!
//! Checks a key that is wrong in its first character and one that is wrong in its last by turns, and compares the two
//! samples by Welch's t-test. A difference that a client could see over a network has |t| far above 4.5.

#![expect(clippy::print_stdout, reason = "its output is for who runs it")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use authentication::api_key::{Environment, KeyVerifier, generate};
use secrecy::ExposeSecret;

/// Checks per sample, after as many tenths to warm up.
const ROUNDS: usize = 100_000;
/// Beyond this, two samples do not have the same mean.
const T_MAX: f64 = 4.5;

fn main() -> ExitCode {
    let made = generate("tww", Environment::Live);
    let verifier = KeyVerifier::parse(&made.verifier, None).expect("it was just made");
    let key = made.key.expose_secret();
    let (early, late) = (changed(key, 20), changed(key, key.len() - 1));
    for _ in 0..ROUNDS / 10 {
        black_box(verifier.verify(&early) | verifier.verify(&late));
    }
    let (mut first, mut last) = (Sample::default(), Sample::default());
    for round in 0..ROUNDS {
        // By turns which of them comes first, so that neither gets the warmer cache.
        if round % 2 == 0 {
            first.add(&verifier, &early);
            last.add(&verifier, &late);
        } else {
            last.add(&verifier, &late);
            first.add(&verifier, &early);
        }
    }
    let t = first.t_against(&last);
    println!(
        "wrong early: {:.1} ns, wrong late: {:.1} ns, t = {t:.2}",
        first.mean(),
        last.mean()
    );
    ExitCode::from(u8::from(t.abs() > T_MAX))
}

/// The key with another character at this place.
fn changed(key: &str, place: usize) -> String {
    key.char_indices()
        .map(|(at, character)| match (at == place, character) {
            (true, 'a') => 'b',
            (true, _) => 'a',
            (false, character) => character,
        })
        .collect()
}

/// Nanoseconds of single checks, those of interruptions left out.
#[derive(Default)]
struct Sample(Vec<f64>);

impl Sample {
    fn add(&mut self, verifier: &KeyVerifier, key: &str) {
        let started = Instant::now();
        black_box(verifier.verify(black_box(key)));
        self.0.push(started.elapsed().as_nanos() as f64);
    }

    /// Without the slowest twentieth.
    fn usual(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.truncate(sorted.len() * 19 / 20);
        sorted
    }

    fn mean(&self) -> f64 {
        let usual = self.usual();
        usual.iter().sum::<f64>() / usual.len() as f64
    }

    fn t_against(&self, other: &Self) -> f64 {
        let spread = |sample: &Self| {
            let (usual, mean) = (sample.usual(), sample.mean());
            let squares: f64 = usual.iter().map(|value| (value - mean).powi(2)).sum();
            squares / (usual.len() as f64 - 1.0) / usual.len() as f64
        };
        (self.mean() - other.mean()) / (spread(self) + spread(other)).sqrt()
    }
}
