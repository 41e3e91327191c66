//! What operators must know of a certificate: until when, for which names, and why a browser may not trust it.

use std::net::IpAddr;

use jiff::Timestamp;

use super::x509::Fields;

/// What operators must know of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) not_after: Option<Timestamp>,
    /// Names and addresses it is for.
    pub(crate) names: Vec<String>,
    /// Whether nobody but itself vouches for it.
    pub(crate) is_self_signed: bool,
    /// Whether the file holds more than the leaf.
    pub(crate) has_issuer: bool,
}

impl Facts {
    /// Of a chain, the leaf first.
    pub(super) fn of(chain: &[&[u8]]) -> Self {
        let fields = chain.first().and_then(|leaf| Fields::of_certificate(leaf));
        let validity = fields.as_ref().map(|fields| fields.validity);
        Self {
            not_before: validity.map(|validity| validity.not_before),
            not_after: validity.map(|validity| validity.not_after),
            names: fields.as_ref().map(Fields::names).unwrap_or_default(),
            is_self_signed: fields.is_some_and(|fields| fields.issuer == fields.subject),
            has_issuer: chain.len() > 1,
        }
    }

    /// What may keep browsers from trusting it; `public_hosts` are the names that clients use.
    pub(crate) fn doubts(&self, public_hosts: &[String]) -> Vec<String> {
        let mut doubts = Vec::new();
        let names = if self.names.is_empty() {
            "no name at all".to_owned()
        } else {
            self.names.join(", ")
        };
        if self.is_self_signed {
            doubts.push(format!(
                "it is self-signed, so that only clients that were given it trust it; it is for {names}"
            ));
        } else if !self.has_issuer {
            doubts.push(format!(
                "the file holds only the certificate itself; clients that do not know its issuer will refuse it, so \
                 add the intermediate certificates behind it; it is for {names}"
            ));
        }
        for host in public_hosts.iter().filter(|host| !self.covers(host)) {
            doubts.push(format!(
                "`{host}` of `http_server.public_hosts` is none of its names, so that clients will refuse it there; it \
                 is for {names}"
            ));
        }
        doubts
    }

    /// Whole days until it expires, rounded down.
    pub(crate) fn days_left(&self, now: Timestamp) -> Option<i64> {
        self.not_after
            .map(|end| end.duration_since(now).as_hours().div_euclid(24))
    }

    /// RFC 6125 §6.4: a name, or one with `*` for its first label.
    fn covers(&self, host: &str) -> bool {
        let host = host_of(host);
        let is_address = host.parse::<IpAddr>().is_ok();
        self.names.iter().any(|name| {
            name.eq_ignore_ascii_case(host)
                || !is_address
                    && name.strip_prefix("*.").is_some_and(|parent| {
                        host.split_once('.')
                            .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))
                    })
        })
    }
}

/// Without scheme and port: `public_hosts` are written in several ways.
fn host_of(host: &str) -> &str {
    let host = host.split_once("://").map_or(host, |(_, rest)| rest);
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    match host.rsplit_once(':') {
        Some((name, port))
            if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(names: &[&str]) -> Facts {
        Facts {
            not_before: None,
            not_after: Some("2026-12-01T00:00:00Z".parse().unwrap()),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            is_self_signed: false,
            has_issuer: true,
        }
    }

    #[track_caller]
    fn check_covers(names: &[&str], host: &str, expected: bool) {
        assert_eq!(facts(names).covers(host), expected, "{names:?} {host}");
    }

    #[test]
    fn names_cover_hosts() {
        check_covers(&["gw.example"], "GW.example", true);
        check_covers(&["gw.example"], "https://gw.example:8443", true);
        check_covers(&["gw.example"], "other.example", false);
        check_covers(&["*.example"], "gw.example", true);
        check_covers(&["*.example"], "a.gw.example", false);
        check_covers(&["*.example"], "example", false);
        check_covers(&["10.0.0.1"], "10.0.0.1:443", true);
        check_covers(&["*.0.0.1"], "10.0.0.1", false);
        check_covers(&["2001:db8::1"], "[2001:db8::1]:443", true);
    }

    #[test]
    fn doubts_name_what_the_certificate_is_for() {
        let doubts = facts(&["gw.example"]).doubts(&["other.example".to_owned()]);
        assert_eq!(doubts.len(), 1);
        assert!(doubts[0].contains("`other.example`") && doubts[0].contains("is for gw.example"));
        let own = Facts {
            is_self_signed: true,
            ..facts(&[])
        };
        assert!(own.doubts(&[])[0].contains("self-signed"));
        let bare = Facts {
            has_issuer: false,
            ..facts(&["gw.example"])
        };
        assert!(bare.doubts(&[])[0].contains("intermediate"));
        assert!(
            facts(&["gw.example"])
                .doubts(&["gw.example".to_owned()])
                .is_empty()
        );
    }

    #[test]
    fn days_are_counted_down() {
        let days = |now: &str| facts(&[]).days_left(now.parse().unwrap());
        assert_eq!(days("2026-11-01T00:00:00Z"), Some(30));
        assert_eq!(days("2026-11-30T12:00:00Z"), Some(0));
        assert_eq!(days("2026-12-01T01:00:00Z"), Some(-1));
    }
}
