//! Reads of many things at once; what the principal may not see is left out without a word.

use journal::{EntityKind, StoreError};
use policies::{CommandContext, FieldSelector};
use serde_json::Value;

use super::Things;
use crate::{Error, ThingId, ThingResource, TwinHeaders};

/// How many things one page looks at, most of which the principal may not see.
const LOOKED_AT_MAX: usize = 5_000;

/// How many things are fetched from the store at a time.
const BATCH: usize = 100;

/// A page of things, in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ThingPage {
    /// What the principal may see; there may be fewer than asked for, even none, and still a next page.
    pub items: Vec<Value>,
    /// Where the next page starts: after this id. `None` if this is the last one.
    pub next: Option<String>,
}

impl Things {
    /// Reads the things with these ids, in this order.
    ///
    /// # Errors
    ///
    /// [`Error::Store`], [`Error::Policy`], and [`Error::HeaderUnusable`] for headers other than `condition`. What is
    /// missing or unreadable is left out, and so is what does not meet the condition.
    pub async fn retrieve_many(
        &self,
        context: &CommandContext,
        ids: &[ThingId],
        (fields, headers): (Option<&FieldSelector>, Option<&TwinHeaders>),
    ) -> Result<Vec<Value>, Error> {
        if let Some(headers) = headers {
            headers.check_use_on_many()?;
        }
        let mut things = Vec::with_capacity(ids.len());
        for id in ids {
            things.extend(self.retrieve_one(context, id, (fields, headers)).await?);
        }
        Ok(things)
    }

    /// Reads up to `limit` things whose ids sort after `after`.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] and [`Error::Policy`].
    pub async fn list(
        &self,
        context: &CommandContext,
        after: Option<&str>,
        limit: usize,
        fields: Option<&FieldSelector>,
    ) -> Result<ThingPage, Error> {
        let mut items = Vec::new();
        let mut next = after.map(str::to_owned);
        let mut looked_at = 0;
        loop {
            let batch = self
                .journal
                .entities(EntityKind::Thing, next.as_deref(), BATCH)?;
            let is_last = batch.len() < BATCH;
            for (key, entity) in batch {
                if items.len() == limit || looked_at == LOOKED_AT_MAX {
                    return Ok(ThingPage { items, next });
                }
                looked_at += 1;
                if entity.state.is_some() {
                    let id = key.id.parse().map_err(damaged)?;
                    items.extend(self.retrieve_one(context, &id, (fields, None)).await?);
                }
                next = Some(key.id.to_string());
            }
            if is_last {
                return Ok(ThingPage { items, next: None });
            }
        }
    }

    async fn retrieve_one(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        (fields, headers): (Option<&FieldSelector>, Option<&TwinHeaders>),
    ) -> Result<Option<Value>, Error> {
        let sight = match self.look(context, thing_id, &ThingResource::Thing, headers) {
            Err(Error::NotFound { .. } | Error::ConditionFailed { .. }) => return Ok(None),
            sight => sight?,
        };
        let mut body = sight.body(fields)?;
        if sight.embeds_policy(fields) {
            body = self.with_policy(context, &sight, body).await?;
        }
        body.into_value().map(Some).map_err(damaged)
    }
}

pub(super) fn damaged(error: impl std::fmt::Display) -> Error {
    Error::Store(StoreError::Damaged {
        reason: format!("a thing: {error}"),
    })
}
