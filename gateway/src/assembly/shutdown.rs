//! How a process ends: no new work, streams told, requests answered, then the store closed.

use std::io;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::rt::task::JoinHandle;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::Gateway;

/// Waits for SIGTERM or SIGINT.
pub(super) async fn requested() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("Stopping");
    Ok(())
}

/// The two servers while they run.
pub(super) struct Servers {
    handles: [ServerHandle; 2],
    tasks: [JoinHandle<io::Result<()>>; 2],
}

impl Servers {
    pub(super) fn start(public: Server, operator: Server) -> Self {
        Self {
            handles: [public.handle(), operator.handle()],
            tasks: [actix_web::rt::spawn(public), actix_web::rt::spawn(operator)],
        }
    }

    /// Accepts nothing more, tells streams to go, and lets open requests finish within `limit`; what takes longer is
    /// answered without its result.
    pub(super) async fn drain(self, gateway: &Gateway, limit: Duration) {
        gateway.closing.begin();
        gateway.hub.shut_down();
        let [public, operator] = self.handles;
        let giving_up = async {
            tokio::time::sleep(limit).await;
            tracing::warn!(
                sessions = gateway.hub.sessions().count(),
                "Not everything that was asked for could be answered in time"
            );
            gateway.closing.give_up();
            std::future::pending().await
        };
        tokio::select! {
            () = public.stop(true) => {}
            () = giving_up => {}
            _ = requested() => tracing::warn!("Asked again to stop: not waiting any longer"),
        }
        // Until here operators could see that the process is about to end.
        operator.stop(true).await;
        for task in self.tasks {
            task.abort();
        }
    }
}
