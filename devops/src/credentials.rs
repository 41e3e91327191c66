//! What the `Authorization` header of a request presents; whether it opens anything is for `access` to say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

/// The one user of basic authentication, on every surface.
pub(crate) const USER: &str = "devops";

/// Longest password that is looked at, encoded, in bytes.
const PASSWORD_BYTES_MAX: usize = 1024;

/// Longest header that is looked at, in bytes: tokens are longer than passwords.
const CREDENTIAL_BYTES_MAX: usize = 16 * 1024;

/// What a request presented.
#[derive(Debug)]
pub(crate) enum Presented {
    /// The password of the user `devops`.
    Password(SecretString),
    /// A bearer token.
    Token(SecretString),
    /// Something that opens nothing: another scheme or user, or a header that does not parse.
    Unusable,
}

impl Presented {
    /// Reads the value of an `Authorization` header (RFC 7617 §2, RFC 6750 §2.1).
    pub(crate) fn parse(header: &[u8]) -> Self {
        std::str::from_utf8(header)
            .ok()
            .filter(|header| header.len() <= CREDENTIAL_BYTES_MAX)
            .and_then(|header| header.split_once(' '))
            .and_then(|(scheme, credential)| Self::of_scheme(scheme, credential.trim_matches(' ')))
            .unwrap_or(Self::Unusable)
    }

    fn of_scheme(scheme: &str, credential: &str) -> Option<Self> {
        if scheme.eq_ignore_ascii_case("basic") && credential.len() <= PASSWORD_BYTES_MAX {
            let decoded = String::from_utf8(STANDARD.decode(credential).ok()?).ok()?;
            let (user, password) = decoded.split_once(':')?;
            (user == USER).then(|| Self::Password(password.into()))
        } else if scheme.eq_ignore_ascii_case("bearer") {
            Some(Self::Token(credential.into()))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[track_caller]
    fn check(header: &str, expected: &str) {
        let presented = match Presented::parse(header.as_bytes()) {
            Presented::Password(password) => format!("password {}", password.expose_secret()),
            Presented::Token(token) => format!("token {}", token.expose_secret()),
            Presented::Unusable => "unusable".to_owned(),
        };
        assert_eq!(presented, expected, "header: {header:?}");
    }

    fn basic(credential: &str) -> String {
        format!("Basic {}", STANDARD.encode(credential))
    }

    #[test]
    fn the_password_follows_the_first_colon() {
        check(&basic("devops:secret"), "password secret");
        check(&basic("devops:a:b"), "password a:b");
        check(&basic("devops:"), "password ");
        check(&basic("devops:pässword"), "password pässword");
    }

    #[test]
    fn schemes_are_compared_without_case() {
        check(&basic("devops:s").replace("Basic", "bAsIc"), "password s");
        check("BEARER abc", "token abc");
    }

    #[test]
    fn anything_else_is_unusable() {
        check(&basic("admin:secret"), "unusable");
        check(&basic("Devops:secret"), "unusable");
        check(&basic("devops"), "unusable");
        check("Basic devops:secret", "unusable");
        check("Basic", "unusable");
        check("", "unusable");
        check("Digest username=devops", "unusable");
        check(&basic(&format!("devops:{}", "x".repeat(2000))), "unusable");
        assert!(matches!(
            Presented::parse(b"Basic \xff"),
            Presented::Unusable
        ));
    }
}
