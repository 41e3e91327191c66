//! What the public edge records for auditors: one place, after the answer is known.

mod failure;
pub(crate) mod frames;
pub(crate) mod keys;

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::{Method, StatusCode};
use audit::{Actor, Auditor, Event, EventKind, Outcome, Permission, Permit, Reason};
use authentication::AuthenticationError;
use authentication::api_key::NativeKey;
use jiff::Timestamp;
use policies::{Principal, ProviderKind};

use super::access;
use crate::app::Gateway;
use crate::edge::Source;
use crate::error::DittoError;
use failure::Failure;

/// What is learned of a request on its way, for the record.
#[derive(Default)]
pub(crate) struct Trail {
    /// When the request was received.
    pub(crate) at: Option<Timestamp>,
    pub(crate) source: Option<Source>,
    caller: Option<Caller>,
    failure: Option<Failure>,
    /// The name of the limit that was reached.
    pub(crate) limit: Option<&'static str>,
    /// Whether a pre-authenticated header came from a peer that may not send one.
    pub(crate) is_header_dropped: bool,
    permit: Option<Permit>,
}

struct Caller {
    principal: Principal,
    /// Stands for credential and source together.
    usage: u64,
}

impl Trail {
    /// The chain vouched for `principal`; `usage` is a hash of subject and source.
    pub(crate) fn authenticated(&mut self, principal: &Principal, usage: u64) {
        let key_id = match principal.provider() {
            ProviderKind::ApiKey => principal.credential().key_id.as_deref(),
            ProviderKind::PreAuthenticated | ProviderKind::Jwt | ProviderKind::DevMode => None,
        };
        self.caller = Some(Caller {
            principal: principal.clone(),
            usage: key_id.map_or(usage, |id| mixed(usage, id.as_bytes())),
        });
    }

    /// The chain vouched for nobody.
    pub(crate) fn refused(&mut self, error: &AuthenticationError) {
        self.failure = Some(Failure::of(error));
    }

    /// Makes sure that what is asked for can be recorded, before it is done.
    ///
    /// # Errors
    ///
    /// 503 if it cannot.
    pub(crate) async fn admit(
        &mut self,
        auditor: &Auditor,
        (method, route): (&Method, &str),
    ) -> Result<(), DittoError> {
        let admitted = if is_write(method, route) {
            auditor.admit_change().await.map(Some)
        } else if auditor.wants_reads() {
            auditor.admit_read().await
        } else {
            return Ok(());
        };
        self.permit = admitted.map_err(|error| not_recordable(&error))?;
        Ok(())
    }
}

/// FNV-1a, good enough to tell a handful of keys apart.
fn mixed(seed: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(seed, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub(crate) fn not_recordable(error: &audit::NotAdmitted) -> DittoError {
    tracing::debug!(%error, "A request was refused because it could not be recorded");
    DittoError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "gateway:service.unavailable",
        "The request was not carried out, because it could not be recorded.",
    )
    .describe("Try again later; operators see the cause at `/status/health`.")
}

/// Whether the request may change an entity.
fn is_write(method: &Method, route: &str) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
        && (route.starts_with("/api/2/things") || route.starts_with("/api/2/policies"))
}

/// A request that was answered.
pub(crate) struct Answered<'a> {
    pub(crate) request: &'a HttpRequest,
    pub(crate) route: &'static str,
    pub(crate) correlation_id: &'a str,
    pub(crate) status: StatusCode,
    pub(crate) duration: Duration,
}

/// Records what the audit level asks for.
pub(crate) fn record(gateway: &Gateway, trail: Trail, answered: &Answered<'_>) {
    let Trail {
        at,
        source,
        caller,
        failure,
        limit,
        is_header_dropped,
        permit,
    } = trail;
    let record = Record {
        gateway,
        answered,
        source,
        at: at.unwrap_or_else(|| gateway.clock.now()),
    };
    if is_header_dropped {
        record.lazily(EventKind::PreauthHeaderDropped, || {
            Event::preauth_header_dropped(record.at)
        });
    }
    if let Some(failure) = failure {
        return record.failure(&failure);
    }
    if let Some(limit) = limit.or_else(|| limit_of(answered.status)) {
        let reason = match answered.status {
            StatusCode::TOO_MANY_REQUESTS => Reason::RateLimited,
            _ => Reason::TooLarge,
        };
        record.lazily(EventKind::LimitHit, || {
            let event = Event::limit_hit(record.at, limit, reason);
            match &caller {
                Some(caller) => event.by(actor(&caller.principal)),
                None => event,
            }
        });
    }
    match caller {
        Some(caller) => record.caller(&caller, permit),
        None if answered.status == StatusCode::FORBIDDEN => {
            record.lazily(EventKind::AuthzDeny, || {
                let nobody = Actor::unknown(audit::Method::Anonymous);
                Event::forbidden(record.at, Reason::SourceNotAllowed, nobody)
            });
            record.leaked_key();
        }
        None => record.leaked_key(),
    }
}

/// The limit that a status tells of, if the edge did not name it.
fn limit_of(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::TOO_MANY_REQUESTS => Some("requests"),
        StatusCode::PAYLOAD_TOO_LARGE => Some("body"),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Some("headers"),
        _ => None,
    }
}

struct Record<'a> {
    gateway: &'a Gateway,
    answered: &'a Answered<'a>,
    source: Option<Source>,
    at: Timestamp,
}

impl Record<'_> {
    fn lazily(&self, kind: EventKind, make: impl FnOnce() -> Event) {
        let client = self.source.and_then(|source| source.client);
        self.gateway
            .auditor
            .record_with(kind, (client, self.at), || self.complete(make()));
    }

    fn failure(&self, failure: &Failure) {
        let kind = failure.event_kind(self.answered.status);
        self.lazily(kind, || {
            let actor = failure.actor(|| self.presented());
            if kind == EventKind::KeyLeakedInUrl {
                Event::key_leaked_in_url(self.at, actor)
            } else if kind == EventKind::AuthzDeny {
                Event::forbidden(self.at, failure.reason, actor)
            } else if failure.is_unavailable {
                Event::authentication_unavailable(self.at, failure.reason, actor)
            } else {
                Event::authentication_failed(self.at, failure.reason, actor)
            }
        });
    }

    /// Where nobody is asked for a credential, a key in the query is burnt all the same.
    fn leaked_key(&self) {
        let query = self.answered.request.query_string();
        if !query.contains('_') {
            return;
        }
        for (_, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let Ok(key) = NativeKey::parse(&value) else {
                continue;
            };
            self.lazily(EventKind::KeyLeakedInUrl, || {
                let actor = Actor::unknown(audit::Method::ApiKey).key_id(key.key_id);
                Event::key_leaked_in_url(self.at, actor)
            });
        }
    }

    /// Stands for the credential that nobody knows.
    fn presented(&self) -> Option<std::sync::Arc<str>> {
        let header = self.answered.request.headers().get("authorization")?;
        Some(self.gateway.auditor.fingerprint(header.as_bytes()))
    }

    fn caller(&self, caller: &Caller, permit: Option<Permit>) {
        let auditor = &self.gateway.auditor;
        if auditor.wants_allow(caller.usage, self.at) {
            let event = Event::authentication_succeeded(self.at, actor(&caller.principal));
            auditor.record(self.complete(event));
        }
        let (request, status) = (self.answered.request, self.answered.status);
        if status == StatusCode::FORBIDDEN {
            return self.lazily(EventKind::AuthzDeny, || {
                let permission = Permission {
                    need: self.need().to_owned(),
                    sets: caller.principal.credential().permission_sets.to_vec(),
                };
                Event::permission_denied(self.at, actor(&caller.principal), permission)
            });
        }
        let event = if is_write(request.method(), self.answered.route) {
            Event::write(self.at, actor(&caller.principal), outcome(status))
        } else if auditor.wants_reads() {
            Event::read(self.at, actor(&caller.principal), outcome(status))
        } else {
            return;
        };
        let event = self.complete(event);
        match permit {
            Some(permit) => permit.record(event),
            None => auditor.record(event),
        }
    }

    /// What the caller would have needed, in the words of scopes.
    fn need(&self) -> &'static str {
        let is_write = is_write(self.answered.request.method(), self.answered.route);
        match (self.answered.route, is_write) {
            (route, true) if route.starts_with("/api/2/policies") => "policies:write",
            (route, false) if route.starts_with("/api/2/policies") => "policies:read",
            (_, true) => "things:write",
            ("/ws/2", false) => "ws",
            (_, false) => "things:read",
        }
    }

    fn complete(&self, event: Event) -> Event {
        let Answered {
            request,
            route,
            correlation_id,
            status,
            duration,
        } = *self.answered;
        let header = |name: &str| request.headers().get(name)?.to_str().ok();
        let asked = audit::Request::new(correlation_id, request.method().as_str())
            .to(route, request.path(), request.query_string())
            .host(header("host"))
            .user_agent(header("user-agent"))
            .bytes(header("content-length").and_then(|length| length.parse().ok()));
        let event = event.asking(asked).answered(audit::Response {
            status: status.as_u16(),
            bytes: None,
            duration,
        });
        match self.source {
            Some(source) => event.from(source_of(source)),
            None => event,
        }
    }
}

fn outcome(status: StatusCode) -> Outcome {
    // What became of a request whose client hung up is not known.
    if status.is_server_error() || status == access::hung_up() {
        Outcome::Error
    } else if status.is_client_error() {
        Outcome::Deny
    } else {
        Outcome::Allow
    }
}

pub(crate) fn source_of(source: Source) -> audit::Source {
    audit::Source {
        address: source.client,
        peer: source.peer,
        hops: usize::from(source.client != source.peer),
    }
}

/// A caller in the words of the record.
pub(crate) fn actor(principal: &Principal) -> Actor {
    let credential = principal.credential();
    let key_id = credential.key_id.as_deref();
    let is_legacy = key_id.is_some_and(authentication::api_key::is_legacy_key_id);
    let method = match principal.provider() {
        ProviderKind::ApiKey if is_legacy => audit::Method::ApiKeyLegacy,
        ProviderKind::PreAuthenticated => audit::Method::PreAuth,
        ProviderKind::Jwt => audit::Method::Jwt,
        ProviderKind::ApiKey => audit::Method::ApiKey,
        ProviderKind::DevMode => audit::Method::DevMode,
    };
    let subjects = principal.subjects();
    let mut actor = Actor::unknown(method).subjects(
        subjects
            .iter()
            .take(Actor::SUBJECTS_MAX)
            .map(ToString::to_string),
    );
    if let Some(subject) = principal.default_subject() {
        let subject = subject.as_str();
        actor = actor.id(if principal.provider() == ProviderKind::ApiKey {
            // What stands behind the prefix is the id of the configuration.
            subject.split_once(':').map_or(subject, |(_, id)| id)
        } else {
            subject
        });
    }
    if let Some(name) = &credential.name {
        actor = actor.identity(std::sync::Arc::clone(name));
    }
    if let Some(key_id) = &credential.key_id {
        actor = actor.key_id(std::sync::Arc::clone(key_id));
    }
    if method == audit::Method::Jwt {
        actor = actor
            .token(
                credential.issuer.clone(),
                credential.subject.clone(),
                credential.token_id.clone(),
            )
            .token_expires_at(principal.expires_at());
    }
    actor
}
