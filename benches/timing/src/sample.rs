//! Two samples of times, and whether they have the same mean.

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::rand;

/// Nanoseconds of single checks of each class.
pub(crate) struct Samples([Vec<f64>; 2]);

impl Samples {
    /// Takes about `rounds` of each class, in an order that nobody chose. `prepare` puts a credential of the second class
    /// or of the first into `place` and is not timed, so that where it came from says nothing.
    pub(crate) fn take<T>(
        rounds: usize,
        place: &mut T,
        (mut prepare, check): (impl FnMut(&mut T, bool), impl Fn(&T) -> bool),
    ) -> Self {
        let mut samples = [Vec::new(), Vec::new()];
        for round in 0..2 * rounds + rounds / 5 {
            let is_second = coin();
            prepare(place, is_second);
            let started = Instant::now();
            black_box(check(black_box(place)));
            let took = started.elapsed().as_nanos() as f64;
            // The first ones warm up.
            if round >= rounds / 5 {
                let [first, second] = &mut samples;
                if is_second { second } else { first }.push(took);
            }
        }
        let limit = cut(&samples);
        let usual = samples.map(|mut sample| {
            sample.retain(|took| *took <= limit);
            sample
        });
        Self(usual)
    }

    /// Welch's t: how many standard errors lie between the means, beyond what is tolerated.
    pub(crate) fn t(&self, tolerance: f64) -> f64 {
        let [first, second] = &self.0;
        let difference = mean(first) - mean(second);
        let excess = (difference.abs() - tolerance).max(0.0);
        excess.copysign(difference) / (spread(first) + spread(second)).sqrt()
    }

    pub(crate) fn means(&self) -> (f64, f64) {
        let [first, second] = &self.0;
        (mean(first), mean(second))
    }
}

/// What nine tenths of both classes together took at most: the rest was interrupted. One limit for both, so that it
/// favours neither.
fn cut(samples: &[Vec<f64>; 2]) -> f64 {
    let mut all: Vec<f64> = samples.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() * 9 / 10).copied().unwrap_or(f64::MAX)
}

fn mean(sample: &[f64]) -> f64 {
    sample.iter().sum::<f64>() / sample.len() as f64
}

fn spread(sample: &[f64]) -> f64 {
    let mean = mean(sample);
    let squares: f64 = sample.iter().map(|value| (value - mean).powi(2)).sum();
    squares / (sample.len() as f64 - 1.0) / sample.len() as f64
}

fn coin() -> bool {
    let mut byte = [0];
    rand::fill(&mut byte).expect("the operating system gives random bytes");
    byte[0] & 1 == 1
}
