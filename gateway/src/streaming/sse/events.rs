//! One open event stream: what goes out next, of what was missed and then of what happens.

use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use devops::logging::correlated;
use futures_util::stream::{self, Stream};
use journal::Position;
use tokio::time::{Instant, sleep_until};

use super::render::{control, gap, heartbeat, hello, position_of};
use crate::clock::Clock;
use crate::error::ErrorChain;
use crate::streaming::StreamingSettings;
use crate::streaming::lifeline::{End, EndKind, Lifeline};
use crate::streaming::replay::{Replay, Step};
use crate::streaming::session::Session;
use crate::streaming::throttle::Throttle;
use crate::telemetry::metrics;

/// Where events come from; most streams are live, and must not carry the size of a replay around.
pub(super) enum Script {
    /// From what happens.
    Live,
    /// From what was missed, until that is no more than what happens.
    Missed(Box<Replay>),
    /// From the past only.
    Past(Box<Replay>),
}

/// One open stream.
pub(super) struct Events {
    clock: Arc<dyn Clock>,
    session: Rc<Session>,
    script: Script,
    /// Every place up to here is known to the client.
    pub(super) told: Position,
    /// The client has everything up to here, whatever id it saw last; `None` if that says it.
    reached: Option<Position>,
    /// Most streams have none.
    throttle: Option<Box<Throttle>>,
    /// Taken from where it waited, but not yet let through.
    held: Option<Held>,
    heartbeat: Duration,
    heartbeat_at: Instant,
    is_over: bool,
}

/// What goes out next.
struct Frame {
    chunk: Bytes,
    /// As [`Events::reached`], once it is out.
    reached: Option<Position>,
    /// Whether the throttle counts it.
    is_counted: bool,
}

impl Frame {
    fn live(chunk: Bytes) -> Self {
        Self {
            chunk,
            reached: None,
            is_counted: true,
        }
    }

    /// Of the past, up to `reached`.
    fn past(chunk: Bytes, reached: Position) -> Self {
        Self {
            reached: Some(reached),
            ..Self::live(chunk)
        }
    }

    /// An id without an event.
    fn place(reached: Position) -> Self {
        Self {
            is_counted: false,
            ..Self::past(heartbeat(Some(reached)), reached)
        }
    }
}

/// A frame that the throttle has counted.
struct Held {
    frame: Frame,
    due: Instant,
}

impl Events {
    /// So many records before the head of the journal, a stream begins to take what happens.
    const NEAR: u64 = 64;

    pub(super) fn new(
        settings: &StreamingSettings,
        clock: &Arc<dyn Clock>,
        session: Rc<Session>,
        script: Script,
    ) -> Self {
        let throttled = |throttling| Box::new(Throttle::new(Some(throttling)));
        Self {
            told: Position::START,
            reached: None,
            throttle: settings.sse_throttling.map(throttled),
            held: None,
            heartbeat: settings.sse_heartbeat,
            heartbeat_at: Instant::now() + settings.sse_heartbeat,
            is_over: false,
            clock: Arc::clone(clock),
            session,
            script,
        }
    }

    /// The first bytes leave at once, so that a client knows that it is connected.
    pub(super) fn into_stream(
        mut self,
        from: Option<Position>,
    ) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
        self.held = Some(Held {
            frame: Frame::live(hello(from)),
            due: Instant::now(),
        });
        stream::unfold(self, |mut events| async move {
            events.next().await.map(|chunk| (Ok(chunk), events))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        let chunk = self.chunk().await;
        if self.held.is_none() {
            self.session.count_delivered();
        }
        self.heartbeat_at = Instant::now() + self.heartbeat;
        Some(chunk)
    }

    /// What goes out next: the end of the session, a frame, or a sign of life.
    ///
    /// Invariant: dropping this future loses no frame and counts none twice. Idle streams wait in it, so it has one timer.
    async fn chunk(&mut self) -> Bytes {
        let session = Rc::clone(&self.session);
        let lifeline = session.lifeline();
        loop {
            // Listens before it looks, so that it misses no change.
            let changed = lifeline.changed();
            let until_end = match lifeline.end_or_wait(self.clock.now()) {
                Ok(end) => {
                    self.is_over = true;
                    return farewell(&end, self.session.give_up_events(), self.reached);
                }
                Err(until_end) => until_end,
            };
            if let Some(frame) = self.take_due() {
                return frame;
            }
            let wake_at = self.wake_at(until_end);
            tokio::select! {
                biased;
                () = changed => {}
                frame = self.next_frame(), if self.held.is_none() => {
                    if let Some(frame) = self.admit(frame) {
                        return frame;
                    }
                }
                () = sleep_until(wake_at) => {
                    if self.heartbeat_at <= Instant::now() {
                        return self.heartbeat();
                    }
                }
            }
        }
    }

    /// When to look again if nothing happens.
    fn wake_at(&self, until_end: Option<Duration>) -> Instant {
        let end = until_end.map(|wait| Instant::now() + wait.min(Lifeline::CHECK_INTERVAL));
        let due = self.held.as_ref().map(|held| held.due);
        let moments = [end, due].into_iter().flatten();
        moments.fold(self.heartbeat_at, Instant::min)
    }

    /// The frame, unless the throttle holds it back.
    fn admit(&mut self, frame: Frame) -> Option<Bytes> {
        let now = Instant::now();
        let throttle = self.throttle.as_mut().filter(|_| frame.is_counted);
        let delay = throttle.map_or(Duration::ZERO, |throttle| throttle.delay(now));
        if delay.is_zero() {
            return Some(self.release(frame));
        }
        metrics::streaming_throttled("delayed").increment(1);
        let due = now + delay;
        self.held = Some(Held { frame, due });
        None
    }

    fn take_due(&mut self) -> Option<Bytes> {
        let held = self.held.take_if(|held| held.due <= Instant::now())?;
        Some(self.release(held.frame))
    }

    /// From now on the client has it.
    fn release(&mut self, frame: Frame) -> Bytes {
        self.reached = frame.reached;
        frame.chunk
    }

    /// What was missed, then what happens.
    async fn next_frame(&mut self) -> Frame {
        loop {
            // Of the past of one thing, a stranger must not learn how far it goes.
            let moves_on = matches!(self.script, Script::Missed(_));
            let (Script::Missed(replay) | Script::Past(replay)) = &mut self.script else {
                return Frame::live(self.session.outbound.next().await);
            };
            let next = correlated(replay.correlation_id(), replayed(replay, &self.session));
            match Box::pin(next).await {
                Ok(Step::Event(frame)) => {
                    self.session.outbound.count_taken();
                    return Frame::past(frame, replay.reached());
                }
                Ok(Step::Gap(missing)) => {
                    let chunk = gap(missing.position, missing.reason);
                    return Frame::past(chunk, missing.position);
                }
                Ok(Step::Reached(reached)) if moves_on => return Frame::place(reached),
                Ok(Step::Reached(_)) => continue,
                Ok(Step::End) => {}
                Err(_) => {
                    // Who comes back goes on behind what cannot be decided, and does not meet it for ever.
                    self.reached = Some(replay.reached());
                    self.session.lifeline().cut(End::undecided());
                    // A live frame now would make the client believe that it has what came before.
                    return pending().await;
                }
            }
            if let Some(frame) = self.approach().await {
                return frame;
            }
        }
    }

    /// Everything that was looked for is replayed: on with what has happened meanwhile.
    ///
    /// Far behind, what happens is left to the journal, so that nothing piles up. When little is left, it begins to wait
    /// behind the rest; should it find no room there, the journal has it again.
    async fn approach(&mut self) -> Option<Frame> {
        let session = &self.session;
        let Script::Missed(replay) = &mut self.script else {
            session.lifeline().cut(End::complete());
            return pending().await;
        };
        if session.is_behind() {
            let (left, head) = replay.left();
            if left <= Self::NEAR {
                session.take_live(head);
            }
            replay.go_on(head);
            return None;
        }
        let Some(chunk) = session.outbound.pop() else {
            session.catch_up();
            self.told = self.told.max(replay.reached());
            self.script = Script::Live;
            return None;
        };
        if let Some(position) = position_of(&chunk) {
            replay.skip(position);
        }
        Some(Frame::live(chunk))
    }

    /// A sign of life; if nothing waits, it also moves the place from which the client would resume.
    fn heartbeat(&mut self) -> Bytes {
        let is_up_to_date = matches!(self.script, Script::Live)
            && self.held.is_none()
            && self.session.outbound.is_empty();
        let reached = self
            .session
            .progress()
            .filter(|reached| *reached > self.told);
        let Some(reached) = reached.filter(|_| is_up_to_date) else {
            return heartbeat(None);
        };
        self.told = reached;
        self.reached = Some(reached);
        heartbeat(Some(reached))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.session.leave();
    }
}

/// The next of what was missed; a failure is logged.
async fn replayed(replay: &mut Replay, session: &Session) -> Result<Step, ::things::Error> {
    replay.next(session).await.inspect_err(|error| {
        tracing::error!(error = %ErrorChain(error), "A stream could not be replayed");
    })
}

/// Says why the stream ends, as an event of its own; if something is missing, from `reached` on, the client goes on from there.
fn farewell(end: &End, lost: u64, reached: Option<Position>) -> Bytes {
    let event = match end.kind {
        EndKind::Expired => "expired",
        EndKind::Revoked | EndKind::Reconfigured => "revoked",
        EndKind::SlowConsumer | EndKind::Failed => "gap",
        EndKind::Complete => "complete",
        EndKind::Client
        | EndKind::Refresh
        | EndKind::Operator
        | EndKind::TooLarge
        | EndKind::Protocol
        | EndKind::Shutdown => "closed",
    };
    match reached.filter(|_| event == "gap") {
        Some(reached) => gap(reached, &end.sentence(lost)),
        None => control(event, &end.sentence(lost)),
    }
}

#[cfg(test)]
mod tests;
