//! What somebody who counts may learn of the chain.

use std::cell::Cell;
use std::time::{Duration, Instant};

use policies::ProviderKind;

use crate::{AuthenticationError, AuthenticationOutcome};

/// Hears what each provider concluded. Called on every request: it must cost next to nothing.
pub trait ChainObserver: Send + Sync {
    /// `duration` is absent for most of the answers that were known at once: measuring would cost more than they do.
    fn concluded(&self, provider: ProviderKind, conclusion: Conclusion, duration: Option<Duration>);
}

/// A provider's outcome in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Conclusion {
    /// The credential was good.
    Authenticated,
    /// It was no good.
    Refused,
    /// It could not be read.
    Malformed,
    /// It was good and had been revoked.
    Revoked,
    /// Nothing is known: a backend was missing.
    Unavailable,
}

impl Conclusion {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Authenticated,
        Self::Refused,
        Self::Malformed,
        Self::Revoked,
        Self::Unavailable,
    ];

    /// The word for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
            Self::Revoked => "revoked",
            Self::Unavailable => "unavailable",
        }
    }

    /// `None` if the provider had nothing to conclude from.
    fn of(outcome: &AuthenticationOutcome) -> Option<Self> {
        match outcome {
            AuthenticationOutcome::NotApplicable => None,
            AuthenticationOutcome::Authenticated(_) => Some(Self::Authenticated),
            AuthenticationOutcome::Failed(AuthenticationError::Revoked { .. }) => {
                Some(Self::Revoked)
            }
            AuthenticationOutcome::Failed(error) if error.is_unavailable() => {
                Some(Self::Unavailable)
            }
            AuthenticationOutcome::Failed(error) if error.is_bad_request() => Some(Self::Malformed),
            AuthenticationOutcome::Failed(_) => Some(Self::Refused),
        }
    }
}

/// Of the credentials that are good at once, one in this many is timed: reading the clock twice would cost them more
/// than everything else that is measured.
const TIMED_ONE_IN: u32 = 64;

thread_local! {
    static ASKED: Cell<u32> = const { Cell::new(0) };
}

/// One provider's work, being timed.
pub(super) struct Watch<'a> {
    observer: &'a dyn ChainObserver,
    started: Option<Instant>,
}

impl<'a> Watch<'a> {
    pub(super) fn start(observer: &'a dyn ChainObserver) -> Self {
        let asked = ASKED.replace(ASKED.get().wrapping_add(1));
        Self {
            observer,
            started: asked.is_multiple_of(TIMED_ONE_IN).then(Instant::now),
        }
    }

    /// Whoever waits is always timed.
    pub(super) fn wait(&mut self) {
        self.started.get_or_insert_with(Instant::now);
    }

    pub(super) fn conclude(self, provider: ProviderKind, outcome: &AuthenticationOutcome) {
        if let Some(conclusion) = Conclusion::of(outcome) {
            let duration = self.started.map(|started| started.elapsed());
            self.observer.concluded(provider, conclusion, duration);
        }
    }
}
