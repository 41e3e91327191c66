//! An issuer of tokens that does what it is told, lies and breakdowns included. An honest one is [`OidcProvider`].
//!
//! [`OidcProvider`]: crate::OidcProvider

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A key that signs tokens.
#[derive(Debug)]
pub enum SigningKey {
    /// 2048 bits.
    Rsa(Box<RsaKeyPair>),
    /// On P-256.
    P256(EcdsaKeyPair),
    /// On P-384.
    P384(EcdsaKeyPair),
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// A new RSA key.
    pub fn rsa() -> Self {
        Self::Rsa(Box::new(
            RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"),
        ))
    }

    /// A new key on P-256.
    pub fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    /// A new key on P-384.
    pub fn p384() -> Self {
        Self::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("a key"))
    }

    /// A new Ed25519 key.
    pub fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().expect("a key"))
    }

    /// Its public half (RFC 7517) under `key_id`, without `alg` and `use`.
    pub fn jwk(&self, key_id: &str) -> Value {
        let elliptic = |pair: &EcdsaKeyPair, curve: &str| {
            let point = &pair.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            json!({ "kty": "EC", "crv": curve, "kid": key_id, "x": encode(x), "y": encode(y) })
        };
        match self {
            // DER: 9 bytes, the modulus of 256, 2 bytes, the exponent.
            Self::Rsa(pair) => {
                let der = pair.public_key().as_ref();
                json!({ "kty": "RSA", "kid": key_id, "n": encode(&der[9..265]), "e": encode(&der[267..]) })
            }
            Self::P256(pair) => elliptic(pair, "P-256"),
            Self::P384(pair) => elliptic(pair, "P-384"),
            Self::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": key_id, "x": encode(pair.public_key().as_ref()) })
            }
        }
    }

    /// A token in compact form of these texts, signed whatever the header says; RSA as PS256 if it says so.
    pub fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = match self {
            Self::Rsa(pair) => {
                let is_pss = header.contains("\"PS256\"");
                let padding = if is_pss {
                    &RSA_PSS_SHA256
                } else {
                    &RSA_PKCS1_SHA256
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    padding,
                    &SystemRandom::new(),
                    message.as_bytes(),
                    &mut signature,
                )
                .expect("a signature");
                signature
            }
            Self::P256(pair) | Self::P384(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message.as_bytes());
                signature.expect("a signature").as_ref().to_vec()
            }
            Self::Ed25519(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encode(signature))
    }
}

/// Base64url without padding (RFC 7515 §2).
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Seconds since 1970, `offset` seconds from now.
pub fn seconds_from_now(offset: i64) -> i64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "tokens are judged by the gateway's wall clock"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("a clock past 1970").as_secs();
    i64::try_from(now).expect("a clock of our time") + offset
}

/// How it answers on one path.
#[derive(Debug, Clone)]
pub enum Reply {
    /// `200 OK` with this body.
    Body(String),
    /// This status line, these header lines, this body.
    Raw(&'static str, String, String),
    /// `200 OK` and a body of so many blanks, as fast as it is taken.
    Endless(usize),
    /// Takes the request and says nothing.
    Hang,
}

/// A running issuer; it ends with the value.
#[derive(Debug)]
pub struct Issuer {
    address: String,
    state: Arc<Mutex<State>>,
    serving: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    replies: BTreeMap<String, Reply>,
    requests: Vec<String>,
}

impl Issuer {
    /// Starts one that serves these keys.
    pub async fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let serving = Arc::clone(&state);
        let issuer = Self {
            serving: tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, Arc::clone(&serving)));
                }
            }),
            address,
            state,
        };
        issuer.serve_keys(keys);
        issuer.discover(&json!({
            "issuer": format!("http://{}", issuer.address),
            "jwks_uri": format!("http://{}/jwks", issuer.address),
        }));
        issuer
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

    /// Claims of a token that would be accepted.
    pub fn claims(&self, subject: &str) -> Value {
        json!({
            "iss": format!("http://{}", self.address), "sub": subject, "aud": "twinward",
            "iat": seconds_from_now(-1), "exp": seconds_from_now(600),
        })
    }

    /// Serves these keys from now on.
    pub fn serve_keys(&self, keys: &[Value]) {
        self.reply("/jwks", Reply::Body(json!({ "keys": keys }).to_string()));
    }

    /// Answers discovery with this document from now on.
    pub fn discover(&self, document: &Value) {
        self.reply(
            "/.well-known/openid-configuration",
            Reply::Body(document.to_string()),
        );
    }

    /// Answers like this on `path` from now on; other paths are 404.
    pub fn reply(&self, path: &str, reply: Reply) {
        lock(&self.state).replies.insert(path.to_owned(), reply);
    }

    /// How often `path` was asked for.
    pub fn requests(&self, path: &str) -> usize {
        let state = lock(&self.state);
        state.requests.iter().filter(|asked| *asked == path).count()
    }

    /// Everything it was asked for.
    pub fn all_requests(&self) -> Vec<String> {
        lock(&self.state).requests.clone()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request per connection.
async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read_exact(&mut byte).await.is_err() {
            return;
        }
        request.extend(byte);
    }
    let path = String::from_utf8_lossy(&request)
        .split(' ')
        .nth(1)
        .unwrap_or_default()
        .to_owned();
    let reply = {
        let mut state = lock(&state);
        state.requests.push(path.clone());
        state.replies.get(&path).cloned()
    };
    let (status, headers, body) = match reply {
        None => ("404 Not Found", String::new(), String::new()),
        Some(Reply::Body(body)) => ("200 OK", String::new(), body),
        Some(Reply::Raw(status, headers, body)) => (status, headers, body),
        Some(Reply::Endless(bytes)) => ("200 OK", String::new(), " ".repeat(bytes)),
        Some(Reply::Hang) => return std::future::pending().await,
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    // Whoever has read enough may hang up.
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body.as_bytes()).await;
}
