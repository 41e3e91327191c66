//! `cargo run --release -p fuzz -- <target> [seconds]`: changed and invented inputs for one target, for a while.
//!
//! A panic, or a promise that was not kept, ends the run with the input that caused it. The seed is printed, and taken
//! from the third argument, so that a run can be repeated.

mod envelopes;
mod frames;
mod headers;
mod keys;
mod mutation;
mod templates;
mod tokens;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use mutation::Mutator;

/// Something that reads untrusted bytes.
trait Target {
    /// Inputs to start from.
    fn seeds(&self) -> Vec<Vec<u8>>;
    /// Reads one input; panics if a promise is not kept.
    fn read(&self, input: &[u8]);
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let target: Box<dyn Target> = match name.as_str() {
        "jwt" => Box::new(tokens::Tokens::new()),
        "templates" => Box::new(templates::Templates),
        "headers" => Box::new(headers::Headers::new()),
        "keys" => Box::new(keys::Keys::new()),
        "frames" => Box::new(frames::Frames::new()),
        "envelopes" => Box::new(envelopes::Envelopes),
        _ => {
            eprintln!(
                "usage: cargo run --release -p fuzz -- jwt|templates|headers|keys|frames|envelopes [seconds] [seed]"
            );
            return ExitCode::from(2);
        }
    };
    let seconds = arguments.next().and_then(|text| text.parse().ok());
    let seed = arguments.next().and_then(|text| text.parse().ok());
    run(
        &*target,
        Duration::from_secs(seconds.unwrap_or(60)),
        seed.unwrap_or(1),
    );
    ExitCode::SUCCESS
}

fn run(target: &dyn Target, duration: Duration, seed: u64) {
    let mut mutator = Mutator::new(seed, target.seeds());
    let started = Instant::now();
    let mut inputs = 0_u64;
    while started.elapsed() < duration {
        for _ in 0..1000 {
            let input = mutator.next_input();
            let shown = Shown(&input);
            target.read(&input);
            std::mem::forget(shown);
            inputs += 1;
        }
    }
    eprintln!(
        "seed {seed}: {inputs} inputs in {:.0?}, nothing found",
        started.elapsed()
    );
}

/// Printed if it is dropped, which only a panic does.
struct Shown<'a>(&'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        eprintln!("input: {:?}", String::from_utf8_lossy(self.0));
    }
}
