//! The closed vocabularies of a topic. Matching is case-sensitive.

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $word,)+
        }

        impl $name {
            /// Every word, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$word,)+];

            /// The word as it stands in a topic.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)+
                }
            }

            /// The word that reads `text`.
            pub(super) fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }
    };
}

words! {
    /// Whether a thing's signal is for its twin or for the device.
    ///
    /// Ditto also reads `none`, for which no signal exists; here it is unknown.
    Channel {
        /// The persisted twin.
        Twin = "twin",
        /// The device itself.
        Live = "live",
    }
}

words! {
    /// What a command does.
    CommandAction {
        /// Makes what must not exist yet.
        Create = "create",
        /// Reads.
        Retrieve = "retrieve",
        /// Replaces, or makes what does not exist.
        Modify = "modify",
        /// Applies a merge patch (RFC 7396).
        Merge = "merge",
        /// Removes.
        Delete = "delete",
        /// Moves a thing to another definition.
        Migrate = "migrate",
        /// Asks what the sender may do.
        CheckPermissions = "checkPermissions",
    }
}

words! {
    /// What happened.
    EventAction {
        /// It exists now and did not before.
        Created = "created",
        /// It was replaced.
        Modified = "modified",
        /// A merge patch was applied.
        Merged = "merged",
        /// It moved to another definition.
        Migrated = "migrated",
        /// It is gone.
        Deleted = "deleted",
    }
}

words! {
    /// A step of a search.
    SearchAction {
        /// Client: begin.
        Subscribe = "subscribe",
        /// Client: send more.
        Request = "request",
        /// Client: stop.
        Cancel = "cancel",
        /// Server: begun.
        Created = "created",
        /// Server: a page.
        Next = "next",
        /// Server: no more.
        Complete = "complete",
        /// Server: ended by an error.
        Failed = "failed",
        /// Server: the command itself was refused.
        Error = "error",
    }
}

words! {
    /// A step of reading history.
    StreamingAction {
        /// Client: begin.
        SubscribeForPersistedEvents = "subscribeForPersistedEvents",
        /// Client: send more.
        Request = "request",
        /// Client: stop.
        Cancel = "cancel",
        /// Server: begun.
        Created = "created",
        /// Server: one event.
        Next = "next",
        /// Server: no more.
        Complete = "complete",
        /// Server: ended by an error.
        Failed = "failed",
        /// Server: the command itself was refused.
        Error = "error",
    }
}
