//! Where a message goes: to or from a thing or one of its features, with a subject.

use std::fmt;

use policies::Pointer;

use crate::Error;

/// Which way a message goes, seen from the thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageDirection {
    /// To the thing: its inbox.
    To,
    /// From the thing: its outbox.
    From,
}

/// The path of a message: `[/features/<id>]/<inbox|outbox>/messages/<subject>`.
///
/// Shape: the subject has 1 to [`MessagePath::SUBJECT_BYTES_MAX`] bytes and may contain single slashes; neither it nor
/// the feature id contains control characters.
/// Source: Ditto documentation, page "Messages".
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessagePath {
    feature_id: Option<String>,
    direction: MessageDirection,
    subject: String,
}

/// The path of a message is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessagePathError {
    /// The subject is empty, too long, or holds what a subject must not.
    #[error(
        "a subject has 1 to {} bytes, no control characters and no empty part between slashes",
        MessagePath::SUBJECT_BYTES_MAX
    )]
    Subject,
    /// The feature id is empty, too long, or holds what an id must not.
    #[error(
        "a feature id has 1 to {} characters, no slash and no control character",
        MessagePath::FEATURE_ID_MAX
    )]
    FeatureId,
    /// Neither an inbox nor an outbox.
    #[error("messages lie below `inbox/messages` or `outbox/messages` of a thing or feature")]
    Place,
}

impl MessageDirection {
    /// The box of the thing that such messages pass.
    pub const fn mailbox(self) -> &'static str {
        match self {
            Self::To => "inbox",
            Self::From => "outbox",
        }
    }

    /// The word in the header `ditto-message-direction`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::To => "TO",
            Self::From => "FROM",
        }
    }

    /// The direction of what passes this box.
    pub fn of_mailbox(word: &str) -> Option<Self> {
        [Self::To, Self::From]
            .into_iter()
            .find(|direction| direction.mailbox() == word)
    }
}

impl MessagePath {
    /// The longest subject, in bytes.
    pub const SUBJECT_BYTES_MAX: usize = 1024;
    /// The longest feature id, in characters.
    pub const FEATURE_ID_MAX: usize = 256;
    /// The subject of a claim, which anybody may send to a thing.
    pub const CLAIM: &str = "claim";

    /// The path of a message with this subject.
    ///
    /// # Errors
    ///
    /// [`MessagePathError`].
    pub fn new(
        feature_id: Option<String>,
        direction: MessageDirection,
        subject: String,
    ) -> Result<Self, MessagePathError> {
        if !is_subject(&subject) {
            return Err(MessagePathError::Subject);
        }
        if feature_id.as_deref().is_some_and(|id| !is_feature_id(id)) {
            return Err(MessagePathError::FeatureId);
        }
        Ok(Self {
            feature_id,
            direction,
            subject,
        })
    }

    /// The path of a claim.
    pub fn claim() -> Self {
        Self {
            feature_id: None,
            direction: MessageDirection::To,
            subject: Self::CLAIM.to_owned(),
        }
    }

    /// Reads the path of an envelope, whose topic states the subject too.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPath`] if it is no pointer, [`Error::MessagePath`] if it is no message's,
    /// [`Error::IllegalValue`] if the two subjects differ.
    pub(crate) fn of_envelope(path: &str, topic_subject: Option<&str>) -> Result<Self, Error> {
        let verbatim = Self::of_text(path);
        let Some(subject) = topic_subject else {
            return verbatim;
        };
        if verbatim.as_ref().is_ok_and(|this| this.subject == subject) {
            return verbatim;
        }
        // Whoever writes the path as a JSON pointer (RFC 6901) means the same.
        let this = Self::of_pointer(&pointer(path)?)?;
        if this.subject == subject {
            Ok(this)
        } else {
            Err(Error::IllegalValue {
                reason: "topic and path name different subjects",
            })
        }
    }

    /// Reads a path whose subject is written as in a topic, without escapes.
    fn of_text(path: &str) -> Result<Self, Error> {
        let Some(rest) = path.strip_prefix('/') else {
            return Ok(Self::of_pointer(&pointer(path)?)?);
        };
        let feature = rest.strip_prefix("features/");
        let (feature_id, rest) = match feature.and_then(|feature| feature.split_once('/')) {
            Some((id, rest)) => (
                pointer(&format!("/{id}"))?.segments().first().cloned(),
                rest,
            ),
            None => (None, rest),
        };
        let mut parts = rest.splitn(3, '/');
        let direction = parts.next().and_then(MessageDirection::of_mailbox);
        match (direction, parts.next()) {
            (Some(direction), Some("messages")) => {
                let subject = parts.next().unwrap_or_default().to_owned();
                Ok(Self::new(feature_id, direction, subject)?)
            }
            (_, _) => Err(MessagePathError::Place.into()),
        }
    }

    fn of_pointer(pointer: &Pointer) -> Result<Self, MessagePathError> {
        let (feature_id, rest) = match pointer.segments() {
            [features, id, rest @ ..] if features == "features" => (Some(id.clone()), rest),
            rest => (None, rest),
        };
        let [mailbox, messages, subject @ ..] = rest else {
            return Err(MessagePathError::Place);
        };
        match MessageDirection::of_mailbox(mailbox) {
            Some(direction) if messages == "messages" => {
                Self::new(feature_id, direction, subject.join("/"))
            }
            Some(_) | None => Err(MessagePathError::Place),
        }
    }

    /// The feature it goes to or comes from; `None` for the thing itself.
    pub fn feature_id(&self) -> Option<&str> {
        self.feature_id.as_deref()
    }

    /// Which way it goes.
    pub fn direction(&self) -> MessageDirection {
        self.direction
    }

    /// What it is about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether it is a claim, for which a sender needs no permission.
    pub fn is_claim(&self) -> bool {
        *self == Self::claim()
    }

    /// The resource `message:<pointer>` that policies speak about; each slash of the subject is a level of its own.
    pub fn pointer(&self) -> Pointer {
        let feature = self.feature_id.iter().flat_map(|id| ["features", id]);
        let mailbox = [self.direction.mailbox(), "messages"];
        Pointer::from_segments(feature.chain(mailbox).chain(self.subject.split('/')))
    }
}

impl fmt::Display for MessagePath {
    /// The subject stands there as in the topic.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let feature = self.feature_id.iter().flat_map(|id| ["features", id]);
        let place = feature.chain([self.direction.mailbox(), "messages"]);
        write!(
            formatter,
            "{}/{}",
            Pointer::from_segments(place),
            self.subject
        )
    }
}

fn pointer(path: &str) -> Result<Pointer, Error> {
    path.parse().map_err(|source| Error::InvalidPath {
        path: path.to_owned(),
        source,
    })
}

fn is_subject(text: &str) -> bool {
    text.len() <= MessagePath::SUBJECT_BYTES_MAX
        && !text.contains(char::is_control)
        && text.split('/').all(|part| !part.is_empty())
}

/// What can be the key of a feature in a thing.
fn is_feature_id(text: &str) -> bool {
    text.chars().count() <= MessagePath::FEATURE_ID_MAX && policies::entity_id::is_name(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Result<(Option<&str>, &str, &str), MessagePathError>) {
        let parsed = MessagePath::of_text(path);
        let seen = parsed.as_ref().map(|message| {
            let direction = message.direction().mailbox();
            (message.feature_id(), direction, message.subject())
        });
        let seen = seen.map_err(ToString::to_string);
        let expected = expected.map_err(|error| Error::from(error).to_string());
        assert_eq!(seen, expected, "path: {path}");
        if let Ok(message) = &parsed {
            assert_eq!(message.to_string(), path);
        }
    }

    #[test]
    fn things_and_features_have_boxes() {
        check("/inbox/messages/ask", Ok((None, "inbox", "ask")));
        check("/outbox/messages/a/b", Ok((None, "outbox", "a/b")));
        check(
            "/features/lamp/inbox/messages/on",
            Ok((Some("lamp"), "inbox", "on")),
        );
        check(
            "/features/lamp/outbox/messages/claim",
            Ok((Some("lamp"), "outbox", "claim")),
        );
    }

    #[test]
    fn other_paths_are_no_messages() {
        check("/", Err(MessagePathError::Place));
        check("/inbox", Err(MessagePathError::Place));
        check("/inbox/messages", Err(MessagePathError::Subject));
        check("/inbox/letters/x", Err(MessagePathError::Place));
        check("/attributes/messages/x", Err(MessagePathError::Place));
        check("/features/lamp", Err(MessagePathError::Place));
        check("/inbox/messages/a\nb", Err(MessagePathError::Subject));
        check(
            &format!("/inbox/messages/{}", "x".repeat(1025)),
            Err(MessagePathError::Subject),
        );
    }

    #[test]
    fn only_the_inbox_of_a_thing_takes_claims() {
        let is_claim = |path: &str| MessagePath::of_envelope(path, None).unwrap().is_claim();
        assert!(is_claim("/inbox/messages/claim"));
        assert!(!is_claim("/outbox/messages/claim"));
        assert!(!is_claim("/features/f/inbox/messages/claim"));
        assert!(!is_claim("/inbox/messages/claim/x"));
    }

    #[test]
    fn topic_and_path_name_one_subject() {
        assert!(MessagePath::of_envelope("/inbox/messages/a/b", Some("a/b")).is_ok());
        assert!(MessagePath::of_envelope("/inbox/messages/a", Some("b")).is_err());
        assert!(MessagePath::of_envelope("/inbox/messages/a~", Some("b")).is_err());
    }

    #[test]
    fn a_subject_stands_in_the_path_as_in_the_topic_or_as_in_a_pointer() {
        for (path, subject) in [
            ("/inbox/messages/x~1~0", "x~1~0"),
            ("/inbox/messages/x~01~00", "x~1~0"),
            ("/inbox/messages/x~1~0", "x/~"),
            ("/features/f/outbox/messages/~", "~"),
            ("/inbox/messages/x~2", "x~2"),
        ] {
            let message = MessagePath::of_envelope(path, Some(subject)).unwrap();
            assert_eq!(message.subject(), subject, "{path}");
            let shown = message.to_string();
            assert!(shown.ends_with(&format!("/messages/{subject}")), "{shown}");
            assert_eq!(
                MessagePath::of_envelope(&shown, Some(subject)).unwrap(),
                message
            );
        }
    }
}
