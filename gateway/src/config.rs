//! Configuration: one YAML file, then environment, then flags, parsed once into typed structs.
//!
//! Everything that is wrong is reported at once, with its place and what to write instead. Nothing else in
//! the program reads files or the environment for its settings.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

pub mod announcements;
pub mod authentication;
pub mod database;
pub mod devops;
pub mod entities;
mod environment;
mod error;
mod layers;
pub mod limits;
mod load;
mod places;
mod refusals;
mod schema;
pub mod server;
mod spelling;
pub mod store;
pub mod streaming;
pub mod telemetry;
mod tree;
pub mod value;
mod values;

pub use environment::Environment;
pub use error::{ConfigError, Problem};
pub use load::{Flags, LoadOptions, Loaded, load};
pub(crate) use load::{digest_of, load_without_hashes};
pub use places::{Place, Places};
pub use schema::json_schema;
pub use values::{Unshown, Values};

use self::{
    authentication::Auth,
    database::{Database, GrpcServer},
    devops::Devops,
    entities::{History, Policies},
    limits::Limits,
    server::{HttpServer, TlsConfig, TlsFiles},
    store::Store,
    streaming::Streaming,
    telemetry::{Audit, Logging},
};

/// Everything that can be configured; each section is documented in `docs/configuration.md`.
#[derive(Clone, Debug, Default, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Twinward configuration")]
pub struct Config {
    /// Edge Server's database; checked, not used.
    pub database: Option<Database>,
    /// Edge Server's gRPC listener; checked, not used.
    pub grpc_server: Option<GrpcServer>,
    /// The public listener.
    pub http_server: HttpServer,
    /// Who may call, by which credentials.
    pub auth: Auth,
    /// How much one caller may ask for, how large an entity may grow.
    pub limits: Limits,
    /// WebSocket and server-sent events.
    pub streaming: Streaming,
    /// How policies behave.
    pub policies: Policies,
    /// How long the past of entities is kept.
    pub history: History,
    /// The operators' listener and who may use it.
    pub devops: Devops,
    /// Where the data lies.
    pub store: Store,
    /// What is logged, and how.
    pub logging: Logging,
    /// What is recorded for auditors.
    pub audit: Audit,
}

impl Config {
    /// The file that audit records go to.
    pub fn audit_path(&self) -> std::path::PathBuf {
        let configured = self.audit.path.clone();
        configured.unwrap_or_else(|| self.store.path.join("audit.jsonl"))
    }

    /// The files that it names and that are read while the gateway runs: certificates, keys, keys of issuers.
    fn files(&self) -> Vec<std::path::PathBuf> {
        let mut files = Vec::new();
        for tls in [&self.http_server.tls_config, &self.devops.tls_config] {
            if let TlsConfig::Files(TlsFiles { cert, key, .. }) = tls {
                files.extend([cert.clone(), key.clone()]);
            }
        }
        let issuers = self
            .auth
            .providers()
            .map(|providers| &providers.oauth.openid_connect_issuers);
        let issuers = issuers
            .into_iter()
            .chain([&self.devops.oauth.openid_connect_issuers]);
        files.extend(
            issuers
                .flat_map(|issuers| issuers.values())
                .filter_map(|issuer| issuer.jwks_file.clone()),
        );
        files
    }

    /// The same with every relative path resolved against `folder`.
    fn resolved(mut self, folder: &Path) -> Self {
        self.http_server.listen_addr = self.http_server.listen_addr.resolved(folder);
        self.devops.listen_addr = self.devops.listen_addr.resolved(folder);
        for tls in [
            &mut self.http_server.tls_config,
            &mut self.devops.tls_config,
        ] {
            if let TlsConfig::Files(TlsFiles { cert, key, base }) = tls {
                *cert = folder.join(&*cert);
                *key = folder.join(&*key);
                *base = folder.to_owned();
            }
        }
        let own_issuers = match &mut self.auth {
            Auth::Word(_) => None,
            Auth::Providers(providers) => Some(&mut providers.oauth.openid_connect_issuers),
        };
        for issuer in own_issuers
            .into_iter()
            .chain([&mut self.devops.oauth.openid_connect_issuers])
            .flat_map(|issuers| issuers.values_mut())
        {
            issuer.jwks_file = issuer.jwks_file.as_ref().map(|file| folder.join(file));
        }
        self.store.path = folder.join(&self.store.path);
        self.audit.path = self.audit.path.as_ref().map(|path| folder.join(path));
        self
    }
}

#[cfg(test)]
mod tests;
