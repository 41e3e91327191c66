//! The public routes: from a canonical path to what is asked for.
//!
//! Literals are compared byte by byte, ids are decoded once. The table in `tests/it` walks every row.

mod body;
mod check_permissions;
mod docs;
mod health;
mod messages;
mod pattern;
mod policies;
mod respond;
mod table;
mod things;
mod whoami;

pub(crate) use self::check_permissions::Examiner;
pub(crate) use self::docs::DocsFile;
pub(crate) use self::messages::Mail;
use self::messages::live_channel;
pub(crate) use self::policies::parse_id as parse_policy_id;
pub(crate) use self::table::RouteName;
pub(crate) use self::things::{asked_ids, check_count, parse_id as parse_thing_id};

use std::pin::Pin;
use std::time::Duration;

use ::policies::{Label, PolicyId, PolicyResource};
use ::things::{ThingId, ThingResource};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use authentication::{NamespacedKind, ScopeWord};
pub(crate) use policies::PolicyActionName;

use crate::edge::{self, CanonicalPath, RequestContext, decode, decode_pointer};
use crate::error::DittoError;
use crate::{live, streaming};

/// What a path names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Route {
    /// `/health`
    Health,
    /// `/openapi.json`
    OpenApi,
    /// `/docs` and what the page there consists of.
    Docs(DocsFile),
    /// `/api/2/whoami`
    WhoAmI,
    /// `/api/2/checkPermissions`
    CheckPermissions,
    /// `/api/2/things`
    Things,
    /// `/api/2/things/{thingId}` and everything below it.
    Thing(ThingId, ThingResource),
    /// `/api/2/things/{thingId}/migrateDefinition`
    Migration(ThingId),
    /// `/api/2/things/{thingId}[/features/{featureId}]/{inbox|outbox}/messages/{subject}` and `…/inbox/claim`
    Message(ThingId, Mail),
    /// `/api/2/policies`
    Policies,
    /// `/api/2/policies/{policyId}` and everything below it.
    Policy(PolicyId, PolicyResource),
    /// `/api/2/policies/{policyId}[/entries/{label}]/actions/{action}`
    PolicyAction(PolicyId, Option<Label>, PolicyActionName),
    /// `/ws/2`
    WebSocket,
}

impl Route {
    /// # Errors
    ///
    /// 404 for a path that names nothing, 400 for one that could be read in two ways or has a malformed id.
    pub(crate) fn resolve(path: &CanonicalPath<'_>) -> Result<Self, DittoError> {
        match path.segments.as_slice() {
            ["health"] => Ok(Self::Health),
            ["openapi.json"] => Ok(Self::OpenApi),
            ["docs", file @ ..] => {
                let file = DocsFile::parse(file).ok_or_else(|| not_found(path))?;
                Ok(Self::Docs(file))
            }
            ["api" | "ws", version, ..]
                if *version != "2" && version.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                Err(unsupported_version(version))
            }
            ["ws", "2"] => Ok(Self::WebSocket),
            ["api", "2", "whoami"] => Ok(Self::WhoAmI),
            ["api", "2", "checkPermissions"] => Ok(Self::CheckPermissions),
            ["api", "2", "things"] => Ok(Self::Things),
            ["api", "2", "things", id, tail @ ..] => {
                let thing_id = things::parse_id(&decode(id)?)?;
                if matches!(tail, ["policyId"]) && path.ends_with_slash {
                    return Err(not_found(path));
                }
                if matches!(tail, ["migrateDefinition"]) {
                    return Ok(Self::Migration(thing_id));
                }
                if let Some(mail) = Mail::resolve(tail)? {
                    return Ok(Self::Message(thing_id, mail));
                }
                let resource = thing_resource(tail)?.ok_or_else(|| not_found(path))?;
                Ok(Self::Thing(thing_id, resource))
            }
            ["api", "2", "policies"] => Ok(Self::Policies),
            ["api", "2", "policies", id, tail @ ..] => {
                let policy_id = policies::parse_id(&decode(id)?)?;
                if let Some((label, action)) = policies::action(tail)? {
                    return Ok(Self::PolicyAction(policy_id, label, action));
                }
                let resource = policies::resource(tail)?.ok_or_else(|| not_found(path))?;
                Ok(Self::Policy(policy_id, resource))
            }
            _ => Err(not_found(path)),
        }
    }

    /// Whether a caller must have proved who it is.
    pub(crate) fn needs_principal(&self) -> bool {
        self.name().needs_principal()
    }

    /// # Errors
    ///
    /// 403 if the rules on namespaces put what the path names out of the caller's reach. What a query names is checked
    /// where it is read; of what a body names or implies, the services ask [`RequestContext::reach`].
    pub(crate) fn check_namespace(&self, context: &RequestContext) -> Result<(), DittoError> {
        match self {
            Self::Thing(id, _) | Self::Migration(id) | Self::Message(id, _) => {
                context.check_namespace(NamespacedKind::Thing, id.namespace())
            }
            Self::Policy(id, _) | Self::PolicyAction(id, ..) => {
                context.check_namespace(NamespacedKind::Policy, id.namespace())
            }
            Self::Health
            | Self::OpenApi
            | Self::Docs(_)
            | Self::WhoAmI
            | Self::CheckPermissions
            | Self::Things
            | Self::Policies
            | Self::WebSocket => Ok(()),
        }
    }

    /// What a caller's permission sets must allow for this request; `None` if it asks for nothing but who calls.
    pub(crate) fn scope(&self, request: &HttpRequest) -> Option<ScopeWord> {
        let by_method = |read, write| {
            let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
            Some(if is_read { read } else { write })
        };
        match self {
            Self::Health | Self::OpenApi | Self::Docs(_) | Self::WhoAmI => None,
            Self::WebSocket => Some(ScopeWord::WebSocket),
            Self::Migration(_) => Some(ScopeWord::ThingsWrite),
            Self::Message(..) => by_method(ScopeWord::ThingsRead, ScopeWord::MessagesSend),
            Self::Things | Self::Thing(..) => {
                by_method(ScopeWord::ThingsRead, ScopeWord::ThingsWrite)
            }
            Self::CheckPermissions => Some(ScopeWord::PoliciesRead),
            Self::PolicyAction(..) => Some(ScopeWord::PoliciesWrite),
            Self::Policies | Self::Policy(..) => {
                by_method(ScopeWord::PoliciesRead, ScopeWord::PoliciesWrite)
            }
        }
    }

    /// The pattern that logs and metrics show, with ids left out.
    pub(crate) fn pattern(&self) -> &'static str {
        match self {
            Self::Health => "/health",
            Self::OpenApi => "/openapi.json",
            Self::Docs(_) => "/docs",
            Self::WhoAmI => "/api/2/whoami",
            Self::CheckPermissions => "/api/2/checkPermissions",
            Self::Things => "/api/2/things",
            Self::Thing(_, resource) => pattern::of_thing(resource),
            Self::Migration(_) => "/api/2/things/x/migrateDefinition/x",
            Self::Message(..) => "/api/2/things/messages",
            Self::Policies => "/api/2/policies",
            Self::Policy(_, resource) => pattern::of_policy(resource),
            Self::PolicyAction(..) => "/api/2/policies/x/actions/x",
            Self::WebSocket => "/ws/2",
        }
    }

    fn methods(&self) -> &'static [Method] {
        self.name().methods()
    }

    /// # Errors
    ///
    /// 405 if nothing answers this method here.
    pub(crate) fn check_method(&self, method: &Method) -> Result<(), DittoError> {
        if self.methods().contains(method) {
            return Ok(());
        }
        let allowed = self
            .methods()
            .iter()
            .map(Method::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let error = DittoError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "gateway:method.notallowed",
            "The method is not defined for this path.",
        )
        .describe(format!("Use one of: {allowed}."));
        Err(match HeaderValue::from_str(&allowed) {
            Ok(value) => error.with_header(header::ALLOW, value),
            Err(_) => error,
        })
    }

    /// Whether commands sent here can honour conditions, metadata and the past.
    const fn takes_twin_headers(&self) -> bool {
        matches!(
            self,
            Self::Things | Self::Thing(..) | Self::Migration(_) | Self::Message(..)
        )
    }

    /// Whether what is read here has a past, but nothing else that these headers are about.
    const fn has_past(&self) -> bool {
        matches!(self, Self::Policy(..))
    }

    /// # Errors
    ///
    /// 400 or 405 if the headers ask for something that is not to be had here.
    pub(crate) fn check_headers(
        &self,
        context: &RequestContext,
        request: &HttpRequest,
    ) -> Result<(), DittoError> {
        if let Some(headers) = &context.headers.twin
            && (!self.takes_twin_headers() || streaming::sse::is_asked_for(request))
            && !(self.has_past() && *request.method() == Method::GET)
        {
            return Err(edge::unsupported_header(headers.name()));
        }
        let (live, method) = (&context.headers.live, request.method());
        if live.condition.is_some() && *method != Method::GET {
            return Err(live::Error::ConditionOnWrite.into());
        }
        let has_no_device = match self {
            Self::Things
            | Self::WhoAmI
            | Self::Migration(_)
            | Self::Policies
            | Self::Policy(..) => live.concerns_device(),
            // Messages go to devices anyway.
            Self::Message(..) => live.condition.is_some(),
            Self::Health
            | Self::OpenApi
            | Self::Docs(_)
            | Self::CheckPermissions
            | Self::Thing(..)
            | Self::PolicyAction(..)
            | Self::WebSocket => false,
        };
        if has_no_device {
            return Err(live_channel::refusal((self, method), live));
        }
        Ok(())
    }

    /// Hands the request to whoever answers it.
    pub(crate) fn handle<'r>(
        self,
        context: RequestContext,
        request: &'r HttpRequest,
        payload: Payload,
    ) -> Answer<'r> {
        if let Err(error) = self.check_headers(&context, request) {
            return Answer::Ready(Err(error));
        }
        let concerns_device = context.headers.live.concerns_device();
        match self {
            Self::Thing(id, resource) if concerns_device => {
                live_channel::answer(context, request, payload, (id, resource))
            }
            Self::Health => Answer::Ready(Ok(health::answer(&context))),
            Self::OpenApi => {
                Answer::Ready(Ok(docs::describe(context.gateway.settings.serves_docs)))
            }
            Self::Docs(file) => Answer::Ready(Ok(docs::show(file))),
            Self::WhoAmI => Answer::Ready(whoami::answer(&context)),
            Self::WebSocket => {
                Answer::Ready(streaming::websocket::upgrade(context, request, payload))
            }
            Self::Things if streaming::sse::is_asked_for(request) => {
                Answer::Ready(streaming::sse::open(context, request, None))
            }
            Self::Thing(id, resource) if streaming::sse::is_asked_for(request) => {
                Answer::Ready(streaming::sse::open(context, request, Some((id, resource))))
            }
            Self::Thing(id, resource) if *request.method() == Method::GET => {
                things::retrieve(context, request, (id, resource))
            }
            Self::Message(id, mail) => messages::answer(context, request, payload, (id, mail)),
            Self::Things => Answer::after(
                context.acknowledged_within(),
                Box::pin(things::collection(context, request, payload)),
            ),
            Self::Thing(id, resource) => Answer::after(
                context.acknowledged_within(),
                Box::pin(things::write(context, request, payload, (id, resource))),
            ),
            Self::Migration(id) => Answer::after(
                context.acknowledged_within(),
                Box::pin(things::migrate(context, request, payload, id)),
            ),
            Self::CheckPermissions => Answer::Pending(Box::pin(check_permissions::answer(
                context, request, payload,
            ))),
            Self::Policies => {
                Answer::Pending(Box::pin(policies::create(context, request, payload)))
            }
            Self::PolicyAction(id, label, action) => Answer::Pending(Box::pin(
                policies::run_action(context, request, payload, (id, label, action)),
            )),
            Self::Policy(id, resource) => Answer::Pending(Box::pin(policies::one(
                context,
                request,
                payload,
                (id, resource),
            ))),
        }
    }
}

/// An answer, or the work that leads to it: a read waits for nothing and must not carry the size of writes around.
pub(crate) enum Answer<'r> {
    /// Known without waiting.
    Ready(Result<HttpResponse, DittoError>),
    /// Needs a body, the store or another service.
    Pending(Work<'r>),
    /// Needs somebody else's answer, and may take so much longer than other requests.
    Waiting(Duration, Work<'r>),
}

/// What leads to an answer.
pub(crate) type Work<'r> = Pin<Box<dyn Future<Output = Result<HttpResponse, DittoError>> + 'r>>;

impl<'r> Answer<'r> {
    /// Work that may take `longer` than other requests.
    fn after(longer: Duration, work: Work<'r>) -> Self {
        if longer.is_zero() {
            Self::Pending(work)
        } else {
            Self::Waiting(longer, work)
        }
    }
}

/// Reads what follows a thing id; `None` if no such resource exists.
fn thing_resource(tail: &[&str]) -> Result<Option<ThingResource>, DittoError> {
    let pointer = match tail {
        [] => return Ok(Some(ThingResource::Thing)),
        ["policyId" | "definition" | "attributes" | "features"] | ["attributes", ..] => {
            decode_pointer(tail)?
        }
        ["features", id, rest @ ..] => {
            let feature = ::policies::Pointer::from_segments(["features".to_owned(), decode(id)?]);
            match rest {
                [] => feature,
                ["definition"] | ["properties" | "desiredProperties", ..] => {
                    feature.join(&decode_pointer(rest)?)
                }
                _ => return Ok(None),
            }
        }
        _ => return Ok(None),
    };
    Ok(ThingResource::parse(&pointer))
}

fn unsupported_version(version: &str) -> DittoError {
    let version: String = version.chars().take(20).collect();
    DittoError::new(
        StatusCode::NOT_FOUND,
        "api.version.notsupported",
        format!("There is no version {version} of this API."),
    )
    .describe("Version 2 is the one that is served.")
}

pub(crate) fn not_found(path: &CanonicalPath<'_>) -> DittoError {
    if path.is_suspicious() {
        return DittoError::bad_request(
            "gateway:path.invalid",
            "The path names nothing in the way it is written.",
        )
        .describe("Write the fixed parts of the path literally, without percent-escapes or `;`.");
    }
    DittoError::new(
        StatusCode::NOT_FOUND,
        "gateway:path.notfound",
        "The path names nothing here.",
    )
    .describe("Check the path; the API is below `/api/2`.")
}

#[cfg(test)]
mod tests;
