//! What is out of a caller's reach whatever policies grant, as told to it.

use actix_web::http::StatusCode;
use policies::OutOfReach;

use super::DittoError;

impl From<OutOfReach> for DittoError {
    fn from(error: OutOfReach) -> Self {
        match error {
            OutOfReach::Namespace { namespace } => Self::new(
                StatusCode::FORBIDDEN,
                "gateway:namespace.notaccessible",
                format!("The namespace `{namespace}` is not accessible to you."),
            )
            .describe("The operator's rules on namespaces decide that, whatever a policy grants."),
            OutOfReach::Scope { scope, namespace } => {
                let place = namespace
                    .map(|namespace| format!(" in the namespace `{namespace}`"))
                    .unwrap_or_default();
                Self::new(
                    StatusCode::FORBIDDEN,
                    "gateway:scope.missing",
                    format!("No permission set of the caller allows `{scope}`{place}."),
                )
                .describe("Ask the operator to add the scope to a permission set of the identity.")
            }
        }
    }
}
