//! How a process ends: no new work, streams told, requests answered, then the store closed.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::rt::task::JoinHandle;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::Gateway;

/// Streams get this long to take their close frame before their connections are closed.
const STREAMS_TIMEOUT: Duration = Duration::from_secs(3);

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

    /// Ends streams, then lets open requests finish.
    pub(super) async fn drain(self, gateway: &Gateway) {
        gateway.is_closing.store(true, Ordering::Relaxed);
        gateway.hub.shut_down();
        let all_ended = async {
            while gateway.hub.sessions().count() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(STREAMS_TIMEOUT, all_ended)
            .await
            .is_err()
        {
            tracing::warn!(
                sessions = gateway.hub.sessions().count(),
                "Some streams did not end in time"
            );
        }
        let [public, operator] = self.handles;
        tokio::join!(public.stop(true), operator.stop(true));
        for task in self.tasks {
            // Both were stopped; how they ended changes nothing any more.
            let _ = task.await;
        }
    }
}
