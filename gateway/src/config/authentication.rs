//! `auth`: who may call, by which credentials.

use schemars::JsonSchema;
use serde::Deserialize;

mod api_keys;
pub(crate) mod identities;
mod keys;
mod namespace_access;
mod oauth;
mod pre_authenticated;
mod settings;

pub use api_keys::{ApiKeyEnvironment, ApiKeys, SlowLane};
pub use identities::{
    FullPermission, Identities, Identity, IdentityCredential, IdentityRateLimit, PermissionSet,
    PermissionSets, Permissions,
};
pub(crate) use keys::{ConfiguredKey, ConfiguredKeys};
pub use namespace_access::{NamespaceAccess, NamespaceResourceType};
pub use oauth::{Audience, AudienceWord, Issuer, Issuers, KeyFetching, OAuth, OAuthProtocol};
pub use pre_authenticated::{Assertion, PreAuthenticated};
pub(crate) use settings::{issuer_settings, namespace_rule};

use super::value::{Period, Secret, Switchable};

/// Who may call: everybody on this machine, or the chain of providers.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Auth {
    /// Nobody is asked for a credential; loopback only.
    Word(AuthWord),
    /// The chain of providers and their settings.
    Providers(Box<Authentication>),
}

/// The words that may stand for the whole of `auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthWord {
    /// Nobody is asked for a credential.
    DevMode,
}

impl Default for Auth {
    fn default() -> Self {
        Self::Providers(Box::default())
    }
}

impl Auth {
    /// The providers' settings, unless nobody is asked for a credential.
    pub fn providers(&self) -> Option<&Authentication> {
        match self {
            Self::Word(AuthWord::DevMode) => None,
            Self::Providers(authentication) => Some(authentication),
        }
    }

    /// Whether nobody is asked for a credential.
    pub fn is_dev_mode(&self) -> bool {
        self.providers().is_none()
    }
}

/// The chain of providers and their settings.
#[derive(Clone, Debug, Default, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Authentication {
    /// The order in which providers are asked; one that is not listed is off.
    /// Absent: `pre_authenticated` if it is enabled, then `jwt`, then `api_key`.
    chain: Option<Vec<Provider>>,
    /// What happens to a request with credentials of two kinds.
    pub on_conflict: OnConflict,
    /// A header that a trusted proxy sets.
    pub pre_authenticated: PreAuthenticated,
    /// Tokens of OpenID Connect issuers.
    pub oauth: OAuth,
    /// How API keys are recognised.
    pub api_keys: ApiKeys,
    /// The callers known by an API key, by name.
    pub identities: Identities,
    /// What identities may reach, by name.
    pub permission_sets: PermissionSets,
    /// Which namespaces a caller may touch at all.
    pub namespace_access: Vec<NamespaceAccess>,
    /// What repeated failures lead to.
    pub brute_force: Option<Switchable<BruteForce>>,
}

impl Authentication {
    /// The providers in the order they are asked.
    pub fn chain(&self) -> Vec<Provider> {
        self.chain.clone().unwrap_or_else(|| {
            let pre_authenticated = self
                .pre_authenticated
                .enabled
                .then_some(Provider::PreAuthenticated);
            pre_authenticated
                .into_iter()
                .chain([Provider::Jwt, Provider::ApiKey])
                .collect()
        })
    }

    /// What repeated failures lead to; `None` if switched off.
    pub fn brute_force(&self) -> Option<BruteForce> {
        match &self.brute_force {
            None => Some(BruteForce::default()),
            Some(setting) => setting.settings().cloned(),
        }
    }
}

/// A kind of credential, as `chain` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// The header `x-ditto-pre-authenticated`.
    PreAuthenticated,
    /// A JSON Web Token.
    Jwt,
    /// An API key.
    ApiKey,
}

impl Provider {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreAuthenticated => "pre_authenticated",
            Self::Jwt => "jwt",
            Self::ApiKey => "api_key",
        }
    }
}

/// What happens to a request with credentials of two kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// It is refused.
    #[default]
    Reject,
    /// The first provider that recognises its credential decides, as in Ditto.
    First,
}

/// When a source that keeps failing has to wait.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BruteForce {
    /// How many failures are tolerated in a window.
    #[schemars(range(min = 1))]
    pub failures: u32,
    /// The window.
    pub window: Period,
    /// The longest wait.
    pub block: Period,
}

impl Default for BruteForce {
    fn default() -> Self {
        Self {
            failures: 10,
            window: Period::from_secs(60),
            block: Period::from_secs(60),
        }
    }
}
