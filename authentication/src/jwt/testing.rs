//! Keys that sign, and an issuer on loopback that serves what it is told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key that signs tokens.
pub(crate) enum Signer {
    Rsa(&'static RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    /// One for all tests: making it takes long.
    pub(crate) fn rsa() -> Self {
        static PAIR: LazyLock<RsaKeyPair> =
            LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
        Self::Rsa(&PAIR)
    }

    pub(crate) fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    /// An RSA key comes as DER: 9 bytes, the modulus of 256, 2 bytes, the exponent.
    pub(crate) fn jwk(&self, key_id: &str) -> Value {
        match self {
            Self::Rsa(pair) => {
                let der = pair.public_key().as_ref();
                json!({"kty": "RSA", "kid": key_id, "n": encode(&der[9..265]), "e": encode(&der[267..])})
            }
            Self::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": key_id,
                    "x": encode(&point[1..33]), "y": encode(&point[33..])})
            }
            Self::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": key_id, "x": encode(pair.public_key())})
            }
        }
    }

    /// Signs as the algorithm says, or as the kind of the key would.
    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = match self {
            Self::Rsa(pair) => {
                let padding = if header.contains("PS256") {
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
                .unwrap();
                signature
            }
            Self::Ec(pair) => pair
                .sign(&SystemRandom::new(), message.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec(),
            Self::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encode(signature))
    }
}

/// Speaks just enough HTTP/1.1 to serve one key set, and counts who asks for it.
pub(crate) struct FakeIssuer {
    pub(crate) issuer: String,
    /// Status line and body of the key set.
    pub(crate) answer: Arc<Mutex<(String, String)>>,
    pub(crate) claimed_issuer: Arc<Mutex<String>>,
    pub(crate) fetches: Arc<AtomicUsize>,
}

impl FakeIssuer {
    pub(crate) async fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = listener.local_addr().unwrap().to_string();
        let fake = Self {
            answer: Arc::new(Mutex::new((
                "200 OK".to_owned(),
                json!({"keys": keys}).to_string(),
            ))),
            claimed_issuer: Arc::new(Mutex::new(format!("http://{issuer}"))),
            fetches: Arc::default(),
            issuer,
        };
        let (issuer, answer) = (fake.issuer.clone(), Arc::clone(&fake.answer));
        let (claimed, fetches) = (Arc::clone(&fake.claimed_issuer), Arc::clone(&fake.fetches));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let discovery =
                    json!({"issuer": *claimed.lock(), "jwks_uri": format!("http://{issuer}/keys")});
                let answer = answer.lock().clone();
                let fetches = Arc::clone(&fetches);
                tokio::spawn(serve(stream, discovery.to_string(), answer, fetches));
            }
        });
        fake
    }

    pub(crate) fn serve_keys(&self, keys: &[Value]) {
        *self.answer.lock() = ("200 OK".to_owned(), json!({"keys": keys}).to_string());
    }

    pub(crate) fn answer(&self, status_line: &str, body: &str) {
        *self.answer.lock() = (status_line.to_owned(), body.to_owned());
    }

    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: TcpStream,
    discovery: String,
    keys: (String, String),
    fetches: Arc<AtomicUsize>,
) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read_exact(&mut byte).await.is_err() {
            return;
        }
        request.extend(byte);
    }
    let (status, body) = if request.starts_with(b"GET /keys ") {
        fetches.fetch_add(1, Ordering::SeqCst);
        keys
    } else {
        ("200 OK".to_owned(), discovery)
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let _closed_early = stream.write_all(answer.as_bytes()).await;
}
