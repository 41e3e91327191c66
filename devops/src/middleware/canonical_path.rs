//! Finds every path that two programs could read in two ways.

use std::fmt;

use actix_web::http::Uri;
use percent_encoding::percent_decode_str;

use crate::error::Refusal;
use crate::settings::DevopsSettings;

/// Below these, segments are names, which may be percent-encoded.
const NAMES_BELOW: [&str; 6] = [
    "/devops/config/",
    "/devops/limits/",
    "/devops/logging/",
    "/devops/piggyback/",
    "/devops/revocations/",
    "/devops/sessions/",
];

/// What makes a path ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathFault {
    /// The request target is no path (RFC 9112 §3.2.1).
    NotAPath,
    /// Two slashes in a row.
    EmptySegment,
    /// `.` or `..`, plain or encoded.
    DotSegment,
    /// `;`, `\`, a control character or one outside ASCII, plain or encoded.
    ForbiddenCharacter,
    /// A percent-escape where a fixed word belongs.
    EscapedLiteral,
    /// A percent-escape that is cut off, not UTF-8, or hides a `/` or another escape.
    BadEscape,
}

impl fmt::Display for PathFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotAPath => "the request target is not a path",
            Self::EmptySegment => "it contains an empty segment",
            Self::DotSegment => "it contains a `.` or `..` segment",
            Self::ForbiddenCharacter => "it contains a character that is not allowed",
            Self::EscapedLiteral => "a fixed part of it is percent-encoded",
            Self::BadEscape => "it contains a percent-escape that is not allowed",
        })
    }
}

pub(super) fn check_target(target: &Uri) -> Result<(), Refusal> {
    let bytes_max = DevopsSettings::TARGET_BYTES_MAX;
    if target.path().len() + target.query().map_or(0, str::len) > bytes_max {
        return Err(Refusal::TargetTooLong { bytes_max });
    }
    if target.authority().is_some() {
        return Err(Refusal::AmbiguousPath(PathFault::NotAPath));
    }
    check_path(target.path()).map_err(Refusal::AmbiguousPath)
}

fn check_path(path: &str) -> Result<(), PathFault> {
    let segments = path.strip_prefix('/').ok_or(PathFault::NotAPath)?;
    let names_from = NAMES_BELOW
        .into_iter()
        .find(|prefix| path.starts_with(prefix))
        .map(str::len);
    let mut rest = segments;
    loop {
        let (segment, tail) = match rest.split_once('/') {
            Some((segment, tail)) => (segment, Some(tail)),
            None => (rest, None),
        };
        let may_escape = names_from.is_some_and(|from| path.len() - rest.len() >= from);
        check_segment(segment, may_escape)?;
        if segment.is_empty() && tail.is_some() {
            return Err(PathFault::EmptySegment);
        }
        match tail {
            Some(tail) => rest = tail,
            None => return Ok(()),
        }
    }
}

fn check_segment(segment: &str, may_escape: bool) -> Result<(), PathFault> {
    if !segment.contains('%') {
        return check_text(segment);
    }
    if !may_escape {
        return Err(PathFault::EscapedLiteral);
    }
    let decoded = percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| PathFault::BadEscape)?;
    // An escape that is cut off decodes to itself, so it is caught here too.
    if decoded.contains(['%', '/']) {
        return Err(PathFault::BadEscape);
    }
    check_text(&decoded)
}

fn check_text(segment: &str) -> Result<(), PathFault> {
    if matches!(segment, "." | "..") {
        return Err(PathFault::DotSegment);
    }
    let is_allowed = |char: char| char.is_ascii_graphic() && !matches!(char, ';' | '\\');
    if segment.chars().all(is_allowed) {
        Ok(())
    } else {
        Err(PathFault::ForbiddenCharacter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Result<(), PathFault>) {
        assert_eq!(check_path(path), expected, "path: {path:?}");
    }

    #[test]
    fn plain_paths_pass() {
        check("/", Ok(()));
        check("/status/health", Ok(()));
        check("/devops/logging/", Ok(()));
        check("/devops/logging/gateway/host-1.example", Ok(()));
    }

    #[test]
    fn only_names_may_be_escaped() {
        check("/devops/logging/gatew%61y/a%2Db", Ok(()));
        check("/%64evops/logging", Err(PathFault::EscapedLiteral));
        check("/devops/l%6fgging/gateway", Err(PathFault::EscapedLiteral));
        check("/status%2Fhealth", Err(PathFault::EscapedLiteral));
        check("/devops/logging%2fgateway", Err(PathFault::EscapedLiteral));
    }

    #[test]
    fn escapes_must_not_hide_structure() {
        check("/devops/logging/a%2Fb", Err(PathFault::BadEscape));
        check("/devops/logging/a%252Fb", Err(PathFault::BadEscape));
        check("/devops/logging/a%2", Err(PathFault::BadEscape));
        check("/devops/logging/%u0041", Err(PathFault::BadEscape));
        check("/devops/logging/%C0%AF", Err(PathFault::BadEscape));
        check("/devops/logging/%2e%2E", Err(PathFault::DotSegment));
        check("/devops/logging/a%00", Err(PathFault::ForbiddenCharacter));
        check("/devops/logging/a%3Bb", Err(PathFault::ForbiddenCharacter));
        check("/devops/logging/a%5cb", Err(PathFault::ForbiddenCharacter));
    }

    #[test]
    fn structure_must_be_plain() {
        check("//status", Err(PathFault::EmptySegment));
        check("/devops//logging", Err(PathFault::EmptySegment));
        check("/devops/logging//", Err(PathFault::EmptySegment));
        check("/./status", Err(PathFault::DotSegment));
        check("/health/../devops/logging", Err(PathFault::DotSegment));
        check("/devops/logging/..", Err(PathFault::DotSegment));
        check("/status;x=1", Err(PathFault::ForbiddenCharacter));
        check("/status\\health", Err(PathFault::ForbiddenCharacter));
        check("*", Err(PathFault::NotAPath));
    }

    #[test]
    fn a_target_with_a_host_is_no_path() {
        let refusal = check_target(&Uri::from_static("http://other.example/status"));
        assert_eq!(refusal, Err(Refusal::AmbiguousPath(PathFault::NotAPath)));
    }
}
