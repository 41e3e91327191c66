//! The end of sessions whose credentials are revoked.

use std::sync::Arc;

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

/// Cuts a session that was authenticated before, but entered after its credential was revoked.
pub(super) fn check(gateway: &Gateway, session: &Session) {
    if gateway.revocations.revokes(&session.principal()).is_some() {
        session.record.lifeline.cut(CutReason::Revoked.end());
    }
}
