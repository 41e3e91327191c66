//! What operators see of a running gateway: log lines, one access event per request, metrics, traces.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod authentication;
pub(crate) mod logging;
pub(crate) mod metrics;
pub(crate) mod traces;
