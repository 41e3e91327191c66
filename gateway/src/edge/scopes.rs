//! What a caller's permission sets let it ask for at all, before any policy is looked at.

use std::sync::Arc;

use ::policies::{OutOfReach, PolicyAction, PolicyCommand};
use ::things::{ThingAction, ThingCommand, ThingId};
use authentication::{NamespacedKind, ScopeWord, Scopes};
use protocol::{LiveFrame, LiveKind};

use crate::error::DittoError;

/// The scopes of a caller; most callers have none, and policies alone decide.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallerScopes(Option<Arc<Scopes>>);

impl CallerScopes {
    pub(super) fn new(scopes: Option<Arc<Scopes>>) -> Self {
        Self(scopes)
    }

    /// Whether this may be done in `namespace`; without one, whether it may be done anywhere.
    pub(crate) fn allow(&self, word: ScopeWord, namespace: Option<&str>) -> bool {
        self.0
            .as_ref()
            .is_none_or(|scopes| scopes.allows(word, namespace))
    }

    /// # Errors
    ///
    /// 403 if no permission set of the caller allows this.
    pub(crate) fn check(&self, word: ScopeWord, namespace: Option<&str>) -> Result<(), DittoError> {
        Ok(self.check_any(&[word], namespace)?)
    }

    /// # Errors
    ///
    /// [`OutOfReach`], which names the first of `words`, if no permission set of the caller allows any of them.
    pub(super) fn check_any(
        &self,
        words: &[ScopeWord],
        namespace: Option<&str>,
    ) -> Result<(), OutOfReach> {
        if words.iter().any(|word| self.allow(*word, namespace)) {
            return Ok(());
        }
        Err(OutOfReach::Scope {
            scope: words.first().map_or("", |word| word.as_str()),
            namespace: namespace.map(str::to_owned),
        })
    }

    /// Whether policies alone decide.
    pub(super) fn is_unlimited(&self) -> bool {
        self.0.is_none()
    }
}

impl CallerScopes {
    /// # Errors
    ///
    /// 403 if this may not be asked of this thing.
    pub(crate) fn check_thing(&self, command: &ThingCommand) -> Result<(), DittoError> {
        let word = match command.action {
            ThingAction::Retrieve { .. } => ScopeWord::ThingsRead,
            ThingAction::Create(_)
            | ThingAction::Modify(_)
            | ThingAction::Merge(_)
            | ThingAction::Delete => ScopeWord::ThingsWrite,
        };
        self.check(word, Some(command.thing_id.namespace()))
    }

    /// # Errors
    ///
    /// 403 if this may not be handed on; answers belong to what was handed on before.
    pub(crate) fn check_live(&self, signal: &LiveFrame) -> Result<(), DittoError> {
        let word = match &signal.kind {
            LiveKind::Message(_) => ScopeWord::MessagesSend,
            LiveKind::Command { command, .. } => return self.check_thing(command),
            LiveKind::Event { .. } => ScopeWord::ThingsWrite,
            LiveKind::CommandResponse(_)
            | LiveKind::MessageResponse(_)
            | LiveKind::ErrorResponse
            | LiveKind::Acknowledgement { .. } => return Ok(()),
        };
        self.check(word, Some(signal.thing_id.namespace()))
    }

    /// # Errors
    ///
    /// 403 if one of these things may not be read.
    pub(crate) fn check_things(&self, thing_ids: &[ThingId]) -> Result<(), DittoError> {
        thing_ids
            .iter()
            .try_for_each(|id| self.check(ScopeWord::ThingsRead, Some(id.namespace())))
    }

    /// # Errors
    ///
    /// 403 if this may not be asked of this policy.
    pub(crate) fn check_policy(&self, command: &PolicyCommand) -> Result<(), DittoError> {
        let word = match command.action {
            PolicyAction::Retrieve { .. } => ScopeWord::PoliciesRead,
            PolicyAction::Create(_) | PolicyAction::Modify(_) | PolicyAction::Delete => {
                ScopeWord::PoliciesWrite
            }
        };
        self.check(word, Some(command.policy_id.namespace()))
    }
}

/// What the scope of a request says about entities of this kind.
pub(super) fn is_about(word: ScopeWord, kind: NamespacedKind) -> bool {
    match word {
        ScopeWord::ThingsRead
        | ScopeWord::ThingsWrite
        | ScopeWord::MessagesSend
        | ScopeWord::SearchRead => kind == NamespacedKind::Thing,
        ScopeWord::PoliciesRead | ScopeWord::PoliciesWrite => kind == NamespacedKind::Policy,
        ScopeWord::WebSocket
        | ScopeWord::Events
        | ScopeWord::EdgeExecute
        | ScopeWord::EdgeAttachments
        | ScopeWord::EdgePresence
        | ScopeWord::EdgeLogs
        | ScopeWord::StatusRead
        | ScopeWord::DevopsRead
        | ScopeWord::DevopsWrite => false,
    }
}
