//! What failures are counted for, instead of single addresses.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// An IPv4 address, the /64 of an IPv6 address, or whoever reaches a Unix socket.
///
/// A site has at least a /64 (RFC 6177 §2), so that its single addresses count nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourcePrefix(Option<IpAddr>);

impl SourcePrefix {
    /// The prefix of a client's address; `None` for a peer of a Unix socket.
    pub fn of(client: Option<IpAddr>) -> Self {
        Self(client.map(|address| match address.to_canonical() {
            address @ IpAddr::V4(_) => address,
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
            }
        }))
    }
}

impl fmt::Display for SourcePrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => formatter.write_str("unix"),
            Some(IpAddr::V4(address)) => write!(formatter, "{address}"),
            Some(IpAddr::V6(address)) => write!(formatter, "{address}/64"),
        }
    }
}

/// The text names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an address such as `192.0.2.7`, a network such as `2001:db8::/64`, or `unix`")]
pub struct SourcePrefixError;

impl FromStr for SourcePrefix {
    type Err = SourcePrefixError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "unix" {
            return Ok(Self(None));
        }
        let address = text.strip_suffix("/64").unwrap_or(text);
        let address: IpAddr = address.parse().map_err(|_| SourcePrefixError)?;
        if address.is_ipv4() && text.contains('/') {
            return Err(SourcePrefixError);
        }
        Ok(Self::of(Some(address)))
    }
}
