//! Header values that name or prove an identity: whom a proxy vouches for, its proof, and what stands in `Authorization`.

use std::sync::Arc;

use authentication::{
    AssertionSettings, AuthenticationChain, HeaderLookup, OnConflict, PreAuthenticatedProvider,
    PreAuthenticatedSettings, RequestParts, TrustedPeer,
};
use aws_lc_rs::hmac;
use futures_util::FutureExt;
use jiff::Timestamp;
use secrecy::SecretString;

use crate::Target;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PROVED: &str = "nginx:alice";
const NONCE: &str = "nonce-0123456789";

/// A chain that believes a proxy except about subjects of `acme`, and one that asks it for a proof as well.
pub(crate) struct Headers {
    believing: AuthenticationChain,
    asking: AuthenticationChain,
}

/// One value per line: of whom a proxy vouches for, of its proof, and of `Authorization`.
pub(crate) struct Lines<'a> {
    subjects: Option<&'a str>,
    proof: Option<&'a str>,
    authorization: Option<&'a str>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let mut lines = text.splitn(3, '\n');
        Self {
            subjects: lines.next(),
            proof: lines.next(),
            authorization: lines.next(),
        }
    }

    /// Nothing but this.
    pub(crate) fn authorization(value: &'a str) -> Self {
        Self {
            subjects: None,
            proof: None,
            authorization: Some(value),
        }
    }
}

impl HeaderLookup for Lines<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        match name {
            "x-ditto-pre-authenticated" => self.subjects,
            "x-ditto-pre-authenticated-assertion" => self.proof,
            "authorization" => self.authorization,
            _ => None,
        }
    }
}

pub(crate) fn request<'a>(headers: &'a Lines<'a>) -> RequestParts<'a> {
    RequestParts::from_socket(headers, Timestamp::UNIX_EPOCH)
}

fn chain(assertion: Option<AssertionSettings>) -> AuthenticationChain {
    let settings = PreAuthenticatedSettings {
        enabled: true,
        trusted_peers: vec![TrustedPeer::Unix],
        reserved_issuers: vec!["acme".to_owned()],
        subject_prefixes: Vec::new(),
        single_subject: false,
        assertion,
    };
    let provider = PreAuthenticatedProvider::new(settings).expect("a provider");
    AuthenticationChain::new(vec![Arc::new(provider)], OnConflict::First)
}

impl Headers {
    pub(crate) fn new() -> Self {
        Self {
            believing: chain(None),
            asking: chain(Some(AssertionSettings {
                secret: SecretString::from(SECRET),
                max_age: std::time::Duration::from_secs(30),
            })),
        }
    }
}

/// The one proof that was made, for `PROVED` only.
fn proof() -> String {
    let signed = format!("twinward-assertion-v1\nGET\n/api/2/things\n{PROVED}\n0\n{NONCE}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hmac::sign(&key, signed.as_bytes());
    let digits = tag.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("v=1,t=0,n={NONCE},s={}", digits.collect::<String>())
}

impl Target for Headers {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let proved = format!("{PROVED}\n{}", proof());
        [
            "nginx:alice, group:ops,",
            "acme:root",
            "https://id.example:bob",
            " , ,",
            "Bearer a.b.c",
            "a:b:c",
            "nginx:alice\nv=1,t=0,n=nonce-0123456789,s=00",
            "nginx:alice\n\nBearer a.b.c",
            &proved,
        ]
        .map(|seed| seed.as_bytes().to_vec())
        .into()
    }

    fn read(&self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        let lines = Lines::of(&text);
        let named = lines.subjects.unwrap_or_default();
        let request = request(&lines);
        if let Some(Ok(principal)) = self.believing.authenticate(&request).now_or_never() {
            for subject in principal.subjects() {
                let is_named = named
                    .split(',')
                    .any(|piece| piece.trim() == subject.as_str());
                assert!(is_named, "{subject} was not named");
                assert_ne!(
                    subject.issuer(),
                    "acme",
                    "{subject} is not the proxy's to name"
                );
            }
        }
        if let Some(Ok(_)) = self.asking.authenticate(&request).now_or_never() {
            assert_eq!(named, PROVED, "nobody proved that");
        }
    }
}
