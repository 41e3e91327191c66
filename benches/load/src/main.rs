//! Sends requests over kept-alive connections, and prints what was answered and how fast.
//!
//! `load ADDRESS SECONDS STREAM...`, each stream a JSON object as [`Settings`] describes; prints one JSON object per stream.
//!
//! Unlike wrk it never sleeps. A server that is slower than its client otherwise wakes the client's core with every
//! answer, which in a virtual machine is an exit to the hypervisor of more than a microsecond on the server's account; a
//! server that keeps the client busy never pays it. Ratios would compare that instead of the servers. Streams of one
//! process share a core without waiting for each other's time slices.

#![expect(clippy::print_stdout, reason = "a measuring tool prints its figures")]

mod answer;
mod connection;
mod stream;

use std::time::{Duration, Instant};

use anyhow::Context;
use mio::{Events, Poll};

use stream::{Settings, Stream};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, seconds, streams @ ..] = arguments.as_slice() else {
        anyhow::bail!("load ADDRESS SECONDS STREAM...");
    };
    let address = address
        .parse()
        .context("ADDRESS is an IP address and port")?;
    let duration = Duration::from_secs_f64(seconds.parse()?);
    let mut poll = Poll::new()?;
    let mut opened = Vec::new();
    for text in streams {
        let settings: Settings = serde_json::from_str(text).context("STREAM")?;
        let first_token = opened.iter().map(Stream::len).sum();
        opened.push(Stream::open(settings, address, (&poll, first_token))?);
    }
    // What a first moment does to caches, allocators and budgets is nobody's throughput.
    run(
        &mut poll,
        &mut opened,
        duration.min(Duration::from_millis(300)),
    )?;
    opened.iter_mut().for_each(Stream::reset);
    let took = run(&mut poll, &mut opened, duration)?;
    for stream in &opened {
        println!("{}", stream.report(took));
    }
    Ok(())
}

fn run(poll: &mut Poll, streams: &mut [Stream], duration: Duration) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let mut events = Events::with_capacity(1024);
    loop {
        let now = Instant::now();
        if now.duration_since(started) >= duration {
            return Ok(now.duration_since(started));
        }
        for stream in streams.iter_mut() {
            stream.send_what_is_due(now)?;
        }
        poll.poll(&mut events, Some(Duration::ZERO))?;
        for event in &events {
            for stream in streams.iter_mut() {
                stream.receive(event.token())?;
            }
        }
    }
}
