//! One request on its way to a route: translated, limited, and authenticated where the route asks for it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use authentication::{NamespacedKind, ScopeWord};
use jiff::Timestamp;
use policies::{CommandContext, FieldSelector, Principal, Reach};
use protocol::Channel;

use super::headers::{Timeout, TranslatedHeaders};
use super::namespaces::Fence;
use super::noted::{note_source, note_subject};
use super::query::Query;
use super::reach::CallerReach;
use super::scopes::{CallerScopes, is_about};
use super::source::Source;
use crate::app::Gateway;
use crate::error::DittoError;
use crate::limits::{LimitKey, Limits, StreamPermit};
use crate::live::{Requested, Wishes};

/// Proof that the chain vouched for a caller; only the edge makes one.
#[derive(Debug, Clone)]
pub(crate) struct Authenticated {
    principal: Principal,
    limit_key: LimitKey,
}

impl Authenticated {
    pub(super) fn new(principal: Principal, limit_key: LimitKey) -> Self {
        Self {
            principal,
            limit_key,
        }
    }

    pub(crate) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The same caller with a renewed credential; limits go on counting where they were.
    pub(crate) fn renewed(&self, principal: Principal) -> Self {
        Self {
            principal,
            limit_key: self.limit_key,
        }
    }

    pub(crate) fn limit_key(&self) -> LimitKey {
        self.limit_key
    }
}

/// What a route needs to know of a request, besides its body.
pub(crate) struct RequestContext {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) query: Query,
    pub(crate) headers: TranslatedHeaders,
    pub(crate) source: Source,
    pub(crate) source_key: LimitKey,
    pub(crate) now: Timestamp,
    /// Whether the client speaks TLS, with this listener or with a trusted proxy.
    pub(crate) is_secure: bool,
    pub(super) caller: Option<Authenticated>,
    /// What the caller's permission sets leave, whatever policies grant.
    pub(crate) scopes: CallerScopes,
    /// The scope that the route asks for.
    pub(super) needs: Option<ScopeWord>,
    /// What the rules on namespaces leave, if there are any.
    pub(crate) fence: Option<Rc<Fence>>,
}

impl RequestContext {
    /// Who calls.
    ///
    /// # Errors
    ///
    /// An internal error if the route was declared as open to anyone.
    pub(crate) fn caller(&self) -> Result<&Authenticated, DittoError> {
        self.caller
            .as_ref()
            .ok_or_else(|| DittoError::internal(&NotAuthenticated))
    }

    /// Notes what the route asks for.
    ///
    /// # Errors
    ///
    /// 403 if the caller's permission sets allow it nowhere.
    pub(super) fn check_scope(&mut self, needs: Option<ScopeWord>) -> Result<(), DittoError> {
        self.needs = needs;
        needs.map_or(Ok(()), |word| self.scopes.check(word, None))
    }

    /// # Errors
    ///
    /// 403 if the rules on namespaces put this one out of the caller's reach, or its permission sets do.
    pub(crate) fn check_namespace(
        &self,
        kind: NamespacedKind,
        namespace: &str,
    ) -> Result<(), DittoError> {
        if let Some(word) = self.needs.filter(|word| is_about(*word, kind)) {
            self.scopes.check(word, Some(namespace))?;
        }
        self.fence
            .as_ref()
            .map_or(Ok(()), |fence| fence.check(kind, namespace))
    }

    /// What goes with every command.
    pub(crate) fn command(&self) -> Result<CommandContext, DittoError> {
        if let Some(timeout) = self.headers.timeout {
            timeout.for_command()?;
        }
        self.command_without_timeout()
    }

    /// The same for what has bounds of its own for `timeout`.
    pub(crate) fn command_without_timeout(&self) -> Result<CommandContext, DittoError> {
        Ok(CommandContext {
            principal: self.caller()?.principal().clone(),
            headers: self.headers.ditto.clone(),
            now: self.now,
            origin: None,
            reach: self.reach(),
        })
    }

    /// What the caller's commands may name besides what they are about; `None` for everything.
    pub(crate) fn reach(&self) -> Option<Arc<dyn Reach>> {
        if self.fence.is_none() && self.scopes.is_unlimited() {
            return None;
        }
        Some(Arc::new(CallerReach {
            scopes: self.scopes.clone(),
            view: self.fence.as_ref().map(|fence| fence.view()),
        }))
    }

    /// What the caller waits for on `channel`.
    ///
    /// # Errors
    ///
    /// 400 if that cannot be had.
    pub(crate) fn requested(&self, channel: Channel) -> Result<Requested, DittoError> {
        let wishes = Wishes {
            response_required: self.headers.ditto.response_required,
            requested_acks: self.headers.live.requested_acks.clone(),
            timeout: self.headers.timeout.map(Timeout::duration),
        };
        let default_wait = self
            .gateway
            .settings
            .request_timeout
            .min(Timeout::COMMAND_MAX);
        Ok(Requested::new(channel, wishes, default_wait)?)
    }

    /// A place among those who wait for others, if `requested` means to wait on `channel`.
    ///
    /// # Errors
    ///
    /// 429 if the source or the caller has all the places that it may have.
    pub(crate) fn begin_waiting(
        &self,
        requested: &Requested,
        channel: Channel,
    ) -> Result<Option<StreamPermit>, DittoError> {
        if !requested.waits_for_others(channel) {
            return Ok(None);
        }
        let caller = self.caller()?;
        let gateway = self.gateway.current();
        let permit = gateway
            .limits
            .begin_waiting(self.source_key, caller.limit_key());
        let noted = permit.inspect_err(|exceeded| {
            if exceeded.limit == Limits::WAITING_PER_SOURCE {
                note_source(&gateway, exceeded, (self.source, self.source_key));
            } else {
                note_subject(&gateway, exceeded, caller);
            }
        });
        Ok(Some(noted?))
    }

    /// How much longer than usual a request may take because somebody else must acknowledge it.
    pub(crate) fn acknowledged_within(&self) -> Duration {
        if self.headers.live.requested_acks.is_none() {
            return Duration::ZERO;
        }
        let wait = self
            .headers
            .timeout
            .map_or(Timeout::COMMAND_MAX, Timeout::duration);
        wait.min(Timeout::COMMAND_MAX)
    }

    /// Waits for a command as long as the caller does.
    ///
    /// # Errors
    ///
    /// 408 after the time in `timeout`; the command may have been carried out all the same.
    pub(crate) async fn within_timeout<T>(
        &self,
        command: impl Future<Output = Result<T, DittoError>>,
    ) -> Result<T, DittoError> {
        let limit = self
            .headers
            .timeout
            .filter(|timeout| !timeout.is_zero())
            .map(Timeout::for_command)
            .transpose()?;
        match limit {
            None => command.await,
            Some(limit) => tokio::time::timeout(limit, command)
                .await
                .unwrap_or_else(|_| Err(command_timeout())),
        }
    }

    /// Whether the caller waived the response, which only a write allows.
    pub(crate) fn is_response_waived(&self, is_query: bool) -> Result<bool, DittoError> {
        let waived = self.headers.ditto.response_required == Some(false);
        if waived && is_query {
            return Err(DittoError::bad_request(
                "command.headers.invalid",
                "A query without a response makes no sense.",
            )
            .describe("Leave out `response-required` and `timeout=0`."));
        }
        Ok(waived)
    }

    /// The `fields` selector; several parameters count as one.
    pub(crate) fn fields(&self) -> Result<Option<FieldSelector>, DittoError> {
        if !self.query.names().any(|name| name == "fields") {
            return Ok(None);
        }
        let text = self.query.all("fields").collect::<Vec<_>>().join(",");
        Ok(Some(text.parse()?))
    }
}

fn command_timeout() -> DittoError {
    DittoError::new(
        StatusCode::REQUEST_TIMEOUT,
        "command.timeout",
        "The command took longer than `timeout` allows.",
    )
    .describe("Read the state to see whether it was carried out, or wait longer.")
}

#[derive(Debug, thiserror::Error)]
#[error("a route that is open to anyone asked who calls")]
struct NotAuthenticated;
