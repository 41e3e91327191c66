//! What operators may ask and change, as the process around the service implements it.

use std::collections::BTreeMap;
use std::pin::Pin;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Work that waits for something, such as the store, on the thread that asked for it.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The configuration in force.
pub trait ConfigurationSource: Send + Sync {
    /// All of it, with `***` in place of every secret.
    fn effective(&self) -> Value;
}

/// Copies the store.
pub trait BackupSource: Send + Sync {
    /// Writes all that the store holds now to `out`, as far as it goes; blocks, while the store stays in use.
    ///
    /// # Errors
    ///
    /// If the store could not be read or `out` not be written.
    fn back_up(&self, out: &mut dyn std::io::Write) -> std::io::Result<()>;
}

/// What is in memory and in the store.
pub trait StatisticsSource: Send + Sync {
    /// Counts of entities in memory, by Ditto's names: `hotThings`, `hotPolicies`, `hotSearchWildcardUpdaters`.
    fn hot_entities(&self) -> Map<String, Value>;

    /// How many entities of each kind are in memory, by kind (`thing`, `policy`, `search-wildcard-updater`) and namespace.
    fn hot_namespaces(&self) -> BTreeMap<&'static str, BTreeMap<String, u64>>;

    /// How many things there are; `None` if they could not be counted.
    fn all_things(&self) -> Option<u64>;
}

/// One request to `/devops/piggyback`.
#[derive(Debug, Clone)]
pub struct Piggyback {
    /// The service that is asked; `None` for all.
    pub service: Option<String>,
    /// Ditto's address of the recipient, such as `/system/sharding/thing`.
    pub target: String,
    /// The headers given with the command.
    pub headers: Map<String, Value>,
    /// The type of the command, such as `things.commands:retrieveThing`.
    pub command_type: String,
    /// The command with its type.
    pub command: Map<String, Value>,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Answered {
    /// These services answered, each for itself.
    By(Vec<(&'static str, Value)>),
    /// Done, but such a command is never answered.
    Silently,
}

/// Executes commands of operators.
pub trait CommandTarget: Send + Sync {
    /// Executes one; a refusal is an answer like any other.
    fn execute<'a>(&'a self, command: &'a Piggyback) -> LocalFuture<'a, Answered>;
}

/// The open streams. Sessions are objects with at least `id`, `kind` and `subjects`.
pub trait SessionControl: Send + Sync {
    /// All of them.
    fn list(&self) -> Vec<Map<String, Value>>;

    /// One of them, with everything that is known.
    fn inspect(&self, id: &str) -> Option<Map<String, Value>>;

    /// Ends one; tells its client `reason`. `false` if there is none.
    fn cut(&self, id: &str, reason: &str) -> bool;

    /// Ends all of a subject; tells how many.
    fn cut_subject(&self, subject: &str, reason: &str) -> usize;
}

/// Who is limited or blocked. Each is an object with at least `id`, `limit` and `who`.
pub trait LimitControl: Send + Sync {
    /// All that were refused something not long ago, and whoever is blocked.
    fn list(&self, now: Timestamp) -> Vec<Value>;

    /// Gives one its budget back; `false` if there is none.
    fn unblock(&self, id: &str) -> bool;
}

/// The issuers of tokens.
pub trait IssuerSource: Send + Sync {
    /// All that are configured: objects with at least `listener`, `name`, `issuer`, `keys` and `usable`.
    fn issuers(&self) -> Vec<Value>;
}

/// Requests that the public edge refused.
pub trait DenialSource: Send + Sync {
    /// The latest, newest first: objects with at least `at`, `status`, `method`, `route` and `correlationId`.
    fn recent(&self) -> Vec<Value>;
}

/// A request as an operator describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestDescription {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The path, with its query if it has one.
    pub path: String,
    /// The headers, by name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The address of the socket's peer; a loopback address if left out.
    pub peer: Option<std::net::IpAddr>,
    /// Subjects to ask for instead of those that the credentials give.
    pub subjects: Option<Vec<String>>,
}

fn get() -> String {
    "GET".to_owned()
}

/// Explains what the public edge would decide.
pub trait Explainer: Send + Sync {
    /// Decides about `request` as if it had come, without carrying it out.
    fn explain<'a>(&'a self, request: &'a RequestDescription) -> LocalFuture<'a, Value>;
}
