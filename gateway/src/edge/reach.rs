//! What a caller may name in a command besides what the command is about: the services ask while they carry it out.

use authentication::{NamespaceView, NamespacedKind, ScopeWord};
use policies::{OutOfReach, Purpose, Reach};

use super::scopes::CallerScopes;

/// The caller's scopes, and what the rules on namespaces left when the command arrived.
#[derive(Debug)]
pub(super) struct CallerReach {
    pub(super) scopes: CallerScopes,
    pub(super) view: Option<NamespaceView>,
}

impl Reach for CallerReach {
    fn check(&self, purpose: Purpose, namespace: &str) -> Result<(), OutOfReach> {
        let (kind, words) = needed(purpose);
        self.scopes.check_any(words, Some(namespace))?;
        match &self.view {
            Some(view) if !view.allows(kind, namespace) => Err(OutOfReach::Namespace {
                namespace: namespace.to_owned(),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

/// Of which kind it is, and the scopes one of which must be there; the first is the one to ask for.
///
/// Whoever may create a thing may have the policy that it gets by itself; a policy in somebody's own words is written.
const fn needed(purpose: Purpose) -> (NamespacedKind, &'static [ScopeWord]) {
    use NamespacedKind::{Policy, Thing};
    use ScopeWord::{PoliciesRead, PoliciesWrite, ThingsRead, ThingsWrite};
    match purpose {
        Purpose::ReadThing => (Thing, &[ThingsRead]),
        Purpose::ReadPolicy => (Policy, &[PoliciesRead]),
        Purpose::FollowPolicy => (Policy, &[PoliciesRead, PoliciesWrite, ThingsWrite]),
        Purpose::WritePolicy => (Policy, &[PoliciesWrite]),
        Purpose::ImplyPolicy => (Policy, &[ThingsWrite]),
    }
}
