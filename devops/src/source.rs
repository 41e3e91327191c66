//! Where a request comes from, as far as trusted proxies can be believed.

use std::fmt;
use std::net::IpAddr;

use authentication::SourcePrefix;
use ipnet::IpNet;

/// What failed attempts are counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source(SourcePrefix);

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
        Self(SourcePrefix::of(Some(source)))
    }

    /// What a guard counts.
    pub(crate) fn prefix(self) -> SourcePrefix {
        self.0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
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
