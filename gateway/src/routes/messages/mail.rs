//! Paths of inboxes and outboxes.

use protocol::{MessageDirection, MessagePath};

use crate::edge::decode;
use crate::error::DittoError;

/// What follows a thing id where messages pass.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mail {
    /// `/inbox/claim`
    Claim,
    /// `[/features/<id>]/<inbox|outbox>/messages/<subject>`
    Message(MessagePath),
    /// `[/features/<id>]/<inbox|outbox>/messages`: every subject, which only a subscription can mean.
    Box {
        feature_id: Option<String>,
        direction: MessageDirection,
    },
}

impl Mail {
    /// Reads what follows a thing id; `None` if it is about something else.
    ///
    /// # Errors
    ///
    /// 400 for a malformed subject or feature id.
    pub(crate) fn resolve(tail: &[&str]) -> Result<Option<Self>, DittoError> {
        let (feature_id, rest) = match tail {
            ["inbox", "claim"] => return Ok(Some(Self::Claim)),
            ["features", id, rest @ ..] => (Some(*id), rest),
            rest => (None, rest),
        };
        let [mailbox, "messages", subject @ ..] = rest else {
            return Ok(None);
        };
        let Some(direction) = MessageDirection::of_mailbox(mailbox) else {
            return Ok(None);
        };
        let feature_id = feature_id.map(decode).transpose()?;
        if subject.is_empty() {
            return Ok(Some(Self::Box {
                feature_id,
                direction,
            }));
        }
        let subject = subject
            .iter()
            .map(|part| decode(part))
            .collect::<Result<Vec<_>, _>>()?
            .join("/");
        let path = MessagePath::new(feature_id, direction, subject)?;
        Ok(Some(Self::Message(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tail: &[&str], expected: Result<Option<&str>, &str>) {
        let resolved = Mail::resolve(tail);
        let seen = match &resolved {
            Ok(Some(Mail::Claim)) => Ok(Some("claim".to_owned())),
            Ok(Some(Mail::Message(path))) => Ok(Some(path.to_string())),
            Ok(Some(Mail::Box {
                feature_id,
                direction,
            })) => Ok(Some(format!("{feature_id:?} {}", direction.mailbox()))),
            Ok(None) => Ok(None),
            Err(error) => Err(error.code().to_owned()),
        };
        let expected = expected
            .map(|text| text.map(str::to_owned))
            .map_err(str::to_owned);
        assert_eq!(seen, expected, "{tail:?}");
    }

    #[test]
    fn messages_have_boxes_and_subjects() {
        check(&["inbox", "claim"], Ok(Some("claim")));
        check(
            &["outbox", "messages", "a%20b", "c%2Fd"],
            Ok(Some("/outbox/messages/a b/c/d")),
        );
        check(
            &["features", "lamp", "inbox", "messages", "on"],
            Ok(Some("/features/lamp/inbox/messages/on")),
        );
        check(&["inbox", "messages"], Ok(Some("None inbox")));
    }

    #[test]
    fn everything_else_is_no_mail() {
        check(&[], Ok(None));
        check(&["outbox", "claim"], Ok(None));
        check(&["inbox"], Ok(None));
        check(&["features", "lamp"], Ok(None));
        check(&["attributes", "messages", "x"], Ok(None));
    }

    #[test]
    fn a_malformed_subject_is_refused() {
        check(
            &["inbox", "messages", "a%2F%2Fb"],
            Err("messages:subject.invalid"),
        );
        check(
            &["inbox", "messages", "a%0Ab"],
            Err("messages:subject.invalid"),
        );
        check(
            &["features", "a%2Fb", "inbox", "messages", "x"],
            Err("messages:featureid.invalid"),
        );
    }
}
