//! The end of sessions whose credentials are revoked.

use std::sync::Arc;

use ::policies::Principal;
use authentication::jwt::{JwtProvider, RetiredKeys};
use authentication::{RevocationChange, Revocations};

use super::hub::Hub;
use super::registry::CutReason;
use super::session::Session;
use crate::app::Gateway;

/// From now on, cuts the sessions of whoever is revoked.
pub(crate) fn follow(revocations: &Arc<Revocations>, hub: &Arc<Hub>) {
    let (deciding, hub) = (Arc::downgrade(revocations), Arc::clone(hub));
    revocations.subscribe(Box::new(move |change| match (change, deciding.upgrade()) {
        (RevocationChange::Added(revocation), Some(revocations)) => {
            let cut = hub.sessions().cut_where(
                &|principal| revocations.revokes(principal).is_some(),
                &CutReason::Revoked,
            );
            tracing::info!(revocation.id = %revocation.id, sessions = cut, "Sessions of a revoked credential were ended");
        }
        (RevocationChange::Removed(_), _) | (RevocationChange::Added(_), None) => {}
    }));
}

/// From now on, cuts the sessions of tokens whose key their issuer gave up.
pub(crate) fn follow_keys(jwt: Option<&Arc<JwtProvider>>, hub: &Arc<Hub>) {
    let hub = Arc::clone(hub);
    let hook: Arc<dyn Fn(&RetiredKeys) + Send + Sync> = Arc::new(move |retired| {
        let is_meant = |principal: &Principal| retired.signed(principal);
        let cut = hub.sessions().cut_where(&is_meant, &CutReason::Revoked);
        tracing::info!(
            sessions = cut,
            "Sessions of tokens with a removed key were ended"
        );
    });
    if let Some(jwt) = jwt {
        jwt.on_keys_retired(&hook);
    }
}

/// Cuts a session that was authenticated before, but entered after its credential or its key was taken back, or after
/// the configuration was replaced that its caller was admitted under.
pub(super) fn check(gateway: &Arc<Gateway>, session: &Session) {
    if !Arc::ptr_eq(&gateway.current(), gateway) {
        session.record.lifeline.cut(CutReason::Reconfigured.end());
        return;
    }
    let principal = session.principal();
    let has_lost_key = gateway
        .jwt
        .as_ref()
        .is_some_and(|jwt| jwt.has_lost_key_of(&principal, gateway.clock.now()));
    if has_lost_key || gateway.revocations.revokes(&principal).is_some() {
        session.record.lifeline.cut(CutReason::Revoked.end());
    }
}
