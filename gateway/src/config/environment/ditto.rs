//! The names of settings that Ditto's gateway reads from the environment.

use serde_json::Value;

use super::Environment;
use crate::config::{server::HttpServer, value::ListenAddress};

mod without_effect;

pub(crate) use without_effect::WITHOUT_EFFECT;

/// A name, the key it sets, and how its value is rewritten.
struct Name(&'static str, &'static str, Rewrite);

/// How a value of Ditto's becomes one of ours.
#[derive(Clone, Copy)]
enum Rewrite {
    /// As it is.
    None,
    /// Ditto writes words in any case.
    LowerCase,
    /// Ditto separates the items of a list by commas.
    List,
}

/// The names in use; of two names for one key the later wins, as in Ditto.
const NAMES: [Name; 39] = [
    Name(
        "REQUEST_TIMEOUT",
        "http_server.request_timeout",
        Rewrite::None,
    ),
    Name(
        "COORDINATED_SHUTDOWN_REQUEST_TIMEOUT",
        "http_server.shutdown_timeout",
        Rewrite::None,
    ),
    Name("FORCE_HTTPS", "http_server.force_https", Rewrite::LowerCase),
    Name(
        "REDIRECT_TO_HTTPS",
        "http_server.redirect_to_https",
        Rewrite::LowerCase,
    ),
    Name(
        "PEKKO_HTTP_SERVER_MAX_CONNECTIONS",
        "http_server.max_connections",
        Rewrite::None,
    ),
    Name(
        "ENABLE_PRE_AUTHENTICATION",
        "auth.pre_authenticated.enabled",
        Rewrite::LowerCase,
    ),
    Name("OAUTH_PROTOCOL", "auth.oauth.protocol", Rewrite::LowerCase),
    Name(
        "OAUTH_ALLOWED_CLOCK_SKEW",
        "auth.oauth.allowed_clock_skew",
        Rewrite::None,
    ),
    Name(
        "OAUTH_TOKEN_INTEGRATION_SUBJECT",
        "auth.oauth.token_integration_subject",
        Rewrite::None,
    ),
    Name(
        "GATEWAY_WEBSOCKET_THROTTLING_ENABLED",
        "streaming.websocket.throttling.enabled",
        Rewrite::LowerCase,
    ),
    Name(
        "GATEWAY_WEBSOCKET_THROTTLING_INTERVAL",
        "streaming.websocket.throttling.interval",
        Rewrite::None,
    ),
    Name(
        "GATEWAY_WEBSOCKET_THROTTLING_LIMIT",
        "streaming.websocket.throttling.limit",
        Rewrite::None,
    ),
    Name(
        "GATEWAY_WEBSOCKET_THROTTLING_REJECTION_FACTOR",
        "streaming.websocket.throttling.rejection_factor",
        Rewrite::None,
    ),
    Name(
        "GATEWAY_SSE_THROTTLING_ENABLED",
        "streaming.sse.throttling.enabled",
        Rewrite::LowerCase,
    ),
    Name(
        "GATEWAY_SSE_THROTTLING_INTERVAL",
        "streaming.sse.throttling.interval",
        Rewrite::None,
    ),
    Name(
        "GATEWAY_SSE_THROTTLING_LIMIT",
        "streaming.sse.throttling.limit",
        Rewrite::None,
    ),
    Name("LIMITS_THINGS_MAX_SIZE", "limits.thing_size", Rewrite::None),
    Name(
        "LIMITS_POLICIES_MAX_SIZE",
        "limits.policy_size",
        Rewrite::None,
    ),
    Name(
        "LIMITS_POLICIES_MAX_IMPORTS",
        "limits.policy_imports",
        Rewrite::None,
    ),
    Name(
        "LIMITS_MESSAGES_MAX_SIZE",
        "limits.message_size",
        Rewrite::None,
    ),
    Name(
        "DITTO_DEFAULT_NAMESPACE",
        "policies.default_namespace",
        Rewrite::None,
    ),
    Name(
        "POLICY_SUBJECT_EXPIRY_GRANULARITY",
        "policies.subject_expiry_granularity",
        Rewrite::None,
    ),
    Name(
        "POLICY_SUBJECT_DELETION_ANNOUNCEMENT_GRANULARITY",
        "policies.subject_deletion_announcement_granularity",
        Rewrite::None,
    ),
    Name(
        "POLICY_ANNOUNCEMENT_GRACE_PERIOD",
        "policies.announcement.grace_period",
        Rewrite::None,
    ),
    Name(
        "POLICY_ANNOUNCEMENT_MAX_TIMEOUT",
        "policies.announcement.max_timeout",
        Rewrite::None,
    ),
    Name(
        "POLICY_ENABLE_ANNOUNCEMENTS_WHEN_DELETED",
        "policies.announcement.enable_announcements_when_deleted",
        Rewrite::LowerCase,
    ),
    Name(
        "POLICY_ANNOUNCEMENT_DEFAULT_RANDOMIZATION_INTERVAL",
        "policies.announcement.default_randomization_interval",
        Rewrite::None,
    ),
    Name(
        "POLICY_ANNOUNCEMENT_BACKOFF_MIN",
        "policies.announcement.backoff.min",
        Rewrite::None,
    ),
    Name(
        "POLICY_ANNOUNCEMENT_BACKOFF_MAX",
        "policies.announcement.backoff.max",
        Rewrite::None,
    ),
    Name(
        "POLICY_ANNOUNCEMENT_BACKOFF_RANDOM_FACTOR",
        "policies.announcement.backoff.random_factor",
        Rewrite::None,
    ),
    Name(
        "CLEANUP_HISTORY_RETENTION_DURATION",
        "history.retention",
        Rewrite::None,
    ),
    Name("LOG_LEVEL_APPLICATION", "logging.level", Rewrite::LowerCase),
    Name("LOG_LEVEL", "logging.level", Rewrite::LowerCase),
    Name(
        "DEVOPS_AUTHENTICATION_METHOD",
        "devops.devops_authentication_method",
        Rewrite::LowerCase,
    ),
    Name(
        "DEVOPS_OAUTH2_SUBJECTS",
        "devops.devops_oauth2_subjects",
        Rewrite::List,
    ),
    Name(
        "DEVOPS_OAUTH2_PROTOCOL",
        "devops.oauth.protocol",
        Rewrite::LowerCase,
    ),
    Name(
        "DEVOPS_OAUTH2_ALLOWED_CLOCK_SKEW",
        "devops.oauth.allowed_clock_skew",
        Rewrite::None,
    ),
    Name(
        "STATUS_AUTHENTICATION_METHOD",
        "devops.status_authentication_method",
        Rewrite::LowerCase,
    ),
    Name(
        "STATUS_OAUTH2_SUBJECTS",
        "devops.status_oauth2_subjects",
        Rewrite::List,
    ),
];

/// Further names that are read, elsewhere.
const READ_ELSEWHERE: [&str; 12] = [
    "BIND_HOSTNAME",
    "DEVOPS_PASSWORD",
    "DEVOPS_SECURED",
    "DEVOPS_STATUS_SECURED",
    "DITTO_DEVOPS_FEATURE_HISTORICAL_APIS_ENABLED",
    "DITTO_DEVOPS_FEATURE_MERGE_THINGS_ENABLED",
    "ENABLE_CORS",
    "ENABLE_DUMMY_AUTH",
    "HTTP_PORT",
    "PORT",
    "STATUS_PASSWORD",
    "THING_EVENT_PARTIAL_ACCESS_EVENTS_ENABLED",
];

/// What names of Ditto's gateway begin with; a name like that which means nothing here is a slip, or something that Ditto
/// does and this gateway does not.
const PREFIXES: [&str; 20] = [
    "AUTH_HTTP_PROXY_",
    "CLEANUP_",
    "DEVOPS_",
    "DITTO_",
    "EDGE_ASK_WITH_RETRY_",
    "ENABLE_PRE_",
    "GATEWAY_",
    "HEALTH_CHECK_",
    "LIMITS_",
    "LOG_LEVEL_",
    "MERGE_REMOVE_",
    "OAUTH_",
    "PEKKO_",
    "POLICY_",
    "STATISTICS_",
    "STATUS_",
    "THINGS_SEARCH_",
    "THING_",
    "TWINWARD_",
    "WS_",
];

/// Whether a variable looks like a setting of this gateway or of Ditto's, and is none that anything here knows.
pub(crate) fn is_unknown(name: &str) -> bool {
    !name.starts_with(super::PREFIX)
        && PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && !is_service_link(name)
        && !WITHOUT_EFFECT.contains(&name)
        && known().all(|known| known != name)
}

/// The names that set something.
pub(crate) fn known() -> impl Iterator<Item = &'static str> {
    let set = NAMES.iter().map(|Name(name, ..)| *name);
    set.chain(READ_ELSEWHERE)
}

/// Kubernetes sets such variables for every service of a namespace, whatever its name
/// (Kubernetes documentation, page "Service", section "Environment variables").
fn is_service_link(name: &str) -> bool {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_port = |rest: &str| {
        let mut words = rest.split('_');
        words.next().is_some_and(is_number)
            && matches!(words.next(), Some("TCP" | "UDP" | "SCTP"))
            && matches!(words.next(), None | Some("PROTO" | "PORT" | "ADDR"))
    };
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_PORT")
        || name.contains("_SERVICE_PORT")
        || name
            .match_indices("_PORT_")
            .any(|(at, word)| name.get(at + word.len()..).is_some_and(is_port))
}

/// The settings that Ditto's names make: name, key, value.
pub(super) fn settings(
    environment: &Environment,
    file_layer: &Value,
) -> Vec<(String, Vec<String>, String)> {
    let split = |key: &str| key.split('.').map(str::to_owned).collect();
    let mut settings: Vec<(String, Vec<String>, String)> = NAMES
        .iter()
        .filter_map(|Name(name, key, rewrite)| {
            let value = environment.get(*name)?;
            Some(((*name).to_owned(), split(key), rewritten(value, *rewrite)))
        })
        .collect();
    if let Some((name, address)) = listen_address(environment, file_layer) {
        settings.push((name, split("http_server.listen_addr"), address));
    }
    settings
}

fn rewritten(value: &str, rewrite: Rewrite) -> String {
    match rewrite {
        Rewrite::None => value.to_owned(),
        Rewrite::LowerCase => value.to_lowercase(),
        Rewrite::List => {
            let items: Vec<&str> = value
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .collect();
            serde_json::to_string(&items).expect("texts serialise")
        }
    }
}

/// `BIND_HOSTNAME` and `PORT` (or `HTTP_PORT`) each replace their half of the address.
fn listen_address(environment: &Environment, file_layer: &Value) -> Option<(String, String)> {
    let bind = environment
        .get("BIND_HOSTNAME")
        .map(|host| ("BIND_HOSTNAME", host));
    let port = ["PORT", "HTTP_PORT"]
        .into_iter()
        .find_map(|name| Some((name, environment.get(name)?)));
    let name = port.or(bind)?.0;
    let written = file_layer.pointer("/http_server/listen_addr");
    let (host_before, port_before) = halves(written.and_then(Value::as_str));
    let host = bind.map_or(host_before, |(_, host)| host.clone());
    let port = port.map_or(port_before, |(_, port)| port.clone());
    let host = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host
    };
    Some((name.to_owned(), format!("{host}:{port}")))
}

fn halves(written: Option<&str>) -> (String, String) {
    let address = written.and_then(|text| text.parse().ok());
    match address.unwrap_or_else(|| HttpServer::default().listen_addr) {
        ListenAddress::Tcp { host, port } => (host, port.to_string()),
        ListenAddress::Unix(_) => halves(None),
    }
}

#[cfg(test)]
mod tests;
