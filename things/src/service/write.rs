//! Writes: authorised, checked against what exists, appended.

use std::sync::Arc;

use bytes::Bytes;
use journal::{Append, AppendError, EntityKind, Memo, Revision};
use json_writer::scratch::compact_json;
use policies::{CommandContext, Enforcer, EntityTag, IfEqual, PolicyId, Purpose, Tagged};
use serde_json::Value;

use super::condition::Subject;
use super::permit::Writer;
use super::{Loaded, Stored, Things, key};
use crate::apply::{self, Applied, Refusal};
use crate::change::{self, Change, Operation};
use crate::headers::PatchCondition;
use crate::metadata::{self, MetadataChange, Written};
use crate::state::{self, ThingState};
use crate::{
    Error, EventAction, EventHeaders, ThingEvent, ThingResource, ThingResponse, TwinHeaders, edit,
    replay,
};

/// How often a write starts over because something was changed in between by others than this process' writers of
/// things, which take turns.
const ATTEMPTS_MAX: usize = 16;

/// What to append, and what to answer once that is durable.
pub(super) struct Plan {
    pub(super) appends: Vec<Append>,
    pub(super) response: ThingResponse,
}

/// What is to become of a thing.
pub(super) struct Draft {
    pub(super) applied: Applied,
    pub(super) metadata: MetadataChange,
    /// The policy after the change.
    pub(super) policy_id: PolicyId,
    /// The revision before the change.
    pub(super) revision: Revision,
}

impl Things {
    pub(super) async fn write(
        &self,
        context: &CommandContext,
        change: &Change,
    ) -> Result<ThingResponse, Error> {
        let _turn = self.locks.lock(&key(&change.thing_id)).await;
        for _ in 0..ATTEMPTS_MAX {
            let plan = match self.load(&change.thing_id)? {
                Loaded::Exists(stored) => self.plan_change(context, change, &stored)?,
                Loaded::Missing { revision } => {
                    self.plan_creation(context, change, revision).await?
                }
            };
            match self.journal.append(plan.appends).await {
                Ok(_committed) => return Ok(plan.response),
                Err(AppendError::Conflict { .. }) => {}
                Err(AppendError::Store(source)) => return Err(source.into()),
            }
        }
        Err(Error::Contended {
            thing_id: change.thing_id.clone(),
        })
    }

    pub(super) fn plan_change(
        &self,
        context: &CommandContext,
        change: &Change,
        stored: &Stored,
    ) -> Result<Plan, Error> {
        let enforcer = self.enforcer_of_write(context, change, stored)?;
        let subject = Subject {
            context,
            thing_id: &change.thing_id,
            stored,
        };
        let narrowed = match &change.headers {
            Some(headers) => narrow(&subject, change, (headers, &enforcer))?,
            None => None,
        };
        let writer = Writer {
            context,
            enforcer: &enforcer,
        };
        writer.authorise(change)?;
        if let Some(condition) = change.condition() {
            subject.require(condition)?;
        }
        self.plan_on(&writer, narrowed.as_ref().unwrap_or(change), stored)
    }

    /// What becomes of a thing that exists, by a change that names nothing but what may be written.
    fn plan_on(
        &self,
        writer: &Writer<'_>,
        change: &Change,
        stored: &Stored,
    ) -> Result<Plan, Error> {
        let context = writer.context;
        let document = stored.state.document_to_change()?;
        writer.check_displaced(change, &document)?;
        let revision = stored.entity.revision;
        // Hashing a part costs as much as parsing it, and few writes ask.
        let asks = !context.headers.precondition.is_empty();
        let if_equal = writer.if_equal(change);
        let etag = (asks || if_equal != IfEqual::Update)
            .then(|| self.etag_of(change, &document, revision))
            .flatten();
        let is_deletion = matches!(change.operation, Operation::Delete);
        if asks && (!is_deletion || etag.is_some()) {
            writer.check_precondition(change, etag, revision)?;
        }
        let policy_id = stored.state.policy_id();
        let applied =
            apply::apply(change, document, policy_id, if_equal).map_err(
                |refusal| match refusal {
                    Refusal::Equal => Error::Equal {
                        thing_id: change.thing_id.clone(),
                        resource: Box::new(change.resource.clone()),
                        etag,
                    },
                    Refusal::Error(error) => error,
                },
            )?;
        let policy_after = policy_id_of(applied.document.as_ref(), policy_id);
        if policy_after != *policy_id {
            context.check_reach(Purpose::FollowPolicy, policy_after.namespace())?;
        }
        let draft = Draft {
            policy_id: policy_after,
            metadata: metadata_after(writer, change, (&applied, stored))?,
            applied,
            revision,
        };
        self.plan(context, change, draft)
    }

    pub(super) fn enforcer_of_write(
        &self,
        context: &CommandContext,
        change: &Change,
        stored: &Stored,
    ) -> Result<Arc<Enforcer>, Error> {
        let policy_id = stored.state.policy_id();
        self.enforcer(&change.thing_id, policy_id, context.now)?
            .ok_or_else(|| Error::PolicyMissing {
                thing_id: change.thing_id.clone(),
                policy_id: policy_id.clone(),
            })
    }

    /// The append that makes `draft` real, and the answer to it.
    pub(super) fn plan(
        &self,
        context: &CommandContext,
        change: &Change,
        draft: Draft,
    ) -> Result<Plan, Error> {
        let Draft {
            applied,
            metadata,
            policy_id,
            revision,
        } = draft;
        let revision_after = revision + 1;
        // Written once, for the event and for the tag of what was put.
        let value = applied.value.as_ref().map(compact_json);
        let response = self.respond(change, (&applied, value.as_deref()), revision_after);
        let stored = applied.document.map(|document| {
            let bytes = state::encode(&document, metadata.after.as_ref());
            (ThingState::new(policy_id.clone(), &bytes), bytes)
        });
        if let Some(stored) = &stored {
            self.check_length(change, stored, metadata.patch.is_some())?;
        }
        let event = Arc::new(ThingEvent {
            thing_id: change.thing_id.clone(),
            policy_id,
            action: applied.action,
            path: change.pointer.clone(),
            value: applied.value,
            metadata: metadata.patch,
            revision: revision_after,
            timestamp: context.now,
            headers: event_headers(context),
        });
        let (state_memo, state) = stored
            .map(|(state, bytes)| (state.into_memo(), bytes))
            .unzip();
        let append = Append {
            entity: key(&change.thing_id),
            expected_revision: revision,
            timestamp: context.now,
            signal: event.encode_with(value.as_deref()),
            signal_memo: Memo::filled(event),
            state_memo: state_memo.unwrap_or_default(),
            state,
        };
        Ok(Plan {
            appends: vec![append],
            response,
        })
    }

    fn respond(
        &self,
        change: &Change,
        (applied, value): (&Applied, Option<&[u8]>),
        revision: Revision,
    ) -> ThingResponse {
        let etag = match (&change.operation, value) {
            (Operation::Put(_), Some(value)) => {
                let tag_key = self.policies.tag_key();
                Some(tag_key.of_json(tagged(change), value))
            }
            _ => applied
                .document
                .as_ref()
                .and_then(|document| self.etag_of(change, document, revision)),
        };
        match applied.action {
            EventAction::Created => ThingResponse::Created {
                thing_id: change.thing_id.clone(),
                value: applied.value.clone().unwrap_or_default(),
                etag,
                revision,
            },
            EventAction::Modified | EventAction::Merged | EventAction::Migrated => {
                ThingResponse::Modified { etag, revision }
            }
            EventAction::Deleted => ThingResponse::Deleted { revision },
        }
    }

    /// The tag of the changed resource in `document`; `None` if it is not there.
    fn etag_of(&self, change: &Change, document: &Value, revision: Revision) -> Option<EntityTag> {
        if change.resource == ThingResource::Thing {
            return Some(EntityTag::Revision(revision));
        }
        let value = change.pointer.resolve(document)?;
        Some(self.policies.tag_key().of_value(tagged(change), value))
    }

    /// Metadata counts where a command adds to it, and in merges; what is put is measured alone, so that notes about a
    /// thing do not keep it from being written.
    fn check_length(
        &self,
        change: &Change,
        (state, bytes): &(ThingState, Bytes),
        adds_metadata: bool,
    ) -> Result<(), Error> {
        let measured = match &change.operation {
            Operation::Delete => return Ok(()),
            Operation::Merge { .. } | Operation::Migrate(_) => bytes,
            Operation::Create(_) | Operation::Replace(_) | Operation::Put(_) if adds_metadata => {
                bytes
            }
            Operation::Create(_) | Operation::Replace(_) | Operation::Put(_) => state.json(),
        };
        change::check_length(&change.thing_id, measured, self.limits.thing_size_max)
    }
}

/// Judges what conditions may look at, and leaves of a patch what its own conditions let through; `None` if that is all.
fn narrow(
    subject: &Subject<'_>,
    change: &Change,
    (headers, enforcer): (&TwinHeaders, &Enforcer),
) -> Result<Option<Change>, Error> {
    let patch_conditions = &headers.patch_conditions;
    let conditions = patch_conditions.iter().map(|each| &each.predicate);
    for condition in headers.condition.iter().chain(conditions) {
        subject.check_readable(enforcer, condition)?;
    }
    let Operation::Merge { patch, sent } = &change.operation else {
        return Ok(None);
    };
    let mut left = patch.clone();
    for PatchCondition { pointer, predicate } in patch_conditions {
        if pointer.resolve(&left).is_some() && !subject.holds(predicate)? {
            edit::remove(&mut left, pointer);
        }
    }
    if left == *patch {
        return Ok(None);
    }
    Ok(Some(Change {
        thing_id: change.thing_id.clone(),
        resource: change.resource.clone(),
        pointer: change.pointer.clone(),
        operation: Operation::Merge {
            patch: left,
            sent: sent.clone(),
        },
        headers: change.headers.clone(),
    }))
}

fn metadata_after(
    writer: &Writer<'_>,
    change: &Change,
    (applied, stored): (&Applied, &Stored),
) -> Result<MetadataChange, Error> {
    let before = stored.state.metadata()?;
    let header = change
        .headers
        .as_ref()
        .and_then(|headers| headers.metadata.as_ref());
    let Some(after) = &applied.document else {
        return Ok(MetadataChange::default());
    };
    if before.is_none() && header.is_none() {
        return Ok(MetadataChange::default());
    }
    let written = Written {
        pointer: &change.pointer,
        value: applied.value.as_ref(),
        is_replacement: replay::is_replacement(applied.action),
        before: stored.state.document()?,
        after,
    };
    if let Some(header) = header {
        writer.check_metadata(change, (header, before), &written)?;
    }
    Ok(metadata::change(before, header, &written))
}

fn tagged(change: &Change) -> Tagged<'_> {
    Tagged {
        kind: EntityKind::Thing,
        id: change.thing_id.as_str(),
        path: &change.pointer,
    }
}

pub(super) fn precondition_failed(change: &Change, etag: Option<EntityTag>) -> Error {
    Error::PreconditionFailed {
        thing_id: change.thing_id.clone(),
        resource: Box::new(change.resource.clone()),
        etag,
    }
}

/// The policy that `document` names, which mostly is still `policy_id`.
fn policy_id_of(document: Option<&Value>, policy_id: &PolicyId) -> PolicyId {
    document
        .and_then(|document| document.get("policyId")?.as_str())
        .filter(|text| *text != policy_id.as_str())
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| policy_id.clone())
}

fn event_headers(context: &CommandContext) -> EventHeaders {
    let headers = &context.headers;
    EventHeaders {
        correlation_id: Arc::clone(&headers.correlation_id),
        originator: context.principal.default_subject().cloned(),
        requested_acks: headers.requested_acks.clone(),
        custom: headers.custom.clone(),
        origin: context.origin,
    }
}
