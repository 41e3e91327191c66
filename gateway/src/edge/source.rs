//! Where a request really comes from.

use std::net::IpAddr;

use actix_web::HttpRequest;
use ipnet::IpNet;

use super::fields::Fields;

/// The two addresses of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source {
    /// The other end of the socket; `None` for a Unix socket.
    pub(crate) peer: Option<IpAddr>,
    /// Who the peer speaks for, if it is a trusted proxy, else the peer.
    pub(crate) client: Option<IpAddr>,
    /// Whether the peer is a trusted proxy; whoever reaches a Unix socket is.
    pub(crate) is_from_trusted_proxy: bool,
}

/// Who may connect, and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peers {
    /// Whether the listener is a Unix socket, whose peers have no address.
    pub(crate) on_unix_socket: bool,
    /// Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
}

/// The other end of a TCP connection is gone: nothing is known of who it was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PeerGone;

impl Source {
    /// Believes `X-Forwarded-For` only from trusted proxies: the right-most address that is none of them is the client.
    ///
    /// # Errors
    ///
    /// [`PeerGone`] for a TCP connection without peer, as after a reset: it must not pass for a Unix socket.
    pub(crate) fn of(
        request: &HttpRequest,
        fields: &Fields<'_>,
        peers: &Peers,
    ) -> Result<Self, PeerGone> {
        let peer = request
            .peer_addr()
            .map(|address| address.ip().to_canonical());
        if peer.is_none() && !peers.on_unix_socket {
            return Err(PeerGone);
        }
        let is_trusted = |address: IpAddr| {
            peers
                .trusted_proxies
                .iter()
                .any(|network| network.contains(&address))
        };
        let is_from_trusted_proxy = peer.is_none_or(is_trusted);
        let forwarded = if is_from_trusted_proxy {
            forwarded_for(fields, is_trusted)
        } else {
            None
        };
        Ok(Self {
            peer,
            client: forwarded.or(peer),
            is_from_trusted_proxy,
        })
    }
}

fn forwarded_for(fields: &Fields<'_>, is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let hops = fields.get("x-forwarded-for")?;
    let mut client = None;
    for hop in hops.rsplit(',').take(HOPS_MAX) {
        // Whatever stands left of a hop that is no address was written by nobody we know.
        let Ok(address) = hop.trim().parse::<IpAddr>() else {
            break;
        };
        client = Some(address.to_canonical());
        if !is_trusted(address) {
            break;
        }
    }
    client
}

/// More proxies than this are not followed.
const HOPS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[track_caller]
    fn check(peer: &str, forwarded_for: &str, expected: &str) {
        let request = TestRequest::default()
            .peer_addr(format!("{peer}:1234").parse().unwrap())
            .insert_header(("x-forwarded-for", forwarded_for))
            .to_http_request();
        let peers = Peers {
            on_unix_socket: false,
            trusted_proxies: vec![
                "127.0.0.0/8".parse().unwrap(),
                "10.0.0.0/8".parse().unwrap(),
            ],
        };
        let source = Source::of(&request, &Fields::read(request.headers()), &peers).unwrap();
        assert_eq!(
            source.client,
            Some(expected.parse().unwrap()),
            "{peer} for {forwarded_for:?}"
        );
    }

    #[test]
    fn an_untrusted_peer_speaks_for_nobody() {
        check("203.0.113.9", "198.51.100.1", "203.0.113.9");
    }

    #[test]
    fn the_right_most_untrusted_hop_counts() {
        check("127.0.0.1", "198.51.100.1", "198.51.100.1");
        check(
            "127.0.0.1",
            "1.2.3.4, 198.51.100.1, 10.0.0.3",
            "198.51.100.1",
        );
    }

    #[test]
    fn a_tcp_connection_that_is_gone_is_nobody() {
        let request = TestRequest::default().to_http_request();
        let fields = Fields::read(request.headers());
        assert_eq!(
            Source::of(&request, &fields, &Peers::default()),
            Err(PeerGone)
        );
        let unix = Peers {
            on_unix_socket: true,
            ..Peers::default()
        };
        assert!(
            Source::of(&request, &fields, &unix)
                .unwrap()
                .is_from_trusted_proxy
        );
    }

    #[test]
    fn garbage_is_not_believed() {
        check("127.0.0.1", "garbage", "127.0.0.1");
        check("127.0.0.1", "1.2.3.4, garbage, 10.0.0.3", "10.0.0.3");
        check("127.0.0.1", "fe80::1%eth0", "127.0.0.1");
        check("127.0.0.1", "198.51.100.1:80", "127.0.0.1");
        check("127.0.0.1", "", "127.0.0.1");
    }
}
