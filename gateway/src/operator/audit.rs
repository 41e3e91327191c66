//! What operators did, for the record.

use devops::{OperatorAudit, OperatorCall};

use super::Operator;

impl OperatorAudit for Operator {
    /// Reads are in the access log; what may have changed something is told with who did it.
    fn record(&self, call: &OperatorCall<'_>) {
        if matches!(call.method, "GET" | "HEAD") || call.outcome != "granted" {
            return;
        }
        tracing::info!(
            target: "twinward::operators",
            correlation_id = call.correlation_id,
            operator.id = call.operator,
            operator.credential = call.credential,
            http.method = call.method,
            http.path = call.path,
            http.status = call.status,
            source = call.source,
            "An operator used a route that changes something"
        );
    }
}
