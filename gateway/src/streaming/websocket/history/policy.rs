//! What has happened to a policy, read back from the journal under the policy in force now.

use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;

use ::policies::{Error, Policies, PolicyEvent, PolicyId};
use actix_web::web;
use journal::{Record, Revision};
use protocol::Envelope;
use tokio::task::yield_now;

use crate::app::Gateway;
use crate::clock::Clock;
use crate::streaming::replay::{Past, Portion, Reader, Step};
use crate::streaming::session::Session;

/// Goes through the events of one policy, oldest first.
pub(super) struct PolicyReplay {
    policies: Arc<Policies>,
    clock: Arc<dyn Clock>,
    policy_id: PolicyId,
    past: Past,
    next: Revision,
    portion: Portion,
    reader: Rc<Reader>,
}

impl PolicyReplay {
    pub(super) fn new(
        gateway: &Gateway,
        (policy_id, past): (&PolicyId, Past),
        reader: Rc<Reader>,
    ) -> Self {
        Self {
            policies: Arc::clone(&gateway.policies),
            clock: Arc::clone(&gateway.clock),
            policy_id: policy_id.clone(),
            next: past.from_revision.unwrap_or(1).max(1),
            past,
            portion: Portion::default(),
            reader,
        }
    }

    /// The next event that the session may see.
    ///
    /// Waits for ever once the session is over.
    pub(super) async fn next(&mut self, session: &Session) -> Result<Step, Error> {
        loop {
            let now = self.clock.now();
            if session.lifeline().is_over(now) {
                return pending().await;
            }
            while let Some(record) = self.portion.pop(&session.outbound) {
                if !self.past.contains(&record) {
                    continue;
                }
                let event = PolicyEvent::of_record(&record).map_err(|error| self.failed(error))?;
                let principal = self.reader.principal();
                if let Some(event) = self.policies.visible_event(&principal, &event, now)? {
                    return Ok(Step::Event(Envelope::policy_event(&event)));
                }
            }
            if self.past.to_revision.is_some_and(|to| self.next > to) {
                return Ok(Step::End);
            }
            yield_now().await;
            session.outbound.room_for(Portion::BYTES_MAX).await;
            let records = self.read().await?;
            match records.last() {
                Some(last) => self.next = last.revision + 1,
                None => return Ok(Step::End),
            }
            self.portion.fill(records, &session.outbound);
        }
    }

    /// Whether it holds no records now.
    pub(super) fn holds_nothing(&self) -> bool {
        self.portion.is_empty()
    }

    /// No more than this many records will be wanted.
    pub(super) fn expect(&mut self, records: u64) {
        self.portion.expect(records);
    }

    /// Keeps only its place, and reads again from there.
    pub(super) fn rest(&mut self, session: &Session) {
        if let Some(record) = self.portion.give_back(&session.outbound) {
            self.next = record.revision;
        }
    }

    /// Reads the next portion, away from the worker.
    async fn read(&self) -> Result<Vec<Arc<Record>>, Error> {
        let (policies, policy_id) = (Arc::clone(&self.policies), self.policy_id.clone());
        let (next, now) = (self.next, self.clock.now());
        let limit = self.portion.limit();
        let portion = web::block(move || policies.past(&policy_id, (next, limit), now));
        match portion.await {
            Ok(portion) => portion.map(Portion::part_of),
            // The runtime is ending, and this stream with it.
            Err(_) => pending().await,
        }
    }

    fn failed(&self, source: journal::StoreError) -> Error {
        Error::Store {
            policy_id: self.policy_id.clone(),
            source,
        }
    }
}
