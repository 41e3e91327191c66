//! What waits for a reader: bounded in bytes, responses before events.

mod waiting;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

pub(crate) use waiting::Forgotten;
use waiting::{Event, State, Waiting};

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
            waiting.bytes += frame.len();
            waiting.responses.push_back(frame);
        }
        drop(waiting);
        self.taker.wake();
    }

    /// Adds an event, unless the buffer is full: then it is lost and counted. A single large event always fits.
    ///
    /// After a loss nothing fits until everything that waits was taken, so that one gap is told and not many.
    pub(crate) fn push_event(&self, frame: Bytes) -> Result<(), Lost> {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.state != State::Open {
            return Ok(());
        }
        let is_full =
            waiting.bytes > 0 && (waiting.lost > 0 || waiting.bytes + frame.len() > self.bytes_max);
        if is_full {
            waiting.lost += 1;
            waiting.lost_since.get_or_insert_with(Instant::now);
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

    /// Counts what will not be sent and is not here: it was taken already, or never came.
    pub(crate) fn lose(&self, chunks: u64) {
        self.waiting.borrow_mut().forgotten += chunks;
    }

    /// Counts one loss as told in place, also beyond the limit of what may wait; false if losses are not told.
    pub(crate) fn tell_loss(&self) -> bool {
        let Some(loss) = self.loss.borrow().clone() else {
            return false;
        };
        let mut waiting = self.waiting.borrow_mut();
        if waiting.lost > 0 {
            waiting.lost += 1;
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
        waiting.responses.is_empty() && waiting.events.is_empty() && waiting.lost == 0
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
        let response = waiting.responses.pop_front();
        let event = || {
            let event = waiting.events.pop_front()?;
            self.taken.set(self.taken.get() + u64::from(event.is_one()));
            Some(event.chunk)
        };
        let Some(frame) = response.or_else(event) else {
            let told = waiting.told_loss(self.loss.borrow().as_ref())?;
            return Some(told.chunk);
        };
        waiting.bytes -= frame.len();
        waiting.quiet = 0;
        waiting.shrink();
        drop(waiting);
        self.wake_waiters();
        Some(frame)
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

    /// Waits until another response may be produced.
    pub(crate) async fn room(&self) {
        poll_fn(|context| {
            if self.has_room() {
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

    /// Whether another response may be produced now.
    pub(crate) fn has_room(&self) -> bool {
        let waiting = self.waiting.borrow();
        waiting.state != State::Open || waiting.bytes <= self.bytes_max
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
