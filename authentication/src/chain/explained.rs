//! What each provider concluded, for an operator who asks why.

use policies::{Principal, ProviderKind};

use super::AuthenticationChain;
use crate::{AuthenticationError, RequestParts};

/// One provider of the chain and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainStep {
    /// The kind of credential.
    pub provider: ProviderKind,
    /// What it concluded.
    pub verdict: StepVerdict,
}

/// What became of one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepVerdict {
    /// The request carries no credential of its kind.
    Skipped,
    /// Its credential is there and no good.
    Failed(AuthenticationError),
    /// Its credential is good.
    Accepted,
    /// It had no say: the request was refused before, or another one had decided.
    NotAsked,
}

/// The same while it is found out.
pub(super) enum Told<'a> {
    Skipped,
    Failed(&'a AuthenticationError),
    Accepted,
}

impl AuthenticationChain {
    /// As [`AuthenticationChain::authenticate`], with what each provider concluded, in their order.
    pub async fn explain(
        &self,
        request: &RequestParts<'_>,
    ) -> (Vec<ChainStep>, Result<Principal, AuthenticationError>) {
        let unasked = |provider| ChainStep {
            provider,
            verdict: StepVerdict::NotAsked,
        };
        let mut steps: Vec<ChainStep> = self.kinds().map(unasked).collect();
        let concluded = self.walk(request, |position, told| {
            if let Some(step) = steps.get_mut(position) {
                step.verdict = match told {
                    Told::Skipped => StepVerdict::Skipped,
                    Told::Failed(error) => StepVerdict::Failed(error.clone()),
                    Told::Accepted => StepVerdict::Accepted,
                };
            }
        });
        let concluded = concluded.await;
        (steps, concluded)
    }
}
