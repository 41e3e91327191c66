//! What happens to keys and somebody should hear of, beside the requests that they open.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use policies::Principal;

/// Something that a key did for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyNews {
    /// It was never used before.
    FirstSeen,
    /// It was used from more networks within an hour than one client has.
    Shared {
        /// As many.
        networks: usize,
    },
    /// It also fits the hash of another identity.
    SameSecret {
        /// The other identity.
        other: String,
    },
}

/// Hears of keys; it must hand on what it hears and return.
pub trait KeyObserver: Send + Sync {
    /// `principal` is whom the key stands for, `client` where it came from.
    fn heard(&self, news: &KeyNews, principal: &Principal, from: (Option<IpAddr>, Timestamp));
}

/// What is looked for, and who is told.
#[derive(Clone)]
pub(super) struct KeyWatch {
    /// From more networks than this within an hour, a key is shared.
    pub(super) networks_max: usize,
    pub(super) observer: Option<Arc<dyn KeyObserver>>,
}

impl KeyWatch {
    /// More networks than this are not told apart.
    pub(super) const NETWORKS_COUNTED: usize = 256;

    pub(super) fn tell(
        &self,
        news: &KeyNews,
        principal: &Principal,
        from: (Option<IpAddr>, Timestamp),
    ) {
        if let Some(observer) = &self.observer {
            observer.heard(news, principal, from);
        }
    }
}
