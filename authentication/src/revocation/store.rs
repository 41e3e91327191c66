//! Where revocations outlive the process.

use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Revocation, RevocationId};

/// Keeps revocations.
pub trait RevocationStore: Send + Sync {
    /// Everything that was put and not deleted.
    ///
    /// # Errors
    ///
    /// [`StoreFailure`] if it cannot be read.
    fn load(&self) -> Result<Vec<Revocation>, StoreFailure>;

    /// Keeps all of these in place of those with their ids, and returns once a crash cannot take that back.
    fn put<'a>(&'a self, revocations: &'a [Arc<Revocation>], now: Timestamp) -> StoreFuture<'a>;

    /// Forgets all of these, and returns once that is durable.
    fn delete<'a>(&'a self, ids: &'a [&'a RevocationId], now: Timestamp) -> StoreFuture<'a>;
}

/// A future of [`RevocationStore`]'s methods.
pub type StoreFuture<'a> = Pin<Box<dyn Future<Output = Result<(), StoreFailure>> + Send + 'a>>;

/// The store could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the store of revocations failed")]
pub struct StoreFailure(#[source] pub Box<dyn std::error::Error + Send + Sync>);
