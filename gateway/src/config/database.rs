//! `database` and `grpc_server`: blocks of Edge Server that are checked, and not used here.
//!
//! Source: Ditto Edge Server documentation, page "Database Reference".

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::value::{Secret, url_schema, uuid_schema};

/// Edge Server's database.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The app id.
    #[schemars(schema_with = "uuid_schema")]
    #[serde(default)]
    pub db_id: Option<String>,
    /// The name on the mesh.
    #[schemars(length(min = 1))]
    pub device_name: Option<String>,
    /// What it keeps in sync.
    #[serde(default)]
    pub subscriptions: Vec<Subscription>,
    /// Where it connects to.
    pub auth: Option<DatabaseAuth>,
    /// Where it stores.
    pub persistence_dir: Option<PersistenceDirectory>,
    /// How it connects.
    pub transport_config: Option<TransportConfig>,
}

impl Database {
    /// Whether the block is the empty `{}`.
    pub fn is_empty(&self) -> bool {
        self.db_id.is_none()
            && self.device_name.is_none()
            && self.subscriptions.is_empty()
            && self.auth.is_none()
            && self.persistence_dir.is_none()
            && self.transport_config.is_none()
    }
}

/// A query, with or without arguments.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Subscription {
    /// The query alone.
    Query(String),
    /// The query and its arguments.
    WithArguments(SubscriptionQuery),
}

/// A query and its arguments.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionQuery {
    /// The query.
    pub query: String,
    /// Its arguments, by name.
    #[serde(default)]
    pub args: serde_json::Map<String, serde_json::Value>,
}

/// Where the database connects to.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseAuth {
    /// A server.
    pub server: Option<DatabaseServer>,
    /// Only other small peers.
    pub small_peer_only: Option<SmallPeerOnly>,
    /// The same, as one page of the documentation spells it.
    pub small_peers_only: Option<SmallPeerOnly>,
}

impl DatabaseAuth {
    /// How many of the alternatives are given; exactly one is right.
    pub fn alternatives(&self) -> usize {
        usize::from(self.server.is_some())
            + usize::from(self.small_peer_only.is_some())
            + usize::from(self.small_peers_only.is_some())
    }
}

/// The server a database connects to.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseServer {
    /// The token it presents.
    pub access_token: Secret,
    /// Where it authenticates.
    #[schemars(schema_with = "url_schema")]
    pub auth_url: String,
    /// The name of the authentication provider.
    pub provider: String,
    /// Whether it talks to the cloud.
    pub enable_cloud_sync: Option<bool>,
}

/// A database that talks to small peers only.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmallPeerOnly {
    /// The license.
    pub offline_license_token: Secret,
    /// The shared key.
    pub key_b64: Option<Secret>,
}

/// Where something is stored.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub enum PersistenceDirectory {
    /// A well-known place.
    Word(PersistenceWord),
    /// This folder.
    Path(PersistencePath),
    /// The folder that an environment variable names.
    FromEnvironment(PersistenceVariable),
}

/// A well-known place.
#[derive(Clone, Copy, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersistenceWord {
    /// Beside the binary.
    FromCurrentExe,
    /// The system's folder for temporary files.
    TempDir,
}

/// A folder.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersistencePath {
    /// The folder.
    pub path: PathBuf,
}

/// A folder that an environment variable names.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersistenceVariable {
    /// The variable.
    pub from_env: String,
}

/// How the database connects.
#[derive(Clone, Debug, Default, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TransportConfig {
    /// To peers nearby.
    pub peer_to_peer: Option<PeerToPeer>,
    /// To known servers.
    pub connect_config: Option<ConnectConfig>,
}

/// Transports to peers nearby.
#[derive(Clone, Debug, Default, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PeerToPeer {
    /// Bluetooth.
    pub ble_enabled: Option<bool>,
    /// The local network.
    pub lan_enabled: Option<bool>,
    /// Discovery by mDNS.
    pub lan_mdns_enabled: Option<bool>,
    /// Discovery by multicast.
    pub lan_multicast_enabled: Option<bool>,
    /// Apple's direct link.
    pub awdl_enabled: Option<bool>,
    /// Wi-Fi Aware.
    pub wifi_aware_enabled: Option<bool>,
}

/// Known servers.
#[derive(Clone, Debug, Default, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectConfig {
    /// By TCP.
    pub known_tcp_servers: Vec<String>,
    /// By WebSocket.
    pub known_ws_servers: Vec<String>,
    /// How long it waits before trying again, in milliseconds.
    pub retry_interval_msec: Option<u64>,
}

/// Edge Server's gRPC listener.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrpcServer {
    /// The Unix socket.
    pub socket_path: PathBuf,
}
