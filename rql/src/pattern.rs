//! The patterns of `like` and `ilike`.

use regex::{Regex, RegexBuilder};

/// A pattern in which `*` stands for any run of characters and `?` for exactly one.
///
/// Matching takes time linear in the text.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    is_case_sensitive: bool,
    regex: Regex,
}

/// Memory of one compiled pattern, in bytes.
const COMPILED_BYTES_MAX: usize = 512 * 1024;

impl Pattern {
    /// Compiles `text`; `None` if that takes too much memory.
    pub(crate) fn new(text: String, is_case_sensitive: bool) -> Option<Self> {
        let mut expression = String::from(r"\A(?s:");
        let mut previous = ' ';
        for each in text.chars() {
            match each {
                '*' if previous == '*' => {}
                '*' => expression.push_str(".*"),
                '?' => expression.push('.'),
                other => expression.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
            previous = each;
        }
        expression.push_str(r")\z");
        let regex = RegexBuilder::new(&expression)
            .case_insensitive(!is_case_sensitive)
            .size_limit(COMPILED_BYTES_MAX)
            .build()
            .ok()?;
        Some(Self {
            text,
            is_case_sensitive,
            regex,
        })
    }

    /// The pattern as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether case matters.
    pub const fn is_case_sensitive(&self) -> bool {
        self.is_case_sensitive
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, like: bool, ilike: bool) {
        let matches = |is_case_sensitive| {
            Pattern::new(pattern.to_owned(), is_case_sensitive)
                .unwrap()
                .matches(text)
        };
        assert_eq!(
            (matches(true), matches(false)),
            (like, ilike),
            "{pattern:?} on {text:?}"
        );
    }

    #[test]
    fn stars_and_question_marks_stand_for_characters() {
        check("lamp", "lamp", true, true);
        check("lamp", "a lamp", false, false);
        check("l*p", "lp", true, true);
        check("l**p", "la\nmp", true, true);
        check("l?p", "lap", true, true);
        check("l?p", "lp", false, false);
        check("?", "€", true, true);
        check("LAMP*", "lamp-1", false, true);
        check("a.c", "abc", false, false);
        check("(a|b)\\", "(a|b)\\", true, true);
        check("", "", true, true);
    }

    #[test]
    fn nothing_is_matched_in_exponential_time() {
        let pattern = "*a".repeat(200);
        check(&pattern, &"a".repeat(50_000), true, true);
        check(&format!("{pattern}b"), &"a".repeat(50_000), false, false);
    }

    #[test]
    fn patterns_that_would_take_too_much_memory_are_refused() {
        assert!(Pattern::new("?".repeat(16_000), true).is_none());
    }
}
