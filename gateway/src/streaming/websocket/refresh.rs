//! `JWT-TOKEN?jwtToken=…`: a new token on an open session.
//!
//! Invariant: a refresh that does not succeed leaves the expiry timer as it was, or ends the session.

use ::policies::{Principal, ProviderKind};
use authentication::AuthenticationError;
use jiff::Timestamp;
use tokio::time::Instant;

use super::Connection;
use crate::edge::SUBJECTS_MAX;
use crate::streaming::announcement::Announcement;
use crate::streaming::lifeline::{End, EndKind};
use crate::telemetry::metrics;

const REFUSED: &str = "The new token was refused.";

impl Connection {
    /// Considers a new token; whether it was accepted is only told to clients that want to know.
    pub(super) async fn refresh(&self, token: &str) {
        if !self.refreshes.is_due(Instant::now()) {
            return self.ignore("At most one token a second is considered.".to_owned());
        }
        // Issuers may have changed since the session began.
        let gateway = self.context.gateway.current();
        let Some(jwt) = &gateway.jwt else {
            return self.ignore("This gateway takes no tokens.".to_owned());
        };
        match jwt.verify_token(token, gateway.clock.now()).await {
            Ok(principal) if gateway.revocations.revokes(&principal).is_some() => {
                self.end("The new token was revoked.");
            }
            Ok(principal) if self.is_same_caller(&principal) => {
                let now = gateway.clock.now();
                // Clocks that may differ make it good for a request, and give a session no time.
                if principal.expires_at().is_some_and(|end| end <= now) {
                    return self.end(REFUSED);
                }
                self.renew(principal, now);
            }
            Ok(_) => self.end("The new token is not of the caller who opened the session."),
            Err(error) if is_undecided(&error) => {
                tracing::debug!(reason = %error, "A refresh was ignored");
                self.ignore(undecided(&error).to_owned());
            }
            Err(error) => {
                tracing::debug!(reason = %error, "A refreshed token was refused");
                self.end(REFUSED);
            }
        }
    }

    /// Issuer and `sub` must stay; the subjects derived from other claims may change.
    fn is_same_caller(&self, new: &Principal) -> bool {
        let old = self.session.principal();
        old.provider() == ProviderKind::Jwt
            && old.credential().issuer == new.credential().issuer
            && old.credential().subject.is_some()
            && old.credential().subject == new.credential().subject
            && new.subjects().len() <= SUBJECTS_MAX
    }

    fn renew(&self, principal: Principal, now: Timestamp) {
        metrics::refreshes("accepted").increment(1);
        let caller = self.caller.borrow().renewed(principal.clone());
        *self.caller.borrow_mut() = caller;
        self.histories.narrow(&principal);
        self.session.refresh(principal, now);
        self.session.reindex();
        self.announce(&Announcement::Refreshed);
    }

    /// The old token goes on counting, and its timer goes on running.
    fn ignore(&self, reason: String) {
        metrics::refreshes("ignored").increment(1);
        self.announce(&Announcement::RefreshRejected(reason));
    }

    fn end(&self, reason: &str) {
        metrics::refreshes("refused").increment(1);
        self.session
            .lifeline()
            .cut(End::new(1000, EndKind::Refresh, reason));
    }
}

/// What a client may know of a token that says nothing.
fn undecided(error: &AuthenticationError) -> &'static str {
    if error.is_unavailable() {
        "The keys of the token's issuer cannot be had now; try again."
    } else {
        "This is no token of an issuer that the gateway trusts."
    }
}

/// Whether nothing is known against the token: it is none, of an unknown issuer, or the keys cannot be had now.
fn is_undecided(error: &AuthenticationError) -> bool {
    matches!(
        error,
        AuthenticationError::JwtMalformed { .. }
            | AuthenticationError::JwtIssuerNotSupported { .. }
    ) || error.is_unavailable()
}
