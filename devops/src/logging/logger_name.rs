//! Names of loggers: those that Ditto's operators type, and the targets that this process logs with.

use std::fmt;
use std::str::FromStr;

/// Above all of our own loggers.
const OWN: &str = "org.eclipse.ditto";

/// Our own crates, each the root of the targets that it logs with.
pub(super) const OWN_CRATES: [&str; 8] = [
    "authentication",
    "devops",
    "gateway",
    "journal",
    "policies",
    "protocol",
    "things",
    "twinward",
];

/// A logger: the root, a name of ours like `org.eclipse.ditto.gateway.routes`, or a foreign target like `actix_web::server`.
///
/// `gateway::routes` and `org.eclipse.ditto.gateway.routes` are the same logger, and read as the latter.
/// Shape: `ROOT` in any case, or 1 to [`LoggerName::BYTES_MAX`] letters, digits, `_`, `-`, `.` and `:`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoggerName(String);

/// The text is no logger's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a logger's name has 1 to {} letters, digits, `_`, `-`, `.` and `:`",
    LoggerName::BYTES_MAX
)]
pub struct LoggerNameError;

impl LoggerName {
    /// Longest name.
    pub const BYTES_MAX: usize = 200;

    const ROOT: &str = "ROOT";

    /// The logger above all.
    pub fn root() -> Self {
        Self(Self::ROOT.to_owned())
    }

    /// The logger above all of our own.
    pub fn own() -> Self {
        Self(OWN.to_owned())
    }

    pub(super) fn of_own_crate(name: &str) -> Self {
        Self(format!("{OWN}.{name}"))
    }

    /// Whether this is the logger above all.
    pub fn is_root(&self) -> bool {
        self.0 == Self::ROOT
    }

    /// The name, as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The prefixes of the targets that this logger stands for; none for the root.
    pub(super) fn targets(&self) -> Vec<String> {
        if self.is_root() {
            return Vec::new();
        }
        if self.0 == OWN {
            return OWN_CRATES.map(str::to_owned).to_vec();
        }
        let below = self
            .0
            .strip_prefix(OWN)
            .and_then(|name| name.strip_prefix('.'));
        vec![below.unwrap_or(&self.0).replace('.', "::")]
    }
}

impl FromStr for LoggerName {
    type Err = LoggerNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
        if text.is_empty() || text.len() > Self::BYTES_MAX || !text.bytes().all(is_allowed) {
            return Err(LoggerNameError);
        }
        if text.eq_ignore_ascii_case(Self::ROOT) {
            return Ok(Self::root());
        }
        let first = text.split([':', '.']).next().unwrap_or_default();
        if OWN_CRATES.contains(&first) {
            return Ok(Self::of_own_crate(&text.replace("::", ".")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for LoggerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected_name: &str, expected_targets: &[&str]) {
        let name: LoggerName = text.parse().unwrap();
        assert_eq!(name.as_str(), expected_name, "text: {text:?}");
        assert_eq!(name.targets(), expected_targets, "text: {text:?}");
    }

    #[test]
    fn the_root_has_no_target() {
        check("ROOT", "ROOT", &[]);
        check("root", "ROOT", &[]);
    }

    #[test]
    fn our_loggers_have_one_name_and_two_spellings() {
        check("gateway", "org.eclipse.ditto.gateway", &["gateway"]);
        check(
            "org.eclipse.ditto.gateway",
            "org.eclipse.ditto.gateway",
            &["gateway"],
        );
        check(
            "devops::access",
            "org.eclipse.ditto.devops.access",
            &["devops::access"],
        );
        check(
            "org.eclipse.ditto.devops.access",
            "org.eclipse.ditto.devops.access",
            &["devops::access"],
        );
        check("org.eclipse.ditto", "org.eclipse.ditto", &OWN_CRATES);
    }

    #[test]
    fn foreign_loggers_keep_their_names() {
        check(
            "actix_web::server",
            "actix_web::server",
            &["actix_web::server"],
        );
        check(
            "org.mongodb.driver",
            "org.mongodb.driver",
            &["org::mongodb::driver"],
        );
        check("gatewayx", "gatewayx", &["gatewayx"]);
        check(
            "org.eclipse.dittox",
            "org.eclipse.dittox",
            &["org::eclipse::dittox"],
        );
    }

    #[test]
    fn other_characters_are_refused() {
        for text in ["", "a b", "a,b=trace", "a\nb", "ä", &"x".repeat(201)] {
            assert_eq!(text.parse::<LoggerName>(), Err(LoggerNameError), "{text:?}");
        }
    }
}
