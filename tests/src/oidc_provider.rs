//! A real OpenID provider: panva's `oidc-provider` in Node.js, see `tests/node/provider.mjs`.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin};

use crate::caller::Caller;
use crate::process::{deadline, node_script};

/// What an access token should look like.
#[derive(Debug, Clone, Copy)]
pub struct TokenShape {
    /// The `aud` claim.
    pub audience: &'static str,
    /// `RS256`, `ES256` or `EdDSA`.
    pub algorithm: &'static str,
    /// `exp` less `iat`.
    pub lifetime_seconds: u32,
}

impl Default for TokenShape {
    fn default() -> Self {
        Self {
            audience: "twinward",
            algorithm: "RS256",
            lifetime_seconds: 600,
        }
    }
}

/// A running provider; it ends with the value.
#[derive(Debug)]
pub struct OidcProvider {
    address: String,
    caller: Caller,
    _child: Child,
    _stdin: ChildStdin,
}

impl OidcProvider {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        let mut child = node_script("provider.mjs").spawn().expect("node starts");
        let stdin = child.stdin.take().expect("standard input is piped");
        let mut lines =
            BufReader::new(child.stdout.take().expect("standard output is piped")).lines();
        let line = deadline("the OpenID provider", lines.next_line())
            .await
            .expect("a readable pipe");
        let line = line.expect("the provider says where it listens");
        let announced: Value = serde_json::from_str(&line).expect("one JSON line");
        let address = format!("127.0.0.1:{}", announced["port"]);
        Self {
            caller: Caller::anonymous(&address),
            address,
            _child: child,
            _stdin: stdin,
        }
    }

    /// Its issuer without the scheme, as the gateway's configuration wants it.
    pub fn issuer(&self) -> &str {
        &self.address
    }

    /// The `auth` section that trusts it under the prefix `acme`, for tokens meant for `twinward`.
    pub fn trusted(&self) -> Value {
        let issuer = json!({ "issuer": self.issuer(), "audience": ["twinward"] });
        json!({ "auth": { "oauth": { "protocol": "http", "openid_connect_issuers": { "acme": issuer } } } })
    }

    /// An ordinary token of `client` (`alice`, `bob`, `carol` or `stranger`), good for ten minutes.
    pub async fn token(&self, client: &str) -> String {
        self.token_of(client, TokenShape::default()).await
    }

    /// A token of `client` by the client credentials grant (RFC 6749 §4.4).
    pub async fn token_of(&self, client: &str, shape: TokenShape) -> String {
        let TokenShape {
            audience,
            algorithm,
            lifetime_seconds,
        } = shape;
        let form = format!(
            "grant_type=client_credentials&client_id={client}&client_secret=secret-of-{client}\
             &resource=urn:{audience}:{algorithm}:{lifetime_seconds}"
        );
        let media_type = ("content-type", "application/x-www-form-urlencoded");
        let answer = self
            .caller
            .send(reqwest::Method::POST, "/token", &[media_type], Some(form))
            .await
            .expect(200);
        answer.json()["access_token"]
            .as_str()
            .expect("an access token")
            .to_owned()
    }

    /// Replaces every signing key; the previous ones stay published if `keep`.
    pub async fn rotate_keys(&self, keep: bool) {
        self.caller
            .post("/control/rotate", &json!({ "keep": keep }))
            .await
            .expect(200);
    }

    /// Makes discovery and keys answer `status` until told 0.
    pub async fn answer_with(&self, status: u16) {
        self.caller
            .post("/control/answer", &json!({ "status": status }))
            .await
            .expect(200);
    }

    /// How often its keys were fetched.
    pub async fn key_fetches(&self) -> u64 {
        self.caller
            .get("/control/requests")
            .await
            .expect(200)
            .json()["/jwks"]
            .as_u64()
            .unwrap_or(0)
    }
}
