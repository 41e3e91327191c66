//! The gateway as it is configured now.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::ReloadStatus;
use crate::app::Gateway;
use crate::telemetry::traces::Traces;

/// Holds the gateway that the next request takes; one per process.
pub(crate) struct InForce {
    gateway: ArcSwap<Gateway>,
    replacements: watch::Sender<u64>,
    status: ArcSwap<ReloadStatus>,
    traces: Option<Traces>,
}

impl InForce {
    /// With `traces`, requests are traced, whatever is configured later.
    pub(crate) fn new(gateway: Gateway, status: ReloadStatus, traces: Option<Traces>) -> Arc<Self> {
        Arc::new_cyclic(|in_force| Self {
            gateway: ArcSwap::from_pointee(Gateway {
                in_force: in_force.clone(),
                ..gateway
            }),
            replacements: watch::Sender::new(0),
            status: ArcSwap::from_pointee(status),
            traces,
        })
    }

    /// The gateway of now. Whoever holds it goes on with it, whatever is configured meanwhile.
    pub(crate) fn gateway(&self) -> Arc<Gateway> {
        self.gateway.load_full()
    }

    /// From the next request on, `gateway` answers.
    pub(super) fn replace(&self, gateway: Gateway) {
        self.gateway.store(Arc::new(gateway));
        self.replacements.send_modify(|count| *count += 1);
    }

    /// Where spans go, if anywhere.
    pub(crate) fn traces(&self) -> Option<&Traces> {
        self.traces.as_ref()
    }

    /// Which configuration is in force.
    pub(crate) fn status(&self) -> ReloadStatus {
        ReloadStatus::clone(&self.status.load())
    }

    pub(super) fn set_status(&self, status: ReloadStatus) {
        self.status.store(Arc::new(status));
    }

    /// Tells of replacements.
    pub(crate) fn replacements(&self) -> watch::Receiver<u64> {
        self.replacements.subscribe()
    }
}
