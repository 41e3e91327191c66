//! Every open session of the process: for operators who look, and for whoever must end some of them.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use ::policies::{Principal, SessionId};
use hashbrown::HashMap;
use jiff::Timestamp;
use parking_lot::Mutex;

use super::lifeline::{End, Lifeline};

/// Which protocol a session speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionKind {
    WebSocket,
    ServerSentEvents,
}

impl SessionKind {
    /// The word for metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::WebSocket => "ws",
            Self::ServerSentEvents => "sse",
        }
    }
}

/// Why somebody else ends a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CutReason {
    /// Its credential holds no longer.
    Revoked,
    /// An operator wants it, and may say why.
    Operator(Option<String>),
    /// The configuration changed what it was opened under.
    Reconfigured,
    /// The process ends.
    Shutdown,
}

impl CutReason {
    pub(super) fn end(&self) -> End {
        match self {
            Self::Revoked => End::revoked(),
            Self::Operator(reason) => End::operator(reason.as_deref()),
            Self::Reconfigured => End::reconfigured(),
            Self::Shutdown => End::shutdown(),
        }
    }
}

/// What all threads know of one session.
pub(crate) struct SessionRecord {
    pub(crate) id: SessionId,
    pub(crate) kind: SessionKind,
    pub(crate) lifeline: Lifeline,
    pub(crate) counts: Counts,
    source: Option<IpAddr>,
    opened_at: Timestamp,
    principal: Mutex<Principal>,
    subscriptions: Mutex<Vec<&'static str>>,
}

/// What has passed through a session.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Messages from the client.
    pub(crate) received: AtomicU64,
    /// Events and the like for the client.
    pub(crate) delivered: AtomicU64,
    /// Events that found the buffer full.
    pub(crate) lost: AtomicU64,
}

/// A session as of one moment.
#[derive(Debug, Clone)]
pub(crate) struct SessionInfo {
    pub(crate) id: SessionId,
    pub(crate) kind: SessionKind,
    pub(crate) principal: Principal,
    pub(crate) source: Option<IpAddr>,
    pub(crate) opened_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) subscriptions: Vec<&'static str>,
    pub(crate) received: u64,
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
}

impl SessionRecord {
    pub(crate) fn new(
        kind: SessionKind,
        principal: Principal,
        source: Option<IpAddr>,
        now: Timestamp,
    ) -> Self {
        Self {
            id: SessionId(uuid::Uuid::new_v4().as_u128()),
            kind,
            lifeline: Lifeline::new(principal.expires_at(), now),
            counts: Counts::default(),
            source,
            opened_at: now,
            principal: Mutex::new(principal),
            subscriptions: Mutex::default(),
        }
    }

    pub(crate) fn principal(&self) -> Principal {
        self.principal.lock().clone()
    }

    pub(crate) fn set_principal(&self, principal: Principal) {
        *self.principal.lock() = principal;
    }

    pub(crate) fn set_subscriptions(&self, names: Vec<&'static str>) {
        *self.subscriptions.lock() = names;
    }

    fn info(&self) -> SessionInfo {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SessionInfo {
            id: self.id,
            kind: self.kind,
            principal: self.principal(),
            source: self.source,
            opened_at: self.opened_at,
            expires_at: self.lifeline.expires_at(),
            subscriptions: self.subscriptions.lock().clone(),
            received: count(&self.counts.received),
            delivered: count(&self.counts.delivered),
            lost: count(&self.counts.lost),
        }
    }
}

/// The sessions that are open now.
#[derive(Default)]
pub(crate) struct Sessions {
    open: Mutex<HashMap<u128, Arc<SessionRecord>>>,
    count: AtomicUsize,
    is_closing: AtomicBool,
}

impl Sessions {
    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// All of them, in no order.
    pub(crate) fn list(&self) -> Vec<SessionInfo> {
        let open: Vec<_> = self.open.lock().values().cloned().collect();
        open.iter().map(|record| record.info()).collect()
    }

    /// One of them.
    pub(crate) fn inspect(&self, id: SessionId) -> Option<SessionInfo> {
        let record = self.open.lock().get(&id.0).cloned();
        record.map(|record| record.info())
    }

    /// Ends one; false if there is none of this id. Nothing is delivered to it from now on.
    pub(crate) fn cut(&self, id: SessionId, reason: &CutReason) -> bool {
        let record = self.open.lock().get(&id.0).cloned();
        record.is_some_and(|record| {
            record.lifeline.cut(reason.end());
            true
        })
    }

    /// Ends those whose principal `is_meant`, and says how many they are. Nothing is delivered to them from now on.
    pub(crate) fn cut_where(
        &self,
        is_meant: &dyn Fn(&Principal) -> bool,
        reason: &CutReason,
    ) -> usize {
        let open: Vec<_> = self.open.lock().values().cloned().collect();
        let meant = open
            .iter()
            .filter(|record| !record.lifeline.is_cut() && is_meant(&record.principal.lock()));
        meant
            .map(|record| record.lifeline.cut(reason.end()))
            .count()
    }

    /// Ends every session, also those that come after.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::SeqCst);
        self.cut_where(&|_| true, &CutReason::Shutdown);
    }

    pub(super) fn enter(&self, record: &Arc<SessionRecord>) {
        self.open.lock().insert(record.id.0, Arc::clone(record));
        self.count.fetch_add(1, Ordering::SeqCst);
        // After the insertion, so that `close` either finds it or was noticed here.
        if self.is_closing.load(Ordering::SeqCst) {
            record.lifeline.cut(End::shutdown());
        }
    }

    pub(super) fn leave(&self, id: SessionId) {
        if self.open.lock().remove(&id.0).is_some() {
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use ::policies::{Credential, ProviderKind};

    use super::*;
    use crate::streaming::lifeline::EndKind;

    fn opened(sessions: &Sessions, subject: &str) -> Arc<SessionRecord> {
        let principal = Principal::new(
            ProviderKind::PreAuthenticated,
            vec![subject.parse().unwrap()],
            None,
            Credential::default(),
        );
        let record = Arc::new(SessionRecord::new(
            SessionKind::WebSocket,
            principal,
            None,
            Timestamp::UNIX_EPOCH,
        ));
        sessions.enter(&record);
        record
    }

    fn is_of(subject: &'static str) -> impl Fn(&Principal) -> bool {
        move |principal| {
            principal
                .default_subject()
                .is_some_and(|own| own.as_str() == subject)
        }
    }

    #[test]
    fn who_is_meant_is_cut_and_nobody_else() {
        let sessions = Sessions::default();
        let (alice, bob) = (
            opened(&sessions, "nginx:alice"),
            opened(&sessions, "nginx:bob"),
        );
        let cut = sessions.cut_where(&is_of("nginx:alice"), &CutReason::Revoked);
        assert_eq!(cut, 1);
        let kind = |record: &SessionRecord| record.lifeline.end().map(|end| end.kind);
        assert_eq!((kind(&alice), kind(&bob)), (Some(EndKind::Revoked), None));
        assert_eq!(
            sessions.cut_where(&is_of("nginx:alice"), &CutReason::Revoked),
            0,
            "it was cut before"
        );
    }

    #[test]
    fn a_session_is_listed_until_it_leaves() {
        let sessions = Sessions::default();
        let record = opened(&sessions, "nginx:alice");
        assert_eq!((sessions.count(), sessions.list().len()), (1, 1));
        let info = sessions.inspect(record.id).expect("it is open");
        assert_eq!(info.principal, record.principal());
        assert!(sessions.cut(record.id, &CutReason::Operator(None)));
        sessions.leave(record.id);
        sessions.leave(record.id);
        assert_eq!((sessions.count(), sessions.list().len()), (0, 0));
        assert!(!sessions.cut(record.id, &CutReason::Operator(None)));
    }

    #[test]
    fn who_comes_after_the_end_is_cut_too() {
        let sessions = Sessions::default();
        sessions.close();
        let record = opened(&sessions, "nginx:alice");
        assert_eq!(record.lifeline.end(), Some(End::shutdown()));
    }
}
