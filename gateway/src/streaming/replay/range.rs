//! Which records of the past are read, and what is missing between them.

use std::sync::Arc;

use ::things::ThingId;
use jiff::Timestamp;
use journal::{EntityKind, Position, Record, Revision};

use super::Source;

/// A part of the history of one thing or policy; both ends belong to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Past {
    pub(crate) from_revision: Option<Revision>,
    pub(crate) to_revision: Option<Revision>,
    pub(crate) from_timestamp: Option<Timestamp>,
    pub(crate) to_timestamp: Option<Timestamp>,
    /// Only what comes behind this place of the journal, for a client that has seen the rest.
    pub(crate) after: Option<Position>,
}

impl Past {
    /// Whether the record, which is not before `from_revision`, belongs to it.
    pub(crate) fn contains(&self, record: &Record) -> bool {
        let since = self.from_timestamp;
        let until = self.to_timestamp;
        self.to_revision.is_none_or(|to| record.revision <= to)
            && self.after.is_none_or(|after| record.position > after)
            && since.is_none_or(|from| record.timestamp >= from)
            && until.is_none_or(|to| record.timestamp <= to)
    }

    /// What may be missing before `first`, the oldest record that is left from a revision on, for a client that has seen
    /// everything up to a place of the journal.
    fn gap(&self, first: &Record, (from, seen): (Revision, Position)) -> Option<Gap> {
        let is_left_out = |at: Timestamp| first.timestamp <= at;
        let is_missing = first.revision > from
            && first.position.0 > seen.0.saturating_add(1)
            && !self.from_timestamp.is_some_and(is_left_out);
        is_missing.then(|| forgotten(seen))
    }
}

/// Which records are read.
pub(super) enum Range {
    /// What a returning client missed: after one place of the journal, up to another, which may move on.
    Missed { after: Position, until: Position },
    /// A thing's history from this revision on.
    History {
        thing_id: ThingId,
        from: Revision,
        past: Past,
        /// Up to there the client has what it asked for; `None` for one that begins, and takes what is left.
        seen: Option<Position>,
    },
    /// Nothing is left.
    Empty,
}

/// Something is missing before `position`.
#[derive(Debug)]
pub(crate) struct Gap {
    pub(crate) position: Position,
    pub(crate) reason: &'static str,
}

type Reading = Box<dyn FnOnce(&Source) -> Result<Vec<Arc<Record>>, journal::StoreError> + Send>;

impl Range {
    /// Nothing yet, behind `reached`.
    pub(super) fn missed(reached: Position) -> Self {
        Self::Missed {
            after: reached,
            until: reached,
        }
    }

    /// Whether what is missing tells nothing of any thing: then everybody may know.
    pub(super) fn is_of_everybody(&self) -> bool {
        match self {
            Self::Missed { .. } | Self::Empty => true,
            Self::History { .. } => false,
        }
    }

    pub(super) fn has_more(&self) -> bool {
        match self {
            Self::Missed { after, until } => after < until,
            Self::History { from, past, .. } => past.to_revision.is_none_or(|to| *from <= to),
            Self::Empty => false,
        }
    }

    /// Reads so many records at most.
    pub(super) fn reading(&self, limit: usize) -> Reading {
        match self {
            Self::Missed { after, until } => {
                let (after, until) = (*after, *until);
                Box::new(move |source| {
                    let mut records = source.journal.records(after, limit)?;
                    records.retain(|record| record.position <= until);
                    Ok(records)
                })
            }
            Self::History { thing_id, from, .. } => {
                let (thing_id, from) = (thing_id.clone(), *from);
                Box::new(move |source| {
                    let now = source.clock.now();
                    source.things.past(&thing_id, (from, limit), now)
                })
            }
            Self::Empty => Box::new(|_| Ok(Vec::new())),
        }
    }

    /// Goes on behind what was read; what to tell if the journal has forgotten something in between.
    pub(super) fn advance(&mut self, portion: &[Arc<Record>]) -> Option<Gap> {
        let Some(last) = portion.last() else {
            let (rest, forgotten) = match self {
                // The journal knew records up to there.
                Self::Missed { until, .. } => (Self::missed(*until), Some(forgotten(*until))),
                Self::History { .. } | Self::Empty => (Self::Empty, None),
            };
            *self = rest;
            return forgotten;
        };
        match self {
            Self::Missed { after, .. } => {
                let before = std::mem::replace(after, last.position);
                let is_whole = last.position.0 - before.0 == portion.len() as u64;
                (!is_whole).then(|| forgotten(before))
            }
            Self::History {
                from, past, seen, ..
            } => {
                let gap = seen.and_then(|seen| past.gap(portion.first()?, (*from, seen)));
                *from = last.revision + 1;
                *seen = seen.map(|seen| seen.max(last.position));
                gap
            }
            Self::Empty => None,
        }
    }

    /// Goes back to before a record that was read and not returned.
    pub(super) fn return_to(&mut self, record: &Record) {
        match self {
            Self::Missed { after, .. } => *after = Position(record.position.0.saturating_sub(1)),
            Self::History { from, .. } => *from = record.revision,
            Self::Empty => {}
        }
    }

    pub(super) fn contains(&self, record: &Record) -> bool {
        match self {
            Self::Missed { .. } | Self::Empty => record.entity.kind == EntityKind::Thing,
            Self::History { past, .. } => past.contains(record),
        }
    }
}

pub(super) fn unknown(position: Position) -> Gap {
    Gap {
        position,
        reason: "The last event id is not of this journal; read the current state.",
    }
}

fn forgotten(position: Position) -> Gap {
    Gap {
        position,
        reason: "The journal no longer reaches back to the last event id; read the current state.",
    }
}
