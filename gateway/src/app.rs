//! The public application: what its handlers share, and the server that runs it.

use std::any::Any;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ::policies::{Policies, SubjectKeeper};
use ::things::Things;
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest};
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};
use audit::Auditor;
use authentication::jwt::{IntegrationSubjects, JwtProvider};
use authentication::{
    AuthenticationChain, AuthenticationProvider, NamespaceAccess, RequestParts, Revocations,
    TrustedPeer,
};
use devops::HttpsPolicy;
use journal::Journal;
use socket2::SockRef;

use crate::assembly::{Closing, KeyServices, Listener};
use crate::clock::Clock;
use crate::config::authentication::ConfiguredKeys;
use crate::edge::{self, OriginPolicy, Peers};
use crate::limits::Limits;
use crate::live::Live;
use crate::operator::Denials;
use crate::reload::InForce;
use crate::routes::Route;
use crate::streaming::{Hub, StreamingSettings};

/// What the public edge is told by configuration.
pub(crate) struct EdgeSettings {
    /// Who may connect, and whom to believe.
    pub(crate) peers: Peers,
    /// Whether the listener speaks TLS itself.
    pub(crate) speaks_tls: bool,
    /// Whether anyone but a trusted proxy is turned away.
    pub(crate) only_trusted_peers: bool,
    /// Larger bodies are refused.
    pub(crate) body_bytes_max: usize,
    /// A request is answered within this time.
    pub(crate) request_timeout: Duration,
    /// Whether `/health` answers.
    pub(crate) serves_health: bool,
    /// Whether `/api/2` and `/ws/2` answer.
    pub(crate) serves_api: bool,
    /// Whether `/docs` answers.
    pub(crate) serves_docs: bool,
    /// Which web pages may call.
    pub(crate) origins: OriginPolicy,
    /// What streams are allowed.
    pub(crate) streaming: StreamingSettings,
    /// What is asked of clients that do not speak HTTPS.
    pub(crate) https: HttpsPolicy,
    /// Whose pre-authenticated header counts.
    pub(crate) vouching_peers: Vec<TrustedPeer>,
}

impl EdgeSettings {
    /// Whether the request claims an identity that its peer may not vouch for.
    pub(crate) fn drops_pre_authenticated(&self, request: &RequestParts<'_>) -> bool {
        request
            .headers
            .header("x-ditto-pre-authenticated")
            .is_some()
            && !self.vouching_peers.iter().any(|peer| peer.is(request.peer))
    }

    pub(crate) fn is_served(&self, route: &Route) -> bool {
        match route {
            Route::Health => self.serves_health,
            Route::Docs(_) => self.serves_docs && self.serves_api,
            Route::OpenApi
            | Route::WhoAmI
            | Route::CheckPermissions
            | Route::Things
            | Route::Thing(..)
            | Route::Migration(_)
            | Route::Message(..)
            | Route::Policies
            | Route::Policy(..)
            | Route::PolicyAction(..)
            | Route::WebSocket => self.serves_api,
        }
    }
}

/// Everything that a request may need.
///
/// A reload replaces it by a copy that differs in what was configured otherwise; whoever began with one goes on with it.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) things: Arc<Things>,
    pub(crate) policies: Arc<Policies>,
    /// Who goes from which policy, and is told.
    pub(crate) subjects: Arc<SubjectKeeper>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) chain: Arc<AuthenticationChain>,
    /// The providers of the chain, for a successor that goes on with some of them.
    pub(crate) providers: Arc<[Arc<dyn AuthenticationProvider>]>,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) namespaces: Arc<NamespaceAccess>,
    pub(crate) integration: Arc<IntegrationSubjects>,
    pub(crate) keys: KeyServices,
    /// The keys of identities, for those who report on them.
    pub(crate) configured_keys: Arc<ConfiguredKeys>,
    pub(crate) jwt: Option<Arc<JwtProvider>>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Arc<EdgeSettings>,
    pub(crate) auditor: Auditor,
    /// The latest refusals, for operators.
    pub(crate) denials: Arc<Denials>,
    pub(crate) closing: Arc<Closing>,
    /// What the last look at this process found; anyone may ask for it any number of times.
    pub(crate) is_healthy: Arc<AtomicBool>,
    /// Where the gateway of now is, for those who outlive a reload.
    pub(crate) in_force: Weak<InForce>,
}

impl Gateway {
    pub(crate) fn chain(&self) -> &AuthenticationChain {
        &self.chain
    }

    /// The gateway as it is configured now.
    pub(crate) fn current(self: &Arc<Self>) -> Arc<Self> {
        let in_force = self.in_force.upgrade();
        in_force.map_or_else(|| Arc::clone(self), |in_force| in_force.gateway())
    }

    /// Whether new work is welcome.
    pub(crate) fn is_up(&self) -> bool {
        !self.closing.has_begun()
    }
}

/// The application of one worker: every path goes through the edge, which routes it.
pub(crate) fn create_app(
    in_force: Data<InForce>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(in_force)
        .default_service(web::to(edge::serve))
}

/// How the public listener is served.
pub(crate) struct ServerSettings {
    /// Worker threads.
    pub(crate) workers: usize,
    /// Open connections, over all workers.
    pub(crate) connections_max: usize,
    /// How long open requests may go on after the stop.
    pub(crate) shutdown_timeout: Duration,
    /// Encrypts the listener.
    pub(crate) tls: Option<rustls::ServerConfig>,
}

/// Serves `listener` until stopped.
///
/// # Errors
///
/// If the listener cannot be used.
pub(crate) fn serve(
    in_force: Data<InForce>,
    listener: Listener,
    settings: ServerSettings,
) -> std::io::Result<Server> {
    let server = HttpServer::new(move || create_app(in_force.clone()))
        .workers(settings.workers)
        .max_connections((settings.connections_max / settings.workers.max(1)).max(1))
        .keep_alive(Duration::from_secs(75))
        // Whoever hangs up waits for nothing any more, and must not keep a place from others.
        .h1_allow_half_closed(false)
        // An event must not wait for the client's acknowledgement of the one before.
        .tcp_nodelay(true)
        // A head that trickles in is given up on; bodies are bounded by the request timeout.
        .client_request_timeout(Duration::from_secs(10))
        .client_disconnect_timeout(Duration::from_secs(2))
        .on_connect(|connection, _| give_up_on_stalled(connection))
        // By then what is open was given up, and what that makes is sent.
        .shutdown_timeout(settings.shutdown_timeout.as_secs() + GIVEN_UP_TIMEOUT.as_secs())
        .disable_signals();
    let server = match (listener, settings.tls) {
        (Listener::Tcp(listener), Some(tls)) => server.listen_rustls_0_23(listener, tls)?,
        (Listener::Tcp(listener), None) => server.listen(listener)?,
        (Listener::Unix(listener), _) => server.listen_uds(listener)?,
    };
    Ok(server.run())
}

/// Answers to what was given up take no longer than this to be sent.
const GIVEN_UP_TIMEOUT: Duration = Duration::from_secs(3);

/// Data that a client does not take for this long ends its connection; nothing else bounds one that stops reading.
const STALLED_TIMEOUT: Duration = Duration::from_secs(60);

/// Sets `TCP_USER_TIMEOUT` (RFC 5482), which also covers a receive window that stays closed.
fn give_up_on_stalled(connection: &dyn Any) {
    let plain = connection.downcast_ref::<TcpStream>();
    let socket = plain.or_else(|| {
        connection
            .downcast_ref::<TlsStream<TcpStream>>()
            .map(|tls| tls.get_ref().0)
    });
    if let Some(socket) = socket
        && let Err(error) = SockRef::from(socket).set_tcp_user_timeout(Some(STALLED_TIMEOUT))
    {
        tracing::debug!(%error, "A connection has no limit for stalled data");
    }
}
