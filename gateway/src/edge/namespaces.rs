//! What the rules on namespaces leave of a caller's reach, for a request or for as long as a stream is open.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use authentication::{
    HeaderLookup, KeptHeaders, NamespaceAccess, NamespaceFacts, NamespaceView, NamespacedKind,
};
use policies::{OutOfReach, Principal};

use crate::clock::Clock;
use crate::error::DittoError;

/// Rules, and what they are evaluated on: headers as they were when it was made, claims of the caller's token.
pub(crate) struct Fence {
    access: Arc<NamespaceAccess>,
    headers: KeptHeaders,
    clock: Arc<dyn Clock>,
    principal: RefCell<Principal>,
    view: RefCell<NamespaceView>,
}

impl Fence {
    pub(super) fn new(
        access: &Arc<NamespaceAccess>,
        headers: &dyn HeaderLookup,
        clock: Arc<dyn Clock>,
        principal: &Principal,
    ) -> Self {
        let headers = KeptHeaders::of(access, headers);
        let facts = NamespaceFacts {
            principal,
            headers: &headers,
            now: clock.now(),
        };
        Self {
            view: RefCell::new(access.view(&facts)),
            access: Arc::clone(access),
            headers,
            clock,
            principal: RefCell::new(principal.clone()),
        }
    }

    /// Goes by the claims of a renewed token from now on.
    pub(crate) fn renew(&self, principal: &Principal) {
        *self.principal.borrow_mut() = principal.clone();
        self.look_again();
    }

    /// Whether `namespace` is within reach.
    pub(crate) fn allows(&self, kind: NamespacedKind, namespace: &str) -> bool {
        self.refresh();
        self.view.borrow().allows(kind, namespace)
    }

    /// What is within reach now.
    pub(super) fn view(&self) -> NamespaceView {
        self.refresh();
        self.view.borrow().clone()
    }

    /// # Errors
    ///
    /// 403 if `namespace` is out of reach.
    pub(crate) fn check(&self, kind: NamespacedKind, namespace: &str) -> Result<(), DittoError> {
        if self.allows(kind, namespace) {
            return Ok(());
        }
        let namespace = namespace.to_owned();
        Err(OutOfReach::Namespace { namespace }.into())
    }

    /// Rules that look at the time may count differently than a moment ago.
    fn refresh(&self) {
        if self.access.depends_on_time() {
            self.look_again();
        }
    }

    fn look_again(&self) {
        let facts = NamespaceFacts {
            principal: &self.principal.borrow(),
            headers: &self.headers,
            now: self.clock.now(),
        };
        *self.view.borrow_mut() = self.access.view(&facts);
    }
}

impl fmt::Debug for Fence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Fence").finish_non_exhaustive()
    }
}
