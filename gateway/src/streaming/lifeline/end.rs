//! The reasons for which sessions end.

use std::borrow::Cow;

/// Why a session ended; on a WebSocket a close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// Close code (RFC 6455 §7.4); SSE has none.
    pub(crate) code: u16,
    /// One word for metrics.
    pub(crate) kind: EndKind,
    /// What [`End::sentence`] begins with.
    pub(crate) reason: String,
}

/// The kinds of ends, few enough to label a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndKind {
    Client,
    Complete,
    Expired,
    Refresh,
    Revoked,
    Operator,
    Reconfigured,
    SlowConsumer,
    TooLarge,
    Protocol,
    Failed,
    Shutdown,
}

impl EndKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Complete => "complete",
            Self::Expired => "expired",
            Self::Refresh => "refresh",
            Self::Revoked => "revoked",
            Self::Operator => "operator",
            Self::Reconfigured => "reconfigured",
            Self::SlowConsumer => "slow_consumer",
            Self::TooLarge => "too_large",
            Self::Protocol => "protocol",
            Self::Failed => "failed",
            Self::Shutdown => "shutdown",
        }
    }

    /// Whether the client may not have any more what it was going to get.
    pub(crate) fn takes_access_away(self) -> bool {
        match self {
            Self::Expired | Self::Refresh | Self::Revoked | Self::Operator | Self::Reconfigured => {
                true
            }
            Self::Client
            | Self::Complete
            | Self::SlowConsumer
            | Self::TooLarge
            | Self::Protocol
            | Self::Failed
            | Self::Shutdown => false,
        }
    }
}

impl End {
    /// What fits into a close frame (RFC 6455 §5.5).
    pub(crate) const REASON_BYTES_MAX: usize = 123;

    pub(crate) fn new(code: u16, kind: EndKind, reason: impl Into<String>) -> Self {
        Self {
            code,
            kind,
            reason: reason.into(),
        }
    }

    /// The sentence for the client; how many were `lost` is known when it is said, not when the end comes.
    pub(crate) fn sentence(&self, lost: u64) -> Cow<'_, str> {
        let reason = &self.reason;
        if self.kind != EndKind::SlowConsumer {
            return Cow::Borrowed(reason);
        }
        Cow::Owned(format!(
            "{reason}: {lost} lost. Connect again and read the current state."
        ))
    }

    /// The client went by itself.
    pub(crate) fn client() -> Self {
        Self::new(1000, EndKind::Client, "")
    }

    /// The client closed with this code, or with none; it gets its own back (RFC 6455 §5.5.1).
    pub(crate) fn closed(code: Option<u16>) -> Self {
        match code.unwrap_or(1000) {
            // What RFC 6455 §7.4 lets an endpoint send.
            code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => {
                Self::new(code, EndKind::Client, "The client closed the session.")
            }
            _ => Self::new(
                1002,
                EndKind::Protocol,
                "The code of the client's close is none that may be sent.",
            ),
        }
    }

    /// Everything that was asked for was sent.
    pub(crate) fn complete() -> Self {
        Self::new(1000, EndKind::Complete, "Everything asked for was sent.")
    }

    pub(crate) fn expired() -> Self {
        Self::new(1000, EndKind::Expired, "The credential has expired.")
    }

    pub(crate) fn revoked() -> Self {
        Self::new(1008, EndKind::Revoked, "The credential was revoked.")
    }

    /// What the credential stands for is configured otherwise now, or not at all.
    pub(crate) fn reconfigured() -> Self {
        Self::new(
            1008,
            EndKind::Reconfigured,
            "What this credential may do has changed; connect again.",
        )
    }

    /// An operator ended it, for `reason` or for none that is told; a long reason stands alone, so that it is told whole.
    pub(crate) fn operator(reason: Option<&str>) -> Self {
        const WHO: &str = "An operator ended the session";
        let told = match reason {
            None => format!("{WHO}."),
            Some(reason) if WHO.len() + 2 + reason.len() > Self::REASON_BYTES_MAX => {
                reason.to_owned()
            }
            Some(reason) => format!("{WHO}: {reason}"),
        };
        Self::new(1008, EndKind::Operator, told)
    }

    /// The client reads more slowly than events happen.
    pub(crate) fn slow_consumer() -> Self {
        Self::new(1013, EndKind::SlowConsumer, "Reading too slowly")
    }

    /// What happened could not be decided or read, so that something may be missing.
    pub(crate) fn undecided() -> Self {
        Self::new(
            1013,
            EndKind::Failed,
            "A change could not be delivered. Connect again and read the current state.",
        )
    }

    pub(crate) fn too_large(bytes_max: usize) -> Self {
        Self::new(
            1009,
            EndKind::TooLarge,
            format!("A message has at most {bytes_max} bytes."),
        )
    }

    pub(crate) fn shutdown() -> Self {
        Self::new(
            1012,
            EndKind::Shutdown,
            "The gateway is restarting; connect again.",
        )
    }
}
