//! A range of addresses, as written in the configuration.

use std::{borrow::Cow, fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// A network such as `10.0.0.0/8`, or one address; `unix` stands for peers on a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cidr {
    /// Addresses of a network.
    Network(IpNet),
    /// Whoever may open the Unix socket.
    Unix,
}

/// The text is no network.
#[derive(Debug, thiserror::Error)]
#[error("expected a network such as `10.0.0.0/8`, an address or the word `unix`, found `{0}`")]
pub struct CidrError(String);

impl Cidr {
    /// The network, unless it is the Unix socket.
    pub fn network(self) -> Option<IpNet> {
        match self {
            Self::Network(network) => Some(network),
            Self::Unix => None,
        }
    }

    /// Whether it contains every address there is.
    pub fn is_everyone(self) -> bool {
        self.network()
            .is_some_and(|network| network.prefix_len() == 0)
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        text.parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map(|network| Self::Network(network.trunc()))
            .map_err(|_| CidrError(text.to_owned()))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl serde::Serialize for Cidr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Cidr {
    fn schema_name() -> Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A network such as `10.0.0.0/8`, an address, or the word `unix` for peers on a Unix socket.",
            "type": "string",
            "x-twinward-format": "cidr",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Cidr;

    #[track_caller]
    fn check(input: &str, expected: Option<&str>) {
        let cidr = input.parse::<Cidr>().ok().map(|cidr| cidr.to_string());
        assert_eq!(cidr.as_deref(), expected, "input: {input:?}");
    }

    #[test]
    fn an_address_is_a_network_of_one() {
        check("10.1.2.3", Some("10.1.2.3/32"));
        check("::1", Some("::1/128"));
    }

    #[test]
    fn host_bits_are_cut_off() {
        check("10.1.2.3/8", Some("10.0.0.0/8"));
    }

    #[test]
    fn names_are_no_networks() {
        check("unix", Some("unix"));
        check("proxy.example", None);
        check("10.0.0.0/33", None);
    }

    #[test]
    fn only_prefix_zero_is_everyone() {
        assert!("0.0.0.0/0".parse::<Cidr>().unwrap().is_everyone());
        assert!("::/0".parse::<Cidr>().unwrap().is_everyone());
        assert!(!"10.0.0.0/8".parse::<Cidr>().unwrap().is_everyone());
    }
}
