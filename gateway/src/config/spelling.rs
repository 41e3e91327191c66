//! What somebody may have meant.

/// ` (did you mean …?)` with the candidate nearest to `word`, or nothing if none is near.
pub(crate) fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(word, candidates) {
        Some(candidate) => format!("; did you mean `{candidate}`?"),
        None => String::new(),
    }
}

fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let tolerated = (word.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerated)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[track_caller]
    fn check(word: &str, expected: Option<&str>) {
        let candidates = ["listen_addr", "tls_config", "auth", "audit"];
        assert_eq!(nearest(word, candidates), expected, "word: {word}");
    }

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        check("listen_adr", Some("listen_addr"));
        check("tls-config", Some("tls_config"));
        check("atuh", Some("auth"));
        check("bananas", None);
    }
}
