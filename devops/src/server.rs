//! Runs the operator service on a listener.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::Server;
use actix_web::web::Data;

use crate::access::OperatorAccess;
use crate::app::{Operations, create_app};
use crate::dependencies::DevopsDependencies;
use crate::settings::DevopsSettings;

/// Threads for password hashes: few, as each takes a core and the memory of a hash.
const HASHING_THREADS: usize = 2;

/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Prepares the operator service on `listener`; it runs while the returned server is awaited, and leaves signals alone.
///
/// # Errors
///
/// If the listener cannot be used.
pub fn serve(
    settings: DevopsSettings,
    access: Arc<OperatorAccess>,
    dependencies: DevopsDependencies,
    listener: TcpListener,
) -> io::Result<Server> {
    let tls = settings.tls.clone();
    let (connections_max, head_timeout) = (settings.connections_max, settings.head_timeout);
    let shutdown_timeout = settings.shutdown_timeout;
    let operations = Data::new(Operations::new(settings, access, dependencies));
    let server = HttpServer::new(move || create_app(operations.clone()))
        .workers(1)
        .worker_max_blocking_threads(HASHING_THREADS)
        .max_connections(connections_max)
        .client_request_timeout(head_timeout)
        .client_disconnect_timeout(head_timeout)
        .tls_handshake_timeout(head_timeout)
        .keep_alive(KEEP_ALIVE)
        .tcp_nodelay(true)
        .shutdown_timeout(shutdown_timeout.as_secs())
        .disable_signals();
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls)?,
        None => server.listen(listener)?,
    };
    Ok(server.run())
}
