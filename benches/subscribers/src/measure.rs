//! Opens subscribers, publishes, and says what that cost.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use crate::process::{processor_us, resident};
use crate::socket::{self, Kind};

/// Everything that is to be measured.
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) address: String,
    pub(crate) target: String,
    pub(crate) headers: String,
    pub(crate) pid: u32,
    pub(crate) count: usize,
    pub(crate) events: usize,
    pub(crate) publish: (String, String),
}

/// What subscribers tell: when they received the marker of the current event.
#[derive(Default)]
struct Arrivals {
    marker: RefCell<Vec<u8>>,
    received: RefCell<Vec<Instant>>,
    expected: Cell<usize>,
    changed: Notify,
}

/// Size of an event's value.
const VALUE_BYTES: usize = 512;
/// One event must reach everybody within this time.
const EVENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs the plan and prints what it measured.
pub(crate) async fn run(plan: Plan) -> anyhow::Result<()> {
    LocalSet::new()
        .run_until(async {
            let before = resident(plan.pid)?;
            let arrivals = Rc::new(Arrivals::default());
            let stalled = open(&plan, &arrivals).await?;
            // Buffers of the handshakes are given back.
            sleep(Duration::from_secs(2)).await;
            let grown = resident(plan.pid)?.saturating_sub(before);
            println!("bytes_each {}", grown / plan.count.max(1) as u64);
            let mut publisher = TcpStream::connect(&plan.address).await?;
            if plan.kind == Kind::Stalled {
                flood(&plan, &mut publisher).await?;
            } else {
                deliver(&plan, (&mut publisher, &arrivals)).await?;
            }
            drop(stalled);
            Ok(())
        })
        .await
}

async fn open(plan: &Plan, arrivals: &Rc<Arrivals>) -> anyhow::Result<Vec<TcpStream>> {
    let mut stalled = Vec::new();
    arrivals.expected.set(plan.count);
    for _ in 0..plan.count {
        let place = (
            plan.address.as_str(),
            plan.target.as_str(),
            plan.headers.as_str(),
        );
        let stream = socket::subscribed(plan.kind, place).await?;
        if plan.kind == Kind::Stalled {
            stalled.push(stream);
        } else {
            tokio::task::spawn_local(listen(stream, Rc::clone(arrivals)));
        }
    }
    Ok(stalled)
}

/// Notes when the marker arrives; an event fits into few segments, so looking at each is enough if they are joined.
async fn listen(stream: TcpStream, arrivals: Rc<Arrivals>) {
    let mut tail = Vec::new();
    loop {
        if stream.readable().await.is_err() {
            return;
        }
        let mut buffer = [0; 2048];
        let length = match stream.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        let now = Instant::now();
        tail.extend_from_slice(buffer.get(..length).unwrap_or_default());
        let marker = arrivals.marker.borrow();
        if !marker.is_empty() && tail.windows(marker.len()).any(|window| window == *marker) {
            tail = Vec::new();
            let mut received = arrivals.received.borrow_mut();
            received.push(now);
            if received.len() == arrivals.expected.get() {
                arrivals.changed.notify_one();
            }
        } else if tail.len() > 8192 {
            tail = Vec::new();
        }
    }
}

async fn deliver(
    plan: &Plan,
    (publisher, arrivals): (&mut TcpStream, &Rc<Arrivals>),
) -> anyhow::Result<()> {
    let (mut since_request, mut since_first) = (Vec::new(), Vec::new());
    let mut processor = 0;
    for number in 0..plan.events {
        let marker = format!("event-{number:06}-");
        *arrivals.marker.borrow_mut() = marker.clone().into_bytes();
        arrivals.received.borrow_mut().clear();
        let used = processor_us(plan.pid)?;
        let started = Instant::now();
        publish(plan, publisher, &marker).await?;
        let everybody = timeout(EVENT_TIMEOUT, arrivals.changed.notified());
        everybody.await.with_context(|| {
            let received = arrivals.received.borrow().len();
            format!("event {number} has reached {received} of {}", plan.count)
        })?;
        processor += processor_us(plan.pid)?.saturating_sub(used);
        let received = arrivals.received.borrow();
        let first = received.iter().min().copied().unwrap_or(started);
        since_request.push(quantile(&received, started));
        since_first.push(quantile(&received, first));
    }
    println!("p99_ms_since_request {:.2}", median(&mut since_request));
    println!("p99_ms_since_first {:.2}", median(&mut since_first));
    let deliveries = (plan.events * plan.count).max(1) as f64;
    println!("cpu_us_a_delivery {:.3}", processor as f64 / deliveries);
    Ok(())
}

/// Far more than may wait for a stalled reader.
async fn flood(plan: &Plan, publisher: &mut TcpStream) -> anyhow::Result<()> {
    let before = resident(plan.pid)?;
    let mut most = 0;
    for number in 0..plan.events {
        let filler = "x".repeat(32 * 1024);
        publish(plan, publisher, &format!("event-{number:06}-{filler}")).await?;
        most = most.max(resident(plan.pid)?.saturating_sub(before));
    }
    println!("stalled_bytes_each {}", most / plan.count.max(1) as u64);
    Ok(())
}

async fn publish(plan: &Plan, publisher: &mut TcpStream, marker: &str) -> anyhow::Result<()> {
    let (method, target) = &plan.publish;
    let filler = "x".repeat(VALUE_BYTES.saturating_sub(marker.len()));
    let body = format!("\"{marker}{filler}\"");
    let place = (plan.address.as_str(), method.as_str(), target.as_str());
    socket::request(publisher, place, (&plan.headers, &body)).await
}

/// The 99th percentile since `start`, in milliseconds.
fn quantile(received: &[Instant], start: Instant) -> f64 {
    let mut times: Vec<Duration> = received
        .iter()
        .map(|received| received.saturating_duration_since(start))
        .collect();
    times.sort_unstable();
    let at = (times.len() * 99 / 100).min(times.len().saturating_sub(1));
    times
        .get(at)
        .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
