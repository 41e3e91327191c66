//! What an accepted write of an existing policy appends and answers.

use journal::{Memo, Revision};

use super::{Accepted, Change, Write, append};
use crate::event::Happening;
use crate::part;
use crate::service::Policies;
use crate::{CommandContext, Policy, PolicyResource, PolicyResponse};

impl Policies {
    /// What an accepted write of an existing policy appends and answers.
    pub(super) fn acceptance(
        &self,
        write: &Write<'_>,
        (before, revision): (&Policy, Revision),
        after: &Policy,
    ) -> Accepted {
        let resource = &write.resource;
        if let (Change::Remove, PolicyResource::AllowedAdditions(_)) = (&write.change, resource)
            && before == after
        {
            return Accepted {
                appends: Vec::new(),
                response: PolicyResponse::Deleted {
                    etag: part::write_tag(&self.tag_key, after, revision, resource),
                    revision,
                },
            };
        }
        let happening = happening(&write.change, resource, before, after);
        let append = append(write.context, resource, happening, after, revision);
        let revision = revision + 1;
        let etag = part::write_tag(&self.tag_key, after, revision, resource);
        let response = match happening {
            Happening::Created => PolicyResponse::Created {
                value: part::read(after, resource).unwrap_or_default(),
                etag,
                revision,
                policy_id: write.policy_id.clone(),
            },
            Happening::Modified => PolicyResponse::Modified { etag, revision },
            Happening::Deleted => PolicyResponse::Deleted {
                // These alone can be there without anything in them, and without being there.
                etag: etag.filter(|_| matches!(resource, PolicyResource::AllowedAdditions(_))),
                revision,
            },
        };
        Accepted {
            appends: vec![append],
            response,
        }
    }
}

/// What the deletion of a whole policy appends and answers.
pub(super) fn deletion(context: &CommandContext, policy: &Policy, revision: Revision) -> Accepted {
    let mut append = append(
        context,
        &PolicyResource::Policy,
        Happening::Deleted,
        policy,
        revision,
    );
    append.state = None;
    append.state_memo = Memo::default();
    Accepted {
        appends: vec![append],
        response: PolicyResponse::Deleted {
            etag: None,
            revision: revision + 1,
        },
    }
}

/// Lists as a whole are always there; only references count as created when there were none.
fn happening(
    change: &Change,
    resource: &PolicyResource,
    before: &Policy,
    after: &Policy,
) -> Happening {
    let is_new = match resource {
        PolicyResource::Entry(_)
        | PolicyResource::Subject(..)
        | PolicyResource::Resource(..)
        | PolicyResource::Import(_) => part::read(before, resource).is_none(),
        PolicyResource::References(label) => {
            let has_some = |policy: &Policy| {
                policy
                    .entries
                    .get(label)
                    .is_some_and(|entry| !entry.references.is_empty())
            };
            !has_some(before) && has_some(after)
        }
        PolicyResource::Policy
        | PolicyResource::Entries
        | PolicyResource::Subjects(_)
        | PolicyResource::Resources(_)
        | PolicyResource::Namespaces(_)
        | PolicyResource::Importable(_)
        | PolicyResource::AllowedAdditions(_)
        | PolicyResource::Imports
        | PolicyResource::ImportEntries(_)
        | PolicyResource::ImportTransitiveImports(_) => false,
    };
    match change {
        Change::Remove => Happening::Deleted,
        Change::Put(_) if is_new => Happening::Created,
        Change::Put(_) => Happening::Modified,
    }
}
