//! Decides about a described request with the functions that decide about real ones, and says what each concluded.

use ::policies::{
    Credential, Explanation, Permission, PolicyId, Principal, ProviderKind, Question, ResourceType,
    SubjectId,
};
use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use devops::RequestDescription;
use serde_json::{Map, Value, json};

use super::canonical_path::CanonicalPath;
use super::context::{Authenticated, RequestContext};
use super::fields::Fields;
use super::query::Query;
use super::scopes::CallerScopes;
use super::source::Source;
use super::{authenticate, check_target, correlation_id, headers};
use crate::app::Gateway;
use crate::error::DittoError;
use crate::routes::Route;
use crate::telemetry::audit::Trail;

/// What each step concluded, up to the first that refuses; nothing is carried out, no budget is used.
pub(crate) async fn explain(
    gateway: &std::sync::Arc<Gateway>,
    description: &RequestDescription,
) -> Value {
    let mut steps = Map::new();
    let request = match request_of(description) {
        Ok(request) => request,
        Err(reason) => {
            return json!({ "outcome": "invalid", "reason": reason });
        }
    };
    let fields = Fields::read(request.headers());
    match decide(gateway, (&request, &fields), description, &mut steps).await {
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

async fn decide(
    gateway: &std::sync::Arc<Gateway>,
    (request, fields): (&HttpRequest, &Fields<'_>),
    description: &RequestDescription,
    steps: &mut Map<String, Value>,
) -> Result<(), DittoError> {
    check_target(request)?;
    let path = CanonicalPath::parse(request.path())?;
    let source =
        Source::of(request, fields, &gateway.settings.peers).map_err(|_| super::peer_gone())?;
    steps.insert(
        "source".to_owned(),
        json!({
            "peer": source.peer,
            "client": source.client,
            "isFromTrustedProxy": source.is_from_trusted_proxy,
        }),
    );
    fields.check()?;
    let route = Route::resolve(&path)?;
    steps.insert("route".to_owned(), route.pattern().into());
    route.check_method(request.method())?;
    let query = Query::parse(request.query_string())?;
    let translated = headers::translate(fields, &query, correlation_id::of(fields))?;
    let mut context = RequestContext {
        now: gateway.clock.now(),
        is_secure: gateway.settings.speaks_tls,
        source_key: gateway.limits.source_key(source.client),
        gateway: std::sync::Arc::clone(gateway),
        query,
        headers: translated,
        source,
        caller: None,
        scopes: CallerScopes::default(),
        needs: None,
        fence: None,
    };
    if !route.needs_principal() {
        return Ok(());
    }
    let caller = match &description.subjects {
        Some(subjects) => assumed(gateway, subjects)?,
        None => {
            let kinds = gateway.chain().kinds().map(ProviderKind::as_str);
            steps.insert("chain".to_owned(), kinds.collect());
            authenticate(
                (request, fields),
                &route,
                &mut context,
                &mut Trail::default(),
            )
            .await?
        }
    };
    steps.insert("caller".to_owned(), caller_json(caller.principal()));
    context.caller = Some(caller.clone());
    context.check_scope(route.scope(request))?;
    route.check_namespace(&context)?;
    if let Some(decision) = policy_decision(&context, &route, request.method(), &caller)? {
        steps.insert("policy".to_owned(), decision);
    }
    Ok(())
}

/// A caller that an operator only asks about.
fn assumed(gateway: &Gateway, subjects: &[String]) -> Result<Authenticated, DittoError> {
    let subjects: Result<Vec<SubjectId>, _> =
        subjects.iter().map(|subject| subject.parse()).collect();
    let subjects = subjects.map_err(|_| {
        DittoError::bad_request("json.invalid", "A subject is written `<issuer>:<id>`.")
    })?;
    let principal = Principal::new(
        ProviderKind::PreAuthenticated,
        subjects,
        None,
        Credential::default(),
    );
    let key = gateway.limits.subject_key(&principal);
    Ok(Authenticated::new(principal, key))
}

/// Nothing of a credential is secret but its secret part, which nobody keeps.
fn caller_json(principal: &Principal) -> Value {
    let credential = principal.credential();
    let subjects = principal.subjects().iter().map(ToString::to_string);
    json!({
        "provider": principal.provider().as_str(),
        "subjects": subjects.collect::<Vec<_>>(),
        "expiresAt": principal.expires_at(),
        "name": credential.name,
        "issuer": credential.issuer,
        "keyId": credential.key_id,
        "tokenId": credential.token_id,
        "issuedAt": credential.issued_at,
        "permissionSets": credential.permission_sets,
    })
}

/// What the policy of the thing, or the policy itself, says; `None` for routes that ask none.
fn policy_decision(
    context: &RequestContext,
    route: &Route,
    method: &Method,
    caller: &Authenticated,
) -> Result<Option<Value>, DittoError> {
    let gateway = &context.gateway;
    let (policy_id, resource_type, path, namespace) = match route {
        Route::Thing(thing_id, resource) => {
            let Some(policy_id) = gateway.things.policy_of(thing_id)? else {
                return Ok(Some(json!({ "reason": "there is no such thing" })));
            };
            let namespace = Some(thing_id.namespace().to_owned());
            (
                policy_id,
                ResourceType::Thing,
                resource.pointer(),
                namespace,
            )
        }
        Route::Policy(policy_id, resource) => {
            let path = resource.pointer();
            (policy_id.clone(), ResourceType::Policy, path, None)
        }
        Route::Health
        | Route::OpenApi
        | Route::Docs(_)
        | Route::WhoAmI
        | Route::CheckPermissions
        | Route::Things
        | Route::Migration(_)
        | Route::Message(..)
        | Route::Policies
        | Route::PolicyAction(..)
        | Route::WebSocket => return Ok(None),
    };
    let permission = if *method == Method::GET {
        Permission::READ
    } else {
        Permission::WRITE
    };
    let question = Question {
        subjects: caller.principal().subjects(),
        resource_type: &resource_type,
        path: &path,
        permission: &permission,
        namespace: namespace.as_deref(),
    };
    let explained = gateway
        .policies
        .explain(&policy_id, &question, context.now)?;
    Ok(Some(explained.map_or_else(
        || json!({ "policyId": policy_id.to_string(), "reason": "there is no such policy" }),
        |explanation| decision_json(&policy_id, &question, &explanation),
    )))
}

/// A read shows what may be seen of it, anything else needs all of it.
fn decision_json(policy_id: &PolicyId, question: &Question<'_>, told: &Explanation) -> Value {
    let is_read = *question.permission == Permission::READ;
    let decision = match (told.unrestricted, told.partial && is_read) {
        (true, _) => "granted",
        (false, true) => "granted in parts",
        (false, false) => "denied",
    };
    let entries = told.sayings.iter().map(|saying| {
        json!({
            "label": saying.entry,
            "subject": saying.subject.to_string(),
            "resource": saying.resource.to_string(),
            "says": if saying.revokes { "revoke" } else { "grant" },
            "decides": saying.decides,
        })
    });
    json!({
        "policyId": policy_id.to_string(),
        "resource": format!("{}:{}", question.resource_type, question.path),
        "permission": question.permission.as_str(),
        "decision": decision,
        "entries": entries.collect::<Vec<_>>(),
    })
}
