//! Commands of operators: Ditto's `/devops/piggyback`, as far as it has a meaning in one process.
//!
//! Source: Ditto documentation, page "Operating Ditto", sections "Piggyback commands" and "Erasing data within a namespace".

mod erase;
mod retrieve;

use devops::{
    Answered, CommandTarget, HealthSource, LocalFuture, Piggyback, StatisticsSource, part_of,
};
use journal::{EntityKey, EntityKind};
use serde_json::{Value, json};

use super::Operator;
use super::namespaces::namespace_of;

/// Where commands for everybody go.
const MEDIATOR: &str = "/system/distributedPubSubMediator";

/// The recipients that there are, and whose service each is.
const TARGETS: [(&str, &str); 8] = [
    ("/system/sharding/thing", "things"),
    ("/system/sharding/policy", "policies"),
    ("/user/thingsRoot", "things"),
    ("/user/policiesRoot", "policies"),
    ("/user/gatewayRoot", "gateway"),
    ("/user/thingsWildcardSearchRoot", "search"),
    ("/user/connectivityRoot", "connectivity"),
    ("/user/devOpsCommandsActor", ""),
];

/// Every service that answers a command to all of them.
const SERVICES: [&str; 5] = ["policies", "things", "search", "gateway", "connectivity"];

impl CommandTarget for Operator {
    fn execute<'a>(&'a self, command: &'a Piggyback) -> LocalFuture<'a, Answered> {
        Box::pin(async move {
            if command.target == MEDIATOR {
                return heard_by(self.published(command).await, command);
            }
            match TARGETS.iter().find(|(target, _)| *target == command.target) {
                Some((_, "")) => Answered::By(
                    services(command)
                        .map(|service| (service, self.of_process(command)))
                        .collect(),
                ),
                Some((target, service)) => self.sent(command, target, service),
                None => Answered::By(
                    services(command)
                        .map(|service| (service, no_recipient(&command.target)))
                        .collect(),
                ),
            }
        })
    }
}

/// What is done for the whole process is answered by the service that was asked, if one was.
fn heard_by(answered: Answered, command: &Piggyback) -> Answered {
    match (answered, services(command).next(), &command.service) {
        (Answered::By(answers), Some(asked), Some(_)) => Answered::By(
            answers
                .into_iter()
                .map(|(_, answer)| (asked, answer))
                .collect(),
        ),
        (answered, ..) => answered,
    }
}

impl Operator {
    /// A command that everybody hears.
    async fn published(&self, command: &Piggyback) -> Answered {
        match command.command_type.as_str() {
            "namespaces.commands:blockNamespace" => self.close_namespace(command),
            "namespaces.commands:unblockNamespace" => self.open_namespace(command),
            "namespaces.commands:purgeNamespace" => self.erase_namespace(command).await,
            "common.commands:shutdown" => self.shut_down_entities(command),
            "devops.commands:retrieveStatistics" => Answered::By(vec![(
                "gateway",
                json!({
                    "type": "devops.responses:retrieveStatistics",
                    "status": 200,
                    "statistics": self.hot_entities(),
                }),
            )]),
            _ => Answered::By(vec![("gateway", unknown_type(command))]),
        }
    }

    /// A command to one recipient.
    fn sent(&self, command: &Piggyback, target: &str, service: &'static str) -> Answered {
        let answer = match (target, command.command_type.as_str()) {
            ("/system/sharding/thing" | "/system/sharding/policy", _) => self.retrieve(command),
            (_, "status.commands:retrieveHealth") => json!({
                "type": "status.responses:retrieveHealth",
                "status": 200,
                "statusInfo": self.health().to_json(),
            }),
            _ => unknown_type(command),
        };
        Answered::By(vec![(service, answer)])
    }

    /// A command about the process.
    fn of_process(&self, command: &Piggyback) -> Value {
        let path = command.command.get("path").and_then(Value::as_str);
        match command.command_type.as_str() {
            "common.commands:retrieveConfig" => json!({
                "type": "common.responses:retrieveConfig",
                "status": 200,
                "config": part_of(&self.configuration.load(), path),
            }),
            "status.commands:retrieveHealth" => json!({
                "type": "status.responses:retrieveHealth",
                "status": 200,
                "statusInfo": self.health().to_json(),
            }),
            _ => unknown_type(command),
        }
    }

    /// `common.commands:shutdown`: drops entities from memory. Such a command is never answered.
    fn shut_down_entities(&self, command: &Piggyback) -> Answered {
        let reason = command.command.get("reason");
        let details = reason.and_then(|reason| reason.get("details"));
        let kind = reason.and_then(|reason| reason.get("type")?.as_str());
        let forgotten = match (kind, details) {
            (Some("purge-namespace"), Some(Value::String(namespace))) => self
                .store
                .forget(&|key| namespace_of(key) == Some(namespace.as_str())),
            (Some("purge-entities"), Some(Value::Array(ids))) => {
                let ids: Vec<&str> = ids.iter().filter_map(Value::as_str).collect();
                let keys: Vec<EntityKey> = [EntityKind::Thing, EntityKind::Policy]
                    .into_iter()
                    .flat_map(|kind| ids.iter().map(move |id| EntityKey::new(kind, *id)))
                    .collect();
                self.store.forget(&|key| keys.contains(key))
            }
            _ => {
                let reason = "`reason` is `{\"type\":\"purge-namespace\",\"details\":\"<namespace>\"}` or `{\"type\":\"purge-entities\",\"details\":[\"<id>\",…]}`";
                return Answered::By(vec![("gateway", refused(400, "json.invalid", reason))]);
            }
        };
        tracing::info!(
            entities = forgotten,
            "An operator dropped entities from memory"
        );
        Answered::Silently
    }
}

/// The services that a command is for.
fn services(command: &Piggyback) -> impl Iterator<Item = &'static str> {
    let asked = command.service.as_deref();
    SERVICES
        .into_iter()
        .filter(move |service| asked.is_none_or(|asked| asked == *service))
}

fn unknown_type(command: &Piggyback) -> Value {
    let shown: String = command.command_type.chars().take(100).collect();
    refused(
        400,
        "json.type.notparsable",
        &format!("no command of type `{shown}` is known to this recipient"),
    )
}

fn no_recipient(target: &str) -> Value {
    let shown: String = target.chars().take(100).collect();
    refused(
        503,
        "ask.error",
        &format!("there is no recipient `{shown}`"),
    )
}

/// An error within an answer that is 200, as Ditto's operators know it.
fn refused(status: u16, code: &str, reason: &str) -> Value {
    json!({
        "status": status,
        "error": code,
        "message": format!("The command was not executed: {reason}."),
        "description": "See docs/operator-api.md for the commands there are.",
    })
}
