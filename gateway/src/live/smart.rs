//! Retrievals that the device answers if a condition holds for its twin, and the twin if not.
//!
//! Source: Ditto documentation, page "Conditional requests", section "Live channel condition".

use ::policies::CommandContext;
use ::things::{Error as ThingError, ThingAction, ThingCommand};
use rql::Predicate;

use super::Live;
use super::error::Error;

impl Live {
    /// Whether the device is to answer `asked`: without a condition it is.
    ///
    /// # Errors
    ///
    /// As a retrieval of the twin, [`Error::ConditionOnWrite`], and if the condition looks at what the caller may not read.
    pub(crate) fn asks_device(
        &self,
        context: &CommandContext,
        asked: &ThingCommand,
        condition: Option<&Predicate>,
    ) -> Result<bool, Error> {
        let Some(condition) = condition else {
            return Ok(true);
        };
        if !matches!(asked.action, ThingAction::Retrieve { .. }) {
            return Err(Error::ConditionOnWrite);
        }
        // Who may read nothing learns nothing from a condition either.
        self.things.permit_live(context, asked.clone(), None)?;
        self.things
            .holds(context, &asked.thing_id, condition)
            .map_err(|error| {
                if matches!(error, ThingError::ConditionFailed { .. }) {
                    Error::ConditionUnreadable
                } else {
                    Error::Things(error)
                }
            })
    }
}
