//! Shows and changes log levels, in the form of Ditto's `/devops/logging`.
//!
//! All roles are one process with one set of loggers: a change through one of them is a change for all.
//! Source: Ditto documentation, page "Operating Ditto", section "Dynamically adjust log levels".

use actix_web::web::{self, Bytes, Data, Payload, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracing::{info, warn};

use super::overall::ROLES;
use super::{get, only};
use crate::app::Operations;
use crate::error::Refusal;
use crate::logging::{LogLevel, LoggerLevel, LoggerName};

pub(super) fn configure(config: &mut ServiceConfig) {
    let paths = [
        "/logging",
        "/logging/",
        "/logging/{service}",
        "/logging/{service}/{instance}",
    ];
    config.service(only(
        "GET, HEAD, PUT",
        web::resource(paths)
            .route(get().to(retrieve_loggers))
            .route(web::put().to(change_level)),
    ));
}

#[derive(Debug, Deserialize)]
struct Shown {
    #[serde(default, rename = "includeDisabledLoggers")]
    disabled: bool,
}

/// `GET /devops/logging[/{service}[/{instance}]]`: every logger with a level of its own.
async fn retrieve_loggers(
    request: HttpRequest,
    operations: Data<Operations>,
) -> Result<HttpResponse, Refusal> {
    let answerers = Answerers::named_by(&request, &operations)?;
    let shown =
        Query::<Shown>::from_query(request.query_string()).map_err(|_| Refusal::QueryInvalid {
            expected: "Only `includeDisabledLoggers` is known, and it is `true` or `false`.",
        })?;
    let loggers = operations.dependencies.log_control.levels();
    let configs: Value = loggers
        .iter()
        .filter(|logger| shown.disabled || logger.level.is_some())
        .map(logger_config)
        .collect();
    Ok(HttpResponse::Ok().json(answerers.answer(|role| {
        json!({
            "type": "devops.responses:retrieveLoggerConfig",
            "status": 200,
            "serviceName": role,
            "instance": operations.settings.instance,
            "loggerConfigs": configs,
        })
    })))
}

fn logger_config(logger: &LoggerLevel) -> Value {
    let level = logger.level.unwrap_or(LogLevel::Off);
    json!({ "level": level.as_str(), "logger": logger.logger.as_str() })
}

#[derive(Debug, Deserialize)]
struct Change {
    logger: Option<String>,
    level: Option<String>,
}

/// `PUT /devops/logging[/{service}[/{instance}]]`: gives a logger, or the root, a level until the process ends.
async fn change_level(
    request: HttpRequest,
    payload: Payload,
    operations: Data<Operations>,
) -> Result<HttpResponse, Refusal> {
    let answerers = Answerers::named_by(&request, &operations)?;
    let body = read_body(payload, &operations).await?;
    let (logger, level) = parse_change(&body)?;
    // Written at the old level, so that switching this very logger off leaves a trace.
    info!(%logger, %level, "An operator sets logger `{logger}` to `{level}`");
    let result = operations
        .dependencies
        .log_control
        .set_level(&logger, level);
    if let Err(error) = &result {
        warn!(%logger, %level, %error, "Setting logger `{logger}` to `{level}` failed");
    }
    Ok(HttpResponse::Ok().json(answerers.answer(|role| {
        json!({
            "type": "devops.responses:changeLogLevel",
            "status": if result.is_ok() { 200 } else { 500 },
            "serviceName": role,
            "instance": operations.settings.instance,
            "successful": result.is_ok(),
        })
    })))
}

async fn read_body(payload: Payload, operations: &Operations) -> Result<Bytes, Refusal> {
    let bytes_max = operations.settings.body_bytes_max;
    let body = payload.to_bytes_limited(bytes_max);
    tokio::time::timeout(operations.settings.body_timeout, body)
        .await
        .map_err(|_| Refusal::BodyTooSlow)?
        .map_err(|_| Refusal::BodyTooLarge { bytes_max })?
        .map_err(|_| Refusal::BodyIncomplete)
}

fn parse_change(body: &[u8]) -> Result<(LoggerName, LogLevel), Refusal> {
    let change: Change = serde_json::from_slice(body).map_err(|_| Refusal::BodyNotJson)?;
    let level = change
        .level
        .ok_or(Refusal::FieldMissing { field: "level" })?
        .parse()
        .map_err(|_| Refusal::FieldInvalid {
            field: "level",
            expected: "It is one of off, error, warn, info, debug, trace and all.",
        })?;
    let logger = change
        .logger
        .map_or(Ok(LoggerName::root()), |name| name.parse())
        .map_err(|_| Refusal::FieldInvalid {
            field: "logger",
            expected: "It is ROOT, a name like org.eclipse.ditto.gateway or a target like gateway::routes.",
        })?;
    Ok((logger, level))
}

/// The part of the system that a path asks: all of it, a service, or an instance of a service.
enum Answerers<'a> {
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
    fn named_by(request: &HttpRequest, operations: &'a Operations) -> Result<Self, Refusal> {
        let own_instance = operations.settings.instance.as_str();
        let Some(service) = name(request, "service")? else {
            return Ok(Self::All {
                instance: own_instance,
            });
        };
        let role = ROLES
            .into_iter()
            .find(|role| *role == service)
            .ok_or(Refusal::NobodyAnswered)?;
        match name(request, "instance")? {
            None => Ok(Self::Service {
                role,
                instance: own_instance,
            }),
            Some(instance) if instance == own_instance => Ok(Self::Instance { role }),
            Some(_) => Err(Refusal::NobodyAnswered),
        }
    }

    /// Puts what each asked role answers in the form that the path asked for.
    fn answer(&self, of_role: impl Fn(&'static str) -> Value) -> Value {
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
fn name(request: &HttpRequest, parameter: &str) -> Result<Option<String>, Refusal> {
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
