//! What every request passes before a route sees it.

mod access_log;
mod canonical_path;
mod correlation_id;
mod head;
mod https;
mod require_operator;
mod same_site;

pub(crate) use access_log::{grant_of, note_about, operator_of, record_access};
pub(crate) use canonical_path::PathFault;
pub(crate) use head::require_plain_head;
pub(crate) use https::insist_on_https;
pub(crate) use require_operator::{require_devops, require_metrics, require_status};
