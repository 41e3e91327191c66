//! What runs next to the requests.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use journal::{EntityKind, Forgetting};
use parking_lot::Mutex;
use policies::ProviderKind;
use tokio::sync::Notify;

use super::KeyServices;
use crate::app::Gateway;
use crate::credential_use::{self, Uses};
use crate::error::ErrorChain;
use crate::operator::Operator;
use crate::reload::{Certificates, InForce};
use crate::telemetry::audit::keys::UnusedKeys;

/// How often measurements are summed up, idle limit keys forgotten and the store looked at.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How often it is written down when keys were used.
const KEY_USES_INTERVAL: Duration = Duration::from_secs(10);

/// How often operators are reminded.
const REMINDERS_INTERVAL: Duration = Duration::from_secs(3600);

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

/// Writes down when keys were used, so that no request has to.
pub(super) fn note_key_uses(keys: &KeyServices, folder: PathBuf) -> JoinHandle<()> {
    let keys = keys.clone();
    actix_web::rt::spawn(async move {
        let mut interval = tokio::time::interval(KEY_USES_INTERVAL);
        let mut written = None;
        loop {
            interval.tick().await;
            write_key_uses(&keys, &folder, &mut written);
        }
    })
}

pub(super) fn write_key_uses(keys: &KeyServices, folder: &Path, written: &mut Option<Uses>) {
    let uses = keys.memory.uses();
    uses.forget_removed();
    if let Err(error) = credential_use::write_if_changed(folder, uses, written) {
        tracing::error!(%error, "When keys were last used cannot be written");
    }
}

async fn drop_expired_revocations(gateway: &Gateway) {
    if let Err(error) = gateway.revocations.drop_expired(gateway.clock.now()).await {
        tracing::error!(error = %ErrorChain(&error), "Expired revocations could not be dropped");
    }
}

/// How often subjects of policies are looked for that have expired; requests and events do not wait for it.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(500);

/// Takes expired subjects out of their policies.
pub(super) fn expiry(in_force: &Arc<InForce>) -> JoinHandle<()> {
    let in_force = Arc::clone(in_force);
    actix_web::rt::spawn(async move {
        let mut interval = tokio::time::interval(EXPIRY_INTERVAL);
        loop {
            interval.tick().await;
            let gateway = in_force.gateway();
            let now = gateway.clock.now();
            gateway.policies.remove_expired_subjects(now).await;
        }
    })
}

/// Reminds of certificates that end, of keys that nobody uses, and once an hour of a gateway that asks nobody for a credential.
pub(super) fn reminders(
    in_force: &Arc<InForce>,
    certificates: Arc<Certificates>,
) -> JoinHandle<()> {
    let in_force = Arc::clone(in_force);
    actix_web::rt::spawn(async move {
        let mut interval = tokio::time::interval(REMINDERS_INTERVAL);
        let mut last = None;
        let mut unused = UnusedKeys::since(in_force.gateway().clock.now());
        loop {
            interval.tick().await;
            let gateway = in_force.gateway();
            let now = gateway.clock.now();
            let uses = gateway.keys.memory.uses();
            for event in unused.look(&gateway.configured_keys, uses, now) {
                gateway.auditor.record(event);
            }
            certificates.remind(&gateway.auditor, last, now);
            let asks_nobody = gateway
                .chain()
                .kinds()
                .any(|kind| kind == ProviderKind::DevMode);
            if last.replace(now).is_some() && asks_nobody {
                gateway.auditor.record(audit::Event::config_dev_mode(now));
            }
        }
    })
}

/// Policies are looked at again after this long at the latest, whatever the clock did meanwhile.
const ANNOUNCEMENTS_REST_MAX: Duration = Duration::from_secs(60);

/// Tells subjects of policies that they go, if they want to be told.
pub(super) fn announcements(in_force: &Arc<InForce>) -> JoinHandle<()> {
    let gateway = in_force.gateway();
    let changed = Arc::new((Mutex::new(HashSet::new()), Notify::new()));
    let noting = Arc::clone(&changed);
    gateway.journal.subscribe(Box::new(move |records| {
        let entities = records.iter().map(|record| &record.entity);
        let mut policies = entities
            .filter(|entity| entity.kind == EntityKind::Policy)
            .peekable();
        if policies.peek().is_some() {
            let ids = policies.map(|entity| Arc::clone(&entity.id));
            noting.0.lock().extend(ids);
            noting.1.notify_one();
        }
    }));
    actix_web::rt::spawn(async move {
        if let Err(error) = gateway.subjects.follow_all(gateway.clock.now()).await {
            tracing::error!(error = %ErrorChain(&error), "Announcements of policies could not be looked for");
        }
        loop {
            let ids = std::mem::take(&mut *changed.0.lock());
            for id in ids {
                follow(&gateway, &id).await;
            }
            let now = gateway.clock.now();
            for announcement in gateway.subjects.announcements_due(now) {
                gateway.hub.announce(announcement).await;
            }
            if let Err(error) = gateway.subjects.save(now).await {
                tracing::error!(error = %ErrorChain(&error), "Who was told of its end could not be kept; it may be told again");
            }
            let _ = tokio::time::timeout(rest(&gateway), changed.1.notified()).await;
        }
    })
}

async fn follow(gateway: &Gateway, id: &str) {
    let Ok(policy_id) = id.parse() else {
        return;
    };
    let followed = gateway.subjects.follow(&policy_id, gateway.clock.now());
    if let Err(error) = followed.await {
        tracing::error!(error = %ErrorChain(&error), policy.id = id, "Announcements of a policy could not be looked for");
    }
}

/// Until the next subject's time comes.
fn rest(gateway: &Gateway) -> Duration {
    let due = gateway.subjects.next_due();
    let until = due.map(|due| due.duration_since(gateway.clock.now()));
    let until = until.map(|until| Duration::try_from(until).unwrap_or_default());
    until
        .unwrap_or(ANNOUNCEMENTS_REST_MAX)
        .clamp(EXPIRY_INTERVAL / 25, ANNOUNCEMENTS_REST_MAX)
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
            operator.look_around().await;
            operator
                .access
                .refresh_keys_if_due(gateway.clock.now())
                .await;
            drop_expired_revocations(&gateway).await;
        }
    })
}

/// How often the past is looked through, at least and at most; a short retention is looked after more often.
const FORGETTING_INTERVAL: (Duration, Duration) =
    (Duration::from_secs(10), Duration::from_secs(3600));
/// Rests between two portions, so that requests have the store to themselves most of the time.
const FORGETTING_PAUSE: Duration = Duration::from_millis(50);

/// Whose past is forgotten, one after the other.
#[derive(Debug, Clone, Copy)]
enum Remembered {
    Things,
    Policies,
    Announcements,
}

/// Forgets the past of things and policies that is older than `retention`.
pub(super) fn forgetting(in_force: &Arc<InForce>, retention: Duration) -> JoinHandle<()> {
    let in_force = Arc::clone(in_force);
    let (shortest, longest) = FORGETTING_INTERVAL;
    actix_web::rt::spawn(async move {
        let mut interval = tokio::time::interval((retention / 10).clamp(shortest, longest));
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            for whose in [
                Remembered::Things,
                Remembered::Policies,
                Remembered::Announcements,
            ] {
                let mut after = Some(String::new());
                while let Some(last) = after {
                    after = forget_portion(&in_force.gateway(), whose, last).await;
                    tokio::time::sleep(FORGETTING_PAUSE).await;
                }
            }
        }
    })
}

/// Where to go on, if there is more.
async fn forget_portion(gateway: &Gateway, whose: Remembered, after: String) -> Option<String> {
    let things = Arc::clone(&gateway.things);
    let policies = Arc::clone(&gateway.policies);
    let now = gateway.clock.now();
    let work = actix_web::web::block(move || {
        let after = Some(after.as_str()).filter(|after| !after.is_empty());
        match whose {
            Remembered::Things => things.forget_past(after, now),
            Remembered::Policies => policies.forget_past(after, now),
            Remembered::Announcements => policies.forget_announcements(after, now),
        }
    });
    match work.await {
        Ok(Ok(Forgetting { next, failed })) => {
            if let Some(error) = failed {
                tracing::error!(error = %ErrorChain(&error), ?whose, "The past of one of them could not be forgotten");
            }
            next
        }
        Ok(Err(error)) => {
            tracing::error!(error = %ErrorChain(&error), ?whose, "The past could not be forgotten");
            None
        }
        Err(error) => {
            tracing::error!(error = %ErrorChain(&error), ?whose, "Forgetting the past was interrupted");
            None
        }
    }
}
