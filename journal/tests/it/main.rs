//! The embedded journal as its users see it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic, and its child process reports by printing"
)]

mod append;
mod backup;
mod concurrency;
mod crash;
mod damage;
mod harness;
mod prune;
mod scans;
mod write_failure;
