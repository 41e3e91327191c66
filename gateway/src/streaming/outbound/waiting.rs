//! The queues of an outbound buffer, and what is lost of them.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::time::Instant;

use super::{Outbound, TellLoss};

#[derive(Default)]
pub(super) struct Waiting {
    /// A ping or pong; of several that wait, the last one counts (RFC 6455 §5.5.3).
    pub(super) urgent: Option<Bytes>,
    pub(super) responses: VecDeque<Bytes>,
    pub(super) events: VecDeque<Event>,
    /// What was asked for of the past.
    pub(super) past: VecDeque<Past>,
    /// Of responses and of the past.
    pub(super) answer_bytes: usize,
    pub(super) event_bytes: usize,
    /// What was read of the past and does not wait here yet.
    pub(super) held_bytes: usize,
    /// Events that found no room, not told yet.
    pub(super) lost: u64,
    pub(super) lost_since: Option<Instant>,
    /// Events that had room and were given up.
    pub(super) forgotten: u64,
    pub(super) state: State,
    /// How often [`Outbound::is_quiet`] was asked since something was taken.
    pub(super) quiet: u8,
}

/// An event, or what stands where some were lost.
pub(super) struct Event {
    pub(super) chunk: Bytes,
    /// So many losses are told by it; an event tells none.
    pub(super) tells: u64,
}

/// A step of a history.
pub(super) struct Past {
    pub(super) chunk: Bytes,
    /// Whether it is an event, and counted as such.
    pub(super) is_event: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Open,
    /// Responses and farewells still go out, nothing else comes in.
    Closing,
    /// Nothing more will come: the connection may be closed.
    Done,
}

/// What a reader does not get any more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Forgotten {
    /// Events that waited.
    pub(crate) events: u64,
    /// Everything lost that nobody was told of, these events included.
    pub(crate) untold: u64,
}

impl Waiting {
    pub(super) fn response_bytes(&self) -> usize {
        self.responses.iter().map(Bytes::len).sum()
    }

    pub(super) fn add(&mut self, event: Event) {
        self.event_bytes += event.chunk.len();
        self.events.push_back(event);
    }

    /// One more event finds no room.
    pub(super) fn lose_one(&mut self) {
        self.lost += 1;
        self.lost_since.get_or_insert_with(Instant::now);
    }

    pub(super) fn pop_response(&mut self) -> Option<Bytes> {
        let chunk = self.responses.pop_front()?;
        self.answer_bytes = self.answer_bytes.saturating_sub(chunk.len());
        Some(chunk)
    }

    pub(super) fn pop_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.event_bytes = self.event_bytes.saturating_sub(event.chunk.len());
        Some(event)
    }

    pub(super) fn pop_past(&mut self) -> Option<Past> {
        let past = self.past.pop_front()?;
        self.answer_bytes = self.answer_bytes.saturating_sub(past.chunk.len());
        Some(past)
    }

    /// Everything lost that nobody was told of.
    pub(super) fn untold(&self) -> u64 {
        self.lost + self.forgotten
    }

    /// What is lost by it is told at the end, and not in its place; events of the past are events.
    pub(super) fn forget_events(&mut self) -> Forgotten {
        let forgotten = std::mem::take(&mut self.events);
        let past = std::mem::take(&mut self.past);
        let past = past.iter().filter(|past| past.is_event);
        let events = forgotten.iter().filter(|event| event.is_one()).count() + past.count();
        let events = events as u64;
        let gaps: u64 = forgotten.iter().map(|event| event.tells).sum();
        self.forgotten += gaps + events;
        self.lost_since = None;
        self.event_bytes = 0;
        self.answer_bytes = self.response_bytes();
        Forgotten {
            events,
            untold: self.untold(),
        }
    }

    /// Nothing of it is lost.
    pub(super) fn discard_events(&mut self) {
        self.events = VecDeque::new();
        self.lost = 0;
        self.lost_since = None;
        self.event_bytes = 0;
    }

    /// What tells the losses that nobody was told of yet, if there are some and `loss` tells them.
    pub(super) fn told_loss(&mut self, loss: Option<&TellLoss>) -> Option<Event> {
        if self.lost == 0 || self.state != State::Open {
            return None;
        }
        let chunk = loss?(self.lost);
        self.lost_since = None;
        Some(Event {
            chunk,
            tells: std::mem::take(&mut self.lost),
        })
    }

    pub(super) fn shrink(&mut self) {
        shrink(&mut self.responses);
        shrink(&mut self.events);
        shrink(&mut self.past);
    }
}

fn shrink<T>(queue: &mut VecDeque<T>) {
    if queue.is_empty() && queue.capacity() > Outbound::SPARE_MAX {
        *queue = VecDeque::new();
    }
}

impl Event {
    pub(super) fn telling_nothing(chunk: Bytes) -> Self {
        Self { chunk, tells: 0 }
    }

    /// Whether it is one, and no gap.
    pub(super) fn is_one(&self) -> bool {
        self.tells == 0
    }
}
