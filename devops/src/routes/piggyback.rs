//! Commands for parts of the system, in the form of Ditto's `/devops/piggyback`.
//!
//! Source: Ditto documentation, page "Operating Ditto", section "Piggyback commands".

use actix_web::web::{self, Data, Payload, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::answerers::{Answerers, name};
use super::body::read_json;
use super::only;
use crate::app::Operations;
use crate::dependencies::{Answered, Piggyback};
use crate::error::Refusal;
use crate::middleware::note_about;

/// Nobody may ask to wait longer, in seconds; Ditto's bound.
const TIMEOUT_SECONDS_MAX: f64 = 60.0;

pub(super) fn configure(config: &mut ServiceConfig) {
    let paths = [
        "/piggyback",
        "/piggyback/{service}",
        "/piggyback/{service}/{instance}",
    ];
    config.service(only(
        "POST",
        web::resource(paths).route(web::post().to(execute)),
    ));
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    target_actor_selection: Option<String>,
    headers: Option<Map<String, Value>>,
    piggyback_command: Option<Map<String, Value>>,
    service_name: Option<String>,
    instance: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Waiting {
    timeout: Option<String>,
}

/// `POST /devops/piggyback[/{service}[/{instance}]]`: 200 with what was answered, also if that is an error; 408 if nothing was.
async fn execute(
    request: HttpRequest,
    payload: Payload,
    operations: Data<Operations>,
) -> Result<HttpResponse, Refusal> {
    check_timeout(&request)?;
    let body: Body = read_json(payload, &operations).await?;
    let service = name(&request, "service")?.or(body.service_name.clone());
    let instance = name(&request, "instance")?.or(body.instance.clone());
    let command = command_of(body, service.clone())?;
    let about = about(&command);
    note_about(&request, &about);
    let asked = Answerers::of(service.as_deref(), instance.as_deref(), &operations)?;
    let answered = operations.dependencies.commands.execute(&command).await;
    let Answered::By(answers) = answered else {
        return Err(Refusal::NobodyAnswers);
    };
    // The answer is 200 whatever came of the command.
    let worst = answers
        .iter()
        .filter_map(|(_, answer)| answer.get("status")?.as_u64());
    if let Some(worst) = worst.max() {
        note_about(&request, &format!("{about}: {worst}"));
    }
    let mut answers = answers.into_iter().filter(|(role, _)| asked.include(role));
    if !is_aggregated(&command.headers) {
        let (_, first) = answers.next().ok_or(Refusal::NobodyAnswers)?;
        return Ok(HttpResponse::Ok().json(first));
    }
    let instance = &operations.settings.instance;
    let by_service: Map<String, Value> = answers
        .map(|(role, answer)| (role.to_owned(), serde_json::json!({ instance: answer })))
        .collect();
    if by_service.is_empty() {
        return Err(Refusal::NobodyAnswers);
    }
    Ok(HttpResponse::Ok().json(by_service))
}

/// The command by its type, and the namespace that it names.
fn about(command: &Piggyback) -> String {
    let member = |name: &str| command.command.get(name).and_then(Value::as_str);
    let words = [member("type"), member("namespace")];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    words.join(" ")
}

fn command_of(body: Body, service: Option<String>) -> Result<Piggyback, Refusal> {
    let missing = |field| Refusal::FieldMissing { field };
    let target = body
        .target_actor_selection
        .ok_or(missing("targetActorSelection"))?;
    let headers = body.headers.ok_or(missing("headers"))?;
    let command = body.piggyback_command.ok_or(missing("piggybackCommand"))?;
    let command_type = command
        .get("type")
        .and_then(Value::as_str)
        .ok_or(missing("piggybackCommand/type"))?
        .to_owned();
    if command_type == "poison-pill" {
        return Err(Refusal::FieldInvalid {
            field: "piggybackCommand/type",
            expected: "Nothing here can be stopped by such a command; restart the process instead.",
        });
    }
    Ok(Piggyback {
        service,
        target,
        headers,
        command_type,
        command,
    })
}

/// The default is to aggregate; numbers and texts count as what they say.
fn is_aggregated(headers: &Map<String, Value>) -> bool {
    match headers.get("aggregate") {
        None => true,
        Some(Value::String(text)) => text != "false",
        Some(value) => *value != Value::Bool(false),
    }
}

/// Answers come at once, so that a timeout only has to make sense.
fn check_timeout(request: &HttpRequest) -> Result<(), Refusal> {
    let waiting = Query::<Waiting>::from_query(request.query_string())
        .map_err(|_| Refusal::TimeoutInvalid)?;
    let Some(text) = waiting.into_inner().timeout else {
        return Ok(());
    };
    let (number, factor) = if let Some(number) = text.strip_suffix("ms") {
        (number, 0.001)
    } else if let Some(number) = text.strip_suffix('m') {
        (number, 60.0)
    } else {
        (text.strip_suffix('s').unwrap_or(&text), 1.0)
    };
    let seconds: f64 = number.parse().map_err(|_| Refusal::TimeoutInvalid)?;
    if (0.0..=TIMEOUT_SECONDS_MAX).contains(&(seconds * factor)) {
        Ok(())
    } else {
        Err(Refusal::TimeoutInvalid)
    }
}
