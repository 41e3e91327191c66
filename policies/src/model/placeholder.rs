//! Placeholders in subject ids.

use crate::{Error, SubjectId};

/// What happens to placeholders in subject ids.
#[derive(Debug, Clone, Copy)]
pub enum Placeholders<'a> {
    /// `{{ request:subjectId }}` stands for this subject, which may be missing; every other one is an error.
    Resolve(Option<&'a SubjectId>),
    /// They are plain text: for what the store holds. What was filled in once is never looked at again.
    Keep,
}

impl Placeholders<'_> {
    /// `text` with its placeholders filled in.
    ///
    /// # Errors
    ///
    /// [`Error::UnresolvablePlaceholder`] for every one but the requester's subject, and for one that does not end.
    pub(crate) fn fill_in(self, text: &str) -> Result<String, Error> {
        let Self::Resolve(requester) = self else {
            return Ok(text.to_owned());
        };
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, placeholder, after)) = first(rest) {
            filled.push_str(before);
            let known = matches!(
                inner(placeholder),
                "request:subjectId" | "request.subjectId"
            );
            let subject =
                requester
                    .filter(|_| known)
                    .ok_or_else(|| Error::UnresolvablePlaceholder {
                        placeholder: placeholder.to_owned(),
                    })?;
            filled.push_str(subject.as_str());
            rest = after;
        }
        if let Some(start) = ["{{", "${"]
            .into_iter()
            .find_map(|opening| rest.find(opening))
        {
            return Err(Error::UnresolvablePlaceholder {
                placeholder: rest.get(start..).unwrap_or_default().to_owned(),
            });
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

/// The first placeholder in `text`, with its braces, and what stands around it.
fn first(text: &str) -> Option<(&str, &str, &str)> {
    let (start, closing) = [("{{", "}}"), ("${", "}")]
        .into_iter()
        .filter_map(|(opening, closing)| Some((text.find(opening)?, closing)))
        .min()?;
    let (before, from_start) = text.split_at_checked(start)?;
    let end = from_start.find(closing)? + closing.len();
    let (placeholder, after) = from_start.split_at_checked(end)?;
    Some((before, placeholder, after))
}

/// What stands between the braces.
fn inner(placeholder: &str) -> &str {
    let inner = placeholder
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"))
        .or_else(|| {
            placeholder
                .strip_prefix("${")
                .and_then(|rest| rest.strip_suffix('}'))
        });
    inner.unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, requester: Option<&str>, expected: Option<&str>) {
        let requester = requester.map(|text| text.parse::<SubjectId>().unwrap());
        let filled = Placeholders::Resolve(requester.as_ref()).fill_in(text).ok();
        assert_eq!(filled.as_deref(), expected, "text: {text:?}");
    }

    #[test]
    fn the_requester_is_filled_in() {
        check("nginx:kim", None, Some("nginx:kim"));
        check(
            "{{ request:subjectId }}",
            Some("nginx:kim"),
            Some("nginx:kim"),
        );
        check(
            "{{request:subjectId}}",
            Some("nginx:kim"),
            Some("nginx:kim"),
        );
        check("${request.subjectId}", Some("nginx:kim"), Some("nginx:kim"));
        check("x:{{ request:subjectId }}:y", Some("a:b"), Some("x:a:b:y"));
    }

    #[test]
    fn what_cannot_be_filled_in_is_refused() {
        check("{{ request:subjectId }}", None, None);
        check("{{ request:subject }}", Some("nginx:kim"), None);
        check("{{ header:x }}:y", Some("nginx:kim"), None);
        check("{{ jwt:sub", Some("nginx:kim"), None);
        check("nginx:${request.subjectId", Some("nginx:kim"), None);
        check("{{request:subjectId}}{{:", Some("nginx:kim"), None);
        check("nginx:{kim}", Some("nginx:kim"), Some("nginx:{kim}"));
    }

    #[test]
    fn what_was_filled_in_is_not_looked_at_again() {
        let injected = "x:{{ header:y }}";
        check("{{ request:subjectId }}", Some(injected), Some(injected));
        assert_eq!(Placeholders::Keep.fill_in(injected).unwrap(), injected);
    }
}
