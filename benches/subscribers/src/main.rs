//! `subscribers bare ADDRESS` serves a WebSocket on `/ws` and sends every body of `POST /publish` to all of them.
//!
//! `subscribers measure ws|sse HOST:PORT TARGET PID COUNT EVENTS PUBLISH-METHOD PUBLISH-TARGET HEADER…` opens COUNT subscribers,
//! publishes EVENTS times and prints what each cost the process PID, one `name value` a line. `stalled` instead of `ws` opens
//! one subscriber that never reads.

#![expect(
    clippy::print_stdout,
    reason = "a measuring tool prints what it measured"
)]

mod bare;
mod measure;
mod process;
mod socket;

use anyhow::{Context, bail};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bare", address] => bare::serve(address),
        [
            "measure",
            kind,
            address,
            target,
            pid,
            count,
            events,
            method,
            publish,
            headers @ ..,
        ] => {
            let plan = measure::Plan {
                kind: kind.parse()?,
                address: (*address).to_owned(),
                target: (*target).to_owned(),
                headers: headers
                    .iter()
                    .map(|header| format!("{header}\r\n"))
                    .collect(),
                pid: pid.parse().context("the process id")?,
                count: count.parse().context("the number of subscribers")?,
                events: events.parse().context("the number of events")?,
                publish: ((*method).to_owned(), (*publish).to_owned()),
            };
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(measure::run(plan))
        }
        _ => bail!("see the head of benches/subscribers/src/main.rs"),
    }
}
