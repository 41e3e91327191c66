//! What the policies behind a described request say, and which of their entries decide.

use ::policies::{
    CreatedKind, Creation, Explanation, Permission, Pointer, PolicyId, Question, ResourceType,
};
use ::things::{ThingId, ThingResource};
use actix_web::HttpRequest;
use actix_web::http::Method;
use authentication::NamespacedKind;
use protocol::MessagePath;
use serde_json::{Value, json};

use crate::edge::context::RequestContext;
use crate::error::DittoError;
use crate::routes::{Mail, PolicyActionName, Route, asked_ids};
use crate::streaming::sse;

/// What is asked of one policy.
struct Asked {
    resource_type: ResourceType,
    path: Pointer,
    permission: Permission,
    /// Whether having it somewhere below is worth something.
    is_partial: bool,
}

/// `None` for routes that ask no policy.
pub(super) fn decision(
    context: &RequestContext,
    route: &Route,
    request: &HttpRequest,
) -> Result<Option<Value>, DittoError> {
    let method = request.method();
    let decided = match route {
        Route::Thing(id, resource) => {
            let asked = Asked::by_method(ResourceType::Thing, resource.pointer(), method);
            let creates = *resource == ThingResource::Thing && creates(method);
            of_thing(context, (id, creates), &asked)?
        }
        Route::Migration(id) => {
            let asked = Asked::all_of(ResourceType::Thing, Pointer::root(), Permission::WRITE);
            of_thing(context, (id, false), &asked)?
        }
        Route::Things if *method == Method::POST => {
            let id = context
                .gateway
                .things
                .generate_id(context.query.get("namespace"))?;
            context.check_namespace(NamespacedKind::Thing, id.namespace())?;
            of_creation(context, (CreatedKind::Thing, id.namespace()))?
        }
        Route::Things if sse::is_asked_for(request) => {
            json!({ "reason": "each event is decided by the policy of its thing" })
        }
        Route::Things => of_things(context, &asked_ids(context)?)?,
        Route::Message(id, mail) => of_mail(context, (id, mail), method)?,
        Route::Policy(id, resource) => {
            let asked = Asked::by_method(ResourceType::Policy, resource.pointer(), method);
            let decided = of_policy(context, (id, None), &asked)?;
            match decided {
                None if creates(method) => {
                    of_creation(context, (CreatedKind::Policy, id.namespace()))?
                }
                None => json!({ "policyId": id.to_string(), "reason": "there is no such policy" }),
                Some(decided) => decided,
            }
        }
        Route::Policies => json!({ "reason": "the body says which policy is created" }),
        Route::PolicyAction(id, label, action) => {
            action.check_caller(context.caller()?.principal())?;
            let labels = match label {
                Some(label) => Some(vec![label.clone()]),
                None => context.gateway.policies.entry_labels(id)?,
            };
            let labels = labels.iter().flatten().map(|label| label.as_str());
            of_action(context, id, (labels.collect(), *action))?
        }
        Route::CheckPermissions => json!({ "reason": "the body says what is asked" }),
        Route::WebSocket => {
            json!({ "reason": "each frame and each event is decided by itself" })
        }
        Route::Health | Route::OpenApi | Route::Docs(_) | Route::WhoAmI => return Ok(None),
    };
    Ok(Some(decided))
}

impl Asked {
    /// Of a read and of a merge, what may be seen or changed of it is enough.
    fn by_method(resource_type: ResourceType, path: Pointer, method: &Method) -> Self {
        let is_read = *method == Method::GET;
        Self {
            resource_type,
            path,
            permission: if is_read {
                Permission::READ
            } else {
                Permission::WRITE
            },
            is_partial: is_read || *method == Method::PATCH,
        }
    }

    fn all_of(resource_type: ResourceType, path: Pointer, permission: Permission) -> Self {
        Self {
            resource_type,
            path,
            permission,
            is_partial: false,
        }
    }
}

fn creates(method: &Method) -> bool {
    matches!(*method, Method::PUT | Method::PATCH)
}

fn of_things(context: &RequestContext, ids: &[ThingId]) -> Result<Value, DittoError> {
    let asked = Asked::by_method(ResourceType::Thing, Pointer::root(), &Method::GET);
    let each = ids.iter().map(|id| {
        let decided = of_thing(context, (id, false), &asked)?;
        Ok(json!({ "thingId": id.to_string(), "policy": decided }))
    });
    let each = each.collect::<Result<Vec<_>, DittoError>>()?;
    Ok(json!({ "things": each }))
}

fn of_thing(
    context: &RequestContext,
    (id, creates): (&ThingId, bool),
    asked: &Asked,
) -> Result<Value, DittoError> {
    let Some(policy_id) = context.gateway.things.policy_of(id)? else {
        return if creates {
            of_creation(context, (CreatedKind::Thing, id.namespace()))
        } else {
            Ok(json!({ "reason": "there is no such thing" }))
        };
    };
    let decided = of_policy(context, (&policy_id, Some(id.namespace())), asked)?;
    Ok(decided.unwrap_or_else(
        || json!({ "policyId": policy_id.to_string(), "reason": "there is no such policy" }),
    ))
}

/// What it will be decided by does not exist before the body is there; the rules on creations do.
fn of_creation(
    context: &RequestContext,
    (kind, namespace): (CreatedKind, &str),
) -> Result<Value, DittoError> {
    let creation = Creation {
        kind,
        namespace,
        principal: context.caller()?.principal(),
        definition: None,
    };
    Ok(json!({
        "reason": "it does not exist, so that the body decides what it is created with",
        "mayCreate": context.gateway.policies.may_create(&creation),
    }))
}

/// A message needs WRITE where it goes, listening READ; a claim needs nothing, it is how one asks for permissions.
fn of_mail(
    context: &RequestContext,
    (id, mail): (&ThingId, &Mail),
    method: &Method,
) -> Result<Value, DittoError> {
    let path = match mail {
        Mail::Claim if *method != Method::GET => {
            return Ok(json!({ "decision": "granted", "reason": "a claim needs no permission" }));
        }
        Mail::Claim => MessagePath::claim().pointer(),
        Mail::Message(path) => path.pointer(),
        Mail::Box {
            feature_id,
            direction,
        } => {
            let feature = feature_id.iter().flat_map(|id| ["features", id.as_str()]);
            Pointer::from_segments(feature.chain([direction.mailbox(), "messages"]))
        }
    };
    let asked = Asked::by_method(ResourceType::Message, path, method);
    of_thing(context, (id, false), &asked)
}

/// An action is carried out for every entry whose subjects the caller may change so.
fn of_action(
    context: &RequestContext,
    id: &PolicyId,
    (labels, action): (Vec<&str>, PolicyActionName),
) -> Result<Value, DittoError> {
    let each = labels.into_iter().map(|label| {
        let path = Pointer::from_segments(["entries", label, "actions", action.as_str()]);
        let asked = Asked::all_of(ResourceType::Policy, path, Permission::EXECUTE);
        let decided = of_policy(context, (id, None), &asked)?;
        Ok(decided.map(|decided| json!({ "entry": label, "policy": decided })))
    });
    let each = each.collect::<Result<Option<Vec<_>>, DittoError>>()?;
    Ok(match each {
        Some(each) if !each.is_empty() => json!({ "entries": each }),
        Some(_) | None => {
            json!({ "policyId": id.to_string(), "reason": "there is no such policy" })
        }
    })
}

/// `None` if there is no such policy.
fn of_policy(
    context: &RequestContext,
    (policy_id, namespace): (&PolicyId, Option<&str>),
    asked: &Asked,
) -> Result<Option<Value>, DittoError> {
    let question = Question {
        subjects: context.caller()?.principal().subjects(),
        resource_type: &asked.resource_type,
        path: &asked.path,
        permission: &asked.permission,
        namespace,
    };
    let policies = &context.gateway.policies;
    let told = policies.explain(policy_id, &question, context.now)?;
    Ok(told.map(|told| to_json(policy_id, asked, &told)))
}

fn to_json(policy_id: &PolicyId, asked: &Asked, told: &Explanation) -> Value {
    let decision = match (told.unrestricted, told.partial && asked.is_partial) {
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
        "resource": format!("{}:{}", asked.resource_type, asked.path),
        "permission": asked.permission.as_str(),
        "decision": decision,
        "entries": entries.collect::<Vec<_>>(),
    })
}
