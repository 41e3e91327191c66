//! The part of the system that a path asks: all of it, a service, or an instance of a service.

use actix_web::HttpRequest;
use serde_json::{Map, Value, json};

use super::overall::ROLES;
use crate::app::Operations;
use crate::error::Refusal;

/// Who answers.
pub(super) enum Answerers<'a> {
    All {
        instance: &'a str,
    },
    Service {
        role: &'static str,
        instance: &'a str,
    },
    Instance {
        role: &'static str,
    },
}

impl<'a> Answerers<'a> {
    pub(super) fn named_by(
        request: &HttpRequest,
        operations: &'a Operations,
    ) -> Result<Self, Refusal> {
        let service = name(request, "service")?;
        let instance = name(request, "instance")?;
        Self::of(service.as_deref(), instance.as_deref(), operations)
    }

    pub(super) fn of(
        service: Option<&str>,
        instance: Option<&str>,
        operations: &'a Operations,
    ) -> Result<Self, Refusal> {
        let own_instance = operations.settings.instance.as_str();
        let Some(service) = service else {
            return Ok(Self::All {
                instance: own_instance,
            });
        };
        let role = ROLES
            .into_iter()
            .find(|role| *role == service)
            .ok_or(Refusal::NobodyAnswered)?;
        match instance {
            None => Ok(Self::Service {
                role,
                instance: own_instance,
            }),
            Some(instance) if instance == own_instance => Ok(Self::Instance { role }),
            Some(_) => Err(Refusal::NobodyAnswered),
        }
    }

    /// Whether `role` is among those asked.
    pub(super) fn include(&self, asked: &str) -> bool {
        match self {
            Self::All { .. } => true,
            Self::Service { role, .. } | Self::Instance { role } => *role == asked,
        }
    }

    /// Puts what each asked role answers in the form that the path asked for.
    pub(super) fn answer(&self, of_role: impl Fn(&'static str) -> Value) -> Value {
        match self {
            Self::All { instance } => ROLES
                .into_iter()
                .map(|role| (role.to_owned(), json!({ *instance: of_role(role) })))
                .collect::<Map<String, Value>>()
                .into(),
            Self::Service { role, instance } => json!({ *instance: of_role(role) }),
            Self::Instance { role } => of_role(role),
        }
    }
}

/// A name in the path, decoded.
pub(super) fn name(request: &HttpRequest, parameter: &str) -> Result<Option<String>, Refusal> {
    let encoded = request.match_info().get(parameter);
    encoded
        .map(|encoded| {
            percent_encoding::percent_decode_str(encoded)
                .decode_utf8()
                .map(Into::into)
                .map_err(|_| Refusal::NobodyAnswered)
        })
        .transpose()
}
