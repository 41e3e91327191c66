//! How a client is told which credential opens a surface (RFC 9110 §11.6.1).

use std::fmt;

use crate::access::Access;
use crate::surface::Surface;

/// The value of `WWW-Authenticate`: every scheme that the surface takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Challenge {
    realm: &'static str,
    basic: bool,
    bearer: bool,
    /// Whether a token came and was no good (RFC 6750 §3.1).
    invalid_token: bool,
}

impl Challenge {
    /// For a request without a credential, or with one that says nothing.
    pub(crate) fn of(access: &Access, surface: Surface) -> Self {
        Self {
            realm: surface.realm(),
            basic: access.takes_passwords(surface),
            bearer: access.takes_tokens(surface),
            invalid_token: false,
        }
    }

    /// For a request with a token that opens nothing.
    pub(crate) const fn invalid_token(self) -> Self {
        Self {
            invalid_token: true,
            ..self
        }
    }

    /// What to do, for people.
    pub(crate) const fn description(&self) -> &'static str {
        match (self.basic, self.bearer) {
            (true, true) => {
                "Use a token of an operators' issuer, or HTTP basic authentication with the user `devops`."
            }
            (false, true) => "Send a token of an operators' issuer as `Authorization: Bearer`.",
            (_, false) => {
                "Use HTTP basic authentication with the user `devops` and a password of this surface."
            }
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let realm = self.realm;
        if self.basic {
            // RFC 7617 §2.1 would have the charset quoted; this is the challenge that Ditto's clients know.
            write!(formatter, "Basic realm=\"{realm}\",charset=UTF-8")?;
        }
        if self.bearer {
            let separator = if self.basic { ", " } else { "" };
            write!(formatter, "{separator}Bearer realm=\"{realm}\"")?;
            if self.invalid_token {
                formatter.write_str(",error=\"invalid_token\"")?;
            }
        }
        Ok(())
    }
}
