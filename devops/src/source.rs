//! Where a request comes from, as far as trusted proxies can be believed.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// What failed attempts are counted for: an IPv4 address, or the /64 of an IPv6 address.
///
/// A site has at least a /64 (RFC 6177 §2), so that its single addresses count nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source(IpAddr);

impl Source {
    /// The source of a request from `peer` with these values of `X-Forwarded-For`, in the order they came.
    ///
    /// The right-most address that is no trusted proxy counts: what stands left of it is the client's own claim.
    pub(crate) fn of<'a>(
        peer: IpAddr,
        forwarded_for: impl DoubleEndedIterator<Item = &'a str>,
        trusted_proxies: &[IpNet],
    ) -> Self {
        let trusts = |address: IpAddr| trusted_proxies.iter().any(|net| net.contains(&address));
        let mut source = peer.to_canonical();
        for hop in forwarded_for.flat_map(|value| value.split(',')).rev() {
            if !trusts(source) {
                break;
            }
            let Ok(address) = hop.trim().parse::<IpAddr>() else {
                break;
            };
            source = address.to_canonical();
        }
        Self(network_of(source))
    }
}

fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(formatter, "{address}"),
            IpAddr::V6(address) => write!(formatter, "{address}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(peer: &str, forwarded_for: &[&str], expected: &str) {
        let trusted = [
            "127.0.0.0/8".parse().unwrap(),
            "10.0.0.0/8".parse().unwrap(),
        ];
        let source = Source::of(
            peer.parse().unwrap(),
            forwarded_for.iter().copied(),
            &trusted,
        );
        assert_eq!(source.to_string(), expected, "{peer} {forwarded_for:?}");
    }

    #[test]
    fn a_stranger_is_its_own_source() {
        check("192.0.2.7", &[], "192.0.2.7");
        check("192.0.2.7", &["198.51.100.1"], "192.0.2.7");
    }

    #[test]
    fn behind_trusted_proxies_the_right_most_stranger_counts() {
        check("127.0.0.1", &["198.51.100.1"], "198.51.100.1");
        check(
            "127.0.0.1",
            &["1.1.1.1, 198.51.100.1, 10.0.0.9"],
            "198.51.100.1",
        );
        check(
            "127.0.0.1",
            &["1.1.1.1", "198.51.100.1", "10.0.0.9"],
            "198.51.100.1",
        );
    }

    #[test]
    fn what_is_no_address_ends_the_search() {
        check("127.0.0.1", &["198.51.100.1, nonsense"], "127.0.0.1");
        check("127.0.0.1", &["nonsense,10.0.0.9"], "10.0.0.9");
        check("127.0.0.1", &[""], "127.0.0.1");
    }

    #[test]
    fn ipv6_counts_by_network_and_mapped_ipv4_as_ipv4() {
        check("2001:db8:1:2:3:4:5:6", &[], "2001:db8:1:2::/64");
        check("::ffff:192.0.2.7", &[], "192.0.2.7");
        check("::ffff:127.0.0.1", &["2001:db8::1"], "2001:db8::/64");
    }
}
