//! Access tokens only: other tokens of the same issuer carry the same signature.

use serde_json::{Map, Value};

/// Whether the token may be used as an access token.
///
/// With a list, the header's `typ` must be in it. In any case a token that calls itself an ID, logout or refresh token
/// is none, unless the list names that word. `typ` is compared as RFC 7515 §4.1.9 asks: case-insensitively, with or
/// without `application/`. Says so: header `typ` (RFC 9068 §2.1, OpenID Back-Channel Logout §2.4), claim `typ`
/// (Keycloak), claim `token_use` (Cognito), or the logout event.
pub(super) fn is_access_token(
    accepted: &[String],
    header_type: Option<&str>,
    claims: &Map<String, Value>,
) -> bool {
    let listed = |word: &str| accepted.iter().any(|accepted| normal(accepted) == word);
    let header_type = header_type.map(normal);
    let header_fits = accepted.is_empty() || header_type.as_deref().is_some_and(listed);
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).map(normal);
    let other = [header_type.clone(), claim("typ"), claim("token_use")]
        .into_iter()
        .flatten()
        .any(|word| is_other_type(&word) && !listed(&word));
    header_fits && !other && !has_logout_event(claims)
}

fn normal(token_type: &str) -> String {
    let lower = token_type.to_ascii_lowercase();
    lower
        .strip_prefix("application/")
        .map(str::to_owned)
        .unwrap_or(lower)
}

fn is_other_type(word: &str) -> bool {
    matches!(
        word,
        "id" | "id+jwt"
            | "id_token"
            | "refresh"
            | "refresh+jwt"
            | "refresh_token"
            | "rt+jwt"
            | "offline"
            | "logout"
            | "logout+jwt"
    )
}

fn has_logout_event(claims: &Map<String, Value>) -> bool {
    claims
        .get("events")
        .and_then(Value::as_object)
        .is_some_and(|events| {
            events.contains_key("http://schemas.openid.net/event/backchannel-logout")
        })
}
