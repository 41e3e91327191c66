//! `POST .../actions/<action>`: subjects for systems that act with the caller's token.

use ::policies::{
    ActionFailure, Error, Label, PolicyId, Principal, ProviderKind, SubjectAnnouncement,
    TokenIntegration,
};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use authentication::HeaderLookup;
use authentication::jwt::IntegrationError;

use crate::edge::RequestContext;
use crate::error::DittoError;
use crate::routes::body;
use crate::routes::respond::{self, Outcome};

/// An action, by its name in paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PolicyActionName {
    Activate,
    Deactivate,
}

impl PolicyActionName {
    /// Reads what follows a policy id: the action, and the entry that it is for if it is for one.
    pub(super) fn parse<'t>(tail: &[&'t str]) -> Option<(Option<&'t str>, Self)> {
        let (label, name) = match tail {
            ["actions", name] => (None, *name),
            ["entries", label, "actions", name] => (Some(*label), *name),
            _ => return None,
        };
        match name {
            "activateTokenIntegration" => Some((label, Self::Activate)),
            "deactivateTokenIntegration" => Some((label, Self::Deactivate)),
            _ => None,
        }
    }

    /// # Errors
    ///
    /// 400 for a caller without a token: it has no subject that could be put in.
    pub(crate) fn check_caller(self, principal: &Principal) -> Result<(), DittoError> {
        if principal.provider() == ProviderKind::Jwt {
            return Ok(());
        }
        Err(failed(self, ActionFailure::NotAToken).into())
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Activate => "activateTokenIntegration",
            Self::Deactivate => "deactivateTokenIntegration",
        }
    }
}

/// 204 once the subjects are there, or gone.
///
/// Source: Ditto documentation, page "Policy", section "Actions".
pub(crate) async fn run(
    context: RequestContext,
    request: &HttpRequest,
    payload: Payload,
    (policy_id, label, action): (PolicyId, Option<Label>, PolicyActionName),
) -> Result<HttpResponse, DittoError> {
    let principal = context.caller()?.principal();
    action.check_caller(principal)?;
    let integration = match action {
        PolicyActionName::Activate => TokenIntegration::Activate {
            expiry: principal
                .expires_at()
                .ok_or_else(|| failed(action, ActionFailure::NotAToken))?,
            announcement: announcement(&context, request, payload).await?,
        },
        PolicyActionName::Deactivate => TokenIntegration::Deactivate,
    };
    let template = &context.gateway.integration;
    let sent = Headers(request);
    let headers = context.headers.claimed.over(&sent);
    let subjects_of = |label: &Label| {
        template
            .resolve(principal, &headers, label.as_str())
            .map_err(|error| unresolved(action, error))
    };
    let command = context.command()?;
    let waived = context.is_response_waived(false)?;
    let work = async {
        let place = (&policy_id, label.as_ref());
        let policies = &context.gateway.policies;
        Ok(policies
            .integrate_token(&command, place, &integration, &subjects_of)
            .await?)
    };
    let revision = context.within_timeout(work).await?;
    if waived {
        return Ok(respond::accepted());
    }
    let outcome = Outcome {
        etag: None,
        revision,
    };
    Ok(outcome.no_content())
}

/// The optional body `{"announcement":{…}}`.
async fn announcement(
    context: &RequestContext,
    request: &HttpRequest,
    payload: Payload,
) -> Result<Option<SubjectAnnouncement>, DittoError> {
    let bytes_max = context.gateway.settings.body_bytes_max;
    let Some(body) = body::optional_json(request, payload, bytes_max).await? else {
        return Ok(None);
    };
    let announcement = body
        .get("announcement")
        .map(SubjectAnnouncement::from_json)
        .transpose()?;
    Ok(announcement)
}

/// The headers of the request, each of which was sent once.
struct Headers<'a>(&'a HttpRequest);

impl HeaderLookup for Headers<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name)?.to_str().ok()
    }
}

fn failed(action: PolicyActionName, failure: ActionFailure) -> Error {
    Error::ActionFailed {
        action: action.as_str(),
        failure,
    }
}

fn unresolved(action: PolicyActionName, error: IntegrationError) -> Error {
    match error {
        IntegrationError::NotAToken => failed(action, ActionFailure::NotAToken),
        IntegrationError::Unresolved | IntegrationError::TooMany => {
            failed(action, ActionFailure::Unresolvable)
        }
        IntegrationError::Subject(source) => Error::InvalidSubjectId {
            text: "<integration subject>".to_owned(),
            source,
        },
    }
}
