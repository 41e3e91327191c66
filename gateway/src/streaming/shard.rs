//! The sessions of one worker, indexed by subject.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use ::policies::SubjectId;
use hashbrown::HashMap;
use tokio::sync::mpsc::UnboundedReceiver;

use super::hub::Hub;
use super::lifeline::End;
use super::published::Published;
use super::session::Session;
use crate::telemetry::metrics;

/// What the publisher tells every worker.
#[derive(Clone)]
pub(crate) enum Notice {
    /// A change to deliver.
    Event(Arc<Published>),
    /// Every session ends.
    Shutdown,
}

/// Belongs to one worker and is never touched by another.
#[derive(Default)]
pub(crate) struct Shard {
    sessions: RefCell<HashMap<u128, Rc<Session>>>,
    by_subject: RefCell<HashMap<SubjectId, Vec<Rc<Session>>>>,
    is_closing: Cell<bool>,
}

thread_local! {
    static SHARD: OnceCell<Rc<Shard>> = const { OnceCell::new() };
}

impl Shard {
    /// This worker's shard, connected to the hub on first use.
    pub(crate) fn of_worker(hub: &Hub) -> Rc<Self> {
        SHARD.with(|shard| {
            Rc::clone(shard.get_or_init(|| {
                let shard = Rc::new(Self::default());
                actix_web::rt::spawn(Rc::clone(&shard).run(hub.connect()));
                shard
            }))
        })
    }

    async fn run(self: Rc<Self>, mut notices: UnboundedReceiver<Notice>) {
        while let Some(notice) = notices.recv().await {
            match notice {
                Notice::Event(published) => self.deliver(&published),
                Notice::Shutdown => self.close(),
            }
        }
    }

    /// Adds a session until the returned guard is dropped.
    pub(crate) fn enter(self: Rc<Self>, hub: &Arc<Hub>, session: &Rc<Session>) -> Entered {
        if self.is_closing.get() {
            session.lifeline.cut(End::shutdown());
        }
        self.sessions
            .borrow_mut()
            .insert(session.id.0, Rc::clone(session));
        let subjects = session.subjects();
        self.index(session, &subjects);
        hub.count_session(1);
        metrics::streaming_sessions().increment(1.0);
        Entered {
            shard: self,
            hub: Arc::clone(hub),
            session: Rc::clone(session),
            subjects: RefCell::new(subjects),
        }
    }

    fn deliver(&self, published: &Published) {
        let by_subject = self.by_subject.borrow();
        for subject in published.subjects() {
            // A session with several of the subjects takes the event once: it remembers the last position.
            for session in by_subject.get(subject).into_iter().flatten() {
                session.offer(published);
            }
        }
    }

    fn close(&self) {
        self.is_closing.set(true);
        for session in self.sessions.borrow().values() {
            session.lifeline.cut(End::shutdown());
        }
    }

    fn index(&self, session: &Rc<Session>, subjects: &[SubjectId]) {
        let mut by_subject = self.by_subject.borrow_mut();
        for subject in subjects {
            by_subject
                .entry(subject.clone())
                .or_default()
                .push(Rc::clone(session));
        }
    }

    fn forget(&self, session: &Session, subjects: &[SubjectId]) {
        let mut by_subject = self.by_subject.borrow_mut();
        for subject in subjects {
            if let Some(sessions) = by_subject.get_mut(subject) {
                sessions.retain(|other| other.id != session.id);
                if sessions.is_empty() {
                    by_subject.remove(subject);
                }
            }
        }
    }
}

/// A session's place in its shard.
pub(crate) struct Entered {
    shard: Rc<Shard>,
    hub: Arc<Hub>,
    session: Rc<Session>,
    subjects: RefCell<Vec<SubjectId>>,
}

impl Entered {
    /// Follows a change of the session's subjects.
    pub(crate) fn reindex(&self) {
        let subjects = self.session.subjects();
        let previous = self.subjects.replace(subjects.clone());
        if previous != subjects {
            self.shard.forget(&self.session, &previous);
            self.shard.index(&self.session, &subjects);
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.shard.sessions.borrow_mut().remove(&self.session.id.0);
        self.shard.forget(&self.session, &self.subjects.borrow());
        self.session.release();
        self.hub.count_session(-1);
        metrics::streaming_sessions().decrement(1.0);
        let reason = self
            .session
            .lifeline
            .end()
            .map_or("client", |end| end.kind.as_str());
        metrics::streaming_closes(reason).increment(1);
    }
}
