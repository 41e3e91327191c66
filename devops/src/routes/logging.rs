//! Shows and changes log levels, in the form of Ditto's `/devops/logging`.
//!
//! All roles are one process with one set of loggers: a change through one of them is a change for all.
//! Source: Ditto documentation, page "Operating Ditto", section "Dynamically adjust log levels".

use actix_web::web::{self, Data, Payload, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{info, warn};

use super::answerers::Answerers;
use super::body::read_json;
use super::{get, only};
use crate::app::Operations;
use crate::error::Refusal;
use crate::logging::{LogLevel, LoggerLevel, LoggerName};
use crate::middleware::note_about;

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

pub(super) fn logger_config(logger: &LoggerLevel) -> Value {
    let level = logger.level.unwrap_or(LogLevel::Off);
    let mut config = json!({ "level": level.as_str(), "logger": logger.logger.as_str() });
    if let (Some(until), Some(members)) = (logger.until, config.as_object_mut()) {
        members.insert("until".to_owned(), until.to_string().into());
    }
    config
}

#[derive(Debug, Deserialize)]
struct Change {
    logger: Option<String>,
    level: Option<String>,
    /// When the level of before returns.
    until: Option<Timestamp>,
}

/// `PUT /devops/logging[/{service}[/{instance}]]`: gives a logger, or the root, a level until the process ends or the time
/// in `until`.
async fn change_level(
    request: HttpRequest,
    payload: Payload,
    operations: Data<Operations>,
) -> Result<HttpResponse, Refusal> {
    let answerers = Answerers::named_by(&request, &operations)?;
    let change: Change = read_json(payload, &operations).await?;
    let LevelChange {
        logger,
        level,
        until,
    } = change.parse(operations.now())?;
    note_about(&request, &format!("{logger} {level}"));
    // Written at the old level, so that switching this very logger off leaves a trace.
    info!(%logger, %level, "An operator sets logger `{logger}` to `{level}`");
    let result = operations
        .dependencies
        .log_control
        .set_level(&logger, level, until);
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

/// A change that makes sense.
struct LevelChange {
    logger: LoggerName,
    level: LogLevel,
    until: Option<Timestamp>,
}

impl Change {
    fn parse(self, now: Timestamp) -> Result<LevelChange, Refusal> {
        let level = self
            .level
            .ok_or(Refusal::FieldMissing { field: "level" })?
            .parse()
            .map_err(|_| Refusal::FieldInvalid {
                field: "level",
                expected: "It is one of off, error, warn, info, debug, trace and all.",
            })?;
        let logger = self
            .logger
            .map_or(Ok(LoggerName::root()), |name| name.parse())
            .map_err(|_| Refusal::FieldInvalid {
                field: "logger",
                expected: "It is ROOT, a name like org.eclipse.ditto.gateway or a target like gateway::routes.",
            })?;
        if self.until.is_some_and(|until| until <= now) {
            return Err(Refusal::FieldInvalid {
                field: "until",
                expected: "It is a time that is still to come, such as 2030-01-01T00:00:00Z.",
            });
        }
        Ok(LevelChange {
            logger,
            level,
            until: self.until,
        })
    }
}
