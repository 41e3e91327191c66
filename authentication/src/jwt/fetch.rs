//! Outgoing requests for an issuer's keys: OpenID Connect Discovery 1.0 §4, then RFC 7517.

use std::time::Duration;

use reqwest::{Client, Url, redirect};
use serde_json::Value;

use super::settings::{JwtSettings, Protocol};
use crate::{BackendFault, SettingsError};

/// The most redirects of one request.
const REDIRECTS_MAX: usize = 3;

/// Fetches documents with a limit on time, size and places.
pub(super) struct Fetcher {
    /// `None` if every issuer's keys come from a file: then the megabytes of a TLS client are not spent.
    client: Option<Client>,
    size_max: usize,
    timeout: Duration,
}

/// Where the keys of one issuer are found.
#[derive(Debug)]
pub(super) struct Discovery {
    /// The discovery document.
    pub(super) url: Url,
    /// What its `issuer` must be: one of these.
    pub(super) issuer: [String; 2],
    /// Further hosts that `jwks_uri` may name.
    pub(super) hosts: Vec<String>,
}

/// Why the keys could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FetchFault {
    /// No connection, or it broke.
    #[error("no connection")]
    Unreachable,
    /// Not the status 200.
    #[error("status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// Larger than configured.
    #[error("the document is too large")]
    TooLarge,
    /// Not the JSON that was expected.
    #[error("the document is not what it should be")]
    Unreadable,
    /// No key of the set can be used.
    #[error("the set has keys, and none that can be used")]
    NoUsableKey,
    /// The discovery document speaks for another issuer.
    #[error("the discovery document names another issuer")]
    IssuerMismatch,
    /// The keys are said to be at a place that is not configured.
    #[error("`jwks_uri` is not on the issuer's host nor on a configured one")]
    ForeignHost,
    /// It took too long.
    #[error("timeout")]
    Timeout,
}

impl FetchFault {
    /// What a caller may know of it.
    pub(super) fn backend_fault(&self) -> BackendFault {
        match self {
            Self::Unreachable | Self::TooLarge | Self::Unreadable => BackendFault::Unreachable,
            Self::Status { .. } | Self::NoUsableKey | Self::IssuerMismatch | Self::ForeignHost => {
                BackendFault::UnexpectedAnswer
            }
            Self::Timeout => BackendFault::Timeout,
        }
    }
}

impl Fetcher {
    pub(super) fn new(settings: &JwtSettings) -> Result<Self, SettingsError> {
        let fetches = settings
            .issuers
            .iter()
            .any(|issuer| issuer.jwks_file.is_none());
        Ok(Self {
            client: fetches.then(|| client(settings)).transpose()?,
            size_max: settings.keys.max_size,
            timeout: settings.keys.timeout,
        })
    }

    /// The key set that the issuer's discovery document points to, within the time limit for both.
    pub(super) async fn keys(&self, discovery: &Discovery) -> Result<Vec<u8>, FetchFault> {
        let work = async {
            let document = self.document(discovery.url.clone()).await?;
            self.document(discovery.keys_url(&document)?).await
        };
        tokio::time::timeout(self.timeout, work)
            .await
            .unwrap_or(Err(FetchFault::Timeout))
    }

    async fn document(&self, url: Url) -> Result<Vec<u8>, FetchFault> {
        let client = self.client.as_ref().ok_or(FetchFault::Unreachable)?;
        let request = client.get(url).header("accept", "application/json");
        let mut response = request.send().await.map_err(|error| fault_of(&error))?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchFault::Status {
                status: response.status().as_u16(),
            });
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| fault_of(&error))? {
            if document.len() + chunk.len() > self.size_max {
                return Err(FetchFault::TooLarge);
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document)
    }
}

fn client(settings: &JwtSettings) -> Result<Client, SettingsError> {
    Client::builder()
        .redirect(redirect::Policy::custom(follow_on_same_host))
        .timeout(settings.keys.timeout)
        .https_only(settings.protocol == Protocol::Https)
        .no_proxy()
        .pool_max_idle_per_host(0) // A pooled connection would belong to the worker that opened it.
        .build()
        .map_err(|error| SettingsError::HttpClient {
            message: error.to_string(),
        })
}

fn fault_of(error: &reqwest::Error) -> FetchFault {
    if error.is_timeout() {
        FetchFault::Timeout
    } else if error.is_redirect() {
        FetchFault::ForeignHost
    } else {
        FetchFault::Unreachable
    }
}

/// A redirect to another host would let an issuer's open redirect, or its DNS, choose whom we ask.
fn follow_on_same_host(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let stays = attempt
        .previous()
        .first()
        .is_some_and(|first| same_place(first, attempt.url()));
    if stays && attempt.previous().len() <= REDIRECTS_MAX {
        attempt.follow()
    } else {
        attempt.error("redirect to another place")
    }
}

fn same_place(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

impl Discovery {
    /// `None` if the issuer is no host with an optional port and path.
    pub(super) fn new(protocol: Protocol, issuer: &str, hosts: &[String]) -> Option<Self> {
        let place = issuer.strip_suffix('/').unwrap_or(issuer);
        if place.is_empty() || place.starts_with('/') {
            return None;
        }
        let scheme = protocol.scheme();
        let url = Url::parse(&format!(
            "{scheme}://{place}/.well-known/openid-configuration"
        ))
        .ok()?;
        let plain = url.host_str().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        plain.then(|| Self {
            issuer: [issuer.to_owned(), format!("{scheme}://{issuer}")],
            hosts: hosts.to_vec(),
            url,
        })
    }

    /// Whether it is on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// The `jwks_uri` of a discovery document that speaks for this issuer (OpenID Connect Discovery 1.0 §4.3).
    fn keys_url(&self, document: &[u8]) -> Result<Url, FetchFault> {
        let document: Value =
            serde_json::from_slice(document).map_err(|_| FetchFault::Unreadable)?;
        let member = |name| {
            document
                .get(name)
                .and_then(Value::as_str)
                .ok_or(FetchFault::Unreadable)
        };
        if !self
            .issuer
            .iter()
            .any(|issuer| Ok(issuer.as_str()) == member("issuer"))
        {
            return Err(FetchFault::IssuerMismatch);
        }
        let url = Url::parse(member("jwks_uri")?).map_err(|_| FetchFault::Unreadable)?;
        if url.scheme() != self.url.scheme() || !self.may_serve_keys(&url) {
            return Err(FetchFault::ForeignHost);
        }
        Ok(url)
    }

    fn may_serve_keys(&self, url: &Url) -> bool {
        let names = |host: &String| {
            Url::parse(&format!("{}://{host}", self.url.scheme()))
                .is_ok_and(|host| same_place(&host, url))
        };
        same_place(&self.url, url) || self.hosts.iter().any(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(issuer: &str, document: &str, expected: Result<&str, FetchFault>) {
        let hosts = ["keys.example".to_owned(), "alt.example:8443".to_owned()];
        let discovery = Discovery::new(Protocol::Https, issuer, &hosts).unwrap();
        let url = discovery.keys_url(document.as_bytes()).map(String::from);
        assert_eq!(url, expected.map(str::to_owned), "document: {document}");
    }

    #[test]
    fn keys_are_where_the_issuer_says_on_a_host_that_may_serve_them() {
        let issuer = "id.example/realms/a";
        let at =
            |uri: &str| format!(r#"{{"issuer":"https://id.example/realms/a","jwks_uri":"{uri}"}}"#);
        for uri in [
            "https://id.example/keys",
            "https://keys.example/",
            "https://alt.example:8443/k",
        ] {
            check(issuer, &at(uri), Ok(uri));
        }
        for uri in [
            "http://id.example/keys",
            "https://id.example:444/keys",
            "https://alt.example/keys",
            "https://evil.example/keys",
            "https://id.example@evil.example/keys",
            "https://169.254.169.254/latest",
        ] {
            check(issuer, &at(uri), Err(FetchFault::ForeignHost));
        }
    }

    #[test]
    fn a_document_of_another_issuer_is_refused() {
        for issuer in [
            "https://id.example",
            "https://id.example/realms/a/",
            "http://id.example/realms/a",
        ] {
            let document =
                format!(r#"{{"issuer":"{issuer}","jwks_uri":"https://id.example/keys"}}"#);
            check(
                "id.example/realms/a",
                &document,
                Err(FetchFault::IssuerMismatch),
            );
        }
        check(
            "id.example",
            r#"{"jwks_uri":"https://id.example/keys"}"#,
            Err(FetchFault::IssuerMismatch),
        );
        check("id.example", "<html>", Err(FetchFault::Unreadable));
        check(
            "id.example",
            r#"{"issuer":"https://id.example"}"#,
            Err(FetchFault::Unreadable),
        );
    }

    #[test]
    fn an_issuer_is_a_host_with_an_optional_path() {
        for issuer in [
            "",
            "good@evil.example",
            "id.example?x",
            "id.example#x",
            "id example",
        ] {
            assert!(
                Discovery::new(Protocol::Https, issuer, &[]).is_none(),
                "issuer: {issuer:?}"
            );
        }
        let url = |issuer| String::from(Discovery::new(Protocol::Https, issuer, &[]).unwrap().url);
        assert_eq!(
            url("id.example/"),
            "https://id.example/.well-known/openid-configuration"
        );
        assert_eq!(
            url("[::1]:8/x"),
            "https://[::1]:8/x/.well-known/openid-configuration"
        );
    }
}
