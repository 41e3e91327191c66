//! What the permission sets of an identity let it reach at all; policies still decide on the thing.
//!
//! Source: Ditto Edge Server documentation, page "Identity Reference", for `full`; scopes are ours.

use std::fmt;
use std::str::FromStr;

use policies::NamespacePattern;

/// One kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScopeWord {
    /// Reading things, as a whole or in part.
    ThingsRead,
    /// Changing things.
    ThingsWrite,
    /// Reading policies.
    PoliciesRead,
    /// Changing policies.
    PoliciesWrite,
    /// Sending messages.
    MessagesSend,
    /// Searching.
    SearchRead,
    /// Opening a WebSocket.
    WebSocket,
    /// Opening a stream of server-sent events.
    Events,
    /// Edge Server's statements.
    EdgeExecute,
    /// Edge Server's attachments.
    EdgeAttachments,
    /// Edge Server's presence.
    EdgePresence,
    /// Edge Server's logs.
    EdgeLogs,
    /// Reading the status of this process.
    StatusRead,
    /// Looking at the operator service.
    DevopsRead,
    /// Changing what the operator service controls.
    DevopsWrite,
}

impl ScopeWord {
    /// Every word there is.
    pub const ALL: [Self; 15] = [
        Self::ThingsRead,
        Self::ThingsWrite,
        Self::PoliciesRead,
        Self::PoliciesWrite,
        Self::MessagesSend,
        Self::SearchRead,
        Self::WebSocket,
        Self::Events,
        Self::EdgeExecute,
        Self::EdgeAttachments,
        Self::EdgePresence,
        Self::EdgeLogs,
        Self::StatusRead,
        Self::DevopsRead,
        Self::DevopsWrite,
    ];

    /// The word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ThingsRead => "things:read",
            Self::ThingsWrite => "things:write",
            Self::PoliciesRead => "policies:read",
            Self::PoliciesWrite => "policies:write",
            Self::MessagesSend => "messages:send",
            Self::SearchRead => "search:read",
            Self::WebSocket => "ws",
            Self::Events => "sse",
            Self::EdgeExecute => "edge:execute",
            Self::EdgeAttachments => "edge:attachments",
            Self::EdgePresence => "edge:presence",
            Self::EdgeLogs => "edge:logs",
            Self::StatusRead => "status:read",
            Self::DevopsRead => "devops:read",
            Self::DevopsWrite => "devops:write",
        }
    }

    /// Whether it is about entities, which have a namespace.
    const fn has_namespace(self) -> bool {
        matches!(
            self,
            Self::ThingsRead
                | Self::ThingsWrite
                | Self::PoliciesRead
                | Self::PoliciesWrite
                | Self::MessagesSend
                | Self::SearchRead
        )
    }

    /// Whether it is about the operator service, which Edge Server does not have: `full` leaves it out.
    const fn is_for_operators(self) -> bool {
        matches!(self, Self::DevopsRead | Self::DevopsWrite)
    }
}

impl fmt::Display for ScopeWord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One kind of operation, everywhere or in some namespaces: `things:read@org.acme.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// What.
    pub word: ScopeWord,
    /// Where; `None` for everywhere.
    pub namespace: Option<NamespacePattern>,
}

/// The text is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// The word is none that exists.
    #[error("the scope `{word}` is unknown")]
    Unknown {
        /// The word.
        word: String,
    },
    /// The word is about something without a namespace.
    #[error("the scope `{word}` has no namespaces: leave out `@…`")]
    NoNamespace {
        /// The word.
        word: ScopeWord,
    },
    /// What follows `@` is no namespace and no pattern of one.
    #[error("`{pattern}` is no namespace, nor one with `.*` at its end")]
    Namespace {
        /// The pattern.
        pattern: String,
    },
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (word, pattern) = match text.split_once('@') {
            Some((word, pattern)) => (word, Some(pattern)),
            None => (text, None),
        };
        let known = ScopeWord::ALL
            .into_iter()
            .find(|known| known.as_str() == word);
        let word = known.ok_or_else(|| ScopeError::Unknown {
            word: word.to_owned(),
        })?;
        if pattern.is_some() && !word.has_namespace() {
            return Err(ScopeError::NoNamespace { word });
        }
        let namespace = pattern
            .map(|pattern| {
                pattern.parse().map_err(|_| ScopeError::Namespace {
                    pattern: pattern.to_owned(),
                })
            })
            .transpose()?;
        Ok(Self { word, namespace })
    }
}

/// One named set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermissionSet {
    /// Everything of the public edge.
    Full {
        /// And the operator service.
        with_devops: bool,
    },
    /// These scopes.
    Scopes(Vec<Scope>),
}

/// The union of the sets of one identity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes {
    is_full: bool,
    with_devops: bool,
    scopes: Vec<Scope>,
}

impl Scopes {
    /// What these sets allow together; nothing without any.
    pub fn of<'a>(sets: impl IntoIterator<Item = &'a PermissionSet>) -> Self {
        let mut all = Self::default();
        for set in sets {
            match set {
                PermissionSet::Full { with_devops } => {
                    all.is_full = true;
                    all.with_devops |= with_devops;
                }
                PermissionSet::Scopes(scopes) => all.scopes.extend(scopes.iter().cloned()),
            }
        }
        all
    }

    /// Whether everything of the public edge is allowed.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Whether nothing is allowed at all.
    pub fn is_empty(&self) -> bool {
        !self.is_full && self.scopes.is_empty()
    }

    /// Whether this may be done to what lies in `namespace`; without one, whether it may be done anywhere.
    pub fn allows(&self, word: ScopeWord, namespace: Option<&str>) -> bool {
        if self.is_full && (self.with_devops || !word.is_for_operators()) {
            return true;
        }
        self.scopes.iter().any(|scope| {
            scope.word == word
                && match (&scope.namespace, namespace) {
                    (None, _) | (Some(_), None) => true,
                    (Some(pattern), Some(namespace)) => pattern.matches(namespace),
                }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(words: &[&str]) -> Scopes {
        let scopes = words.iter().map(|word| word.parse().unwrap()).collect();
        Scopes::of(&[PermissionSet::Scopes(scopes)])
    }

    #[track_caller]
    fn check(words: &[&str], asked: (ScopeWord, Option<&str>), expected: bool) {
        let allowed = scopes(words).allows(asked.0, asked.1);
        assert_eq!(allowed, expected, "{words:?} for {asked:?}");
    }

    #[test]
    fn a_scope_allows_what_it_says_and_nothing_else() {
        use ScopeWord::{ThingsRead, ThingsWrite, WebSocket};
        let words = ["things:read@org.acme.*", "things:write@org.acme", "ws"];
        check(&words, (ThingsRead, Some("org.acme.floor")), true);
        check(&words, (ThingsRead, Some("org.acme")), false);
        check(&words, (ThingsRead, Some("org.acmee")), false);
        check(&words, (ThingsRead, None), true);
        check(&words, (ThingsWrite, Some("org.acme")), true);
        check(&words, (ThingsWrite, Some("org.acme.floor")), false);
        check(&words, (WebSocket, None), true);
        check(&words, (ScopeWord::Events, None), false);
        check(&[], (ThingsRead, None), false);
    }

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for word in ScopeWord::ALL {
            assert_eq!(word.as_str().parse::<Scope>().unwrap().word, word);
            for other in ScopeWord::ALL {
                let only = scopes(&[word.as_str()]);
                assert_eq!(only.allows(other, None), word == other, "{word} {other}");
            }
        }
    }

    #[test]
    fn full_leaves_the_operator_service_out_unless_it_says_so() {
        let full = Scopes::of(&[PermissionSet::Full { with_devops: false }]);
        for word in ScopeWord::ALL {
            assert_eq!(full.allows(word, Some("a.b")), !word.is_for_operators());
        }
        let all = Scopes::of(&[PermissionSet::Full { with_devops: true }]);
        assert!(all.allows(ScopeWord::DevopsWrite, None));
    }

    #[test]
    fn sets_add_up_and_none_allow_nothing() {
        let read = PermissionSet::Scopes(vec!["things:read".parse().unwrap()]);
        let full = PermissionSet::Full { with_devops: false };
        assert!(Scopes::of([&read, &full]).is_full());
        assert!(!Scopes::of([&read]).is_empty());
        assert!(Scopes::of([]).is_empty());
        assert!(!Scopes::of([]).allows(ScopeWord::ThingsRead, None));
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for text in [
            "things:raed",
            "",
            "things",
            "ws@org.acme",
            "things:read@",
            "things:read@*",
        ] {
            assert!(text.parse::<Scope>().is_err(), "text: {text:?}");
        }
    }
}
