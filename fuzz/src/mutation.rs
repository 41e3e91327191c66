//! Makes inputs: changes known ones, joins them, invents some. The same seed makes the same inputs.

/// The longest input, in bytes: beyond the limits of what is fed.
const BYTES_MAX: usize = 20_000;

/// Texts that mean something to one of the targets.
const WORDS: [&str; 42] = [
    "{{",
    "}}",
    "${",
    "}",
    "|",
    "fn:",
    "jwt:",
    "'",
    "\"",
    "(",
    ")",
    ",",
    "fn:default('x')",
    "fn:filter('like','*')",
    "fn:split(',')",
    "fn:join('')",
    "fn:replace('a','aaaaaaaa')",
    "fn:format('{#a}{.}{/a}')",
    "\\{",
    ".",
    "..",
    "=",
    "Bearer ",
    "bearer",
    ":",
    ";",
    "\u{0}",
    "\r\n",
    "\u{e4}",
    "eyJ",
    "none",
    "\"alg\"",
    "1e309",
    "-1",
    "{",
    "[",
    "null",
    "\"value\":",
    "\"headers\":{",
    "\\u0000",
    "%",
    "/",
];

/// A source of inputs.
pub(crate) struct Mutator {
    state: u64,
    known: Vec<Vec<u8>>,
}

impl Mutator {
    pub(crate) fn new(seed: u64, known: Vec<Vec<u8>>) -> Self {
        Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            known,
        }
    }

    /// xorshift64: nothing here is secret.
    fn number(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.number() % bound).unwrap_or(0)
    }

    pub(crate) fn next_input(&mut self) -> Vec<u8> {
        let chosen = self.below(self.known.len());
        let mut input = self.known.get(chosen).cloned().unwrap_or_default();
        for _ in 0..self.below(6) {
            self.change(&mut input);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1).min(input.len());
        let until = (at + self.below(16)).min(input.len());
        match self.below(7) {
            0 => {
                let bit = self.below(8);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            1 => drop(input.drain(at..until)),
            2 => {
                let word = WORDS
                    .get(self.below(WORDS.len()))
                    .copied()
                    .unwrap_or_default();
                input.splice(at..at, word.bytes());
            }
            3 => {
                let repeated: Vec<u8> = input
                    .get(at..until)
                    .unwrap_or_default()
                    .repeat(self.below(64));
                input.splice(at..at, repeated);
            }
            4 => {
                let byte = self.number().to_le_bytes()[0];
                input.insert(at, byte);
            }
            5 => {
                let other = self.below(self.known.len());
                let other = self.known.get(other).cloned().unwrap_or_default();
                let from = self.below(other.len());
                input.splice(at.., other.into_iter().skip(from));
            }
            _ => input.truncate(at),
        }
    }
}
