//! What can change while the gateway runs: SIGHUP or a changed file puts another configuration in force, all at once or
//! not at all. What is broken leaves everything as it was, and is told.

mod certificates;
mod fixed;
mod in_force;
mod reloader;
mod status;
mod watch;
mod withdrawn;

pub(crate) use certificates::Certificates;
pub(crate) use in_force::InForce;
pub(crate) use reloader::{Reloader, Reloading};
pub(crate) use status::ReloadStatus;
pub(crate) use watch::Watch;
