//! Conditions on the thing as it is before a command.

use std::borrow::Cow;

use policies::{CommandContext, Enforcer, Permission, Pointer, ResourceType};
use rql::{Document, Path, Predicate};
use serde_json::Value;

use super::{Loaded, Stored, Things, special};
use crate::{Error, ThingId, ThingResource, edit};

impl Things {
    /// Whether `condition` holds for a thing, of which the principal needs to read no more than the condition looks at.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no such thing, [`Error::ConditionFailed`] if the condition looks at what the
    /// principal may not read, [`Error::Policy`] and [`Error::Store`].
    pub fn holds(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        condition: &Predicate,
    ) -> Result<bool, Error> {
        let not_found = || Error::not_found(thing_id, &ThingResource::Thing);
        let Loaded::Exists(stored) = self.load(thing_id)? else {
            return Err(not_found());
        };
        let enforcer = self
            .enforcer(thing_id, stored.state.policy_id(), context.now)?
            .ok_or_else(not_found)?;
        let subject = Subject {
            context,
            thing_id,
            stored: &stored,
        };
        subject.check_readable(&enforcer, condition)?;
        subject.holds(condition)
    }
}

/// What a condition is about, and who asks.
pub(super) struct Subject<'s> {
    pub(super) context: &'s CommandContext,
    pub(super) thing_id: &'s ThingId,
    pub(super) stored: &'s Stored,
}

impl Subject<'_> {
    /// Refuses a condition that looks at what the principal may not read: its outcome would tell.
    pub(super) fn check_readable(
        &self,
        enforcer: &Enforcer,
        condition: &Predicate,
    ) -> Result<(), Error> {
        let subjects = self.context.principal.subjects();
        for path in condition.paths() {
            for pointer in self.pointers(path)? {
                let is_readable = enforcer.unrestricted(
                    subjects,
                    &ResourceType::Thing,
                    &pointer,
                    &Permission::READ,
                );
                if !is_readable {
                    return Err(Error::ConditionFailed {
                        thing_id: self.thing_id.clone(),
                        unreadable: Some(path.to_string()),
                    });
                }
            }
        }
        Ok(())
    }

    /// Where `path` leads: to itself, and, through a wildcard, into every feature.
    fn pointers(&self, path: &Path) -> Result<Vec<Pointer>, Error> {
        let literal = Pointer::from_segments(path.segments().iter().cloned());
        let mut pointers = vec![literal];
        // Metadata is read with what it is about.
        if let [first, rest @ ..] = path.segments()
            && first == special::METADATA
        {
            pointers.push(Pointer::from_segments(rest.iter().cloned()));
        }
        if let Some(at) = path.wildcard() {
            let document = self.stored.state.document()?;
            let features = document.get("features").and_then(Value::as_object);
            let expanded = features.into_iter().flatten().map(|(id, _)| {
                let segments = path.segments().iter().enumerate();
                Pointer::from_segments(
                    segments.map(|(index, key)| if index == at { id.clone() } else { key.clone() }),
                )
            });
            pointers.extend(expanded);
        }
        Ok(pointers)
    }

    /// Whether it holds; whoever asks this has checked that the principal may know.
    pub(super) fn holds(&self, condition: &Predicate) -> Result<bool, Error> {
        let document = self.document(condition)?;
        Ok(condition.matches(&Document {
            json: &document,
            now: self.context.now,
        }))
    }

    /// # Errors
    ///
    /// [`Error::ConditionFailed`] if it does not hold.
    pub(super) fn require(&self, condition: &Predicate) -> Result<(), Error> {
        if self.holds(condition)? {
            return Ok(());
        }
        Err(Error::ConditionFailed {
            thing_id: self.thing_id.clone(),
            unreadable: None,
        })
    }

    /// The thing, with its special members if the condition looks at one of them.
    fn document(&self, condition: &Predicate) -> Result<Cow<'_, Value>, Error> {
        let document = self.stored.state.document()?;
        let names: Vec<&str> = condition
            .paths()
            .filter_map(|path| path.segments().first())
            .map(String::as_str)
            .filter(|name| name.starts_with('_'))
            .collect();
        if names.is_empty() {
            return Ok(Cow::Borrowed(document));
        }
        let mut complete = document.clone();
        for name in names {
            if let Some(value) = special::member(name, self.thing_id, self.stored)? {
                edit::as_object(&mut complete).insert(name.to_owned(), value);
            }
        }
        Ok(Cow::Owned(complete))
    }
}
