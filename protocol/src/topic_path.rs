//! The topic of an envelope: which entity it is about, and what kind of signal it carries.

use std::fmt;
use std::str::FromStr;

use policies::{EntityIdError, PolicyId};

mod words;

pub use words::{Channel, CommandAction, EventAction, SearchAction, StreamingAction};

/// `<namespace>/<name>/<group>[/<channel>]/<criterion>[/<tail>]`.
///
/// An empty namespace is written `_`, which is no namespace, so both read back as the same topic.
/// Source: Ditto documentation, page "Protocol topic".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPath {
    namespace: String,
    name: String,
    group: Group,
    criterion: Criterion,
}

/// Which family of entities a topic is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Things, either their twins or the devices themselves.
    Things(Channel),
    /// Policies.
    Policies,
    /// Connections to other systems; only ever seen in announcements.
    Connections,
    /// The streaming session itself; an extension for announcements about its own end.
    Sessions,
}

/// What kind of signal a topic is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Criterion {
    /// A command or its response.
    Commands(CommandAction),
    /// An event.
    Events(EventAction),
    /// A step of a search.
    Search(SearchAction),
    /// A step of reading history.
    Streaming(StreamingAction),
    /// A message with its subject, which may contain slashes.
    Messages(Option<String>),
    /// An acknowledgement with its label; without one, the aggregate of several.
    Acks(Option<String>),
    /// An announcement with its subject.
    Announcements(String),
    /// The answer to a command that failed.
    Errors,
}

/// The parts of a topic, to say which one is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicPart {
    /// Before the first slash.
    Namespace,
    /// Between the first and the second slash.
    Name,
    /// `things`, `policies` and so on.
    Group,
    /// `twin` or `live`.
    Channel,
    /// `commands`, `events` and so on.
    Criterion,
    /// What a command does, or what happened.
    Action,
    /// What an announcement is about.
    Subject,
}

/// The text is no topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicPathError {
    /// The topic ends too early.
    #[error("the {0} is missing")]
    Missing(TopicPart),
    /// The part is none of the words that may stand there.
    #[error("the {part} `{text}` is unknown")]
    Unknown {
        /// Which part.
        part: TopicPart,
        /// What stands there.
        text: String,
    },
    /// Every part is known, but not together.
    #[error("the group has no such {0}")]
    Combination(TopicPart),
}

impl TopicPath {
    /// Stands where an id, or a part of one, is not known or not meant.
    pub const PLACEHOLDER: &str = "_";

    /// The topic of a signal about the entity `id`, which is written `<namespace>:<name>`.
    pub fn new(id: &str, group: Group, criterion: Criterion) -> Self {
        let (namespace, name) = id.split_once(':').unwrap_or(("", id));
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            group,
            criterion,
        }
    }

    /// The topic of an error about no entity in particular: `unknown/unknown/…/errors`.
    pub fn unknown_errors(group: Group) -> Self {
        Self::new("unknown:unknown", group, Criterion::Errors)
    }

    /// The topic of announcements about the streaming session: `_/_/sessions/announcements/<subject>`.
    pub fn session_announcement(subject: &str) -> Self {
        Self::new(
            Self::PLACEHOLDER,
            Group::Sessions,
            Criterion::Announcements(subject.to_owned()),
        )
    }

    /// The topic on which a command with this topic fails.
    ///
    /// Searches have one of their own: `_/_/things/twin/search/error`.
    #[must_use]
    pub fn errors(&self) -> Self {
        let criterion = match self.criterion {
            Criterion::Search(_) => Criterion::Search(SearchAction::Error),
            Criterion::Commands(_)
            | Criterion::Events(_)
            | Criterion::Streaming(_)
            | Criterion::Messages(_)
            | Criterion::Acks(_)
            | Criterion::Announcements(_)
            | Criterion::Errors => Criterion::Errors,
        };
        Self {
            criterion,
            ..self.clone()
        }
    }

    /// The entity's namespace; empty if written `_`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The entity's name; `_` where none is meant.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The family of entities.
    pub fn group(&self) -> Group {
        self.group
    }

    /// The kind of signal.
    pub fn criterion(&self) -> &Criterion {
        &self.criterion
    }

    /// Whether the topic names no entity: `_` stands for its name.
    pub fn is_wildcard(&self) -> bool {
        self.name == Self::PLACEHOLDER
    }

    /// `<namespace>:<name>`, unchecked; `_:_`, which is no valid id, if the topic names no entity.
    pub fn entity_id(&self) -> String {
        let namespace = if self.namespace.is_empty() && self.is_wildcard() {
            Self::PLACEHOLDER
        } else {
            &self.namespace
        };
        format!("{namespace}:{}", self.name)
    }

    /// The policy that the topic names.
    ///
    /// # Errors
    ///
    /// The first rule of policy ids that the topic breaks.
    pub fn policy_id(&self) -> Result<PolicyId, EntityIdError> {
        self.entity_id().parse()
    }
}

impl FromStr for TopicPath {
    type Err = TopicPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut segments = Segments(Some(text));
        let namespace = segments.next(TopicPart::Namespace)?;
        let name = segments.next(TopicPart::Name)?;
        let group = parse_group(&mut segments)?;
        let criterion = parse_criterion(group, &mut segments)?;
        Ok(Self {
            namespace: if namespace == Self::PLACEHOLDER {
                String::new()
            } else {
                namespace.to_owned()
            },
            name: if name.is_empty() {
                return Err(TopicPathError::Missing(TopicPart::Name));
            } else {
                name.to_owned()
            },
            group,
            criterion,
        })
    }
}

fn parse_group(segments: &mut Segments<'_>) -> Result<Group, TopicPathError> {
    match segments.next(TopicPart::Group)? {
        "things" => Ok(Group::Things(
            segments.word(TopicPart::Channel, Channel::parse)?,
        )),
        "policies" => Ok(Group::Policies),
        "connections" => Ok(Group::Connections),
        "sessions" => Ok(Group::Sessions),
        unknown => Err(TopicPathError::Unknown {
            part: TopicPart::Group,
            text: unknown.to_owned(),
        }),
    }
}

fn parse_criterion(group: Group, segments: &mut Segments<'_>) -> Result<Criterion, TopicPathError> {
    let criterion = match segments.next(TopicPart::Criterion)? {
        "commands" => Criterion::Commands(segments.word(TopicPart::Action, CommandAction::parse)?),
        "events" => Criterion::Events(segments.word(TopicPart::Action, EventAction::parse)?),
        "search" => Criterion::Search(segments.word(TopicPart::Action, SearchAction::parse)?),
        "streaming" => {
            Criterion::Streaming(segments.word(TopicPart::Action, StreamingAction::parse)?)
        }
        "messages" => Criterion::Messages(segments.rest()),
        "acks" => Criterion::Acks(segments.rest()),
        "announcements" => Criterion::Announcements(
            segments
                .rest()
                .ok_or(TopicPathError::Missing(TopicPart::Subject))?,
        ),
        "errors" => Criterion::Errors,
        unknown => {
            return Err(TopicPathError::Unknown {
                part: TopicPart::Criterion,
                text: unknown.to_owned(),
            });
        }
    };
    if group.allows(&criterion) {
        Ok(criterion)
    } else {
        Err(TopicPathError::Combination(TopicPart::Criterion))
    }
}

impl Group {
    /// Whether signals of this kind exist for this family.
    fn allows(self, criterion: &Criterion) -> bool {
        match criterion {
            Criterion::Commands(_) | Criterion::Events(_) | Criterion::Errors => {
                self != Self::Sessions
            }
            Criterion::Streaming(_) => {
                !matches!(self, Self::Sessions | Self::Things(Channel::Live))
            }
            Criterion::Search(_) => self == Self::Things(Channel::Twin),
            Criterion::Messages(_) => self == Self::Things(Channel::Live),
            Criterion::Acks(_) => matches!(self, Self::Things(_) | Self::Policies),
            Criterion::Announcements(_) => !matches!(self, Self::Things(_)),
        }
    }
}

/// What is left of the text; `None` once its last segment is taken.
struct Segments<'t>(Option<&'t str>);

impl<'t> Segments<'t> {
    fn next(&mut self, part: TopicPart) -> Result<&'t str, TopicPathError> {
        let text = self.0.take().ok_or(TopicPathError::Missing(part))?;
        match text.split_once('/') {
            Some((segment, rest)) => {
                self.0 = Some(rest);
                Ok(segment)
            }
            None => Ok(text),
        }
    }

    fn word<W>(
        &mut self,
        part: TopicPart,
        parse: impl Fn(&str) -> Option<W>,
    ) -> Result<W, TopicPathError> {
        let text = self.next(part)?;
        parse(text).ok_or_else(|| TopicPathError::Unknown {
            part,
            text: text.to_owned(),
        })
    }

    fn rest(&mut self) -> Option<String> {
        self.0
            .take()
            .filter(|rest| !rest.is_empty())
            .map(str::to_owned)
    }
}

impl fmt::Display for TopicPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = if self.namespace.is_empty() {
            Self::PLACEHOLDER
        } else {
            &self.namespace
        };
        write!(
            formatter,
            "{namespace}/{}/{}/{}",
            self.name, self.group, self.criterion
        )
    }
}

impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Things(channel) => write!(formatter, "things/{}", channel.as_str()),
            Self::Policies => formatter.write_str("policies"),
            Self::Connections => formatter.write_str("connections"),
            Self::Sessions => formatter.write_str("sessions"),
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, tail) = match self {
            Self::Commands(action) => ("commands", Some(action.as_str())),
            Self::Events(action) => ("events", Some(action.as_str())),
            Self::Search(action) => ("search", Some(action.as_str())),
            Self::Streaming(action) => ("streaming", Some(action.as_str())),
            Self::Messages(subject) => ("messages", subject.as_deref()),
            Self::Acks(label) => ("acks", label.as_deref()),
            Self::Announcements(subject) => ("announcements", Some(subject.as_str())),
            Self::Errors => ("errors", None),
        };
        formatter.write_str(word)?;
        tail.map_or(Ok(()), |tail| write!(formatter, "/{tail}"))
    }
}

impl fmt::Display for TopicPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Namespace => "namespace",
            Self::Name => "name",
            Self::Group => "group",
            Self::Channel => "channel",
            Self::Criterion => "criterion",
            Self::Action => "action",
            Self::Subject => "subject",
        })
    }
}

#[cfg(test)]
mod tests;
