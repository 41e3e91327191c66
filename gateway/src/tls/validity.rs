//! When a certificate is valid: the one field of X.509 (RFC 5280 §4.1.2.5) that an operator must be told about.

use jiff::{Timestamp, civil, tz::TimeZone};

/// From when until when a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

impl Validity {
    /// The validity in a DER certificate, if it can be found.
    pub(super) fn of_certificate(der: &[u8]) -> Option<Self> {
        let (certificate, _) = tagged(der, SEQUENCE)?;
        let (mut fields, _) = tagged(certificate, SEQUENCE)?;
        if let Some((_, rest)) = tagged(fields, VERSION) {
            fields = rest;
        }
        let (_serial, fields) = tagged(fields, INTEGER)?;
        let (_algorithm, fields) = tagged(fields, SEQUENCE)?;
        let (_issuer, fields) = tagged(fields, SEQUENCE)?;
        let (validity, _) = tagged(fields, SEQUENCE)?;
        let (not_before, rest) = time(validity)?;
        let (not_after, _) = time(rest)?;
        Some(Self {
            not_before,
            not_after,
        })
    }
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
