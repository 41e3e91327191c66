//! Who is hashed for, in which order, and who is not.

use std::sync::mpsc;

use super::*;

fn source(number: u8) -> SourcePrefix {
    SourcePrefix::of(Some([192, 0, 2, number].into()))
}

/// Work that says when it starts and waits to be let go on.
fn work(
    (key, source_number): (u8, u8),
    search: impl Fn() -> Option<usize> + Send + Sync + 'static,
) -> Work {
    let about = About {
        key: [key; 16],
        source: source(source_number),
        is_suspect: false,
    };
    Work {
        about,
        runs: 30,
        search: Arc::new(search),
    }
}

fn suspect(mut work: Work) -> Work {
    work.about.is_suspect = true;
    work
}

fn lane(queue: usize) -> SlowLane {
    SlowLane::start(SlowLaneSettings { threads: 1, queue }).unwrap()
}

/// Occupies the only thread until the returned sender speaks.
fn occupied(lane: &SlowLane) -> (mpsc::Sender<()>, oneshot::Receiver<Verdict>) {
    let (started, has_started) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let receiver = lane.submit(work((0, 0), move || {
        started.send(()).unwrap();
        wait.lock().recv().unwrap();
        Some(7)
    }));
    has_started.recv().unwrap();
    (go_on, receiver.unwrap())
}

#[test]
fn one_key_is_hashed_once_for_everybody_who_waits() {
    let lane = lane(4);
    let (go_on, first) = occupied(&lane);
    let second = lane
        .submit(work((0, 1), || panic!("hashed twice")))
        .unwrap();
    go_on.send(()).unwrap();
    assert_eq!(first.blocking_recv().unwrap(), Ok(Some(7)));
    assert_eq!(second.blocking_recv().unwrap(), Ok(Some(7)));
}

#[test]
fn a_source_fills_no_more_than_its_share_and_nobody_more_than_the_queue() {
    let lane = lane(4);
    let (go_on, _first) = occupied(&lane);
    let mut receivers = Vec::new();
    for number in 1..=4 {
        receivers.push(lane.submit(work((number, number), || None)).unwrap());
    }
    assert_eq!(lane.submit(work((9, 1), || None)).err(), Some(Busy));
    assert_eq!(lane.submit(work((9, 9), || None)).err(), Some(Busy));
    go_on.send(()).unwrap();
    for receiver in receivers {
        assert_eq!(receiver.blocking_recv().unwrap(), Ok(None));
    }
}

#[test]
fn who_has_failed_makes_room_for_who_has_not() {
    let lane = lane(1);
    let (go_on, _first) = occupied(&lane);
    let suspect = lane.submit(suspect(work((1, 1), || None))).unwrap();
    let clean = lane.submit(work((2, 2), || Some(1))).unwrap();
    assert_eq!(suspect.blocking_recv().unwrap(), Err(Busy));
    go_on.send(()).unwrap();
    assert_eq!(clean.blocking_recv().unwrap(), Ok(Some(1)));
}

#[test]
fn work_that_nobody_waits_for_is_not_done() {
    let lane = lane(4);
    let (go_on, _first) = occupied(&lane);
    drop(
        lane.submit(work((1, 1), || panic!("nobody waits")))
            .unwrap(),
    );
    let last = lane.submit(work((2, 2), || Some(2))).unwrap();
    go_on.send(()).unwrap();
    assert_eq!(last.blocking_recv().unwrap(), Ok(Some(2)));
}

/// Occupies the thread with a suspect for a while, so that other suspects have to wait three times as long.
#[test]
fn suspects_wait_for_their_turn_while_others_pass() {
    let lane = lane(4);
    let (started, has_started) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let busy = Duration::from_millis(40);
    let began = Instant::now();
    let first = lane.submit(suspect(work((1, 1), move || {
        started.send(()).unwrap();
        wait.lock().recv_timeout(busy).ok();
        None
    })));
    has_started.recv().unwrap();
    let second = lane.submit(suspect(work((2, 2), || Some(2)))).unwrap();
    assert_eq!(first.unwrap().blocking_recv().unwrap(), Ok(None));
    let clean = lane.submit(work((3, 3), || Some(3))).unwrap();
    assert_eq!(clean.blocking_recv().unwrap(), Ok(Some(3)));
    assert_eq!(second.blocking_recv().unwrap(), Ok(Some(2)));
    assert!(began.elapsed() >= busy * (1 + PAUSE_FACTOR));
    drop(go_on);
}

/// The first piece of work never ends on the thread that stands back.
#[test]
fn where_no_core_is_idle_only_suspects_get_nothing() {
    let hasher = IdleThread::start("idle").unwrap();
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let here = std::thread::current().id();
    let search = move || {
        if std::thread::current().id() != here {
            wait.lock().recv().ok();
        }
        Some(1)
    };
    let mut work = work((1, 1), search);
    work.runs = 0;
    assert_eq!(hash(&work, &hasher), Ok(Some(1)));
    work.about.is_suspect = true;
    assert_eq!(hash(&work, &hasher), Err(Busy));
    drop(go_on);
}
