//! Settings that only a start can change: they are kept as they are, and named.

use crate::config::server::TlsConfig;
use crate::config::{Config, Values};

/// Keys whose settings are handed out once, when the process starts; each stands for everything below it.
const FIXED: [&str; 22] = [
    "audit",
    "database",
    "devops.force_https",
    "devops.listen_addr",
    "devops.redirect_to_https",
    "devops.strict_transport_security",
    "devops.trusted_proxies",
    "grpc_server",
    "history",
    "http_server.limits.max_connections",
    "http_server.listen_addr",
    "http_server.max_connections",
    "http_server.shutdown_timeout",
    "limits.message_size",
    "limits.policy_imports",
    "limits.policy_size",
    "limits.thing_size",
    "logging.format",
    "logging.otlp_endpoint",
    "logging.otlp_sampling",
    "policies",
    "store",
];

/// Puts back into `new` what cannot change, and says so for each setting that was meant to.
pub(super) fn pin(
    (old, old_values): (&Config, &Values),
    (new, new_values): (&mut Config, &Values),
) -> Vec<String> {
    let mut warnings: Vec<String> = old_values
        .changed(new_values)
        .iter()
        .filter(|key| FIXED.iter().any(|fixed| is_below(key, fixed)))
        .map(|key| warning(key))
        .collect();
    for (name, before, after) in [
        (
            "http_server.tls_config",
            &old.http_server.tls_config,
            &mut new.http_server.tls_config,
        ),
        (
            "devops.tls_config",
            &old.devops.tls_config,
            &mut new.devops.tls_config,
        ),
    ] {
        let both_speak_tls = matches!(
            (before, &*after),
            (TlsConfig::Files(_), TlsConfig::Files(_))
        );
        if !both_speak_tls && before != after {
            warnings.push(warning(name));
            *after = before.clone();
        }
    }
    new.http_server.listen_addr = old.http_server.listen_addr.clone();
    new.http_server.max_connections = old.http_server.max_connections;
    new.http_server.shutdown_timeout = old.http_server.shutdown_timeout;
    new.devops.force_https = old.devops.force_https;
    new.devops.redirect_to_https = old.devops.redirect_to_https;
    new.devops.strict_transport_security = old.devops.strict_transport_security;
    new.devops.listen_addr = old.devops.listen_addr.clone();
    new.store = old.store.clone();
    new.audit = old.audit.clone();
    new.policies = old.policies.clone();
    warnings
}

fn warning(key: &str) -> String {
    format!("`{key}` was changed, which takes effect with the next start only")
}

fn is_below(key: &str, section: &str) -> bool {
    key.strip_prefix(section)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::is_below;

    #[test]
    fn a_section_stands_for_what_is_below_it() {
        assert!(is_below("store.path", "store"));
        assert!(is_below("store", "store"));
        assert!(!is_below("storefront", "store"));
    }
}
