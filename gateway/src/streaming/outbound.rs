//! What waits for a reader: bounded in bytes, responses before events.

use std::cell::RefCell;
use std::collections::VecDeque;

use bytes::Bytes;
use tokio::sync::Notify;

/// One session's outbound buffer; lives on one worker.
pub(crate) struct Outbound {
    waiting: RefCell<Waiting>,
    bytes_max: usize,
    changed: Notify,
    taken: Notify,
    pong: RefCell<Option<Bytes>>,
    pong_changed: Notify,
}

#[derive(Default)]
struct Waiting {
    responses: VecDeque<Bytes>,
    events: VecDeque<Bytes>,
    bytes: usize,
    lost: u64,
}

impl Outbound {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            waiting: RefCell::default(),
            bytes_max,
            changed: Notify::new(),
            taken: Notify::new(),
            pong: RefCell::default(),
            pong_changed: Notify::new(),
        }
    }

    /// Adds an answer to something the client sent; never lost.
    ///
    /// The sender must wait for [`Self::room`] before it reads on, which bounds these too.
    pub(crate) fn push_response(&self, frame: Bytes) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.bytes += frame.len();
        waiting.responses.push_back(frame);
        drop(waiting);
        self.changed.notify_one();
    }

    /// Adds an event, unless the buffer is full: then it is lost and counted. A single large event always fits.
    pub(crate) fn push_event(&self, frame: Bytes) -> Result<(), Lost> {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.bytes > 0 && waiting.bytes + frame.len() > self.bytes_max {
            waiting.lost += 1;
            return Err(Lost(waiting.lost));
        }
        waiting.bytes += frame.len();
        waiting.events.push_back(frame);
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the next frame.
    pub(crate) async fn next(&self) -> Bytes {
        loop {
            if let Some(frame) = self.pop() {
                return frame;
            }
            self.changed.notified().await;
        }
    }

    /// The next frame, if one waits.
    pub(crate) fn pop(&self) -> Option<Bytes> {
        let mut waiting = self.waiting.borrow_mut();
        let frame = match waiting.responses.pop_front() {
            Some(frame) => frame,
            None => waiting.events.pop_front()?,
        };
        waiting.bytes -= frame.len();
        self.taken.notify_one();
        Some(frame)
    }

    /// The next answer, if one waits.
    pub(crate) fn pop_response(&self) -> Option<Bytes> {
        self.waiting.borrow_mut().responses.pop_front()
    }

    /// Forgets everything that waits.
    pub(crate) fn clear(&self) {
        *self.waiting.borrow_mut() = Waiting::default();
        self.pong.take();
        self.taken.notify_one();
    }

    /// Waits until a frame was taken.
    pub(crate) async fn taken(&self) {
        self.taken.notified().await;
    }

    /// Answers a ping; of several that wait, the last one counts (RFC 6455 §5.5.3).
    pub(crate) fn push_pong(&self, payload: Bytes) {
        *self.pong.borrow_mut() = Some(payload);
        self.pong_changed.notify_one();
    }

    /// Waits for the next ping to answer.
    pub(crate) async fn next_pong(&self) -> Bytes {
        loop {
            if let Some(payload) = self.pong.borrow_mut().take() {
                return payload;
            }
            self.pong_changed.notified().await;
        }
    }

    /// Whether another response may be produced now.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.borrow().bytes <= self.bytes_max
    }
}

/// So many events found the buffer full.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lost(pub(crate) u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn responses_overtake_events() {
        let outbound = Outbound::new(100);
        outbound.push_event(Bytes::from_static(b"event")).unwrap();
        outbound.push_response(Bytes::from_static(b"response"));
        assert_eq!(outbound.next().await, "response");
        assert_eq!(outbound.next().await, "event");
        assert_eq!(outbound.pop(), None);
    }

    #[test]
    fn a_full_buffer_loses_events_and_counts_them_but_no_response() {
        let outbound = Outbound::new(10);
        outbound.push_event(Bytes::from_static(b"123456")).unwrap();
        assert_eq!(
            outbound.push_event(Bytes::from_static(b"123456")),
            Err(Lost(1))
        );
        assert_eq!(
            outbound.push_event(Bytes::from_static(b"123456")),
            Err(Lost(2))
        );
        outbound.push_response(Bytes::from_static(b"123456"));
        assert!(!outbound.has_room());
        assert_eq!(outbound.pop().unwrap(), "123456");
        assert!(outbound.has_room());
    }

    #[test]
    fn one_event_fits_whatever_its_size() {
        assert_eq!(
            Outbound::new(1).push_event(Bytes::from_static(b"123456")),
            Ok(())
        );
    }
}
