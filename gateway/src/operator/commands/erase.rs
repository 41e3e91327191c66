//! Closing a namespace, and erasing what is in it: only what is closed can be erased.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use devops::{Answered, Piggyback};
use jiff::Timestamp;
use journal::{Append, AppendError, Embedded, EntityKey, EntityKind, Journal, Memo, StoreError};
use serde_json::{Value, json};

use super::super::namespaces::{NotNow, namespace_of};
use super::{Operator, refused};

/// How many entities are listed at a time.
const BATCH: usize = 1000;

/// How often it is looked whether the store's watermark has passed the marker; it is written once a second.
const WATERMARK_POLL: Duration = Duration::from_millis(50);

impl Operator {
    pub(super) fn close_namespace(&self, command: &Piggyback) -> Answered {
        one(self.with_namespace(command, |namespace| {
            self.closed_namespaces.close(namespace);
            tracing::warn!(namespace, "An operator closed namespace `{namespace}`");
            done("blockNamespace", namespace, None)
        }))
    }

    pub(super) fn open_namespace(&self, command: &Piggyback) -> Answered {
        one(self.with_namespace(command, |namespace| {
            if let Err(reason) = self.closed_namespaces.open(namespace) {
                return not_now(reason);
            }
            tracing::warn!(namespace, "An operator opened namespace `{namespace}`");
            done("unblockNamespace", namespace, None)
        }))
    }

    /// Erases for good: one answer for each kind of resource.
    pub(super) async fn erase_namespace(&self, command: &Piggyback) -> Answered {
        let checked = self.with_namespace(command, |namespace| namespace.into());
        let Value::String(namespace) = checked else {
            return one(checked);
        };
        let _erasing = match self.closed_namespaces.erase(&namespace) {
            Ok(erasing) => erasing,
            Err(reason) => return one(not_now(reason)),
        };
        let now = self.gateway().clock.now();
        let erased = erase(&self.store, &namespace, now).await;
        if let Err(error) = &erased {
            tracing::error!(error = %crate::error::ErrorChain(error), namespace, "Erasing namespace `{namespace}` failed");
        } else {
            tracing::warn!(namespace, "An operator erased namespace `{namespace}`");
        }
        let answer = |resource| {
            done(
                "purgeNamespace",
                &namespace,
                Some((resource, erased.is_ok())),
            )
        };
        Answered::By(vec![
            ("things", answer("thing")),
            ("policies", answer("policy")),
            ("search", answer("thing-search")),
        ])
    }

    fn with_namespace(&self, command: &Piggyback, act: impl FnOnce(&str) -> Value) -> Value {
        let namespace = command.command.get("namespace").and_then(Value::as_str);
        match namespace.filter(|namespace| !namespace.is_empty() && !namespace.contains(':')) {
            Some(namespace) => act(namespace),
            None => refused(
                400,
                "json.field.missing",
                "it lacks `namespace`, an exact name",
            ),
        }
    }
}

fn not_now(reason: NotNow) -> Value {
    let (code, reason) = match reason {
        NotNow::Open => (
            "namespace.notblocked",
            "the namespace must be blocked first, so that nothing is written while it is erased",
        ),
        NotNow::Erasing => (
            "namespace.erasing",
            "the namespace is being erased; ask again when that has been answered",
        ),
    };
    refused(409, code, reason)
}

fn one(answer: Value) -> Answered {
    Answered::By(vec![("gateway", answer)])
}

fn done(verb: &str, namespace: &str, erased: Option<(&str, bool)>) -> Value {
    let (resource, successful) = erased.unwrap_or(("namespaces", true));
    let mut answer = json!({
        "type": format!("namespaces.responses:{verb}"),
        "status": if successful { 200 } else { 500 },
        "namespace": namespace,
        "resourceType": resource,
    });
    if let (Some(_), Some(members)) = (erased, answer.as_object_mut()) {
        members.insert("successful".to_owned(), successful.into());
    }
    answer
}

/// First a marker is appended; once the watermark is behind it, so that nobody takes a shorter journal for damage, everything
/// that is there then is removed. The namespace is closed as long, so that nothing is added.
async fn erase(store: &Arc<Embedded>, namespace: &str, now: Timestamp) -> Result<(), EraseError> {
    let marker = store.append(vec![marker(store, namespace, now)?]).await?;
    let position = marker.records.last().map(|record| record.position);
    while position.is_some_and(|position| store.remembered() < position) {
        tokio::time::sleep(WATERMARK_POLL).await;
    }
    let (store, keys) = (Arc::clone(store), keys_of(store, namespace)?);
    let erased = actix_web::web::block(move || store.erase(&keys)).await;
    erased.map_err(|_| StoreError::Closed)??;
    Ok(())
}

/// Says in the journal that the namespace was erased, and when.
fn marker(store: &Embedded, namespace: &str, now: Timestamp) -> Result<Append, StoreError> {
    let entity = EntityKey::new(EntityKind::Erasure, namespace);
    let known = store.entity(&entity)?;
    Ok(Append {
        entity,
        expected_revision: known.map_or(0, |known| known.revision),
        timestamp: now,
        signal: Bytes::new(),
        signal_memo: Memo::default(),
        state: Some(Bytes::new()),
        state_memo: Memo::default(),
    })
}

/// Everything in the namespace, deleted things included: their history goes too.
fn keys_of(store: &Embedded, namespace: &str) -> Result<Vec<EntityKey>, StoreError> {
    let mut keys = Vec::new();
    for kind in [
        EntityKind::Thing,
        EntityKind::Policy,
        EntityKind::Announcement,
    ] {
        let mut after: Option<Arc<str>> = Some(Arc::from(format!("{namespace}:")));
        loop {
            let found = store.entities(kind, after.as_deref(), BATCH)?;
            let read = found.len();
            after = found.last().map(|(key, _)| Arc::clone(&key.id));
            let own = found.into_iter().map(|(key, _)| key);
            let own: Vec<EntityKey> = own
                .take_while(|key| namespace_of(key) == Some(namespace))
                .collect();
            let is_last = own.len() < BATCH || read < BATCH;
            keys.extend(own);
            if is_last {
                break;
            }
        }
    }
    Ok(keys)
}

#[derive(Debug, thiserror::Error)]
enum EraseError {
    #[error("the marker could not be appended")]
    Append(#[from] AppendError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}
