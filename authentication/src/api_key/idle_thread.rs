//! A thread that computes while no other thread wants its core, for work that must cost nobody else anything.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
};

/// The policy `SCHED_IDLE` of Linux: whoever else wakes up takes the core at once.
const IDLE: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);

/// Something that takes long.
pub(super) type Compute<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// Computes for a thread that waits. Invariant: it takes no lock that others take, as it may be kept from the core while it
/// holds it.
pub(super) struct IdleThread {
    work: mpsc::Sender<Box<dyn FnOnce() + Send>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// Others left it too little of the processor.
    Late,
    /// The work panicked.
    Panicked,
}

impl IdleThread {
    pub(super) fn start(name: &str) -> std::io::Result<Self> {
        let (work, works) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                stand_back();
                for work in works {
                    // Whoever waits is told by the answer that never comes.
                    let _ = catch_unwind(AssertUnwindSafe(work));
                }
            })?;
        Ok(Self { work })
    }

    /// What `compute` answers within `patience`. What comes late is thrown away, and not begun if it can be helped.
    pub(super) fn run<T: Send + 'static>(
        &self,
        compute: &Compute<T>,
        patience: Duration,
    ) -> Result<T, Unanswered> {
        let (answer, answers) = mpsc::channel();
        let is_given_up = Arc::new(AtomicBool::new(false));
        let (compute, is_over) = (Arc::clone(compute), Arc::clone(&is_given_up));
        let work = Box::new(move || {
            if !is_over.load(Ordering::Relaxed) {
                let _ = answer.send(compute());
            }
        });
        self.work.send(work).map_err(|_| Unanswered::Panicked)?;
        answers.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Disconnected => Unanswered::Panicked,
            RecvTimeoutError::Timeout => {
                is_given_up.store(true, Ordering::Relaxed);
                Unanswered::Late
            }
        })
    }
}

/// From now on this thread runs when no other one wants to.
fn stand_back() {
    let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, IDLE);
    // Of policy and niceness only the former matters.
    if let Err(error) = set
        && thread_schedule_policy() != Ok(IDLE)
    {
        tracing::warn!(
            "Slow hashes of API keys compete with requests for the processor: the system refuses the policy SCHED_IDLE ({error})"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn compute<T>(compute: impl Fn() -> T + Send + Sync + 'static) -> Compute<T> {
        Arc::new(compute)
    }

    #[test]
    fn it_stands_back_and_survives_a_panic() {
        let thread = IdleThread::start("idle").unwrap();
        let policy = compute(|| thread_schedule_policy().unwrap());
        assert_eq!(thread.run(&policy, LONG), Ok(IDLE));
        let panicking = compute(|| -> usize { panic!("on purpose") });
        assert_eq!(thread.run(&panicking, LONG), Err(Unanswered::Panicked));
        assert_eq!(thread.run(&compute(|| 7), LONG), Ok(7));
        assert_ne!(policy(), IDLE, "who asks does not");
    }

    #[test]
    fn what_comes_late_is_not_waited_for() {
        let thread = IdleThread::start("idle").unwrap();
        let (go_on, wait) = mpsc::channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        let endless = compute(move || wait.lock().unwrap().recv().is_ok());
        let soon = Duration::from_millis(1);
        assert_eq!(thread.run(&endless, soon), Err(Unanswered::Late));
        let never = compute(|| -> usize { panic!("nobody waits any more") });
        assert_eq!(thread.run(&never, soon), Err(Unanswered::Late));
        drop(go_on);
        assert_eq!(thread.run(&compute(|| 7), LONG), Ok(7));
    }
}
