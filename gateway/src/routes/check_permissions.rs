//! `POST /api/2/checkPermissions`: which of the named permissions a caller has.
//!
//! Source: Ditto documentation, page "HTTP API concepts", section "Check permissions".

use ::policies::{Permission, Policies, PolicyId, Principal, ResourceKey, ResourceType, SubjectId};
use ::things::{ThingId, Things};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use authentication::NamespacedKind;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::body::{self, BodyType};
use super::{policies, things};
use crate::edge::RequestContext;
use crate::error::{DittoError, json_invalid, sentence, shown};

/// So many checks fit into one request: they are answered in one piece.
const CHECKS_MAX: usize = 1000;

/// 200 with `true` or `false` by the name of each check.
pub(super) async fn answer(
    context: RequestContext,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, DittoError> {
    let limits = (BodyType::Json, context.gateway.settings.body_bytes_max);
    let body = body::json(request, payload, limits).await?;
    let examiner = Examiner {
        policies: &context.gateway.policies,
        things: &context.gateway.things,
        principal: context.caller()?.principal(),
        now: context.now,
        is_in_reach: &|kind, namespace| context.check_namespace(kind, namespace).is_ok(),
    };
    let answers = examiner.answer(&body)?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(answers.to_string()))
}

/// Answers checks for one caller.
pub(crate) struct Examiner<'a> {
    pub(crate) policies: &'a Policies,
    pub(crate) things: &'a Things,
    pub(crate) principal: &'a Principal,
    pub(crate) now: Timestamp,
    /// Whether the rules on namespaces leave this one in the caller's reach.
    pub(crate) is_in_reach: &'a dyn Fn(NamespacedKind, &str) -> bool,
}

/// One check, valid in itself.
struct Check {
    resource: ResourceKey,
    entity: EntityId,
    permissions: Vec<Permission>,
}

enum EntityId {
    Thing(ThingId),
    Policy(PolicyId),
}

impl Examiner<'_> {
    /// The answers, in the order of the questions.
    ///
    /// # Errors
    ///
    /// 400 if a check is malformed; then none is answered.
    pub(crate) fn answer(&self, body: &Value) -> Result<Value, DittoError> {
        let checks = checks(body)?;
        let answers = checks
            .into_iter()
            .map(|(name, check)| (name, Value::Bool(self.holds(&check))));
        Ok(Value::Object(answers.collect()))
    }

    /// Whether every permission holds on the resource and everywhere below it; not if anything is in the way of knowing.
    fn holds(&self, check: &Check) -> bool {
        let Some(policy_id) = self.policy_of(&check.entity) else {
            return false;
        };
        let enforcer = match self.policies.policy_enforcer(&policy_id, self.now) {
            Ok(Some(enforcer)) => enforcer,
            Ok(None) => return false,
            Err(error) => {
                tracing::warn!(%error, "A permission could not be checked");
                return false;
            }
        };
        let subjects: &[SubjectId] = self.principal.subjects();
        let ResourceKey {
            resource_type,
            path,
        } = &check.resource;
        check
            .permissions
            .iter()
            .all(|permission| enforcer.unrestricted(subjects, resource_type, path, permission))
    }

    fn policy_of(&self, entity: &EntityId) -> Option<PolicyId> {
        match entity {
            EntityId::Policy(id) => {
                (self.is_in_reach)(NamespacedKind::Policy, id.namespace()).then(|| id.clone())
            }
            EntityId::Thing(id) if (self.is_in_reach)(NamespacedKind::Thing, id.namespace()) => {
                self.things.policy_of(id).unwrap_or_else(|error| {
                    tracing::warn!(%error, "A permission could not be checked");
                    None
                })
            }
            EntityId::Thing(_) => None,
        }
    }
}

/// Reads the checks; members that are no objects are none.
fn checks(body: &Value) -> Result<Vec<(String, Check)>, DittoError> {
    let members = body
        .as_object()
        .ok_or_else(|| json_invalid("The body must be an object of named checks."))?;
    let members = match members.get("permissionChecks") {
        Some(Value::Object(wrapped)) => wrapped,
        Some(_) | None => members,
    };
    let checks: Vec<_> = members
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_object()?)))
        .collect();
    if checks.len() > CHECKS_MAX {
        let message = format!(
            "There are {} checks, at most {CHECKS_MAX} are made at once.",
            checks.len()
        );
        return Err(json_invalid(message).describe("Ask in several requests."));
    }
    checks
        .into_iter()
        .map(|(name, check)| Ok((name.clone(), Check::read(name, check)?)))
        .collect()
}

impl Check {
    fn read(name: &str, members: &Map<String, Value>) -> Result<Self, DittoError> {
        let resource: ResourceKey = string(name, members, "resource")?
            .parse()
            .map_err(|error| malformed(name, &format!("`resource` is no resource: {error}")))?;
        let id = string(name, members, "entityId")?;
        let entity = match resource.resource_type {
            ResourceType::Policy => EntityId::Policy(policies::parse_id(id)?),
            ResourceType::Thing | ResourceType::Message => EntityId::Thing(things::parse_id(id)?),
            ResourceType::Other(_) => {
                return Err(malformed(
                    name,
                    "`resource` is of the type `thing`, `message` or `policy`",
                ));
            }
        };
        let permissions = required(name, members, "hasPermissions")?
            .as_array()
            .filter(|permissions| !permissions.is_empty())
            .and_then(|permissions| {
                permissions
                    .iter()
                    .map(|permission| permission.as_str().map(Permission::new))
                    .collect::<Option<Vec<_>>>()
            })
            .ok_or_else(|| malformed(name, "`hasPermissions` lists at least one permission"))?;
        Ok(Self {
            resource,
            entity,
            permissions,
        })
    }
}

fn string<'v>(
    name: &str,
    members: &'v Map<String, Value>,
    member: &str,
) -> Result<&'v str, DittoError> {
    required(name, members, member)?
        .as_str()
        .ok_or_else(|| malformed(name, &format!("`{member}` is a string")))
}

fn required<'v>(
    name: &str,
    members: &'v Map<String, Value>,
    member: &str,
) -> Result<&'v Value, DittoError> {
    members.get(member).ok_or_else(|| {
        DittoError::bad_request(
            "json.field.missing",
            format!("The check `{}` lacks `{member}`.", shown(name)),
        )
        .describe("A check has `resource`, `entityId` and `hasPermissions`.")
    })
}

fn malformed(name: &str, rule: &str) -> DittoError {
    json_invalid(format!("The check `{}` is malformed.", shown(name))).describe(sentence(rule))
}
