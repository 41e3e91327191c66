//! What an operator should know at start-up: settings that were written and have no effect.
//!
//! Nothing is parsed and silently ignored: what is accepted for compatibility is named here as soon as somebody sets it.

use ::authentication::jwt::{Audience, IssuerSettings};
use ::authentication::{Scope, ScopeWord};

use super::{
    Config,
    authentication::{Authentication, Identity, PermissionSet, Permissions, issuer_settings},
    environment::{
        Environment,
        ditto::{WITHOUT_EFFECT, is_unknown, known},
    },
    places::Places,
    spelling,
};

/// Keys of Edge Server that this gateway accepts and has no use for; `*` stands for one name of the user's.
const NOT_HERE: &[&str] = &[
    "database",
    "grpc_server",
    "http_server.http_api.*",
    "http_server.limits.max_header_bytes",
    "logging.ditto_sdk",
    "logging.edge_server.audit_logs",
    "logging.edge_server.console_logs",
    "logging.edge_server.rotating_logs",
];

/// A sentence for every setting that was written and has no effect.
pub fn no_effect_yet(places: &Places, environment: &Environment) -> Vec<String> {
    let mut sentences = Vec::new();
    for pattern in NOT_HERE {
        sentences.extend(written(places, pattern).map(|key| {
            format!(
                "`{key}` is accepted so that files of Edge Server start, and has no effect here"
            )
        }));
    }
    for name in WITHOUT_EFFECT {
        if environment.contains_key(name) {
            sentences.push(format!(
                "the environment variable {name} is set, but has no effect here"
            ));
        }
    }
    sentences.extend(properties(environment).map(|name| {
        format!("the property {name} in JAVA_TOOL_OPTIONS has no effect here; write the setting into the file")
    }));
    let unknown = environment
        .keys()
        .filter(|name| is_unknown(name) && !places.reads_variable(name));
    sentences.extend(unknown.map(|name| {
        format!(
            "the environment variable {name} looks like a setting, and none is called like that{}",
            spelling::hint(name, known())
        )
    }));
    sentences
}

/// The settings that Ditto's recipes give to its virtual machine.
fn properties(environment: &Environment) -> impl Iterator<Item = &str> {
    let options = environment.get("JAVA_TOOL_OPTIONS");
    let options = options
        .into_iter()
        .flat_map(|options| options.split_whitespace());
    options
        .filter_map(|option| option.strip_prefix("-D")?.split('=').next())
        .filter(|name| name.starts_with("ditto.") || name.starts_with("pekko."))
}

/// A sentence for every setting that reaches less far than somebody may think.
pub fn reaching_less(config: &Config) -> Vec<String> {
    let Some(authentication) = config.auth.providers() else {
        return Vec::new();
    };
    let sets = authentication.permission_sets.iter();
    let unused = sets.filter_map(|(name, set)| {
        let words = words_without_use(set);
        (!words.is_empty()).then(|| {
            format!(
                "`auth.permission_sets.{name}`: nothing here asks for {}, so that it opens nothing",
                words.join(", ")
            )
        })
    });
    let limited = config.http_server.auth.is_some() && admits_others(authentication);
    let limited = limited.then(|| {
        "`http_server.auth` limits identities with API keys; whoever comes with a token or through a proxy that vouches is admitted by `auth.chain` as before".to_owned()
    });
    let never = authentication.identities.iter().flat_map(never_counting);
    let shared = shared_issuers(authentication, config);
    unused.chain(limited).chain(never).chain(shared).collect()
}

/// Issuers of callers whose tokens operators could have as well.
fn shared_issuers(authentication: &Authentication, config: &Config) -> Vec<String> {
    let callers = issuer_settings(&authentication.oauth.openid_connect_issuers);
    let operators = issuer_settings(&config.devops.oauth.openid_connect_issuers);
    let shares = |caller: &IssuerSettings| {
        operators.iter().any(|operator| {
            let is_one = |value| operator.issuers.contains(value);
            caller.issuers.iter().any(is_one) && overlap(&caller.audience, &operator.audience)
        })
    };
    let shared = callers.iter().filter(|caller| shares(caller));
    shared
        .map(|caller| {
            format!(
                "`auth.oauth.openid_connect_issuers.{}` and `devops.oauth` accept the same tokens; give operators an audience of their own, so that a token of a caller opens nothing there, nor theirs here",
                caller.name
            )
        })
        .collect()
}

fn overlap(one: &Audience, other: &Audience) -> bool {
    match (one, other) {
        (Audience::OneOf(one), Audience::OneOf(other)) => {
            one.iter().any(|name| other.contains(name))
        }
        (Audience::Any, _) | (_, Audience::Any) => true,
    }
}

/// Keys of an identity that are over before they begin.
fn never_counting((name, identity): (&String, &Identity)) -> Vec<String> {
    let credentials = identity.all_credentials().enumerate();
    credentials
        .filter_map(|(index, credential)| {
            let begins = identity.not_before.max(credential.not_before)?;
            let ends = [identity.expires_at, credential.expires_at];
            let ends = ends.into_iter().flatten().min()?;
            (ends <= begins).then(|| {
                format!(
                    "`auth.identities.{name}`: its key number {} counts from {begins} and until {ends}, so never",
                    index + 1
                )
            })
        })
        .collect()
}

fn admits_others(authentication: &Authentication) -> bool {
    authentication.pre_authenticated.enabled
        || !authentication.oauth.openid_connect_issuers.is_empty()
}

/// What a set lists and no route asks for.
fn words_without_use(set: &PermissionSet) -> Vec<String> {
    let quoted = |text: &str| format!("`{text}`");
    match &set.permissions {
        Permissions::Word(_) if set.full_includes_devops => vec![quoted("full_includes_devops")],
        Permissions::Word(_) => Vec::new(),
        Permissions::Scopes(scopes) => scopes
            .iter()
            .filter(|text| {
                text.parse::<Scope>()
                    .is_ok_and(|scope| !is_asked_for(scope.word))
            })
            .map(|text| quoted(text))
            .collect(),
    }
}

/// Whether a route of the public listener asks for it. The operator service has credentials of its own.
fn is_asked_for(word: ScopeWord) -> bool {
    match word {
        ScopeWord::ThingsRead
        | ScopeWord::ThingsWrite
        | ScopeWord::PoliciesRead
        | ScopeWord::PoliciesWrite
        | ScopeWord::MessagesSend
        | ScopeWord::WebSocket
        | ScopeWord::Events => true,
        ScopeWord::SearchRead
        | ScopeWord::EdgeExecute
        | ScopeWord::EdgeAttachments
        | ScopeWord::EdgePresence
        | ScopeWord::EdgeLogs
        | ScopeWord::StatusRead
        | ScopeWord::DevopsRead
        | ScopeWord::DevopsWrite => false,
    }
}

fn written<'a>(places: &'a Places, pattern: &'a str) -> impl Iterator<Item = &'a str> {
    places.keys().filter(move |key| matches(pattern, key))
}

fn matches(pattern: &str, key: &str) -> bool {
    let mut pattern = pattern.split('.');
    let mut key = key.split('.');
    loop {
        match (pattern.next(), key.next()) {
            (None, None) => return true,
            (Some(wanted), Some(name)) if wanted == "*" || wanted == name => {}
            (Some(_) | None, _) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_one_name() {
        assert!(matches(
            "auth.identities.*.allow_from",
            "auth.identities.press-07.allow_from"
        ));
        assert!(!matches(
            "auth.identities.*.allow_from",
            "auth.identities.allow_from"
        ));
        assert!(!matches("audit", "audit.path"));
    }
}
