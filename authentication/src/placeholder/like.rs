//! Patterns of `fn:filter(…, 'like', …)`: `*` any run, `?` one character, `|` alternatives; the whole text must match.

/// Whether one of the alternatives matches all of `text`.
pub(super) fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    pattern
        .split('|')
        .any(|alternative| matches(&text, &alternative.chars().collect::<Vec<_>>()))
}

/// Whether `pattern`, without alternatives, matches all of `text`.
pub(crate) fn matches_pattern(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) =
        (text.chars().collect(), pattern.chars().collect());
    matches(&text, &pattern)
}

/// On a mismatch, lets the last `*` take one character more: no worse than length times length.
fn matches(text: &[char], pattern: &[char]) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(character) = text.get(at) {
        match pattern.get(position) {
            Some('*') => {
                star = Some((position, at));
                position += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == character => {
                at += 1;
                position += 1;
            }
            Some(_) | None => {
                let Some((star_position, taken)) = star else {
                    return false;
                };
                star = Some((star_position, taken + 1));
                (at, position) = (taken + 1, star_position + 1);
            }
        }
    }
    pattern.iter().skip(position).all(|rest| *rest == '*')
}
