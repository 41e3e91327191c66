//! Rules inside single sections that a schema cannot say.

use super::Refusals;
use crate::config::{
    Config,
    database::Database,
    limits::RateLimit,
    value::{Period, Switchable},
};

impl Refusals<'_> {
    pub(super) fn check_sections(&mut self, config: &Config) {
        if let Some(database) = &config.database {
            self.check_database(database);
        }
        self.check_periods(config);
        self.check_collector(config);
        let limits = &config.limits;
        self.check_rate("limits.per_source", &limits.per_source);
        self.check_rate("limits.per_subject", &limits.per_subject);
        self.check_rate(
            "limits.handshakes_per_source",
            &limits.handshakes_per_source,
        );
        for (index, origin) in config.http_server.allowed_origins.iter().enumerate() {
            if origin == "null" || origin.contains('*') {
                self.refuse(
                    &format!("http_server.allowed_origins.{index}"),
                    format!("`{origin}` would admit pages that cannot be told apart; list whole origins such as `https://app.example`"),
                );
            }
        }
    }

    /// It is shown with the configuration, so that no credential may be in it.
    fn check_collector(&mut self, config: &Config) {
        let Some(endpoint) = &config.logging.otlp_endpoint else {
            return;
        };
        let is_usable = url::Url::parse(endpoint).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
        });
        if !is_usable {
            self.refuse(
                "logging.otlp_endpoint",
                "expected the address of a collector without user, password or query, such as `http://127.0.0.1:4318`",
            );
        }
    }

    fn check_database(&mut self, database: &Database) {
        if database.is_empty() {
            return;
        }
        for (name, missing) in [
            ("db_id", database.db_id.is_none()),
            ("device_name", database.device_name.is_none()),
        ] {
            if missing {
                self.refuse("database", format!("the key `{name}` is missing"));
            }
        }
        if database
            .auth
            .as_ref()
            .is_some_and(|auth| auth.alternatives() != 1)
        {
            self.refuse(
                "database.auth",
                "expected exactly one of `server` and `small_peer_only`",
            );
        }
    }

    fn check_periods(&mut self, config: &Config) {
        let streaming = &config.streaming;
        let mut periods = vec![
            (
                "http_server.request_timeout",
                config.http_server.request_timeout,
            ),
            (
                "streaming.websocket.throttling.interval",
                streaming.websocket.throttling.interval,
            ),
            (
                "streaming.sse.throttling.interval",
                streaming.sse.throttling.interval,
            ),
            ("streaming.sse.heartbeat", streaming.sse.heartbeat),
            (
                "policies.subject_expiry_granularity",
                config.policies.subject_expiry_granularity,
            ),
        ];
        if let Some(authentication) = config.auth.providers() {
            let keys = &authentication.oauth.keys;
            periods.push((
                "auth.oauth.max_token_lifetime",
                authentication.oauth.max_token_lifetime,
            ));
            periods.push(("auth.oauth.keys.refresh", keys.refresh));
            periods.push(("auth.oauth.keys.timeout", keys.timeout));
        }
        for (key, _) in periods.iter().filter(|(_, period)| period.is_zero()) {
            self.refuse(key, "expected a duration longer than zero");
        }
    }

    fn check_rate(&mut self, key: &str, limit: &Switchable<RateLimit>) {
        let Some(limit) = limit.settings() else {
            return;
        };
        if limit.window == Period::from_millis(0) {
            self.refuse(
                &format!("{key}.window"),
                "expected a duration longer than zero; write `false` to switch the limit off",
            );
        }
        if limit.burst() == 0 {
            self.refuse(
                &format!("{key}.burst"),
                "expected at least 1; write `false` to switch the limit off",
            );
        }
    }
}
