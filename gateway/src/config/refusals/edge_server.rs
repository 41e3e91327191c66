//! Edge Server's switches and limits: a restriction that is written must not come to nothing.

use super::Refusals;
use crate::config::{
    server::{EdgeHttpApi, EdgeScope, EdgeThrottle, HttpServer},
    spelling,
};

/// The endpoints that Edge Server has, none of which is here: switching one off is granted, and says nothing.
const ENDPOINTS: [&str; 8] = [
    "attachments",
    "enable_attachments",
    "enable_execute",
    "enable_logs",
    "enable_presence",
    "execute",
    "logs",
    "presence",
];

impl Refusals<'_> {
    pub(super) fn check_edge_server(&mut self, server: &HttpServer) {
        if let EdgeHttpApi::PerEndpoint(switches) = &server.http_api {
            let unknown = switches
                .keys()
                .filter(|name| !ENDPOINTS.contains(&name.as_str()));
            for name in unknown {
                let hint = spelling::hint(name, ENDPOINTS);
                self.refuse(
                    &format!("http_server.http_api.{name}"),
                    format!("no endpoint of Edge Server is named `{name}`{hint}; to limit what an identity may ask for, give it a permission set with scopes"),
                );
            }
        }
        let rules = server.limits.iter().flat_map(|limits| &limits.throttle);
        for (index, rule) in rules.enumerate() {
            self.check_throttle(&format!("http_server.limits.throttle.{index}"), rule);
        }
        for (scope, ours) in [
            (EdgeScope::Ip, "limits.per_source"),
            (EdgeScope::ApiKey, "limits.per_subject"),
        ] {
            self.check_one_of(server, (scope, ours));
        }
    }

    fn check_throttle(&mut self, key: &str, rule: &EdgeThrottle) {
        if rule.scope == EdgeScope::Route {
            self.refuse(
                key,
                "requests are not limited by route here; leave the rule out, or limit `ip` or `api_key`",
            );
        }
        if rule.max_requests == 0 || rule.window_secs == 0 {
            self.refuse(
                key,
                "expected at least 1 for `max_requests` and `window_secs`",
            );
        }
    }

    /// Two rules for one thing: which of them is meant?
    fn check_one_of(&mut self, server: &HttpServer, (scope, ours): (EdgeScope, &str)) {
        let rules = server.limits.iter().flat_map(|limits| &limits.throttle);
        let count = rules.filter(|rule| rule.scope == scope).count();
        let is_ours_written = self.places.keys().any(|key| key == ours);
        if count > 1 || count == 1 && is_ours_written {
            self.refuse(
                "http_server.limits.throttle",
                format!("the limit `{ours}` is set more than once; keep one rule, here or there"),
            );
        }
    }
}
