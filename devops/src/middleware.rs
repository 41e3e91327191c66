//! What every request passes before a route sees it.

mod access_log;
mod canonical_path;
mod correlation_id;
mod require_operator;
mod same_site;

pub(crate) use access_log::{expiry_of, operator_of, record_access};
pub(crate) use canonical_path::{PathFault, require_canonical_path};
pub(crate) use require_operator::{require_devops, require_metrics, require_status};
