//! Text that a client chose, on its way into a record: bounded, and without what looks like a credential.
//!
//! Control characters are escaped where the line is written; nothing here can break it.

use std::borrow::Cow;

/// A word at least this long may be a credential; shorter ones are not looked at.
const SECRET_BYTES_MIN: usize = 32;

/// Stands for what was left out.
const LEFT_OUT: &str = "~";

/// At most `bytes_max` bytes of `text`, cut between characters, words that look like credentials replaced.
pub(crate) fn bounded(text: &str, bytes_max: usize) -> Cow<'_, str> {
    let redacted = redacted(text);
    if redacted.len() <= bytes_max {
        return redacted;
    }
    let Some((end, _)) = redacted
        .char_indices()
        .find(|(start, character)| start + character.len_utf8() > bytes_max)
    else {
        return redacted;
    };
    Cow::Owned(redacted.get(..end).unwrap_or_default().to_owned())
}

/// A path with the names of its query parameters; their values may be anything, so they are not kept.
pub(crate) fn target(path: &str, query: &str) -> String {
    let mut target = redacted(path).into_owned();
    for (position, parameter) in query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .enumerate()
    {
        target.push(if position == 0 { '?' } else { '&' });
        // A word without a value is one itself.
        let name = parameter.split_once('=').map_or("%", |(name, _)| name);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.len() < SECRET_BYTES_MIN && name.bytes().all(plain) {
            target.push_str(name);
        } else {
            target.push_str(LEFT_OUT);
        }
        target.push('=');
    }
    target
}

fn redacted(text: &str) -> Cow<'_, str> {
    // A text of which not even the whole looks like one has no word that does.
    if !looks_like_a_credential(text) {
        return Cow::Borrowed(text);
    }
    let is_separator =
        |character: char| !(character.is_ascii_alphanumeric() || "-_.~+=%".contains(character));
    if !text.split(is_separator).any(looks_like_a_credential) {
        return Cow::Borrowed(text);
    }
    let kept = text
        .split_inclusive(is_separator)
        .map(|piece| {
            let word = piece.trim_end_matches(is_separator);
            if looks_like_a_credential(word) {
                format!("{LEFT_OUT}{}", piece.get(word.len()..).unwrap_or_default())
            } else {
                piece.to_owned()
            }
        })
        .collect();
    Cow::Owned(kept)
}

/// A JSON Web Token begins with `{"` in base64url; an API key has its environment between brand and id.
fn looks_like_a_credential(word: &str) -> bool {
    word.len() >= SECRET_BYTES_MIN
        && ["eyJ", "_live_", "_test_"]
            .iter()
            .any(|mark| word.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(bounded(text, 40), expected, "text: {text:?}");
    }

    #[test]
    fn text_is_cut_between_characters() {
        check("plc-bridge/4", "plc-bridge/4");
        check(&"a".repeat(50), &"a".repeat(40));
        check(&format!("{}\u{e4}", "a".repeat(39)), &"a".repeat(39));
    }

    #[test]
    fn what_looks_like_a_credential_is_left_out() {
        let key = "tww_live_01IYT0XLWR_0123456789abcdefghijklmnopqrstuv";
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
        check(&format!("curl {key} x"), "curl ~ x");
        check(&format!("Bearer:{token}"), "Bearer:~");
        check(token, "~");
    }

    #[track_caller]
    fn check_target(path: &str, query: &str, expected: &str) {
        assert_eq!(target(path, query), expected);
    }

    #[test]
    fn values_of_a_query_are_not_kept() {
        check_target(
            "/api/2/things",
            "ids=a:b&fields=x",
            "/api/2/things?ids=&fields=",
        );
        check_target("/ws/2", "access_token=swordfish", "/ws/2?access_token=");
        check_target("/ws/2", "sword%66ish", "/ws/2?~=");
        check_target("/ws/2", &"s".repeat(32), "/ws/2?~=");
        check_target("/ws/2", "swordfish&a=1", "/ws/2?~=&a=");
        check_target("/ws/2", "", "/ws/2");
    }
}
