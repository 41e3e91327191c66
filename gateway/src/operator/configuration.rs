//! The configuration in force as operators see it: our sections, and Ditto's paths to the same settings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use devops::ConfigurationSource;
use serde_json::{Map, Value, json};

use super::Operator;
use crate::config::Loaded;
use crate::config::Place;
use crate::config::value::Secret;

/// Ditto's path below `ditto`, and ours.
const ALIASES: [(&str, &str); 20] = [
    (
        "gateway.http.request-timeout",
        "http_server.request_timeout",
    ),
    (
        "gateway.authentication.pre-authentication.enabled",
        "auth.pre_authenticated.enabled",
    ),
    (
        "gateway.authentication.oauth.protocol",
        "auth.oauth.protocol",
    ),
    (
        "gateway.authentication.oauth.allowed-clock-skew",
        "auth.oauth.allowed_clock_skew",
    ),
    (
        "gateway.authentication.oauth.token-integration-subject",
        "auth.oauth.token_integration_subject",
    ),
    (
        "gateway.authentication.oauth.openid-connect-issuers",
        "auth.oauth.openid_connect_issuers",
    ),
    (
        "gateway.authentication.devops.devops-authentication-method",
        "devops.devops_authentication_method",
    ),
    (
        "gateway.authentication.devops.devops-oauth2-subjects",
        "devops.devops_oauth2_subjects",
    ),
    (
        "gateway.authentication.devops.status-authentication-method",
        "devops.status_authentication_method",
    ),
    (
        "gateway.authentication.devops.status-oauth2-subjects",
        "devops.status_oauth2_subjects",
    ),
    (
        "gateway.authentication.devops.password",
        "devops.devops_passwords",
    ),
    (
        "gateway.authentication.devops.statusPassword",
        "devops.status_passwords",
    ),
    (
        "gateway.authentication.devops.oauth.protocol",
        "devops.oauth.protocol",
    ),
    (
        "gateway.streaming.websocket.throttling",
        "streaming.websocket.throttling",
    ),
    (
        "gateway.streaming.sse.throttling",
        "streaming.sse.throttling",
    ),
    ("limits.things.max-size", "limits.thing_size"),
    ("limits.policies.max-size", "limits.policy_size"),
    ("limits.policies.max-imports-count", "limits.policy_imports"),
    ("limits.messages.max-size", "limits.message_size"),
    (
        "entity-creation.default-namespace",
        "policies.default_namespace",
    ),
];

impl ConfigurationSource for Operator {
    fn effective(&self) -> Value {
        Value::clone(&self.configuration.load())
    }
}

/// Everything that is in force. Secrets have a type of their own, which writes `***` in their place.
pub(crate) fn effective(loaded: &Loaded, instance: &str) -> Value {
    let mut sections = serde_json::to_value(&loaded.config).unwrap_or_default();
    hide_userinfo(&mut sections);
    let ditto = ditto(&sections, loaded, instance);
    if let Some(members) = sections.as_object_mut() {
        members.insert("ditto".to_owned(), ditto);
    }
    sections
}

fn ditto(sections: &Value, loaded: &Loaded, instance: &str) -> Value {
    let mut ditto = json!({
        "info": {
            "service": { "name": "twinward", "instance-id": instance },
            "vm-args": arguments(loaded),
            "env": environment(sections, loaded),
        }
    });
    for (path, own) in ALIASES {
        if let Some(value) = at(sections, own) {
            insert(&mut ditto, path, value.clone());
        }
    }
    ditto
}

/// What the process was told on its command line; nothing there can be a secret.
fn arguments(loaded: &Loaded) -> Vec<String> {
    let flags = &loaded.flags;
    let shown = |path: &PathBuf| path.display().to_string();
    let with_value = [
        ("--config", loaded.file.as_ref().map(shown)),
        ("--listen", flags.listen.clone()),
        ("--devops-listen", flags.devops_listen.clone()),
        ("--data", flags.data.as_ref().map(shown)),
    ];
    let alone = [
        (
            "--enable-pre-authentication",
            flags.enable_pre_authentication,
        ),
        ("--print-credentials", flags.print_credentials),
        ("--accept-damaged-tail", flags.accept_damaged_tail),
    ];
    let with_value = with_value
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value?)));
    let alone = alone.into_iter().filter(|(_, is_given)| *is_given);
    with_value
        .chain(alone.map(|(name, _)| name.to_owned()))
        .collect()
}

/// The variables that set something, with what they set: other variables are none of this process's business.
fn environment(sections: &Value, loaded: &Loaded) -> Value {
    let set: BTreeMap<String, Value> = loaded
        .places
        .keys()
        .filter_map(|key| match loaded.places.nearest(key)? {
            Place::Environment(name) => Some((name.clone(), at(sections, key)?.clone())),
            Place::File { .. } | Place::Flag(_) => None,
        })
        .collect();
    json!(set)
}

fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.')
        .try_fold(value, |value, name| value.get(name))
}

fn insert(root: &mut Value, path: &str, value: Value) {
    let mut node = root;
    for name in path.split('.') {
        if !node.is_object() {
            *node = Value::Object(Map::new());
        }
        let Some(members) = node.as_object_mut() else {
            return;
        };
        node = members.entry(name).or_insert(Value::Null);
    }
    *node = value;
}

/// Credentials may stand in addresses, `scheme://user:password@host`, whatever the type of the setting.
fn hide_userinfo(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((scheme, rest)) = text.split_once("://")
                && let Some((_, host)) = rest.split('/').next().unwrap_or("").rsplit_once('@')
            {
                let tail = rest.split_once('/').map(|(_, tail)| format!("/{tail}"));
                let tail = tail.unwrap_or_default();
                *text = format!("{scheme}://{}@{host}{tail}", Secret::REDACTED);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_userinfo),
        Value::Object(members) => members.values_mut().for_each(hide_userinfo),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, LoadOptions, load};

    fn shown(yaml: &str, environment: &[(&str, &str)]) -> Value {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("twinward.yaml");
        std::fs::write(&file, yaml).unwrap();
        let variables = environment.iter();
        let loaded = load(&LoadOptions {
            file: Some(file),
            environment: variables
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            flags: Flags::default(),
        });
        effective(&loaded.unwrap(), "here")
    }

    #[test]
    fn defaults_are_shown_with_what_is_written() {
        let shown = shown("http_server: { request_timeout: 5s }\n", &[]);
        assert_eq!(shown["http_server"]["request_timeout"], "5s");
        assert_eq!(shown["devops"]["listen_addr"], "127.0.0.1:8081");
        assert_eq!(shown["limits"]["per_source"]["requests"], 300);
        assert_eq!(shown["ditto"]["gateway"]["http"]["request-timeout"], "5s");
        assert_eq!(shown["ditto"]["info"]["service"]["instance-id"], "here");
    }

    #[test]
    fn arguments_are_shown_as_they_were_understood() {
        let loaded = load(&LoadOptions {
            file: None,
            environment: BTreeMap::new(),
            flags: Flags {
                listen: Some("127.0.0.1:9999".to_owned()),
                enable_pre_authentication: true,
                ..Flags::default()
            },
        });
        let shown = effective(&loaded.unwrap(), "here");
        assert_eq!(
            shown["ditto"]["info"]["vm-args"],
            json!(["--listen=127.0.0.1:9999", "--enable-pre-authentication"])
        );
    }

    #[test]
    fn secrets_of_every_kind_are_not() {
        let hash = "$2y$05$abcdefghijklmnopqrstuuW5Xc0QnS3iXlq3l1yWf1nGmpCDrY1lC";
        let yaml = format!(
            "devops: {{ metrics_token: canary-token-of-thirty-two-bytes, devops_passwords: [\"{hash}\", {{ hash: \"{hash}\" }}] }}\n\
             auth: {{ api_keys: {{ pepper: canary-pepper }} }}\n"
        );
        let text = shown(
            &yaml,
            &[
                ("DEVOPS_PASSWORD", "canary-password"),
                ("AWS_SECRET", "canary"),
            ],
        );
        let text = text.to_string();
        for secret in ["canary", "$2y$", "$argon2"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        assert!(text.contains("***"));
    }

    #[test]
    fn variables_that_set_something_are_named() {
        let shown = shown("", &[("LIMITS_THINGS_MAX_SIZE", "1k"), ("HOME", "/root")]);
        assert_eq!(
            shown["ditto"]["info"]["env"],
            json!({ "LIMITS_THINGS_MAX_SIZE": "1KiB" })
        );
    }

    #[test]
    fn credentials_in_addresses_are_hidden() {
        let mut value = json!(["https://user:canary@id.example/x", "https://id.example/a@b"]);
        hide_userinfo(&mut value);
        assert_eq!(
            value,
            json!(["https://***@id.example/x", "https://id.example/a@b"])
        );
    }
}
