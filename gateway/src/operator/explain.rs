//! Explains what the public edge would decide.

use devops::{Explainer, LocalFuture, RequestDescription};
use serde_json::Value;

use super::Operator;

impl Explainer for Operator {
    fn explain<'a>(&'a self, request: &'a RequestDescription) -> LocalFuture<'a, Value> {
        Box::pin(async move { crate::edge::explain(&self.gateway(), request).await })
    }
}
