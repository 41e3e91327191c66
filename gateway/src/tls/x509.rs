//! The few fields of X.509 (RFC 5280 §4.1) that an operator must be told about.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::{Timestamp, civil, tz::TimeZone};

/// From when until when a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

/// What is read of a certificate.
pub(super) struct Fields<'a> {
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    pub(super) validity: Validity,
    /// What follows the subject.
    rest: &'a [u8],
}

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BOOLEAN: u8 = 0x01;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// 2.5.29.17, subjectAltName (RFC 5280 §4.2.1.6).
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

impl<'a> Fields<'a> {
    /// Of a DER certificate, if they can be found.
    pub(super) fn of_certificate(der: &'a [u8]) -> Option<Self> {
        let (certificate, _) = tagged(der, SEQUENCE)?;
        let (mut fields, _) = tagged(certificate, SEQUENCE)?;
        if let Some((_, rest)) = tagged(fields, VERSION) {
            fields = rest;
        }
        let (_serial, fields) = tagged(fields, INTEGER)?;
        let (_algorithm, fields) = tagged(fields, SEQUENCE)?;
        let (issuer, fields) = tagged(fields, SEQUENCE)?;
        let (validity, fields) = tagged(fields, SEQUENCE)?;
        let (subject, rest) = tagged(fields, SEQUENCE)?;
        let (not_before, after) = time(validity)?;
        let (not_after, _) = time(after)?;
        Some(Self {
            issuer,
            subject,
            validity: Validity {
                not_before,
                not_after,
            },
            rest,
        })
    }

    /// The names and addresses that the certificate is for.
    pub(super) fn names(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut names = self.alternative_names().unwrap_or_default();
        while let Some((tag, name, rest)) = element(names) {
            found.extend(match tag {
                DNS_NAME => std::str::from_utf8(name).ok().map(str::to_owned),
                IP_ADDRESS => address(name),
                _ => None,
            });
            names = rest;
        }
        found
    }

    fn alternative_names(&self) -> Option<&'a [u8]> {
        let (_key, mut rest) = tagged(self.rest, SEQUENCE)?;
        let extensions = loop {
            let (tag, content, after) = element(rest)?;
            if tag == EXTENSIONS {
                break content;
            }
            rest = after;
        };
        let (mut extensions, _) = tagged(extensions, SEQUENCE)?;
        while let Some((extension, rest)) = tagged(extensions, SEQUENCE) {
            extensions = rest;
            let (identifier, mut value) = tagged(extension, OBJECT_IDENTIFIER)?;
            if let Some((_critical, rest)) = tagged(value, BOOLEAN) {
                value = rest;
            }
            if identifier == SUBJECT_ALT_NAME {
                let (names, _) = tagged(value, OCTET_STRING)?;
                return tagged(names, SEQUENCE).map(|(names, _)| names);
            }
        }
        None
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(address) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(address).to_string());
    }
    let address = <[u8; 16]>::try_from(bytes).ok()?;
    Some(Ipv6Addr::from(address).to_string())
}

/// Tag, contents and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let tag = *der.first()?;
    let (content, rest) = tagged(der, tag)?;
    Some((tag, content, rest))
}

/// The contents of the element that `der` begins with, if it has this tag, and what follows it.
fn tagged(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    if *first != tag {
        return None;
    }
    let (length, rest) = length(rest)?;
    rest.split_at_checked(length)
}

fn length(der: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = der.split_first()?;
    if *first < 0x80 {
        return Some((usize::from(*first), rest));
    }
    let count = usize::from(*first & 0x7f);
    let (digits, rest) = rest
        .split_at_checked(count)
        .filter(|_| (1..=4).contains(&count))?;
    let length = digits
        .iter()
        .fold(0_usize, |length, digit| (length << 8) | usize::from(*digit));
    Some((length, rest))
}

/// `YYMMDDHHMMSSZ` counts from 1950 (RFC 5280 §4.1.2.5.1), `YYYYMMDDHHMMSSZ` does not.
fn time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (text, rest, century) = match tagged(der, UTC_TIME) {
        Some((text, rest)) => (text, rest, None),
        None => {
            let (text, rest) = tagged(der, GENERALIZED_TIME)?;
            (text, rest, Some(()))
        }
    };
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let full = match century {
        Some(()) => text.to_owned(),
        None if text < "50" => format!("20{text}"),
        None => format!("19{text}"),
    };
    let civil = civil::DateTime::strptime("%Y%m%d%H%M%S", &full).ok()?;
    let moment = civil.to_zoned(TimeZone::UTC).ok()?;
    Some((moment.timestamp(), rest))
}
