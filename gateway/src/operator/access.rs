//! Who may enter the operator service, in the words of the crate that asks them.

use authentication::jwt::Protocol;
use authentication::password::PasswordHashSettings;
use authentication::{JwtSettings, jwt};
use devops::{AccessSettings, Admission, ConsoleSettings};

use crate::config::authentication::{OAuthProtocol, issuer_settings};
use crate::config::devops::{Devops, DevopsOAuth, OperatorMethod, OperatorPassword};
use crate::config::value::Secret;

/// `first` is the password that the first start made.
pub(crate) fn access_settings(config: &Devops, first: Option<Secret>) -> AccessSettings {
    let first = first.map(|hash| PasswordHashSettings {
        hash: hash.expose().to_owned(),
        expires_at: None,
    });
    AccessSettings {
        devops: admission(
            config.devops_authentication_method,
            (&config.devops_passwords, &config.devops_oauth2_subjects),
            first,
        ),
        status: admission(
            config.status_authentication_method,
            (&config.status_passwords, &config.status_oauth2_subjects),
            None,
        ),
        read_only_subjects: config.read_only_subjects.clone(),
        issuers: jwt_settings(&config.oauth),
        metrics_token: config.metrics_token.as_ref().map(Secret::secret_string),
        console: console_settings(config),
    }
}

/// The operators' page; `None` if it is switched off.
fn console_settings(config: &Devops) -> Option<ConsoleSettings> {
    let scheme = match config.oauth.protocol {
        OAuthProtocol::Https => "https",
        OAuthProtocol::Http => "http",
    };
    let first = config.oauth.openid_connect_issuers.values().next();
    let issuer = first.and_then(|issuer| issuer.names().next());
    config.console.enabled.then(|| ConsoleSettings {
        issuer: issuer.map(|issuer| format!("{scheme}://{issuer}")),
        client_id: config.console.client_id.clone(),
        scope: config.console.scope.clone(),
        resource: config.console.resource.clone(),
    })
}

fn admission(
    method: OperatorMethod,
    (passwords, subjects): (&[OperatorPassword], &[String]),
    first: Option<PasswordHashSettings>,
) -> Admission {
    match method {
        OperatorMethod::Basic => Admission::Passwords(
            passwords
                .iter()
                .map(OperatorPassword::settings)
                .chain(first)
                .collect(),
        ),
        OperatorMethod::Oauth2 => Admission::Subjects(subjects.to_vec()),
    }
}

fn jwt_settings(oauth: &DevopsOAuth) -> JwtSettings {
    JwtSettings {
        protocol: match oauth.protocol {
            OAuthProtocol::Https => Protocol::Https,
            OAuthProtocol::Http => Protocol::Http,
        },
        allowed_clock_skew: oauth.allowed_clock_skew.duration(),
        max_token_lifetime: oauth.max_token_lifetime.duration(),
        keys: jwt::KeySettings::default(),
        issuers: issuer_settings(&oauth.openid_connect_issuers),
        remembered_tokens_max: REMEMBERED_TOKENS_MAX,
        ..JwtSettings::default()
    }
}

/// Operators are few.
const REMEMBERED_TOKENS_MAX: usize = 256;
