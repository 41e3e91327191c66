//! What a returning client missed, read back from the journal under the policies in force now.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use journal::{EntityKind, Position, Record};

use super::render::{ThingRenderer, control};
use crate::app::Gateway;
use crate::streaming::hub::published;
use crate::streaming::session::{Renderer, Session};

/// Records are read in portions of this many.
const PORTION: usize = 64;

/// Goes from the last event that a client saw to where the live stream begins.
pub(super) struct Replay {
    after: Position,
    until: Position,
    portion: VecDeque<Arc<Record>>,
    renderer: Rc<ThingRenderer>,
}

impl Replay {
    pub(super) fn new(after: Position, until: Position, renderer: Rc<ThingRenderer>) -> Self {
        Self {
            after,
            until,
            portion: VecDeque::new(),
            renderer,
        }
    }

    /// The next event that the session may see; `None` once the live stream takes over.
    pub(super) fn next(
        &mut self,
        gateway: &Gateway,
        session: &Session,
    ) -> Result<Option<Bytes>, things::Error> {
        if self.after > self.until {
            let unknown = control(
                "gap",
                "The last event id is not of this journal; read the current state.",
            );
            self.after = self.until;
            return Ok(Some(unknown));
        }
        while let Some(record) = self.next_record(gateway)? {
            if record.entity.kind != EntityKind::Thing {
                continue;
            }
            let published = published(&record, &gateway.things, &*gateway.clock)?;
            let visible = published.visible_to(&session.subjects());
            if let Some(frame) =
                visible.and_then(|visible| self.renderer.render(&published, &visible))
            {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    fn next_record(
        &mut self,
        gateway: &Gateway,
    ) -> Result<Option<Arc<Record>>, journal::StoreError> {
        if self.portion.is_empty() && self.after < self.until {
            self.portion = gateway.journal.records(self.after, PORTION)?.into();
        }
        let record = self
            .portion
            .pop_front()
            .filter(|record| record.position <= self.until);
        self.after = record.as_ref().map_or(self.until, |record| record.position);
        Ok(record)
    }
}
