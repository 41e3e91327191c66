//! Signals that are no commands to twins and policies, and that are not handed on to devices.

use crate::{CommandAction, Criterion, Group, SearchAction, StreamingAction, TopicPath};

/// What an envelope is, if it is no command to a twin or a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalKind {
    /// Several acknowledgements in one, which only a server sends.
    Acknowledgements,
    /// A step of a search that clients take.
    SearchCommand(SearchAction),
    /// A step of a search that only a server takes.
    SearchEvent,
    /// A step of reading history that clients take.
    HistoryCommand(StreamingAction),
    /// A step of reading history that only a server takes.
    HistoryEvent,
    /// Moves a thing to another definition.
    MigrateDefinition,
    /// An event of a twin or a policy, which only a server sends.
    Event,
    /// The answer to a command, or its error, which only a server sends.
    Response,
    /// An announcement, which only a server sends.
    Announcement,
}

/// What becomes of a signal that nothing here serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// The sender is told so.
    Refuse,
    /// Nobody is told: it is not for a client to send, or nobody waits for it.
    Ignore,
}

impl SignalKind {
    /// What a topic is for; `None` if it is for commands to twins, policies or what clients must not address.
    pub(super) fn of(topic: &TopicPath, has_status: bool) -> Option<Self> {
        match (topic.group(), topic.criterion()) {
            (_, Criterion::Announcements(_)) => Some(Self::Announcement),
            (Group::Connections | Group::Sessions, _) => None,
            (Group::Policies, Criterion::Commands(CommandAction::Migrate)) if !has_status => None,
            (Group::Things(_) | Group::Policies, criterion) => of_entity(criterion, has_status),
        }
    }

    /// What becomes of it as long as nothing serves it.
    pub const fn reaction(&self) -> Reaction {
        match self {
            Self::SearchCommand(_) | Self::HistoryCommand(_) | Self::MigrateDefinition => {
                Reaction::Refuse
            }
            Self::Acknowledgements
            | Self::SearchEvent
            | Self::HistoryEvent
            | Self::Event
            | Self::Response
            | Self::Announcement => Reaction::Ignore,
        }
    }
}

fn of_entity(criterion: &Criterion, has_status: bool) -> Option<SignalKind> {
    match criterion {
        Criterion::Commands(_) if has_status => Some(SignalKind::Response),
        Criterion::Commands(CommandAction::Migrate) => Some(SignalKind::MigrateDefinition),
        Criterion::Commands(_) | Criterion::Messages(_) | Criterion::Announcements(_) => None,
        Criterion::Events(_) => Some(SignalKind::Event),
        Criterion::Errors => Some(SignalKind::Response),
        Criterion::Acks(_) => Some(SignalKind::Acknowledgements),
        Criterion::Search(action) => Some(search(*action)),
        Criterion::Streaming(action) => Some(history(*action)),
    }
}

const fn search(action: SearchAction) -> SignalKind {
    match action {
        SearchAction::Subscribe | SearchAction::Request | SearchAction::Cancel => {
            SignalKind::SearchCommand(action)
        }
        SearchAction::Created
        | SearchAction::Next
        | SearchAction::Complete
        | SearchAction::Failed
        | SearchAction::Error => SignalKind::SearchEvent,
    }
}

const fn history(action: StreamingAction) -> SignalKind {
    match action {
        StreamingAction::SubscribeForPersistedEvents
        | StreamingAction::Request
        | StreamingAction::Cancel => SignalKind::HistoryCommand(action),
        StreamingAction::Created
        | StreamingAction::Next
        | StreamingAction::Complete
        | StreamingAction::Failed
        | StreamingAction::Error => SignalKind::HistoryEvent,
    }
}
