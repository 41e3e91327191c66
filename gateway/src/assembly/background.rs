//! What runs next to the requests.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;

use crate::app::Gateway;
use crate::error::ErrorChain;
use crate::operator::Operator;
use crate::reload::InForce;

/// How often measurements are summed up, idle limit keys forgotten and the store looked at.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Keeps the issuers' keys fresh, so that no request has to wait for them.
pub(super) fn keys(in_force: &Arc<InForce>) -> JoinHandle<()> {
    let in_force = Arc::clone(in_force);
    let mut replacements = in_force.replacements();
    actix_web::rt::spawn(async move {
        loop {
            let gateway = in_force.gateway();
            let refreshing = async {
                match &gateway.jwt {
                    Some(jwt) => jwt.keep_keys_fresh(|| gateway.clock.now()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = refreshing => {}
                changed = replacements.changed() => if changed.is_err() {
                    return;
                },
            }
        }
    })
}

async fn drop_expired_revocations(gateway: &Gateway) {
    if let Err(error) = gateway.revocations.drop_expired(gateway.clock.now()).await {
        tracing::error!(error = %ErrorChain(&error), "Expired revocations could not be dropped");
    }
}

pub(super) fn upkeep(in_force: &Arc<InForce>, operator: Arc<Operator>) -> JoinHandle<()> {
    let in_force = Arc::clone(in_force);
    actix_web::rt::spawn(async move {
        let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
        loop {
            interval.tick().await;
            let gateway = in_force.gateway();
            operator.metrics.run_upkeep();
            gateway.limits.sweep();
            operator.check_store();
            operator.expire_log_levels();
            operator
                .access
                .refresh_keys_if_due(gateway.clock.now())
                .await;
            drop_expired_revocations(&gateway).await;
        }
    })
}
