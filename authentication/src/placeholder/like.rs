//! Patterns of `fn:filter(…, 'like', …)`: `*` any run, `?` one character, `|` alternatives; the whole text must match.

use policies::matches_wildcards;

/// Whether one of the alternatives matches all of `text`.
pub(super) fn like(text: &str, pattern: &str) -> bool {
    let mut alternatives = pattern.split('|');
    alternatives.any(|alternative| matches_wildcards(text, alternative))
}
