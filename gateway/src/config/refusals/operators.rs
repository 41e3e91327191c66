//! Who may use the operator service: hashes that are none, methods that contradict what is listed.

use ::authentication::password::PasswordVerifier;

use super::Refusals;
use crate::config::devops::{Devops, OperatorMethod, OperatorPassword};
use crate::config::value::Secret;

/// A scraper's token is compared at once, also for who has to wait: it must be too long to guess.
const METRICS_TOKEN_BYTES_MIN: usize = 32;

impl Refusals<'_> {
    pub(super) fn check_operators(&mut self, devops: &Devops) {
        self.check_metrics_token(devops.metrics_token.as_ref());
        let issuers = &devops.oauth.openid_connect_issuers;
        let section = "devops.oauth.openid_connect_issuers";
        self.check_section(section, issuers);
        self.check_plain_issuers(section, devops.oauth.protocol, issuers);
        self.check_usable(section, devops.oauth.protocol, issuers);
        let methods = [
            devops.devops_authentication_method,
            devops.status_authentication_method,
        ];
        if methods.contains(&OperatorMethod::Oauth2) && issuers.is_empty() {
            self.refuse(
                section,
                "operators authenticate by `oauth2`, but no issuer of theirs is configured; name one here, or use `basic`",
            );
        }
        self.check_surface(
            "devops",
            devops.devops_authentication_method,
            (&devops.devops_passwords, &devops.devops_oauth2_subjects),
        );
        self.check_surface(
            "status",
            devops.status_authentication_method,
            (&devops.status_passwords, &devops.status_oauth2_subjects),
        );
        if devops.devops_authentication_method == OperatorMethod::Basic
            && !devops.read_only_subjects.is_empty()
        {
            self.refuse(
                "devops.read_only_subjects",
                "operators authenticate by `basic`, and a password has no subjects, so nobody would be restricted; use `oauth2`, or remove it",
            );
        }
    }

    fn check_metrics_token(&mut self, token: Option<&Secret>) {
        if token.is_some_and(|token| token.expose().len() < METRICS_TOKEN_BYTES_MIN) {
            self.refuse(
                "devops.metrics_token",
                format!("a token of less than {METRICS_TOKEN_BYTES_MIN} bytes can be guessed; make one with `openssl rand -hex 32`"),
            );
        }
    }

    /// What is listed for the other method would silently admit nobody.
    fn check_surface(
        &mut self,
        surface: &str,
        method: OperatorMethod,
        (passwords, subjects): (&[OperatorPassword], &[String]),
    ) {
        let method_key = format!("devops.{surface}_authentication_method");
        match method {
            OperatorMethod::Basic if !subjects.is_empty() => self.refuse(
                &format!("devops.{surface}_oauth2_subjects"),
                format!("subjects come with tokens, but `{method_key}` is `basic`; write `oauth2`, or remove it"),
            ),
            OperatorMethod::Oauth2 if !passwords.is_empty() => self.refuse(
                &format!("devops.{surface}_passwords"),
                format!("passwords open nothing while `{method_key}` is `oauth2`; write `basic`, or remove them"),
            ),
            OperatorMethod::Basic | OperatorMethod::Oauth2 => {}
        }
        for (index, password) in passwords.iter().enumerate() {
            if let Err(error) = PasswordVerifier::new(vec![password.settings()]) {
                let message = error.to_string();
                let (_, fault) = message.split_once(": ").unwrap_or(("", &message));
                self.refuse(&format!("devops.{surface}_passwords.{index}"), fault);
            }
        }
    }
}
