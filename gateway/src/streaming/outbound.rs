//! What waits for a reader: bounded in bytes, responses before events, and these before what was asked for of the past.
//!
//! Answers that a client asks for have half of the room: who asks for more waits, so that events have the other half.

mod waiting;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;

pub(crate) use waiting::Forgotten;
use waiting::{Event, Past, State, Waiting};

/// Makes the chunk that tells how many were lost.
pub(crate) type TellLoss = Rc<dyn Fn(u64) -> Bytes>;

/// One session's outbound buffer; lives on one worker, and has one who takes from it.
///
/// It holds chunks as they go onto the connection and knows nothing of what they are.
pub(crate) struct Outbound {
    waiting: RefCell<Waiting>,
    bytes_max: usize,
    /// Tells a loss in place, for those who want to read on after one.
    loss: RefCell<Option<TellLoss>>,
    taker: WakerSlot,
    /// Whoever produces responses, each on its own.
    waiters: RefCell<Vec<Waker>>,
    /// Events that were taken and not counted yet.
    taken: Cell<u64>,
}

/// An event found the buffer full.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lost;

impl Outbound {
    /// An empty queue that once held more than this gives its memory back.
    const SPARE_MAX: usize = 32;

    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            waiting: RefCell::default(),
            bytes_max,
            loss: RefCell::default(),
            taker: WakerSlot::default(),
            waiters: RefCell::default(),
            taken: Cell::default(),
        }
    }

    /// From now on losses are told by what `loss` makes of their number, and reading goes on; `None` takes that back.
    pub(crate) fn tell_losses(&self, loss: Option<TellLoss>) {
        *self.loss.borrow_mut() = loss;
    }

    /// Whether losses are told.
    pub(crate) fn tells_losses(&self) -> bool {
        self.loss.borrow().is_some()
    }

    /// Adds an answer to something the client sent; never lost.
    ///
    /// The sender must wait for [`Self::room`] before it reads on, which bounds these too.
    pub(crate) fn push_response(&self, frame: Bytes) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.state == State::Open {
            waiting.answer_bytes += frame.len();
            waiting.responses.push_back(frame);
        }
        drop(waiting);
        self.taker.wake();
    }

    /// Adds a step of a history; who makes it waits for [`Self::room`] before.
    pub(crate) fn push_past(&self, chunk: Bytes, is_event: bool) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.state == State::Open {
            waiting.answer_bytes += chunk.len();
            waiting.past.push_back(Past { chunk, is_event });
        }
        drop(waiting);
        self.taker.wake();
    }

    /// So many bytes were read of the past, and wait for their turn to wait here.
    pub(crate) fn hold(&self, bytes: usize) {
        let before = std::mem::replace(&mut self.waiting.borrow_mut().held_bytes, bytes);
        if bytes < before {
            self.wake_waiters();
        }
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.waiting.borrow().held_bytes
    }

    /// Adds an event, unless there is no room: then it is lost and counted. A single large event always fits.
    ///
    /// After a loss nothing fits until everything that waits was taken, so that one gap is told and not many.
    pub(crate) fn push_event(&self, frame: Bytes) -> Result<(), Lost> {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.state != State::Open {
            return Ok(());
        }
        let is_full = waiting.event_bytes > 0
            && (waiting.lost > 0
                || waiting.event_bytes + frame.len() > self.event_bytes_max(&waiting));
        if is_full {
            waiting.lose_one();
            return Err(Lost);
        }
        if let Some(told) = waiting.told_loss(self.loss.borrow().as_ref()) {
            waiting.add(told);
        }
        waiting.add(Event::telling_nothing(frame));
        drop(waiting);
        self.taker.wake();
        Ok(())
    }

    /// Half of the room, and what answers leave of the other half.
    fn event_bytes_max(&self, waiting: &Waiting) -> usize {
        let answers = waiting.answer_bytes + waiting.held_bytes;
        self.bytes_max
            .saturating_sub(answers)
            .max(self.bytes_max / 2)
    }

    /// Counts what will not be sent and is not here: it was taken already, or never came.
    pub(crate) fn lose(&self, chunks: u64) {
        self.waiting.borrow_mut().forgotten += chunks;
    }

    /// Counts one loss as told in place, or behind what waits if there is no room; false if losses are not told.
    pub(crate) fn tell_loss(&self) -> bool {
        let Some(loss) = self.loss.borrow().clone() else {
            return false;
        };
        let mut waiting = self.waiting.borrow_mut();
        let is_full =
            waiting.event_bytes > 0 && waiting.event_bytes >= self.event_bytes_max(&waiting);
        if waiting.lost > 0 || is_full {
            waiting.lose_one();
        } else if waiting.state == State::Open {
            waiting.add(Event {
                chunk: loss(1),
                tells: 1,
            });
        }
        drop(waiting);
        self.taker.wake();
        true
    }

    /// Sends a ping or pong before everything else.
    pub(crate) fn push_urgent(&self, frame: Bytes) {
        self.waiting.borrow_mut().urgent = Some(frame);
        self.taker.wake();
    }

    /// How long ago an event was lost that nobody has been told of yet.
    pub(crate) fn overflowing_for(&self) -> Option<Duration> {
        let since = self.waiting.borrow().lost_since?;
        Some(since.elapsed())
    }

    /// How many were lost since the last told loss.
    pub(crate) fn lost(&self) -> u64 {
        self.waiting.borrow().untold()
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        let waiting = self.waiting.borrow();
        waiting.responses.is_empty()
            && waiting.events.is_empty()
            && waiting.past.is_empty()
            && waiting.lost == 0
    }

    /// Counts how often it is asked while nothing was taken, and starts again once that is `times`.
    pub(crate) fn is_quiet(&self, times: u8) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        waiting.quiet = waiting.quiet.saturating_add(1);
        let is_quiet = waiting.quiet >= times;
        if is_quiet {
            waiting.quiet = 0;
        }
        is_quiet
    }

    /// Waits for the next chunk.
    pub(crate) async fn next(&self) -> Bytes {
        loop {
            if let Some(frame) = poll_fn(|context| self.poll_next(context)).await {
                return frame;
            }
            std::future::pending::<()>().await;
        }
    }

    /// The next chunk; `None` once [`Outbound::finish`] was called and nothing is left.
    pub(crate) fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(frame) = self.pop() {
            return Poll::Ready(Some(frame));
        }
        if self.waiting.borrow().state == State::Done {
            return Poll::Ready(None);
        }
        self.taker.register(context);
        Poll::Pending
    }

    /// The next chunk, if one waits.
    pub(crate) fn pop(&self) -> Option<Bytes> {
        let mut waiting = self.waiting.borrow_mut();
        if let Some(frame) = waiting.urgent.take() {
            return Some(frame);
        }
        // Answers to a client that asks all the time must not use up all of its connection.
        let is_urged = waiting.event_bytes > self.bytes_max / 4;
        let first = if is_urged {
            None
        } else {
            waiting.pop_response()
        };
        let frame = first
            .or_else(|| self.pop_event(&mut waiting))
            .or_else(|| waiting.pop_response());
        let frame = frame.or_else(|| self.pop_behind_events(&mut waiting))?;
        waiting.quiet = 0;
        waiting.shrink();
        drop(waiting);
        self.wake_waiters();
        Some(frame)
    }

    fn pop_event(&self, waiting: &mut Waiting) -> Option<Bytes> {
        let event = waiting.pop_event()?;
        if event.is_one() {
            self.count_taken();
        }
        Some(event.chunk)
    }

    /// What is lost behind the events that waited, then the past.
    fn pop_behind_events(&self, waiting: &mut Waiting) -> Option<Bytes> {
        if let Some(told) = waiting.told_loss(self.loss.borrow().as_ref()) {
            return Some(told.chunk);
        }
        let past = waiting.pop_past()?;
        if past.is_event {
            self.count_taken();
        }
        Some(past.chunk)
    }

    /// Counts an event that goes out without having waited here.
    pub(crate) fn count_taken(&self) {
        self.taken.set(self.taken.get() + 1);
    }

    /// Events that were taken since this was asked before.
    pub(crate) fn newly_taken(&self) -> u64 {
        self.taken.take()
    }

    /// Forgets events, keeps responses, and adds `farewell` behind them; nothing else comes in any more.
    pub(crate) fn close(&self, farewell: impl IntoIterator<Item = Bytes>) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.state == State::Open {
            waiting.state = State::Closing;
            waiting.responses.extend(farewell);
            waiting.forget_events();
            waiting.held_bytes = 0;
        }
        drop(waiting);
        self.taker.wake();
        self.wake_waiters();
    }

    /// What still waits is the last.
    pub(crate) fn finish(&self) {
        self.waiting.borrow_mut().state = State::Done;
        self.taker.wake();
    }

    /// Forgets events that wait.
    pub(crate) fn forget_events(&self) -> Forgotten {
        let forgotten = self.waiting.borrow_mut().forget_events();
        self.wake_waiters();
        forgotten
    }

    /// Drops events that wait, which are not lost: they come in another way.
    pub(crate) fn discard_events(&self) {
        self.waiting.borrow_mut().discard_events();
        self.wake_waiters();
    }

    /// Waits until another answer may be produced.
    pub(crate) async fn room(&self) {
        self.room_for(0).await;
    }

    /// Waits until so many bytes may be read of the past, or nothing waits that was asked for.
    pub(crate) async fn room_for(&self, bytes: usize) {
        poll_fn(|context| {
            if self.has_room_for(bytes) {
                return Poll::Ready(());
            }
            let mut waiters = self.waiters.borrow_mut();
            if !waiters
                .iter()
                .any(|waiter| waiter.will_wake(context.waker()))
            {
                waiters.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    fn wake_waiters(&self) {
        for waiter in self.waiters.take() {
            waiter.wake();
        }
    }

    fn has_room_for(&self, bytes: usize) -> bool {
        let waiting = self.waiting.borrow();
        let answers = waiting.answer_bytes + waiting.held_bytes;
        waiting.state != State::Open
            || waiting.answer_bytes == 0
            || answers + bytes <= self.bytes_max / 2
    }

    /// Whether answers that wait leave room for another one; events do not count, they give way.
    pub(crate) fn takes_answers(&self) -> bool {
        self.waiting.borrow().response_bytes() <= self.bytes_max
    }
}

/// Whom to wake, if somebody waits.
#[derive(Default)]
struct WakerSlot(Cell<Option<Waker>>);

impl WakerSlot {
    fn register(&self, context: &Context<'_>) {
        let known = self.0.take();
        self.0.set(Some(match known {
            Some(waker) if waker.will_wake(context.waker()) => waker,
            Some(_) | None => context.waker().clone(),
        }));
    }

    fn wake(&self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests;
