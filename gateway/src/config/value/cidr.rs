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

    /// Those of `all` that are wider than the widest networks nobody meets on the internet, `10.0.0.0/8` and `fc00::/7`;
    /// if there is none, those that together make up one that is.
    pub fn too_wide(all: &[Self]) -> Vec<usize> {
        let networks: Vec<IpNet> = all.iter().filter_map(|each| each.network()).collect();
        let mut wide: Vec<IpNet> = networks.iter().copied().filter(is_too_wide).collect();
        let is_alone = !wide.is_empty();
        if !is_alone {
            wide = IpNet::aggregate(&networks);
            wide.retain(is_too_wide);
        }
        let is_meant = |network: IpNet| {
            let mut wide = wide.iter();
            wide.any(|wide| *wide == network || !is_alone && wide.contains(&network))
        };
        let numbered = all.iter().enumerate();
        numbered
            .filter(|(_, each)| each.network().is_some_and(is_meant))
            .map(|(index, _)| index)
            .collect()
    }
}

fn is_too_wide(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 8,
        IpNet::V6(network) => network.prefix_len() < 7,
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

    #[track_caller]
    fn check_wide(networks: &[&str], expected: &[usize]) {
        let networks: Vec<Cidr> = networks.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(Cidr::too_wide(&networks), expected, "{networks:?}");
    }

    #[test]
    fn what_is_wider_than_private_networks_is_too_wide() {
        check_wide(&["10.0.0.0/8", "0.0.0.0/0"], &[1]);
        check_wide(&["172.16.0.0/12", "128.0.0.0/1"], &[1]);
        check_wide(&["unix", "::1", "::/1"], &[2]);
        check_wide(&["fc00::/7", "10.0.0.0/8", "192.168.0.0/16", "unix"], &[]);
    }

    #[test]
    fn pieces_of_something_too_wide_are_too_wide() {
        check_wide(&["0.0.0.0/1", "128.0.0.0/1"], &[0, 1]);
        check_wide(
            &["8.0.0.0/8", "192.168.0.0/16", "9.0.0.0/9", "9.128.0.0/9"],
            &[0, 2, 3],
        );
        check_wide(&["8.0.0.0/8", "10.0.0.0/8"], &[]);
        let every: Vec<String> = (0..256).map(|first| format!("{first}.0.0.0/8")).collect();
        let every: Vec<&str> = every.iter().map(String::as_str).collect();
        check_wide(&every, &(0..256).collect::<Vec<_>>());
    }
}
