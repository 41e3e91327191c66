//! What the edge leaves of a principal's reach, whatever policies grant.
//!
//! What a command is about was checked before it got here; this is about all that it names besides, which only the
//! service that carries it out gets to know.

use std::fmt::Debug;

/// What a command wants with something that it names or implies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To find a policy through this thing.
    ReadThing,
    /// To show this policy, or to copy it.
    ReadPolicy,
    /// To put a thing under this policy, or to import it.
    FollowPolicy,
    /// To create a policy that somebody wrote together with a thing.
    WritePolicy,
    /// To create the policy that a thing gets if nobody says anything about one.
    ImplyPolicy,
}

/// Says what is within reach of one principal.
pub trait Reach: Debug + Send + Sync {
    /// # Errors
    ///
    /// Why what lies in `namespace` is not there for this purpose.
    fn check(&self, purpose: Purpose, namespace: &str) -> Result<(), OutOfReach>;
}

/// Why something is out of reach.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutOfReach {
    /// The rules on namespaces say so.
    #[error("the namespace `{namespace}` is not accessible")]
    Namespace {
        /// Which one.
        namespace: String,
    },
    /// No permission set of the caller has the scope.
    #[error("no permission set allows `{scope}`")]
    Scope {
        /// The one that would do.
        scope: &'static str,
        /// Where; `None` if it is missing everywhere.
        namespace: Option<String>,
    },
}
