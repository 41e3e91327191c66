//! Decides about a described request with the functions that decide about real ones, and says what each concluded.
//!
//! Nothing is carried out, no budget is used, no failure counts and no use of a credential is noted.

mod caller;
mod policy;

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use authentication::RequestKind;
use devops::RequestDescription;
use serde_json::{Map, Value, json};

use super::admission::kind_of;
use super::context::{Authenticated, RequestContext};
use super::fields::Fields;
use super::query::Query;
use super::scopes::CallerScopes;
use super::{
    Screened, check_peer, check_target, correlation_id, headers, is_counted, locate, parse_path,
    screen, unless_private,
};
use crate::app::Gateway;
use crate::error::DittoError;
use crate::limits::Budget;
use crate::routes::Route;
use crate::streaming::sse;
use crate::telemetry::audit::Trail;

/// What each step concluded, up to the first that refuses.
pub(crate) async fn explain(gateway: &Arc<Gateway>, description: &RequestDescription) -> Value {
    let request = match request_of(description) {
        Ok(request) => request,
        Err(reason) => {
            return json!({ "outcome": "invalid", "reason": reason });
        }
    };
    let fields = Fields::read(request.headers());
    let mut explained = Explained {
        gateway: Arc::clone(gateway),
        description,
        steps: Map::new(),
        limits: Vec::new(),
    };
    let outcome = explained.decide((&request, &fields)).await;
    let mut steps = explained.steps;
    steps.insert("limits".to_owned(), explained.limits.into());
    match outcome {
        Ok(()) => steps.insert("outcome".to_owned(), "decided".into()),
        Err(error) => {
            steps.insert("error".to_owned(), error.to_json());
            steps.insert("outcome".to_owned(), "refused".into())
        }
    };
    steps.into()
}

fn request_of(description: &RequestDescription) -> Result<HttpRequest, &'static str> {
    let method = Method::from_bytes(description.method.as_bytes());
    let target = description.path.parse::<actix_web::http::Uri>();
    let target = target.map_err(|_| "`path` is no request target")?;
    let peer = description
        .peer
        .unwrap_or(std::net::Ipv4Addr::LOCALHOST.into());
    let mut request = TestRequest::default()
        .method(method.map_err(|_| "`method` is none")?)
        .uri(&target.to_string())
        .peer_addr((peer, 0).into());
    for (name, value) in &description.headers {
        let name = name.parse::<actix_web::http::header::HeaderName>();
        let value = value.parse::<actix_web::http::header::HeaderValue>();
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err("a header has a name or a value that no request can carry");
        };
        request = request.append_header((name, value));
    }
    Ok(request.to_http_request())
}

/// What has been found out so far.
struct Explained<'d> {
    gateway: Arc<Gateway>,
    description: &'d RequestDescription,
    steps: Map<String, Value>,
    limits: Vec<Value>,
}

impl Explained<'_> {
    fn found(&mut self, name: &str, value: impl Into<Value>) {
        self.steps.insert(name.to_owned(), value.into());
    }

    /// The steps of a real request, in their order.
    async fn decide(
        &mut self,
        (request, fields): (&HttpRequest, &Fields<'_>),
    ) -> Result<(), DittoError> {
        let gateway = Arc::clone(&self.gateway);
        check_target(request)?;
        let path = parse_path(request)?;
        let (source, is_secure) = locate((request, fields), &gateway)?;
        let located = json!({
            "peer": source.peer,
            "client": source.client,
            "isFromTrustedProxy": source.is_from_trusted_proxy,
            "isSecure": is_secure,
        });
        self.found("source", located);
        check_peer(&gateway, &source)?;
        let source_key = gateway.limits.source_key(source.client);
        if is_counted(path.as_ref().ok()) {
            self.limited(gateway.limits.budget_of_source(source_key))?;
        }
        let found = match screen((request, fields), path, (&gateway, is_secure))? {
            Screened::Preflight(_) => {
                self.found("route", "preflight");
                return Ok(());
            }
            Screened::Route(route) => {
                self.found("route", route.pattern());
                route.check_method(request.method()).map(|()| route)
            }
            Screened::Nowhere(error) => Err(error),
        };
        let found = unless_private(found, request)?;
        let query = Query::parse(request.query_string())?;
        let headers = headers::translate(fields, &query, correlation_id::of(fields))?;
        let mut context = RequestContext {
            now: gateway.clock.now(),
            is_secure,
            gateway,
            query,
            headers,
            source,
            source_key,
            caller: None,
            scopes: CallerScopes::default(),
            needs: None,
            fence: None,
        };
        let route = match found {
            Ok(route) => route,
            Err(error) => {
                self.vouch((request, fields), RequestKind::Http, &mut context)
                    .await?;
                return Err(error);
            }
        };
        if route.needs_principal() {
            self.admit((request, fields), &route, &mut context).await?;
        }
        route.check_headers(&context, request)?;
        self.open_stream(request, &route, &context)?;
        self.begin_waiting(request, &route, &context)?;
        if let Some(decision) = policy::decision(&context, &route, request)? {
            self.found("policy", decision);
        }
        Ok(())
    }

    async fn admit(
        &mut self,
        (request, fields): (&HttpRequest, &Fields<'_>),
        route: &Route,
        context: &mut RequestContext,
    ) -> Result<(), DittoError> {
        let caller = self
            .vouch((request, fields), kind_of(route), context)
            .await?;
        context.caller = Some(caller);
        context.check_scope(route.scope(request))?;
        route.check_namespace(context)?;
        // Whether it could be recorded; the place in the record is given back at once.
        let asked = (request.method(), route.pattern());
        let mut trail = Trail::default();
        trail.admit(&context.gateway.auditor, asked).await
    }

    /// Who would call, within its budget.
    async fn vouch(
        &mut self,
        (request, fields): (&HttpRequest, &Fields<'_>),
        kind: RequestKind,
        context: &mut RequestContext,
    ) -> Result<Authenticated, DittoError> {
        let caller = match &self.description.subjects {
            Some(subjects) => caller::assumed(fields, (context, subjects))?,
            None => {
                let (steps, verdict) =
                    caller::authenticated((request, fields), kind, context).await;
                self.found("chain", steps);
                verdict?
            }
        };
        self.found("caller", caller::to_json(caller.principal()));
        let limits = &context.gateway.limits;
        self.limited(limits.budget_of_subject(caller.limit_key()))?;
        Ok(caller)
    }

    /// Streams have limits of their own, and a socket must not be opened by a foreign page.
    fn open_stream(
        &mut self,
        request: &HttpRequest,
        route: &Route,
        context: &RequestContext,
    ) -> Result<(), DittoError> {
        let is_socket = *route == Route::WebSocket;
        let may_stream = matches!(
            route,
            Route::Things | Route::Thing(..) | Route::Message(..) | Route::Policy(..)
        );
        if !(is_socket || may_stream && sse::is_asked_for(request)) {
            return Ok(());
        }
        if is_socket {
            context.gateway.settings.origins.check_handshake(request)?;
        }
        let who = (context.source_key, context.caller()?.limit_key());
        let budgets = context.gateway.limits.budgets_of_streams(who);
        budgets
            .into_iter()
            .try_for_each(|budget| self.limited(Some(budget)))
    }

    fn begin_waiting(
        &mut self,
        request: &HttpRequest,
        route: &Route,
        context: &RequestContext,
    ) -> Result<(), DittoError> {
        let is_message = matches!(route, Route::Message(..)) && *request.method() == Method::POST;
        let live = &context.headers.live;
        if !(is_message || live.concerns_device() || live.requested_acks.is_some()) {
            return Ok(());
        }
        let who = (context.source_key, context.caller()?.limit_key());
        let budgets = context.gateway.limits.budgets_of_waiting(who);
        budgets
            .into_iter()
            .try_for_each(|budget| self.limited(Some(budget)))
    }

    /// # Errors
    ///
    /// 429 if nothing is left.
    fn limited(&mut self, budget: Option<Budget>) -> Result<(), DittoError> {
        let Some(budget) = budget else {
            return Ok(());
        };
        self.limits.push(budget.to_json());
        Ok(budget.check()?)
    }
}
