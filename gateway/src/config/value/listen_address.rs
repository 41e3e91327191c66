//! Where a listener waits, as written in the configuration.

use std::{
    borrow::Cow,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::is_loopback_host;

/// Where a listener waits: `host:port` (`[v6]:port`), or `unix:` and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// A TCP socket; the host is kept as written, without brackets.
    Tcp {
        /// An address or a name that resolves to one.
        host: String,
        /// The port; 0 lets the system choose.
        port: u16,
    },
    /// A Unix socket at this path.
    Unix(PathBuf),
}

/// The text is no address to listen on.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected `host:port` such as `127.0.0.1:8080` or `[::1]:8080`, or `unix:/path`, found `{0}`"
)]
pub struct ListenAddressError(String);

impl ListenAddress {
    /// Whether only this machine can connect.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => is_loopback_host(host),
            Self::Unix(_) => true,
        }
    }

    /// The same, with a relative socket path resolved against `folder`.
    pub(crate) fn resolved(self, folder: &Path) -> Self {
        match self {
            Self::Tcp { .. } => self,
            Self::Unix(path) => Self::Unix(folder.join(path)),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, ListenAddressError> {
        let error = || ListenAddressError(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                Err(error())
            } else {
                Ok(Self::Unix(PathBuf::from(path)))
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(error)?;
        let port = port.parse().map_err(|_| error())?;
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        match bare {
            Some(v6) if v6.parse::<std::net::Ipv6Addr>().is_ok() => Ok(Self::Tcp {
                host: v6.to_owned(),
                port,
            }),
            None if is_host_name(host) => Ok(Self::Tcp {
                host: host.to_owned(),
                port,
            }),
            Some(_) | None => Err(error()),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl serde::Serialize for ListenAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for ListenAddress {
    fn schema_name() -> Cow<'static, str> {
        "ListenAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where a listener waits: `host:port`, `[v6]:port` or `unix:/path`.",
            "type": "string",
            "x-twinward-format": "listen-address",
        })
    }
}

fn is_host_name(host: &str) -> bool {
    !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::ListenAddress;

    #[track_caller]
    fn check(input: &str, expected: Option<(&str, bool)>) {
        let address = input.parse::<ListenAddress>().ok();
        let actual = address.map(|address| (address.to_string(), address.is_local()));
        assert_eq!(
            actual,
            expected.map(|(text, local)| (text.to_owned(), local)),
            "input: {input:?}"
        );
    }

    #[test]
    fn loopback_in_every_spelling_is_local() {
        check("127.0.0.1:8080", Some(("127.0.0.1:8080", true)));
        check("127.9.9.9:0", Some(("127.9.9.9:0", true)));
        check("localhost:8080", Some(("localhost:8080", true)));
        check("[::1]:8080", Some(("[::1]:8080", true)));
        check(
            "unix:/run/twinward.sock",
            Some(("unix:/run/twinward.sock", true)),
        );
    }

    #[test]
    fn wildcards_and_names_are_not_local() {
        check("0.0.0.0:8080", Some(("0.0.0.0:8080", false)));
        check("[::]:8080", Some(("[::]:8080", false)));
        check(
            "gateway.example:8080",
            Some(("gateway.example:8080", false)),
        );
        check("localhost.example:1", Some(("localhost.example:1", false)));
    }

    #[test]
    fn anything_else_is_refused() {
        for input in [
            "",
            "8080",
            ":8080",
            "host:",
            "host:99999",
            "::1:80",
            "[::1:80",
            "unix:",
            "a b:80",
        ] {
            check(input, None);
        }
    }
}
