//! Headers that verified claims set: they are taken from there and from nowhere else.

use std::sync::Arc;

use authentication::HeaderLookup;
use policies::HeaderValues;
use serde_json::{Map, Value};

use super::is_custom;

/// What `inject_claims_into_headers` makes of one caller. A streaming session keeps it for every frame.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClaimedHeaders {
    /// Every header, in lower case, that claims of some issuer set.
    names: Arc<[Arc<str>]>,
    /// What the caller's claims say.
    set: HeaderValues,
}

impl ClaimedHeaders {
    /// `set` is of the caller, `names` of all who are configured.
    pub(crate) fn new(names: &Arc<[Arc<str>]>, set: &HeaderValues) -> Self {
        Self {
            names: Arc::clone(names),
            set: Arc::clone(set),
        }
    }

    /// Replaces what the client sent of them among headers that travel with a command.
    pub(crate) fn overwrite(&self, custom: &mut Vec<(Arc<str>, Arc<str>)>) {
        custom.retain(|(name, _)| !self.is_claimed(name));
        custom.extend(self.set.iter().filter(|(name, _)| is_custom(name)).cloned());
    }

    /// Takes away what the client sent of them in a frame.
    pub(crate) fn strip(&self, headers: &mut Map<String, Value>) {
        if !self.names.is_empty() {
            headers.retain(|name, _| !self.is_claimed(name));
        }
    }

    /// The client's headers, without those that only claims set, and with what they set.
    pub(crate) fn over<'a, L: HeaderLookup>(&'a self, sent: &'a L) -> impl HeaderLookup + 'a {
        Over {
            claimed: self,
            sent,
        }
    }

    fn is_claimed(&self, name: &str) -> bool {
        self.names.iter().any(|claimed| **claimed == *name)
    }
}

struct Over<'a, L> {
    claimed: &'a ClaimedHeaders,
    sent: &'a L,
}

impl<L: HeaderLookup> HeaderLookup for Over<'_, L> {
    fn header(&self, name: &str) -> Option<&str> {
        if !self.claimed.is_claimed(name) {
            return self.sent.header(name);
        }
        let set = self.claimed.set.iter().find(|(known, _)| **known == *name);
        set.map(|(_, value)| &**value)
    }
}
