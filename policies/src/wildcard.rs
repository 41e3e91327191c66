//! Patterns of texts: `*` is any run of characters, `?` any one; everything else is itself.

/// Whether `pattern` matches all of `text`.
pub fn matches_wildcards(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
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
