//! The parts of the operator service that ask for different credentials.

/// A group of routes that the same credentials open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// Shows status: the status or the devops password.
    Status,
    /// Shows metrics: as [`Surface::Status`], or the metrics token.
    Metrics,
    /// Changes the process: the devops password only.
    Devops,
}

impl Surface {
    /// Whose credentials a path would ask for; any that is not there counts as one of status.
    pub(crate) fn of(path: &str) -> Self {
        let is_below = |scope: &str| {
            let rest = path.strip_prefix(scope);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if is_below("/metrics") {
            Self::Metrics
        } else if ["/devops", "/console", "/stats/things/details"]
            .into_iter()
            .any(is_below)
        {
            Self::Devops
        } else {
            Self::Status
        }
    }

    /// What a client is told to ask its user a password for.
    ///
    /// Source: Ditto documentation, page "Operating Ditto", section "Devops commands".
    pub(crate) const fn realm(self) -> &'static str {
        match self {
            Self::Status | Self::Metrics => "DITTO-STATUS",
            Self::Devops => "DITTO-DEVOPS",
        }
    }

    /// The word that log events use.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Metrics => "metrics",
            Self::Devops => "devops",
        }
    }
}
